package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Devices returns the account's devices by ID.
func (s *Service) Devices(ctx context.Context, session *Session) ([]rookery.Device, error) {
	return s.store.Devices(ctx, session.details.Account)
}

// ForgetDevice deletes a device with its session and cursor. It returns CodeParameter if there is no
// such device.
func (s *Service) ForgetDevice(ctx context.Context, session *Session, deviceID uint64,
	requestKey rookery.RequestKey) error {
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

// DevicesOf returns the devices of an account by ID, for the operator. It returns CodeNoAccount if
// there is no such account.
func (s *Service) DevicesOf(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	if _, err := s.hub.profiles.get(ctx, uin); err != nil {
		return nil, err
	}
	return s.store.Devices(ctx, uin)
}

// RevokeDevice deletes a device of an account, for the operator. It returns CodeNoAccount or CodeParameter if there
// is no such account or device.
func (s *Service) RevokeDevice(ctx context.Context, uin rookery.UIN, deviceID uint64) error {
	if _, err := s.hub.profiles.get(ctx, uin); err != nil {
		return err
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	return s.forgetDevice(ctx, account, deviceID, rookery.RequestKey{})
}

// forgetDevice deletes a device of the account. The caller holds account.changeLock.
func (s *Service) forgetDevice(ctx context.Context, account *activeAccount, deviceID uint64,
	requestKey rookery.RequestKey) error {
	name, err := s.deviceName(ctx, account.uin, deviceID)
	if err != nil {
		return err
	}
	consumers := account.filterConsumers(func(c *consumer) bool { return name != "" && c.device == name })
	for _, consumer := range consumers { // waits for collections in progress
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
	s.hub.deviceForgotten(account, consumers)
	s.log.Info("device forgotten", "account", account.uin, "device", name)
	return nil
}

// deviceName returns the name of a device, or "" if there is none. That is no error, because the
// request may repeat the one that deleted the device.
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

// hasDevices reports whether the account has devices, signed in or not.
func (s *Service) hasDevices(ctx context.Context, account *activeAccount) (bool, error) {
	return getOrLoad(account, &account.hasDevices, func() (bool, error) {
		devices, err := s.store.Devices(ctx, account.uin)
		return len(devices) > 0, err
	})
}

// invalidateDevices makes the next call of hasDevices read the store.
func (a *activeAccount) invalidateDevices() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hasDevices.invalidate()
}
