package storetest

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
)

// ForEachSession implements service.Store.
func (m *Model) ForEachSession(_ context.Context, yield func(rookery.Session) bool) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	sessions := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, session := range sessions {
		if !yield(session) {
			break
		}
	}
	return nil
}

// StartSession implements service.Store.
func (m *Model) StartSession(_ context.Context, session rookery.Session, verified rookery.Credential) error {
	account, err := m.lockAccount(session.Account)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if account.credential != verified {
		return errorWithCode(rookery.CodeConflict)
	}
	if session.Device != "" && !account.recordDeviceSignIn(session) {
		return errorWithCode(rookery.CodeRefused)
	}
	session.Asleep = false
	m.sessions[consumerKey{session.Account, session.Device}] = session
	m.setSessionsStatus(session.Account, session.Status)
	network := rookery.Network(session.Address)
	account.addresses = slices.DeleteFunc(account.addresses, func(addr netip.Addr) bool { return addr == network })
	account.addresses = append(account.addresses, network)
	account.addresses = account.addresses[max(len(account.addresses)-16, 0):]
	return nil
}

func (m *Model) setSessionsStatus(uin rookery.UIN, status rookery.Status) {
	for key, session := range m.sessions {
		if key.account == uin {
			session.Status = status
			m.sessions[key] = session
		}
	}
}

// SetSessionEncoding implements service.Store.
func (m *Model) SetSessionEncoding(_ context.Context, session rookery.Session) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := consumerKey{session.Account, session.Device}
	if stored, ok := m.sessions[key]; ok && stored.ID == session.ID {
		stored.Encoding = session.Encoding
		m.sessions[key] = stored
	}
	return nil
}

// SetConfirmsByNumber implements service.Store.
func (m *Model) SetConfirmsByNumber(_ context.Context, session rookery.Session) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := consumerKey{session.Account, session.Device}
	if stored, ok := m.sessions[key]; ok && stored.ID == session.ID {
		stored.ConfirmsByNumber = session.ConfirmsByNumber
		m.sessions[key] = stored
	}
	return nil
}

// EndSessions implements service.Store.
func (m *Model) EndSessions(_ context.Context, sessions []rookery.Session) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, session := range sessions {
		key := consumerKey{session.Account, session.Device}
		if stored, ok := m.sessions[key]; ok && stored.ID == session.ID {
			delete(m.sessions, key)
		}
	}
	return nil
}

// SetSessionsAsleep implements service.Store.
func (m *Model) SetSessionsAsleep(_ context.Context, sessions []rookery.Session) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, session := range sessions {
		key := consumerKey{session.Account, session.Device}
		if stored, ok := m.sessions[key]; ok && stored.ID == session.ID {
			stored.Asleep = true
			m.sessions[key] = stored
		}
	}
	return nil
}

// SleepingSession implements service.Store.
func (m *Model) SleepingSession(_ context.Context, uin rookery.UIN, token rookery.TokenHash) (rookery.Session, error) {
	if err := m.lockOpen(); err != nil {
		return rookery.Session{}, err
	}
	defer m.mu.Unlock()
	for key, session := range m.sessions {
		if key.account == uin && session.Asleep && session.Token == token {
			return session, nil
		}
	}
	return rookery.Session{}, errorWithCode(rookery.CodeNotSignedIn)
}

// WakeSession implements service.Store.
func (m *Model) WakeSession(_ context.Context, session rookery.Session) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := consumerKey{session.Account, session.Device}
	stored, ok := m.sessions[key]
	if !ok || stored.ID != session.ID || !stored.Asleep {
		return errorWithCode(rookery.CodeNotSignedIn)
	}
	stored.Asleep, stored.Address = false, session.Address
	m.sessions[key] = stored
	return nil
}

// SetStatus implements service.Store.
func (m *Model) SetStatus(
	_ context.Context, uin rookery.UIN, status rookery.Status, key rookery.RequestKey,
) (rookery.Receipt, error) {
	return m.applyOnce(key, rookery.OutcomeDone, func() error {
		m.setSessionsStatus(uin, status)
		return nil
	})
}

func (a *modelAccount) findDevice(name string) *rookery.Device {
	for i := range a.devices {
		if a.devices[i].Name == name {
			return &a.devices[i]
		}
	}
	return nil
}

// recordDeviceSignIn reports whether the account may sign in from a device, and creates the device if
// needed.
func (a *modelAccount) recordDeviceSignIn(session rookery.Session) bool {
	if device := a.findDevice(session.Device); device != nil {
		device.SignedInAt = session.SignedInAt
		return true
	}
	if len(a.devices) == rookery.MaxDevices {
		return false
	}
	a.cursors[session.Device] = rookery.Cursor{Number: max(a.forgottenCursor, a.highestCursor())}
	a.devicesMade++
	a.devices = append(
		a.devices, rookery.Device{ID: a.devicesMade, Name: session.Device, SignedInAt: session.SignedInAt},
	)
	return true
}

// Devices implements service.Store.
func (m *Model) Devices(_ context.Context, uin rookery.UIN) (list []rookery.Device, err error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if account := m.accounts[uin]; account != nil {
		list = append(list, account.devices...)
	}
	for i := range list {
		_, list[i].SignedIn = m.sessions[consumerKey{uin, list[i].Name}]
	}
	return list, nil
}

// ForgetDevice implements service.Store.
func (m *Model) ForgetDevice(
	_ context.Context, uin rookery.UIN, id uint64, key rookery.RequestKey,
) (rookery.Receipt, error) {
	return m.applyOnce(key, rookery.OutcomeDone, func() error {
		account := m.accounts[uin]
		if account == nil {
			return errorWithCode(rookery.CodeParameter)
		}
		i := slices.IndexFunc(account.devices, func(device rookery.Device) bool { return device.ID == id })
		if i < 0 {
			return errorWithCode(rookery.CodeParameter)
		}
		forgotten := consumerKey{uin, account.devices[i].Name}
		account.devices = slices.Delete(account.devices, i, i+1)
		account.forgottenCursor = max(account.forgottenCursor, account.cursors[forgotten.device].Number)
		delete(account.cursors, forgotten.device)
		delete(m.sessions, forgotten)
		maps.DeleteFunc(m.recordedRequests, func(key modelRequestKey, _ recordedRequest) bool {
			return key.consumerKey == forgotten
		})
		delete(m.latestRequests, forgotten)
		return nil
	})
}

// IsKnownAddress implements service.Store.
func (m *Model) IsKnownAddress(_ context.Context, uin rookery.UIN, addr netip.Addr) (bool, error) {
	if err := m.lockOpen(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	account := m.accounts[uin]
	return account != nil && slices.Contains(account.addresses, rookery.Network(addr)), nil
}
