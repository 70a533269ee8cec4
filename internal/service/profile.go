package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// ChangeOwn changes the account that the session belongs to. change may be
// called more than once. CodeParameter if the account cannot be so.
func (s *Service) ChangeOwn(ctx context.Context, session *Session, change func(*rookery.Account) error, mark rookery.RequestKey) error {
	_, err := s.changeAccount(ctx, session.about.Account, change, mark)
	return err
}
