package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// What is pushed, and confirmed, by name.
const (
	pushMessage  = "Server_Msg"
	pushStatus   = "update_stat"
	pushReadMark = "read_mark"
)

// pushSink writes what arrives for a session to its connection: section 6 of the
// protocol. Those of the same device on the same connection are equal, by which the
// service knows a connection again.
type pushSink struct {
	handler *Handler
	link    transport.PushConn
	uin     rookery.UIN
	// numbered: with the numbers and times that device sessions get.
	numbered bool
}

func (h *Handler) outlet(link transport.PushConn, session *service.Session) pushSink {
	return pushSink{handler: h, link: link, uin: session.Account(), numbered: session.Device() != ""}
}

// Push writes one item as one record.
func (o pushSink) Push(item service.PushEvent) error {
	buf := o.handler.pushes.Get().(*[]byte)
	*buf = o.append((*buf)[:0], item)
	err := o.link.Push(*buf)
	o.handler.pushes.Put(buf)
	return err
}

// Framed reports whether what is pushed on the connection arrives record by
// record.
func (o pushSink) Framed() bool { return o.link.Framed() }

// Close ends the connection.
func (o pushSink) Close() { o.link.Close() }

// append appends the record of an item.
func (o pushSink) append(dst []byte, item service.PushEvent) []byte {
	switch {
	case item.Entry != nil:
		entry := item.Entry
		dst = wire.AppendNumber(o.head(dst, pushMessage, item.Number), "MN", 1)
		if o.numbered {
			dst = wire.AppendNumber(dst, "ID", entry.Number)
			dst = wire.AppendNumber(dst, "TM", seconds(entry.Time))
		}
		dst = wire.AppendNumber(dst, "MT", uint64(entry.Kind))
		dst = wire.AppendNumber(dst, "UN", uint64(entry.Peer))
		return wire.AppendText(dst, wire.FormLine, "MG", entry.Text)
	case item.Notice != nil:
		dst = wire.AppendNumber(o.head(dst, pushStatus, item.Number), "ST", uint64(item.Notice.Status.Visible()))
		return wire.AppendNumber(dst, "UN", uint64(item.Notice.Friend))
	default:
		dst = wire.AppendNumber(o.head(dst, pushReadMark, item.Number), "UN", uint64(item.ReadMark.With))
		return wire.AppendNumber(dst, "ID", item.ReadMark.Number)
	}
}

// head begins a push. Those who wait for one speak 1.4, whatever else they say.
func (o pushSink) head(dst []byte, name string, number uint64) []byte {
	return wire.AppendHead(dst, wire.FormLine, wire.V14, name, strconv.FormatUint(number, 10), o.uin.String(), 0)
}

// confirms reports whether a record says that a push has arrived. It is no
// command, and gets no answer.
func (c *request) confirms() bool { return wire.EqualFold([]byte(c.name), pushMessage) }

// confirm takes a confirmation: the client has everything up to the number in
// SEQ. One that is not of the connection's session, or has no number, means
// nothing.
func (d *recordStream) confirm(req *request) {
	if d.session == nil || req.uin != d.session.Account() {
		return
	}
	now, err := d.handler.service.RefreshSession(d.session)
	if err != nil {
		return
	}
	d.session = now
	if number, err := strconv.ParseUint(req.seq, 10, 64); err == nil && d.feed != nil {
		d.feed.Confirm(number)
	}
}
