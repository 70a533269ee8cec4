package protocol

import (
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// maxBatchEntries is how many messages GetMsgEx hands out at most.
const maxBatchEntries = 50

func handleCLTMSG(req *clientRequest) error {
	out, err := req.parseOutgoing()
	if err != nil {
		return err
	}
	return req.finishSend(req.service.Send(req.ctx, req.session, out.To, out.Text, out.Key))
}

// parseOutgoing reads the message that a CLTMSG asks to send.
func (c *clientRequest) parseOutgoing() (service.OutgoingMessage, error) {
	if err := c.requireTarget(); err != nil {
		return service.OutgoingMessage{}, err
	}
	text, _ := c.valueOf("MG")
	if err := rookery.CheckText(text); err != nil {
		return service.OutgoingMessage{}, prefixKey("MG", err)
	}
	if wire.ElementSize(c.peer.Form, text) == len(",") {
		return service.OutgoingMessage{}, parameterError("MG", "nothing but control characters, which no answer can hold")
	}
	to, err := c.parseTarget()
	return service.OutgoingMessage{To: to, Text: text, Key: c.requestKey}, err
}

// finishSend writes the answer to a CLTMSG, or says what kept it from being done.
func (c *clientRequest) finishSend(err error) error {
	if err != nil {
		return prefixKey("UN", err)
	}
	c.beginAnswer()
	return nil
}

func handleGetMsgEx(req *clientRequest) error {
	req.beginAnswer()
	b := collectedBatch{clientRequest: req, withNumbers: req.session.Device() != "", collectedAt: req.service.Now()}
	fields := "&MN=0&MT=&UN=&MG="
	if b.withNumbers {
		fields += "&ID=&TM="
	}
	collected, err := req.service.Collect(req.ctx, req.session, req.seq, service.BatchLimit{
		MaxItems: maxBatchEntries,
		MaxBytes: req.version.MaxBatchBytes() - (len(req.answer) - req.answerStart) - len(fields),
		ItemSize: b.entrySize,
	})
	if err != nil {
		return err
	}
	b.entries = collected.Entries
	for _, notice := range collected.Notices {
		b.entries = append(b.entries, rookery.Entry{
			Kind: rookery.KindStatus, Peer: notice.Friend, Time: b.collectedAt, Text: notice.Status.Basic().String(),
		})
	}
	b.addEntries()
	return nil
}

// collectedBatch is what a GetMsgEx hands out; notices are entries without a number.
type collectedBatch struct {
	*clientRequest
	entries []rookery.Entry
	// numbered: with the numbers and times that device sessions get.
	withNumbers bool
	collectedAt time.Time
}

// entrySize is what the nth entry adds to the answer, in bytes.
func (b *collectedBatch) entrySize(nth int, entry rookery.Entry) int {
	size := decimalLength(uint64(nth)) - decimalLength(uint64(nth-1)) // MN
	size += decimalLength(uint64(entry.Kind)) + decimalLength(uint64(entry.Peer)) + len(",,") + wire.ElementSize(b.peer.Form, entry.Text)
	if b.withNumbers {
		if entry.Kind == rookery.KindStatus {
			entry.Time = b.collectedAt
		}
		size += decimalLength(entry.Number) + decimalLength(unixSeconds(entry.Time)) + len(",,")
	}
	return size
}

func (b *collectedBatch) addEntries() {
	b.addNumber("MN", len(b.entries))
	if b.withNumbers {
		addList(b.clientRequest, "ID", b.entries, (*clientRequest).addEntryNumber)
		addList(b.clientRequest, "TM", b.entries, (*clientRequest).addEntryTime)
	}
	addList(b.clientRequest, "MT", b.entries, (*clientRequest).addEntryKind)
	addList(b.clientRequest, "UN", b.entries, (*clientRequest).addEntryPeer)
	addList(b.clientRequest, "MG", b.entries, (*clientRequest).addEntryText)
}

func (c *clientRequest) addEntryNumber(entry rookery.Entry) { c.addUint64Element(entry.Number) }
func (c *clientRequest) addEntryTime(entry rookery.Entry) {
	c.addUint64Element(unixSeconds(entry.Time))
}
func (c *clientRequest) addEntryKind(entry rookery.Entry) { c.addNumberElement(int(entry.Kind)) }
func (c *clientRequest) addEntryPeer(entry rookery.Entry) { c.addUINElement(entry.Peer) }
func (c *clientRequest) addEntryText(entry rookery.Entry) { c.addTextElement(entry.Text) }

// unixSeconds is a time as TM has it, in Unix seconds.
func unixSeconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

// decimalLength is how long a number is in decimal.
func decimalLength(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
