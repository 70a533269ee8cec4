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
func (h *Handler) NewStream(link transport.PushConn) transport.RecordStream {
	return &recordStream{handler: h, conn: link}
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
func (d *recordStream) AnswerRecords(ctx context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	var waiting messageRun
	came := d.handler.service.Now() // all have arrived by now, however long the first take
	if d.subscription != nil {
		d.subscription.RequestStarted()
	}
	defer func() {
		if d.subscription != nil {
			d.subscription.RequestsDone()
		}
	}()
	for _, record := range records {
		req := d.handler.borrowRequest(ctx, peer)
		req.stream, req.answer = d, req.streamBuffer
		spoken := req.parseRecord(record)
		if d.subscription != nil && req.uin == d.session.Account() {
			d.subscription.RecordReceived(came) // any record shows that its sender has received earlier pushes
		}
		if spoken && req.command == cltmsgCommand && d.session != nil {
			waiting = append(waiting, req)
			continue
		}
		if waiting.sendAll(d, reply) != nil || d.answerRequest(req, spoken, reply) != nil {
			return // the connection is closed
		}
		waiting = waiting[:0]
	}
	_ = waiting.sendAll(d, reply)
}

// answerRequest answers one record, and returns the error of reply.
func (d *recordStream) answerRequest(req *clientRequest, spoken bool, reply func([]byte) error) error {
	defer d.handler.returnRequest(req)
	if !spoken {
		d.handler.warnVersion(req)
		return d.writeAnswer([]byte(wire.Null), reply)
	}
	if req.isConfirmation() {
		d.confirmPush(req)
		return nil
	}
	d.handler.answerRequest(req)
	if err := d.writeAnswer(req.answer, reply); err != nil {
		return err
	}
	// Subscribe after the answer, so that pushes follow the answer to the login.
	switch {
	case req.bindsStream:
		d.bindSession(req)
	case req.unbindsStream:
		d.unbindSession()
	}
	return nil
}

// writeAnswer writes an answer and tells the subscription: the client may read the answer together
// with a push just before it.
func (d *recordStream) writeAnswer(answer []byte, reply func([]byte) error) error {
	err := reply(answer)
	if d.subscription != nil {
		d.subscription.AnswerWritten()
	}
	return err
}

// checkBoundSession checks that a record belongs to the bound session. If so, the session stays
// alive.
func (d *recordStream) checkBoundSession(req *clientRequest) error {
	req.isForeign = req.uin != d.session.Account() || req.caller.Token != "" && req.caller.Token != d.token
	if req.isForeign {
		if req.command.skipsValues {
			return nil
		}
		return errForeignSession
	}
	req.caller.Token = d.token
	now, err := d.handler.service.RefreshSession(d.session)
	if err == nil {
		d.session = now
	}
	if !req.command.needsSession {
		return nil // Login and Logout do not need the session
	}
	req.session = now
	return err
}

var errForeignSession = rookery.Errorf(rookery.CodeNotSignedIn, "the connection is bound to another session")

// bindSession binds the stream to the session of an answered request. If the stream is bound to the
// same device already, its subscription continues: nothing is pushed twice.
func (d *recordStream) bindSession(req *clientRequest) {
	if d.session != nil && d.session.Device() != req.session.Device() {
		d.unbindSession()
	}
	before := d.subscription
	d.session, d.token, d.subscription = req.session, req.caller.Token, nil
	feed, err := d.handler.service.Subscribe(req.ctx, d.session, d.handler.newPushSink(d.conn, d.session))
	if before != nil && before != feed {
		before.Close()
	}
	if err == nil {
		d.subscription = feed
		feed.RequestStarted() // the current batch of records is still being answered
		return
	}
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return // the session has ended meanwhile; the next record reports that
	}
	if kept, due := d.handler.errorLog.Allow(); due {
		d.handler.log.Error("a connection was closed, because nothing could be pushed on it", "account", req.uin, "address", req.peer.Addr,
			"error", err, "more_since", kept)
	}
	d.conn.Close()
}

func (d *recordStream) unbindSession() {
	if d.subscription != nil {
		d.subscription.Close()
	}
	d.session, d.token, d.subscription = nil, "", nil
}

// Close ends the subscription. The session continues.
func (d *recordStream) Close() { d.unbindSession() }

// messageRun is a run of consecutive messages on a bound stream, all from its session.
type messageRun []*clientRequest

var cltmsgCommand = commandsByName["CLTMSG"]

// sendAll sends the messages and answers each. It returns the error of reply.
func (r messageRun) sendAll(d *recordStream, reply func([]byte) error) error {
	if len(r) == 0 {
		return nil
	}
	handler := d.handler
	defer func() {
		for _, req := range r {
			handler.returnRequest(req)
		}
	}()
	errs := make([]error, len(r))
	var list []service.OutgoingMessage
	for i, req := range r {
		if errs[i] = handler.runRecovered(req, (*clientRequest).checkRequest); errs[i] != nil {
			continue
		}
		var out service.OutgoingMessage
		if out, errs[i] = req.parseOutgoing(); errs[i] == nil {
			list = append(list, out)
		}
	}
	var become []error
	lost := handler.runRecovered(r[0], func(req *clientRequest) error {
		if len(list) > 0 {
			become = handler.service.SendAll(req.ctx, d.session, list)
		}
		return nil
	})
	for i, req := range r {
		if errs[i] == nil && lost == nil {
			errs[i] = req.finishSend(become[0])
			become = become[1:]
		}
		if err := cmp.Or(errs[i], lost); err != nil {
			handler.refuseRequest(req, err)
		}
		if err := d.writeAnswer(req.answer, reply); err != nil {
			return err
		}
	}
	return nil
}
