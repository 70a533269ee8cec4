package storetest

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
)

func (m *Model) Sessions(_ context.Context, yield func(rookery.Session) bool) error {
	if err := m.enter(); err != nil {
		return err
	}
	all := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, s := range all {
		if !yield(s) {
			break
		}
	}
	return nil
}

func (m *Model) SignIn(_ context.Context, s rookery.Session, proved rookery.Credential) error {
	a, err := m.find(s.Account)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if a.credential != proved {
		return code(rookery.CodeConflict)
	}
	if s.Device != "" && !a.signInDevice(s) {
		return code(rookery.CodeRefused)
	}
	s.Asleep = false
	m.sessions[collector{s.Account, s.Device}] = s
	m.setStatus(s.Account, s.Status)
	network := rookery.Network(s.Address)
	a.addresses = slices.DeleteFunc(a.addresses, func(addr netip.Addr) bool { return addr == network })
	a.addresses = append(a.addresses, network)
	a.addresses = a.addresses[max(len(a.addresses)-16, 0):]
	return nil
}

func (m *Model) setStatus(uin rookery.UIN, status rookery.Status) {
	for k, s := range m.sessions {
		if k.account == uin {
			s.Status = status
			m.sessions[k] = s
		}
	}
}

func (m *Model) SetEncoding(_ context.Context, s rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{s.Account, s.Device}
	if now, ok := m.sessions[key]; ok && now.ID == s.ID {
		now.Encoding = s.Encoding
		m.sessions[key] = now
	}
	return nil
}

func (m *Model) SetByNumber(_ context.Context, s rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{s.Account, s.Device}
	if now, ok := m.sessions[key]; ok && now.ID == s.ID {
		now.ByNumber = s.ByNumber
		m.sessions[key] = now
	}
	return nil
}

func (m *Model) SignOut(_ context.Context, sessions []rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, s := range sessions {
		key := collector{s.Account, s.Device}
		if now, ok := m.sessions[key]; ok && now.ID == s.ID {
			delete(m.sessions, key)
		}
	}
	return nil
}

func (m *Model) Sleep(_ context.Context, sessions []rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, s := range sessions {
		key := collector{s.Account, s.Device}
		if now, ok := m.sessions[key]; ok && now.ID == s.ID {
			now.Asleep = true
			m.sessions[key] = now
		}
	}
	return nil
}

func (m *Model) Asleep(_ context.Context, uin rookery.UIN, token rookery.TokenHash) (rookery.Session, error) {
	if err := m.enter(); err != nil {
		return rookery.Session{}, err
	}
	defer m.mu.Unlock()
	for k, s := range m.sessions {
		if k.account == uin && s.Asleep && s.Token == token {
			return s, nil
		}
	}
	return rookery.Session{}, code(rookery.CodeNotSignedIn)
}

func (m *Model) Wake(_ context.Context, s rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{s.Account, s.Device}
	now, ok := m.sessions[key]
	if !ok || now.ID != s.ID || !now.Asleep {
		return code(rookery.CodeNotSignedIn)
	}
	now.Asleep, now.Address = false, s.Address
	m.sessions[key] = now
	return nil
}

func (m *Model) SetStatus(_ context.Context, uin rookery.UIN, status rookery.Status, k rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(k, rookery.OutcomeDone, func() error {
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
func (a *account) signInDevice(s rookery.Session) bool {
	if d := a.device(s.Device); d != nil {
		d.Since = s.Since
		return true
	}
	if len(a.devices) == rookery.MaxDevices {
		return false
	}
	furthest := a.taken
	for _, p := range a.places {
		furthest = max(furthest, p.Number)
	}
	a.places[s.Device] = rookery.Cursor{Number: furthest}
	a.made++
	a.devices = append(a.devices, rookery.Device{ID: a.made, Name: s.Device, Since: s.Since})
	return true
}

func (m *Model) Devices(_ context.Context, uin rookery.UIN) (list []rookery.Device, err error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if a := m.accounts[uin]; a != nil {
		list = append(list, a.devices...)
	}
	for i := range list {
		_, list[i].SignedIn = m.sessions[collector{uin, list[i].Name}]
	}
	return list, nil
}

func (m *Model) ForgetDevice(_ context.Context, uin rookery.UIN, id uint64, k rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(k, rookery.OutcomeDone, func() error {
		a := m.accounts[uin]
		if a == nil {
			return code(rookery.CodeParameter)
		}
		i := slices.IndexFunc(a.devices, func(d rookery.Device) bool { return d.ID == id })
		if i < 0 {
			return code(rookery.CodeParameter)
		}
		gone := collector{uin, a.devices[i].Name}
		a.devices = slices.Delete(a.devices, i, i+1)
		a.taken = max(a.taken, a.places[gone.device].Number)
		delete(a.places, gone.device)
		delete(m.sessions, gone)
		maps.DeleteFunc(m.marks, func(k markKey, _ markValue) bool { return k.collector == gone })
		delete(m.latest, gone)
		return nil
	})
}

func (m *Model) KnownAddress(_ context.Context, uin rookery.UIN, addr netip.Addr) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	a := m.accounts[uin]
	return a != nil && slices.Contains(a.addresses, rookery.Network(addr)), nil
}
