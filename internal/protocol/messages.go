package protocol

import (
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// batchCount is how many messages GetMsgEx hands out at most.
const batchCount = 50

func cltmsg(req *request) error {
	out, err := req.outgoing()
	if err != nil {
		return err
	}
	return req.sent(req.service.Send(req.ctx, req.session, out.To, out.Text, out.Key))
}

// outgoing reads the message that a CLTMSG asks to send.
func (c *request) outgoing() (service.OutgoingMessage, error) {
	if err := c.needTarget(); err != nil {
		return service.OutgoingMessage{}, err
	}
	text, _ := c.value("MG")
	if err := rookery.CheckText(text); err != nil {
		return service.OutgoingMessage{}, about("MG", err)
	}
	if wire.ElementSize(c.peer.Form, text) == len(",") {
		return service.OutgoingMessage{}, parameter("MG", "nothing but control characters, which no answer can hold")
	}
	to, err := c.target()
	return service.OutgoingMessage{To: to, Text: text, Key: c.mark}, err
}

// sent writes the answer to a CLTMSG, or says what kept it from being done.
func (c *request) sent(err error) error {
	if err != nil {
		return about("UN", err)
	}
	c.ok()
	return nil
}

func getMsgEx(req *request) error {
	req.ok()
	b := batch{request: req, numbered: req.session.Device() != "", now: req.service.Now()}
	fields := "&MN=0&MT=&UN=&MG="
	if b.numbered {
		fields += "&ID=&TM="
	}
	collected, err := req.service.Collect(req.ctx, req.session, req.seq, service.BatchLimit{
		MaxItems: batchCount,
		MaxBytes: req.version.BatchBytes() - (len(req.dst) - req.start) - len(fields),
		ItemSize: b.size,
	})
	if err != nil {
		return err
	}
	b.entries = collected.Entries
	for _, notice := range collected.Notices {
		b.entries = append(b.entries, rookery.Entry{
			Kind: rookery.KindStatus, Peer: notice.Friend, Time: b.now, Text: notice.Status.Basic().String(),
		})
	}
	b.write()
	return nil
}

// batch is what a GetMsgEx hands out; notices are entries without a number.
type batch struct {
	*request
	entries []rookery.Entry
	// numbered: with the numbers and times that device sessions get.
	numbered bool
	now      time.Time
}

// size is what the nth entry adds to the answer, in bytes.
func (b *batch) size(nth int, entry rookery.Entry) int {
	size := digits(uint64(nth)) - digits(uint64(nth-1)) // MN
	size += digits(uint64(entry.Kind)) + digits(uint64(entry.Peer)) + len(",,") + wire.ElementSize(b.peer.Form, entry.Text)
	if b.numbered {
		if entry.Kind == rookery.KindStatus {
			entry.Time = b.now
		}
		size += digits(entry.Number) + digits(seconds(entry.Time)) + len(",,")
	}
	return size
}

func (b *batch) write() {
	b.number("MN", len(b.entries))
	if b.numbered {
		elements(b.request, "ID", b.entries, (*request).numberOfEntry)
		elements(b.request, "TM", b.entries, (*request).timeOfEntry)
	}
	elements(b.request, "MT", b.entries, (*request).kindOfEntry)
	elements(b.request, "UN", b.entries, (*request).peerOfEntry)
	elements(b.request, "MG", b.entries, (*request).textOfEntry)
}

func (c *request) numberOfEntry(entry rookery.Entry) { c.bigElement(entry.Number) }
func (c *request) timeOfEntry(entry rookery.Entry)   { c.bigElement(seconds(entry.Time)) }
func (c *request) kindOfEntry(entry rookery.Entry)   { c.numberElement(int(entry.Kind)) }
func (c *request) peerOfEntry(entry rookery.Entry)   { c.uinElement(entry.Peer) }
func (c *request) textOfEntry(entry rookery.Entry)   { c.textElement(entry.Text) }

// seconds is a time as TM has it, in Unix seconds.
func seconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

// digits is how long a number is in decimal.
func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
