package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// ChangeOwnAccount applies change to the session's account. change is called again if the account was
// changed concurrently. It returns CodeParameter if the result is not allowed.
func (s *Service) ChangeOwnAccount(ctx context.Context, session *Session, change func(*rookery.Account) error,
	requestKey rookery.RequestKey) error {
	_, err := s.changeAccount(ctx, session.details.Account, change, requestKey)
	return err
}
