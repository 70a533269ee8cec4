package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// ChangeOwnAccount changes the account that the session belongs to. change may be
// called more than once. CodeParameter if the account cannot be so.
func (s *Service) ChangeOwnAccount(ctx context.Context, session *Session, change func(*rookery.Account) error, requestKey rookery.RequestKey) error {
	_, err := s.changeAccount(ctx, session.details.Account, change, requestKey)
	return err
}
