package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Outgoing is one message to be sent.
type Outgoing struct {
	To   rookery.UIN
	Text string
	Mark rookery.RequestKey
}

// Send puts a message into an account's mailbox. When it returns nil the
// message cannot be lost. CodeNoAccount if there is no such account,
// CodeRefused if it takes none from the sender, or too much waits in its mailbox.
func (s *Service) Send(ctx context.Context, session *Session, to rookery.UIN, text string, mark rookery.RequestKey) error {
	letters, err := s.letters(ctx, session, Outgoing{to, text, mark})
	if err != nil || letters == nil {
		return err
	}
	receipt, err := s.store.Deliver(ctx, letters, s.now(), mark)
	if err != nil {
		return err
	}
	s.delivered(letters, receipt)
	return nil
}

// SendAll sends messages as if Send were called for each in turn, and waits for
// the store once. It returns what became of each.
func (s *Service) SendAll(ctx context.Context, session *Session, list []Outgoing) []error {
	errs := make([]error, len(list))
	deliveries := make([]rookery.Delivery, 0, len(list))
	of := make([]int, 0, len(list)) // which message a delivery is of
	for i, outgoing := range list {
		var letters []rookery.NewEntry
		if letters, errs[i] = s.letters(ctx, session, outgoing); letters != nil {
			deliveries = append(deliveries, rookery.Delivery{Entries: letters, Key: outgoing.Mark})
			of = append(of, i)
		}
	}
	if len(deliveries) == 0 {
		return errs
	}
	for i, deliveryResult := range s.store.DeliverInOrder(ctx, deliveries, s.now()) {
		if errs[of[i]] = deliveryResult.Err; deliveryResult.Err == nil {
			s.delivered(deliveries[i].Entries, deliveryResult.Receipt)
		}
	}
	return errs
}

// letters makes of a message what is to be delivered: the message, and a copy of
// it for the sender's devices if there are any. None, and no error, if the message
// was sent before.
func (s *Service) letters(ctx context.Context, session *Session, outgoing Outgoing) ([]rookery.NewEntry, error) {
	if err := rookery.CheckText(outgoing.Text); err != nil {
		return nil, err
	}
	err := s.mayWrite(ctx, session, outgoing.To)
	if err == nil {
		err = s.mayPost(session.member)
	}
	if err != nil {
		// What was done before is done, whatever has changed since.
		if _, done, _ := s.store.RequestOutcome(ctx, outgoing.Mark); done {
			return nil, nil
		}
		return nil, err
	}
	me := session.about.Account
	letters := []rookery.NewEntry{{To: outgoing.To, Kind: rookery.KindMessage, Peer: me, Text: outgoing.Text, Limit: &s.mailbox}}
	if outgoing.To == me {
		return letters, nil // every device gets it as it is
	}
	devices, err := s.hasDevices(ctx, session.member)
	if err != nil {
		return nil, err
	}
	if devices {
		letters = append(letters, rookery.NewEntry{To: me, Kind: rookery.KindSent, Peer: outgoing.To, Text: outgoing.Text, OriginDevice: session.about.Device})
	}
	return letters, nil
}

// mayWrite reports as an error that an account cannot get a message from a
// session's owner.
func (s *Service) mayWrite(ctx context.Context, session *Session, to rookery.UIN) error {
	receiver, err := s.accounts.get(ctx, to)
	if err != nil || to == session.about.Account {
		return err
	}
	refused, err := s.blocked(ctx, session.member, to)
	if err == nil && !refused && !receiver.Strangers {
		var friends bool
		friends, err = s.areFriends(ctx, session.member, to)
		refused = !friends
	}
	if err == nil && refused {
		err = rookery.Errorf(rookery.CodeRefused, "that account takes no messages from you")
	}
	return err
}

// delivered tells receivers who are signed in of their letters, before the
// sender is answered: so a sender who then asks sees what it did. With several
// nodes this is where the news goes out to the others.
func (s *Service) delivered(letters []rookery.NewEntry, receipt rookery.Receipt) {
	for i, number := range receipt.Numbers {
		s.arrived(letters[i].To, number)
	}
}

func (s *Service) arrived(to rookery.UIN, number uint64) {
	if active := s.members.get(to); active != nil {
		active.arrived(number)
	}
}
