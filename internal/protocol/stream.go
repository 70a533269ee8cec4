package protocol

import (
	"cmp"
	"context"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

var _ transport.StreamHandler = (*Handler)(nil)

// NewStream starts the stream of a long-lived connection.
func (h *Handler) NewStream(conn transport.PushConn) transport.RecordStream {
	return &recordStream{handler: h, conn: conn}
}

// recordStream answers the records of one connection. A server may have tens of thousands, so it is
// small.
//
// The first successful Login, or the first record with a valid token, binds the connection to its
// session. Later records belong to that session, and its events are pushed on the connection. Until
// then, records are answered as over HTTP.
type recordStream struct {
	handler *Handler
	conn    transport.PushConn
	// session is the bound session, or nil. It may have ended: then only Login and Logout succeed.
	session *service.Session
	// token proves session if it is a device session.
	token rookery.Token
	// subscription receives the session's events, or is nil.
	subscription *service.Subscription
}

// AnswerRecords answers records in order. Consecutive messages are stored together.
func (s *recordStream) AnswerRecords(ctx context.Context, peer *transport.Peer, records [][]byte,
	reply func([]byte) error) {
	var messages messageRun
	receivedAt := s.handler.service.Now() // all have arrived by now, however long the first take
	if s.subscription != nil {
		s.subscription.RequestStarted()
	}
	defer func() {
		if s.subscription != nil {
			s.subscription.RequestsDone()
		}
	}()
	for _, record := range records {
		request := s.handler.borrowRequest(ctx, peer)
		request.stream, request.answer = s, request.streamBuffer
		isKnownVersion := request.parseRecord(record)
		if s.subscription != nil && request.uin == s.session.Account() {
			s.subscription.RecordReceived(receivedAt) // any record shows that its sender has received earlier pushes
		}
		if isKnownVersion && request.command == cltmsgCommand && s.session != nil {
			messages = append(messages, request)
			continue
		}
		if messages.sendAll(s, reply) != nil || s.answerRequest(request, isKnownVersion, reply) != nil {
			return // the connection is closed
		}
		messages = messages[:0]
	}
	_ = messages.sendAll(s, reply)
}

// answerRequest answers one record, and returns the error of reply.
func (s *recordStream) answerRequest(request *clientRequest, isKnownVersion bool, reply func([]byte) error) error {
	defer s.handler.returnRequest(request)
	if !isKnownVersion {
		s.handler.warnVersion(request)
		return s.writeAnswer([]byte(wire.Null), reply)
	}
	if request.isConfirmation() {
		s.confirmPush(request)
		return nil
	}
	s.handler.answerRequest(request)
	if err := s.writeAnswer(request.answer, reply); err != nil {
		return err
	}
	// Subscribe after the answer, so that pushes follow the answer to the login.
	switch {
	case request.bindsStream:
		s.bindSession(request)
	case request.unbindsStream:
		s.unbindSession()
	}
	return nil
}

// writeAnswer writes an answer and tells the subscription: the client may read the answer together
// with a push just before it.
func (s *recordStream) writeAnswer(answer []byte, reply func([]byte) error) error {
	err := reply(answer)
	if s.subscription != nil {
		s.subscription.AnswerWritten()
	}
	return err
}

// checkBoundSession checks that a record belongs to the bound session. If so, the session stays
// alive.
func (s *recordStream) checkBoundSession(request *clientRequest) error {
	request.isForeign = request.uin != s.session.Account() || request.caller.Token != "" &&
		request.caller.Token != s.token
	if request.isForeign {
		if request.command.skipsValues {
			return nil
		}
		return errForeignSession
	}
	request.caller.Token = s.token
	current, err := s.handler.service.RefreshSession(s.session)
	if err == nil {
		s.session = current
	}
	if !request.command.needsSession {
		return nil // Login and Logout do not need the session
	}
	request.session = current
	return err
}

var errForeignSession = rookery.Errorf(rookery.CodeNotSignedIn, "the connection is bound to another session")

// bindSession binds the stream to the session of an answered request. If the stream is bound to the
// same device already, its subscription continues: nothing is pushed twice.
func (s *recordStream) bindSession(request *clientRequest) {
	if s.session != nil && s.session.Device() != request.session.Device() {
		s.unbindSession()
	}
	previous := s.subscription
	s.session, s.token, s.subscription = request.session, request.caller.Token, nil
	subscription, err := s.handler.service.Subscribe(request.ctx, s.session, s.handler.newPushSink(s.conn, s.session))
	if previous != nil && previous != subscription {
		previous.Close()
	}
	if err == nil {
		s.subscription = subscription
		subscription.RequestStarted() // the current batch of records is still being answered
		return
	}
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return // the session has ended meanwhile; the next record reports that
	}
	if suppressed, shouldLog := s.handler.errorLog.Allow(); shouldLog {
		s.handler.log.Error("connection closed: cannot push to it",
			"account", request.uin, "address", request.peer.Addr, "error", err, "more_since", suppressed)
	}
	s.conn.Close()
}

func (s *recordStream) unbindSession() {
	if s.subscription != nil {
		s.subscription.Close()
	}
	s.session, s.token, s.subscription = nil, "", nil
}

// Close ends the subscription. The session continues.
func (s *recordStream) Close() { s.unbindSession() }

// messageRun is a run of consecutive messages on a bound stream, all from its session.
type messageRun []*clientRequest

var cltmsgCommand = commandsByName["CLTMSG"]

// sendAll sends the messages and answers each. It returns the error of reply.
func (r messageRun) sendAll(s *recordStream, reply func([]byte) error) error {
	if len(r) == 0 {
		return nil
	}
	handler := s.handler
	defer func() {
		for _, request := range r {
			handler.returnRequest(request)
		}
	}()
	errs := make([]error, len(r))
	var outgoing []service.OutgoingMessage
	for i, request := range r {
		if errs[i] = handler.runRecovered(request, (*clientRequest).checkRequest); errs[i] != nil {
			continue
		}
		var message service.OutgoingMessage
		if message, errs[i] = request.parseOutgoing(); errs[i] == nil {
			outgoing = append(outgoing, message)
		}
	}
	var sendErrs []error
	sendErr := handler.runRecovered(r[0], func(request *clientRequest) error {
		if len(outgoing) > 0 {
			sendErrs = handler.service.SendAll(request.ctx, s.session, outgoing)
		}
		return nil
	})
	for i, request := range r {
		if errs[i] == nil && sendErr == nil {
			errs[i] = request.finishSend(sendErrs[0])
			sendErrs = sendErrs[1:]
		}
		if err := cmp.Or(errs[i], sendErr); err != nil {
			handler.refuseRequest(request, err)
		}
		if err := s.writeAnswer(request.answer, reply); err != nil {
			return err
		}
	}
	return nil
}
