package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// Caller is what a request says of who sends it.
type Caller struct {
	Address netip.Addr
	// Token proves a device session; without one the request belongs to the
	// address.
	Token rookery.Token
}

// Device is the name of the session's device, empty for an address session.
func (se *Session) Device() string { return se.details.Device }

// wakeDeviceSession ends the sleep of the device session that a token proves. A device may
// ask once a day, so that its token has to be good for longer than it looks
// online.
func (s *Service) wakeDeviceSession(ctx context.Context, uin rookery.UIN, caller Caller) (*Session, error) {
	switch exists, err := s.hasSession(ctx, uin, caller); {
	case err != nil:
		return nil, err
	case !exists:
		return nil, errNotSignedIn
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return nil, err
	}
	defer account.changeLock.release()
	if err := s.endExpiredSessions(ctx, account); err != nil {
		return nil, err
	}
	if session := account.sessionOfCaller(caller); session != nil && session.touch(s.uptime()) {
		return session, nil // woken by another request just now
	}
	details, err := s.store.SleepingSession(ctx, uin, caller.Token.Hash())
	if err != nil {
		return nil, asNotSignedIn(err)
	}
	if s.unsavedLogouts.contains(details) {
		return nil, errNotSignedIn
	}
	details.Asleep, details.Address = false, caller.Address
	if err := s.store.WakeSession(ctx, details); err != nil {
		return nil, asNotSignedIn(err)
	}
	oldStatus := account.announcedStatus()
	session := newSession(account, details, s.uptime())
	account.addSession(session)
	s.announceStatus(ctx, account, oldStatus)
	s.log.Info("device heard of again", "account", uin, "device", details.Device, "address", caller.Address)
	return session, nil
}

// asNotSignedIn is an error as who asks is told.
func asNotSignedIn(err error) error {
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return errNotSignedIn
	}
	return err
}

// Devices lists the account's devices by ID.
func (s *Service) Devices(ctx context.Context, session *Session) ([]rookery.Device, error) {
	return s.store.Devices(ctx, session.details.Account)
}

// ForgetDevice ends a device's session and forgets its place. CodeParameter if
// there is no such device.
func (s *Service) ForgetDevice(ctx context.Context, session *Session, deviceID uint64, requestKey rookery.RequestKey) error {
	account := session.account
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	if account.currentSession(session) == nil {
		return errNotSignedIn
	}
	return s.forgetDevice(ctx, account, deviceID, requestKey)
}

// DevicesOf and RevokeDevice are the same for the operator. CodeNoAccount if
// there is no such account.
func (s *Service) DevicesOf(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	if _, err := s.accountCache.get(ctx, uin); err != nil {
		return nil, err
	}
	return s.store.Devices(ctx, uin)
}

func (s *Service) RevokeDevice(ctx context.Context, uin rookery.UIN, deviceID uint64) error {
	if _, err := s.accountCache.get(ctx, uin); err != nil {
		return err
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	return s.forgetDevice(ctx, account, deviceID, rookery.RequestKey{})
}

// forgetDevice forgets a device of a member, whose turn it is.
func (s *Service) forgetDevice(ctx context.Context, account *activeAccount, deviceID uint64, requestKey rookery.RequestKey) error {
	name, err := s.deviceName(ctx, account.uin, deviceID)
	if err != nil {
		return err
	}
	consumers := account.filterConsumers(func(c *consumer) bool { return name != "" && c.device == name })
	for _, consumer := range consumers { // a collection under way ends first
		if err := consumer.collectLock.acquire(ctx); err != nil {
			return err
		}
		defer consumer.collectLock.release()
	}
	receipt, err := s.store.ForgetDevice(ctx, account.uin, deviceID, requestKey)
	if err != nil || receipt.Repeated {
		return err
	}
	if session := account.sessionOnDevice(name); session != nil && name != "" {
		s.removeEndedSessions(ctx, account, []*Session{session})
	}
	account.removeConsumers(consumers)
	account.invalidateDevices()
	s.log.Info("device forgotten", "account", account.uin, "device", name)
	return nil
}

// deviceName is the name of a device, empty if there is no such device: the
// pastRequest may repeat the one that forgot it.
func (s *Service) deviceName(ctx context.Context, uin rookery.UIN, deviceID uint64) (string, error) {
	devices, err := s.store.Devices(ctx, uin)
	if err != nil {
		return "", err
	}
	for _, device := range devices {
		if device.ID == deviceID {
			return device.Name, nil
		}
	}
	return "", nil
}

// hasDevices reports whether an account has devices, signed in or not.
func (s *Service) hasDevices(ctx context.Context, account *activeAccount) (bool, error) {
	return getOrLoad(account, &account.hasDevices, func() (bool, error) {
		devices, err := s.store.Devices(ctx, account.uin)
		return len(devices) > 0, err
	})
}

// invalidateDevices makes the next look at whether there are devices read the
// store.
func (m *activeAccount) invalidateDevices() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hasDevices.invalidate()
}
