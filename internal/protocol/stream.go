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

// NewStream begins a dialogue on a connection that stays.
func (h *Handler) NewStream(link transport.PushConn) transport.RecordStream {
	return &recordStream{handler: h, conn: link}
}

// recordStream is what is said on one connection. There are as many as there are
// lines and WebSockets, so it keeps next to nothing.
//
// A connection is bound to the session of the first successful Login on it, or
// of the first record that a token proves. From then on records belong to that
// session, and what arrives for it is pushed. Until then they are answered as
// over HTTP.
type recordStream struct {
	handler *Handler
	conn    transport.PushConn
	// session is what the connection is bound to, nil if it is not. It may have
	// ended: then only Login and Logout get anywhere.
	session *service.Session
	// token proves the session if it is a device's.
	token rookery.Token
	// subscription pushes, nil if nothing is pushed.
	subscription *service.Subscription
}

// AnswerRecords answers records in their order. Messages to be sent that follow one
// another are stored together.
func (d *recordStream) AnswerRecords(ctx context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	var waiting messageRun
	came := d.handler.service.Now() // the last too, however long the first take
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
			d.subscription.RecordReceived(came) // whatever it is, it shows what has arrived
		}
		if spoken && req.command == cltmsgCommand && d.session != nil {
			waiting = append(waiting, req)
			continue
		}
		if waiting.sendAll(d, reply) != nil || d.answerRequest(req, spoken, reply) != nil {
			return // nobody is there any more who could be answered
		}
		waiting = waiting[:0]
	}
	_ = waiting.sendAll(d, reply)
}

// answerRequest answers one record. It returns what reply does.
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
	// What is pushed comes behind the answer to the login.
	switch {
	case req.bindsStream:
		d.bindSession(req)
	case req.unbindsStream:
		d.unbindSession()
	}
	return nil
}

// writeAnswer writes an answer. What is pushed keeps away from it.
func (d *recordStream) writeAnswer(answer []byte, reply func([]byte) error) error {
	err := reply(answer)
	if d.subscription != nil {
		d.subscription.AnswerWritten()
	}
	return err
}

// checkBoundSession decides whether a record belongs to the session that the connection
// is bound to. If so, it was heard of.
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
		return nil // it can log in again, or out
	}
	req.session = now
	return err
}

var errForeignSession = rookery.Errorf(rookery.CodeNotSignedIn, "the connection is bound to another session")

// bindSession binds the connection to the session of a record that was answered. If it
// is bound to that session's device already, its feed goes on: what was pushed
// does not come again.
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
		feed.RequestStarted() // until the records that came with this one are answered
		return
	}
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return // ended meanwhile: its next record is told so
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

// Close ends what is pushed. The session lives on.
func (d *recordStream) Close() { d.unbindSession() }

// messageRun is a run of messages to be sent. They follow one another on a connection that is
// bound, so that all are of one session.
type messageRun []*clientRequest

var cltmsgCommand = commandsByName["CLTMSG"]

// sendAll sends them and answers each. It returns what reply does.
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
