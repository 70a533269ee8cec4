package protocol

import (
	"fmt"
	"strconv"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// Command names of pushes. A confirmation uses the first.
const (
	pushMessage  = "Server_Msg"
	pushStatus   = "update_stat"
	pushReadMark = "read_mark"
)

// recordPushSink is a service.PushSink that writes events as records (docs/protocol.md, section 6).
// Two sinks for the same connection, account and kind of session compare equal, so that the service
// recognises the connection.
type recordPushSink struct {
	handler *Handler
	conn    transport.PushConn
	uin     rookery.UIN
	// withNumbers adds the numbers and times that device sessions get.
	withNumbers bool
}

func (h *Handler) newPushSink(conn transport.PushConn, session *service.Session) recordPushSink {
	return recordPushSink{handler: h, conn: conn, uin: session.Account(), withNumbers: session.Device() != ""}
}

// Push writes one event as one record.
func (s recordPushSink) Push(number uint64, event rookery.Event) error {
	buffer := s.handler.pushBuffers.Get().(*[]byte)
	*buffer = s.appendPush((*buffer)[:0], number, event)
	err := s.conn.Push(*buffer)
	s.handler.pushBuffers.Put(buffer)
	return err
}

// Framed reports whether the client receives each push separately.
func (s recordPushSink) Framed() bool { return s.conn.Framed() }

// Close closes the connection.
func (s recordPushSink) Close() { s.conn.Close() }

// appendPush appends the record of an event.
func (s recordPushSink) appendPush(dst []byte, number uint64, event rookery.Event) []byte {
	switch event := event.(type) {
	case *rookery.Entry:
		dst = wire.AppendNumber(s.appendPushHead(dst, pushMessage, number), "MN", 1)
		if s.withNumbers {
			dst = wire.AppendNumber(dst, "ID", event.Number)
			dst = wire.AppendNumber(dst, "TM", unixSeconds(event.Time))
		}
		dst = wire.AppendNumber(dst, "MT", uint64(event.Kind))
		dst = wire.AppendNumber(dst, "UN", uint64(event.Peer))
		return wire.AppendText(dst, wire.FormLine, "MG", event.Text)
	case rookery.StatusNotice:
		dst = wire.AppendNumber(s.appendPushHead(dst, pushStatus, number), "ST", uint64(event.Status.Visible()))
		return wire.AppendNumber(dst, "UN", uint64(event.Friend))
	case rookery.ReadMark:
		dst = wire.AppendNumber(s.appendPushHead(dst, pushReadMark, number), "UN", uint64(event.Peer))
		return wire.AppendNumber(dst, "ID", event.Number)
	default:
		panic(fmt.Sprintf("no record for the event %T", event))
	}
}

// appendPushHead appends the first fields of a push. Clients that receive pushes use version 1.4,
// whatever VER they send.
func (s recordPushSink) appendPushHead(dst []byte, name string, number uint64) []byte {
	return wire.AppendHead(dst, wire.FormLine, wire.V14, name, strconv.FormatUint(number, 10), s.uin.String(), 0)
}

// isConfirmation reports whether the record confirms pushes. It is not a command and gets no
// answer.
func (c *clientRequest) isConfirmation() bool {
	return wire.EqualFold([]byte(c.commandName), pushMessage)
}

// confirmPush handles a confirmation: the client has received everything up to the number in SEQ.
// It ignores confirmations for another account or without a number.
func (s *recordStream) confirmPush(request *clientRequest) {
	if s.session == nil || request.uin != s.session.Account() {
		return
	}
	current, err := s.handler.service.RefreshSession(s.session)
	if err != nil {
		return
	}
	s.session = current
	if number, err := strconv.ParseUint(request.seq, 10, 64); err == nil && s.subscription != nil {
		s.subscription.Confirm(number)
	}
}
