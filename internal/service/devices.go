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
func (se *Session) Device() string { return se.about.Device }

// wake ends the sleep of the device session that a token proves. A device may
// ask once a day, so that its token has to be good for longer than it looks
// online.
func (s *Service) wake(ctx context.Context, uin rookery.UIN, from Caller) (*Session, error) {
	switch there, err := s.hasSession(ctx, uin, from); {
	case err != nil:
		return nil, err
	case !there:
		return nil, errNotSignedIn
	}
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return nil, err
	}
	defer active.turn.end()
	if err := s.settle(ctx, active); err != nil {
		return nil, err
	}
	if session := active.sessionOf(from); session != nil && session.heard(s.uptime()) {
		return session, nil // woken by another request just now
	}
	about, err := s.store.SleepingSession(ctx, uin, from.Token.Hash())
	if err != nil {
		return nil, notSignedIn(err)
	}
	if s.signedOut.has(about) {
		return nil, errNotSignedIn
	}
	about.Asleep, about.Address = false, from.Address
	if err := s.store.WakeSession(ctx, about); err != nil {
		return nil, notSignedIn(err)
	}
	before := active.shown()
	session := newSession(active, about, s.uptime())
	active.put(session)
	s.announce(ctx, active, before)
	s.log.Info("device heard of again", "account", uin, "device", about.Device, "address", from.Address)
	return session, nil
}

// notSignedIn is an error as who asks is told.
func notSignedIn(err error) error {
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return errNotSignedIn
	}
	return err
}

// Devices lists the account's devices by ID.
func (s *Service) Devices(ctx context.Context, session *Session) ([]rookery.Device, error) {
	return s.store.Devices(ctx, session.about.Account)
}

// ForgetDevice ends a device's session and forgets its place. CodeParameter if
// there is no such device.
func (s *Service) ForgetDevice(ctx context.Context, session *Session, id uint64, mark rookery.RequestKey) error {
	active := session.member
	if err := active.turn.take(ctx); err != nil {
		return err
	}
	defer active.turn.end()
	if active.current(session) == nil {
		return errNotSignedIn
	}
	return s.forgetDevice(ctx, active, id, mark)
}

// DevicesOf and RevokeDevice are the same for the operator. CodeNoAccount if
// there is no such account.
func (s *Service) DevicesOf(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	if _, err := s.accounts.get(ctx, uin); err != nil {
		return nil, err
	}
	return s.store.Devices(ctx, uin)
}

func (s *Service) RevokeDevice(ctx context.Context, uin rookery.UIN, id uint64) error {
	if _, err := s.accounts.get(ctx, uin); err != nil {
		return err
	}
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return err
	}
	defer active.turn.end()
	return s.forgetDevice(ctx, active, id, rookery.RequestKey{})
}

// forgetDevice forgets a device of a member, whose turn it is.
func (s *Service) forgetDevice(ctx context.Context, active *activeAccount, id uint64, mark rookery.RequestKey) error {
	name, err := s.deviceName(ctx, active.uin, id)
	if err != nil {
		return err
	}
	forgetting := active.boxes(func(c *consumer) bool { return name != "" && c.device == name })
	for _, consumer := range forgetting { // a collection under way ends first
		if err := consumer.turn.take(ctx); err != nil {
			return err
		}
		defer consumer.turn.end()
	}
	receipt, err := s.store.ForgetDevice(ctx, active.uin, id, mark)
	if err != nil || receipt.Repeated {
		return err
	}
	if session := active.session(name); session != nil && name != "" {
		s.forget(ctx, active, []*Session{session})
	}
	active.discard(forgetting)
	active.forgetDevices()
	s.log.Info("device forgotten", "account", active.uin, "device", name)
	return nil
}

// deviceName is the name of a device, empty if there is no such device: the
// pastRequest may repeat the one that forgot it.
func (s *Service) deviceName(ctx context.Context, uin rookery.UIN, id uint64) (string, error) {
	devices, err := s.store.Devices(ctx, uin)
	if err != nil {
		return "", err
	}
	for _, device := range devices {
		if device.ID == id {
			return device.Name, nil
		}
	}
	return "", nil
}

// hasDevices reports whether an account has devices, signed in or not.
func (s *Service) hasDevices(ctx context.Context, active *activeAccount) (bool, error) {
	return lookUp(active, &active.hasDevices, func() (bool, error) {
		devices, err := s.store.Devices(ctx, active.uin)
		return len(devices) > 0, err
	})
}

// forgetDevices makes the next look at whether there are devices read the
// store.
func (m *activeAccount) forgetDevices() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hasDevices.forget()
}
