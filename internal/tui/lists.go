package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showBlocked lists those of whom the account takes nothing.
func (a *App) showBlocked() tea.Cmd {
	if a.needsDevice() {
		return nil
	}
	m := &menu{title: a.lang.say(wBlockedOnes), empty: wNobodyBlocked, loading: true}
	a.show(m)
	return ask(a, a.m.Blocked, func(all []client.UIN, err error) tea.Cmd {
		m.loading = false
		cmd := a.blockedThem(all, err)
		for _, uin := range all {
			left := uin.String()
			if person := a.people.of(uin); person.nick != "" {
				left += "  " + person.nick
			}
			m.rows = append(m.rows, menuRow{left: left})
		}
		m.acts = func(i int) []binding {
			return []binding{{keys: []string{"u"}, what: wKeyUnblock, hint: true, do: func() tea.Cmd {
				uin := all[i]
				all = append(all[:i:i], all[i+1:]...)
				m.drop(i)
				return a.unblock(a.people.of(uin))
			}}}
		}
		return cmd
	})
}

// showDevices lists the account's devices.
func (a *App) showDevices() tea.Cmd {
	if a.needsDevice() {
		return nil
	}
	m := &menu{title: a.lang.say(wDevices), empty: wNoDevices, loading: true}
	a.show(m)
	return ask(a, a.m.Devices, func(all []client.DeviceInfo, err error) tea.Cmd {
		m.loading = false
		if err != nil {
			a.complain(err)
			return nil
		}
		for _, deviceInfo := range all {
			m.rows = append(m.rows, menuRow{left: cleanLine(deviceInfo.Name), right: a.when(deviceInfo.Since)})
		}
		m.acts = func(i int) []binding {
			return []binding{{keys: []string{"x"}, what: wKeyRevoke, hint: true, do: func() tea.Cmd {
				deviceInfo := all[i]
				a.confirm(a.lang.say(wAskRevoke, cleanLine(deviceInfo.Name)), a.lang.say(wDoRevoke, cleanLine(deviceInfo.Name)), func() tea.Cmd {
					return order(a, func(ctx context.Context) error { return a.m.Revoke(ctx, deviceInfo.ID) }, func() tea.Cmd {
						a.say(wRevoked, cleanLine(deviceInfo.Name))
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
