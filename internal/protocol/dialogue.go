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
	return &recordStream{handler: h, link: link}
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
	link    transport.PushConn
	// session is what the connection is bound to, nil if it is not. It may have
	// ended: then only Login and Logout get anywhere.
	session *service.Session
	// token proves the session if it is a device's.
	token rookery.Token
	// feed pushes, nil if nothing is pushed.
	feed *service.Subscription
}

// AnswerRecords answers records in their order. Messages to be sent that follow one
// another are stored together.
func (d *recordStream) AnswerRecords(ctx context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	var waiting messageRun
	came := d.handler.service.Now() // the last too, however long the first take
	if d.feed != nil {
		d.feed.RequestStarted()
	}
	defer func() {
		if d.feed != nil {
			d.feed.RequestsDone()
		}
	}()
	for _, record := range records {
		req := d.handler.take(ctx, peer)
		req.dialogue, req.dst = d, req.own
		spoken := req.read(record)
		if d.feed != nil && req.uin == d.session.Account() {
			d.feed.RecordReceived(came) // whatever it is, it shows what has arrived
		}
		if spoken && req.row == sending && d.session != nil {
			waiting = append(waiting, req)
			continue
		}
		if waiting.send(d, reply) != nil || d.answer(req, spoken, reply) != nil {
			return // nobody is there any more who could be answered
		}
		waiting = waiting[:0]
	}
	_ = waiting.send(d, reply)
}

// answer answers one record. It returns what reply does.
func (d *recordStream) answer(req *request, spoken bool, reply func([]byte) error) error {
	defer d.handler.giveBack(req)
	if !spoken {
		d.handler.warnVersion(req)
		return d.write([]byte(wire.Null), reply)
	}
	if req.confirms() {
		d.confirm(req)
		return nil
	}
	d.handler.answer(req)
	if err := d.write(req.dst, reply); err != nil {
		return err
	}
	// What is pushed comes behind the answer to the login.
	switch {
	case req.begins:
		d.bind(req)
	case req.ends:
		d.unbind()
	}
	return nil
}

// write writes an answer. What is pushed keeps away from it.
func (d *recordStream) write(answer []byte, reply func([]byte) error) error {
	err := reply(answer)
	if d.feed != nil {
		d.feed.AnswerWritten()
	}
	return err
}

// identify decides whether a record belongs to the session that the connection
// is bound to. If so, it was heard of.
func (d *recordStream) identify(req *request) error {
	req.foreign = req.uin != d.session.Account() || req.asker.Token != "" && req.asker.Token != d.token
	if req.foreign {
		if req.row.always {
			return nil
		}
		return errForeign
	}
	req.asker.Token = d.token
	now, err := d.handler.service.RefreshSession(d.session)
	if err == nil {
		d.session = now
	}
	if !req.row.session {
		return nil // it can log in again, or out
	}
	req.session = now
	return err
}

var errForeign = rookery.Errorf(rookery.CodeNotSignedIn, "the connection is bound to another session")

// bind binds the connection to the session of a record that was answered. If it
// is bound to that session's device already, its feed goes on: what was pushed
// does not come again.
func (d *recordStream) bind(req *request) {
	if d.session != nil && d.session.Device() != req.session.Device() {
		d.unbind()
	}
	before := d.feed
	d.session, d.token, d.feed = req.session, req.asker.Token, nil
	feed, err := d.handler.service.Subscribe(req.ctx, d.session, d.handler.outlet(d.link, d.session))
	if before != nil && before != feed {
		before.Close()
	}
	if err == nil {
		d.feed = feed
		feed.RequestStarted() // until the records that came with this one are answered
		return
	}
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return // ended meanwhile: its next record is told so
	}
	if kept, due := d.handler.failing.Allow(); due {
		d.handler.log.Error("a connection was closed, because nothing could be pushed on it", "account", req.uin, "address", req.peer.Addr,
			"error", err, "more_since", kept)
	}
	d.link.Close()
}

func (d *recordStream) unbind() {
	if d.feed != nil {
		d.feed.Close()
	}
	d.session, d.token, d.feed = nil, "", nil
}

// Close ends what is pushed. The session lives on.
func (d *recordStream) Close() { d.unbind() }

// messageRun is a run of messages to be sent. They follow one another on a connection that is
// bound, so that all are of one session.
type messageRun []*request

var sending = exact["CLTMSG"]

// send sends them and answers each. It returns what reply does.
func (r messageRun) send(d *recordStream, reply func([]byte) error) error {
	if len(r) == 0 {
		return nil
	}
	handler := d.handler
	defer func() {
		for _, req := range r {
			handler.giveBack(req)
		}
	}()
	errs := make([]error, len(r))
	var list []service.OutgoingMessage
	for i, req := range r {
		if errs[i] = handler.attempt(req, (*request).check); errs[i] != nil {
			continue
		}
		var out service.OutgoingMessage
		if out, errs[i] = req.outgoing(); errs[i] == nil {
			list = append(list, out)
		}
	}
	var become []error
	lost := handler.attempt(r[0], func(req *request) error {
		if len(list) > 0 {
			become = handler.service.SendAll(req.ctx, d.session, list)
		}
		return nil
	})
	for i, req := range r {
		if errs[i] == nil && lost == nil {
			errs[i] = req.sent(become[0])
			become = become[1:]
		}
		if err := cmp.Or(errs[i], lost); err != nil {
			handler.refuse(req, err)
		}
		if err := d.write(req.dst, reply); err != nil {
			return err
		}
	}
	return nil
}
