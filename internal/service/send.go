package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// OutgoingMessage is a message to be sent.
type OutgoingMessage struct {
	To   rookery.UIN
	Text string
	Key  rookery.RequestKey
}

// Send delivers a message to an account's mailbox. When it returns nil, the message is stored durably.
// It returns CodeNoAccount if there is no such account, and CodeRefused if the account accepts no
// messages from the sender, its mailbox is full, or the sender has reached MessagesPerMinute.
func (s *Service) Send(ctx context.Context, session *Session, receiver rookery.UIN, text string,
	requestKey rookery.RequestKey) error {
	newEntries, err := s.newEntries(ctx, session, OutgoingMessage{receiver, text, requestKey})
	if err != nil || newEntries == nil {
		return err
	}
	receipt, err := s.store.Deliver(ctx, newEntries, s.now(), requestKey)
	if err != nil {
		return err
	}
	s.notifyReceivers(newEntries, receipt)
	return nil
}

// SendAll sends messages in order, like calls of Send, but waits for the store only once. It returns
// one error for each message.
func (s *Service) SendAll(ctx context.Context, session *Session, messages []OutgoingMessage) []error {
	errs := make([]error, len(messages))
	deliveries := make([]rookery.Delivery, 0, len(messages))
	messageIndexes := make([]int, 0, len(messages)) // the message of each delivery
	for i, message := range messages {
		var newEntries []rookery.NewEntry
		if newEntries, errs[i] = s.newEntries(ctx, session, message); newEntries != nil {
			deliveries = append(deliveries, rookery.Delivery{Entries: newEntries, Key: message.Key})
			messageIndexes = append(messageIndexes, i)
		}
	}
	if len(deliveries) == 0 {
		return errs
	}
	for i, deliveryResult := range s.store.DeliverInOrder(ctx, deliveries, s.now()) {
		if errs[messageIndexes[i]] = deliveryResult.Err; deliveryResult.Err == nil {
			s.notifyReceivers(deliveries[i].Entries, deliveryResult.Receipt)
		}
	}
	return errs
}

// newEntries returns the entries to be delivered: the message, and a copy for the sender's devices if
// there are any. It returns neither entries nor an error if the message was sent before.
func (s *Service) newEntries(ctx context.Context, session *Session,
	message OutgoingMessage) ([]rookery.NewEntry, error) {
	if err := rookery.CheckText(message.Text); err != nil {
		return nil, err
	}
	err := s.checkReceiver(ctx, session, message.To)
	if err == nil {
		err = s.reserveSend(session.account)
	}
	if err != nil {
		// A repeat succeeds even if the message would be refused now.
		if _, done, _ := s.store.RequestOutcome(ctx, message.Key); done {
			return nil, nil
		}
		return nil, err
	}
	ownUIN := session.details.Account
	newEntries := []rookery.NewEntry{{To: message.To, Kind: rookery.KindMessage, Peer: ownUIN, Text: message.Text,
		Limit: &s.backlogLimit}}
	if message.To == ownUIN {
		return newEntries, nil // the sender's devices receive the message itself
	}
	devices, err := s.hasDevices(ctx, session.account)
	if err != nil {
		return nil, err
	}
	if devices {
		newEntries = append(newEntries, rookery.NewEntry{To: ownUIN, Kind: rookery.KindSent, Peer: message.To,
			Text: message.Text, OriginDevice: session.details.Device})
	}
	return newEntries, nil
}

// checkReceiver returns CodeNoAccount or CodeRefused if the account cannot receive messages from the
// session's account.
func (s *Service) checkReceiver(ctx context.Context, session *Session, to rookery.UIN) error {
	receiver, err := s.hub.profiles.get(ctx, to)
	if err != nil || to == session.details.Account {
		return err
	}
	isRefused, err := s.isBlockedBy(ctx, session.account, to)
	if err == nil && !isRefused && !receiver.AllowStrangers {
		var areFriends bool
		areFriends, err = s.areFriends(ctx, session.account, to)
		isRefused = !areFriends
	}
	if err == nil && isRefused {
		err = rookery.Errorf(rookery.CodeRefused, "that account takes no messages from you")
	}
	return err
}

// notifyReceivers tells the hub of the new entries of a delivery.
func (s *Service) notifyReceivers(newEntries []rookery.NewEntry, receipt rookery.Receipt) {
	for i, entryNumber := range receipt.Numbers {
		s.hub.arrived(newEntries[i].To, entryNumber)
	}
}
