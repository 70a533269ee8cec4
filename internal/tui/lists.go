package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showBlocked lists those of whom the account takes nothing.
func (a *App) showBlocked() tea.Cmd {
	if a.refuseWithoutDevice() {
		return nil
	}
	m := &menu{title: a.language.translate(textBlockedOnes), emptyText: textNobodyBlocked, isLoading: true}
	a.showPage(m)
	return runTask(a, a.messenger.Blocked, func(all []client.UIN, err error) tea.Cmd {
		m.isLoading = false
		cmd := a.updateBlocked(all, err)
		for _, uin := range all {
			left := uin.String()
			if person := a.contacts.getOrAdd(uin); person.nick != "" {
				left += "  " + person.nick
			}
			m.rows = append(m.rows, menuRow{left: left})
		}
		m.rowBindings = func(i int) []keyBinding {
			return []keyBinding{{keys: []string{"u"}, description: textKeyUnblock, isHint: true, run: func() tea.Cmd {
				uin := all[i]
				all = append(all[:i:i], all[i+1:]...)
				m.removeRow(i)
				return a.unblockPerson(a.contacts.getOrAdd(uin))
			}}}
		}
		return cmd
	})
}

// showDevices lists the account's devices.
func (a *App) showDevices() tea.Cmd {
	if a.refuseWithoutDevice() {
		return nil
	}
	m := &menu{title: a.language.translate(textDevices), emptyText: textNoDevices, isLoading: true}
	a.showPage(m)
	return runTask(a, a.messenger.Devices, func(all []client.DeviceInfo, err error) tea.Cmd {
		m.isLoading = false
		if err != nil {
			a.showError(err)
			return nil
		}
		for _, deviceInfo := range all {
			m.rows = append(m.rows, menuRow{left: sanitizeLine(deviceInfo.Name), right: a.formatTime(deviceInfo.SignedInAt)})
		}
		m.rowBindings = func(i int) []keyBinding {
			return []keyBinding{{keys: []string{"x"}, description: textKeyRevoke, isHint: true, run: func() tea.Cmd {
				deviceInfo := all[i]
				a.askConfirmation(a.language.translate(textAskRevoke, sanitizeLine(deviceInfo.Name)), a.language.translate(textDoRevoke, sanitizeLine(deviceInfo.Name)), func() tea.Cmd {
					return runAction(a, func(ctx context.Context) error { return a.messenger.RevokeDevice(ctx, deviceInfo.ID) }, func() tea.Cmd {
						a.showNotice(textRevoked, sanitizeLine(deviceInfo.Name))
						if a.page == page(m) {
							return a.showDevices()
						}
						return nil
					})
				})
				return nil
			}}}
		}
		return nil
	})
}
