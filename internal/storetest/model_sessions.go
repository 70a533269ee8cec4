package storetest

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
)

func (m *Model) ForEachSession(_ context.Context, yield func(rookery.Session) bool) error {
	if err := m.enter(); err != nil {
		return err
	}
	all := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, session := range all {
		if !yield(session) {
			break
		}
	}
	return nil
}

func (m *Model) StartSession(_ context.Context, session rookery.Session, proved rookery.Credential) error {
	member, err := m.find(session.Account)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if member.credential != proved {
		return code(rookery.CodeConflict)
	}
	if session.Device != "" && !member.signInDevice(session) {
		return code(rookery.CodeRefused)
	}
	session.Asleep = false
	m.sessions[collector{session.Account, session.Device}] = session
	m.setStatus(session.Account, session.Status)
	network := rookery.Network(session.Address)
	member.addresses = slices.DeleteFunc(member.addresses, func(addr netip.Addr) bool { return addr == network })
	member.addresses = append(member.addresses, network)
	member.addresses = member.addresses[max(len(member.addresses)-16, 0):]
	return nil
}

func (m *Model) setStatus(uin rookery.UIN, status rookery.Status) {
	for collector, session := range m.sessions {
		if collector.account == uin {
			session.Status = status
			m.sessions[collector] = session
		}
	}
}

func (m *Model) SetSessionEncoding(_ context.Context, session rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{session.Account, session.Device}
	if now, ok := m.sessions[key]; ok && now.ID == session.ID {
		now.Encoding = session.Encoding
		m.sessions[key] = now
	}
	return nil
}

func (m *Model) SetConfirmsByNumber(_ context.Context, session rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{session.Account, session.Device}
	if now, ok := m.sessions[key]; ok && now.ID == session.ID {
		now.ConfirmsByNumber = session.ConfirmsByNumber
		m.sessions[key] = now
	}
	return nil
}

func (m *Model) EndSessions(_ context.Context, sessions []rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, session := range sessions {
		key := collector{session.Account, session.Device}
		if now, ok := m.sessions[key]; ok && now.ID == session.ID {
			delete(m.sessions, key)
		}
	}
	return nil
}

func (m *Model) SetSessionsAsleep(_ context.Context, sessions []rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, session := range sessions {
		key := collector{session.Account, session.Device}
		if now, ok := m.sessions[key]; ok && now.ID == session.ID {
			now.Asleep = true
			m.sessions[key] = now
		}
	}
	return nil
}

func (m *Model) SleepingSession(_ context.Context, uin rookery.UIN, token rookery.TokenHash) (rookery.Session, error) {
	if err := m.enter(); err != nil {
		return rookery.Session{}, err
	}
	defer m.mu.Unlock()
	for collector, session := range m.sessions {
		if collector.account == uin && session.Asleep && session.Token == token {
			return session, nil
		}
	}
	return rookery.Session{}, code(rookery.CodeNotSignedIn)
}

func (m *Model) WakeSession(_ context.Context, session rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{session.Account, session.Device}
	now, ok := m.sessions[key]
	if !ok || now.ID != session.ID || !now.Asleep {
		return code(rookery.CodeNotSignedIn)
	}
	now.Asleep, now.Address = false, session.Address
	m.sessions[key] = now
	return nil
}

func (m *Model) SetStatus(_ context.Context, uin rookery.UIN, status rookery.Status, key rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(key, rookery.OutcomeDone, func() error {
		m.setStatus(uin, status)
		return nil
	})
}

func (a *account) device(name string) *rookery.Device {
	for i := range a.devices {
		if a.devices[i].Name == name {
			return &a.devices[i]
		}
	}
	return nil
}

// signInDevice reports whether the account may sign in from a device, and makes
// it if it has to.
func (a *account) signInDevice(session rookery.Session) bool {
	if device := a.device(session.Device); device != nil {
		device.SignedInAt = session.SignedInAt
		return true
	}
	if len(a.devices) == rookery.MaxDevices {
		return false
	}
	furthest := a.taken
	for _, cursor := range a.places {
		furthest = max(furthest, cursor.Number)
	}
	a.places[session.Device] = rookery.Cursor{Number: furthest}
	a.made++
	a.devices = append(a.devices, rookery.Device{ID: a.made, Name: session.Device, SignedInAt: session.SignedInAt})
	return true
}

func (m *Model) Devices(_ context.Context, uin rookery.UIN) (list []rookery.Device, err error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if member := m.accounts[uin]; member != nil {
		list = append(list, member.devices...)
	}
	for i := range list {
		_, list[i].SignedIn = m.sessions[collector{uin, list[i].Name}]
	}
	return list, nil
}

func (m *Model) ForgetDevice(_ context.Context, uin rookery.UIN, id uint64, key rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(key, rookery.OutcomeDone, func() error {
		member := m.accounts[uin]
		if member == nil {
			return code(rookery.CodeParameter)
		}
		i := slices.IndexFunc(member.devices, func(device rookery.Device) bool { return device.ID == id })
		if i < 0 {
			return code(rookery.CodeParameter)
		}
		gone := collector{uin, member.devices[i].Name}
		member.devices = slices.Delete(member.devices, i, i+1)
		member.taken = max(member.taken, member.places[gone.device].Number)
		delete(member.places, gone.device)
		delete(m.sessions, gone)
		maps.DeleteFunc(m.marks, func(k markKey, _ markValue) bool { return k.collector == gone })
		delete(m.latest, gone)
		return nil
	})
}

func (m *Model) IsKnownAddress(_ context.Context, uin rookery.UIN, addr netip.Addr) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	member := m.accounts[uin]
	return member != nil && slices.Contains(member.addresses, rookery.Network(addr)), nil
}
