package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Send puts a message into an account's mailbox. When it returns nil the
// message cannot be lost. CodeNoAccount if there is no such account,
// CodeRefused if it takes none from the sender.
func (s *Service) Send(ctx context.Context, se *Session, to rookery.UIN, text string, mark rookery.Mark) error {
	if err := rookery.CheckText(text); err != nil {
		return err
	}
	if err := s.mayWrite(ctx, se, to); err != nil {
		// What was done before is done, whatever has changed since.
		if _, done, _ := s.store.Recall(ctx, mark); done {
			return nil
		}
		return err
	}
	receipt, err := s.store.Deliver(ctx,
		[]rookery.Letter{{To: to, Kind: rookery.KindMessage, Peer: se.about.Account, Text: text}}, s.now(), mark)
	if err != nil {
		return err
	}
	s.arrived(to, receipt)
	return nil
}

// mayWrite reports as an error that an account cannot get a message from a
// session's owner.
func (s *Service) mayWrite(ctx context.Context, se *Session, to rookery.UIN) error {
	receiver, err := s.accounts.get(ctx, to)
	if err != nil || receiver.Strangers || to == se.about.Account {
		return err
	}
	friends, err := s.areFriends(ctx, se.member, to)
	if err != nil {
		return err
	}
	if !friends {
		return rookery.Errorf(rookery.CodeRefused, "that account takes no messages from you")
	}
	return nil
}

// arrived tells a receiver who is signed in of its letter, before the sender is
// answered: so a sender who then asks sees what it did. With several nodes this
// is where the news goes out to the others.
func (s *Service) arrived(to rookery.UIN, r rookery.Receipt) {
	m := s.members.get(to)
	if m == nil {
		return
	}
	for _, number := range r.Numbers {
		m.arrived(number)
	}
}
