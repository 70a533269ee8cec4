package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showBlocked lists the blocked accounts.
func (a *App) showBlocked() tea.Cmd {
	if a.refuseWithoutDevice() {
		return nil
	}
	list := &menu{title: a.language.translate(textBlockedOnes), emptyText: textNobodyBlocked, isLoading: true}
	a.showPage(list)
	return runTask(a, a.messenger.Blocked, func(uins []client.UIN, err error) tea.Cmd {
		list.isLoading = false
		cmd := a.updateBlocked(uins, err)
		for _, uin := range uins {
			left := uin.String()
			if person := a.contacts.getOrAdd(uin); person.nick != "" {
				left += "  " + person.nick
			}
			list.rows = append(list.rows, menuRow{left: left})
		}
		list.rowBindings = func(i int) []keyBinding {
			return []keyBinding{{keys: []string{"u"}, description: textKeyUnblock, isHint: true, run: func() tea.Cmd {
				uin := uins[i]
				uins = append(uins[:i:i], uins[i+1:]...)
				list.removeRow(i)
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
	list := &menu{title: a.language.translate(textDevices), emptyText: textNoDevices, isLoading: true}
	a.showPage(list)
	return runTask(a, a.messenger.Devices, func(devices []client.DeviceInfo, err error) tea.Cmd {
		list.isLoading = false
		if err != nil {
			a.showError(err)
			return nil
		}
		for _, device := range devices {
			list.rows = append(list.rows, menuRow{left: sanitizeLine(device.Name),
				right: a.formatTime(device.SignedInAt)})
		}
		list.rowBindings = func(i int) []keyBinding {
			return []keyBinding{{keys: []string{"x"}, description: textKeyRevoke, isHint: true, run: func() tea.Cmd {
				device := devices[i]
				a.askConfirmation(a.language.translate(textAskRevoke, sanitizeLine(device.Name)),
					a.language.translate(textDoRevoke, sanitizeLine(device.Name)), func() tea.Cmd {
						return runAction(a, func(ctx context.Context) error {
							return a.messenger.RevokeDevice(ctx, device.ID)
						}, func() tea.Cmd {
							a.showNotice(textRevoked, sanitizeLine(device.Name))
							if a.page == page(list) {
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
