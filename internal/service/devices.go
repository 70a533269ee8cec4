package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// Asker is what a request says of who sends it.
type Asker struct {
	Address netip.Addr
	// Token proves a device session; without one the request belongs to the
	// address.
	Token rookery.Token
}

// Device is the name of the session's device, empty for an address session.
func (se *Session) Device() string { return se.about.Device }

// Heard returns the session as it is now, after a renewal perhaps, and notes
// that it was heard of. CodeNotSignedIn if it has ended, been displaced, or its
// device has signed in anew.
func (s *Service) Heard(se *Session) (*Session, error) { panic("not built yet") }

// Devices lists the account's devices by ID.
func (s *Service) Devices(ctx context.Context, se *Session) ([]rookery.Device, error) {
	panic("not built yet")
}

// ForgetDevice ends a device's session and forgets its place. CodeParameter if
// there is no such device.
func (s *Service) ForgetDevice(ctx context.Context, se *Session, id uint64, mark rookery.Mark) error {
	panic("not built yet")
}

// DevicesOf and RevokeDevice are the same for the operator. CodeNoAccount if
// there is no such account.
func (s *Service) DevicesOf(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	panic("not built yet")
}

func (s *Service) RevokeDevice(ctx context.Context, uin rookery.UIN, id uint64) error {
	panic("not built yet")
}
