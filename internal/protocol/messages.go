package protocol

import (
	"fmt"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// maxBatchEntries is the maximum number of entries in a GetMsgEx answer.
const maxBatchEntries = 50

func handleCLTMSG(request *clientRequest) error {
	message, err := request.parseOutgoing()
	if err != nil {
		return err
	}
	return request.finishSend(request.service.Send(request.ctx, request.session, message.To, message.Text, message.Key))
}

// parseOutgoing reads the message of a CLTMSG.
func (c *clientRequest) parseOutgoing() (service.OutgoingMessage, error) {
	if err := c.requireTarget(); err != nil {
		return service.OutgoingMessage{}, err
	}
	text, _ := c.valueOf("MG")
	if err := rookery.CheckText(text); err != nil {
		return service.OutgoingMessage{}, prefixKey("MG", err)
	}
	if wire.ElementSize(c.peer.Form, text) == len(",") {
		return service.OutgoingMessage{}, parameterError("MG",
			"nothing but control characters, which no answer can hold")
	}
	to, err := c.parseTarget()
	return service.OutgoingMessage{To: to, Text: text, Key: c.requestKey}, err
}

// finishSend writes the answer to a CLTMSG, or returns the error of sending with its key.
func (c *clientRequest) finishSend(err error) error {
	if err != nil {
		return prefixKey("UN", err)
	}
	c.beginAnswer()
	return nil
}

func handleGetMsgEx(request *clientRequest) error {
	request.beginAnswer()
	batch := collectedBatch{clientRequest: request, withNumbers: request.session.Device() != "",
		collectedAt: request.service.Now()}
	fields := "&MN=0&MT=&UN=&MG="
	if batch.withNumbers {
		fields += "&ID=&TM="
	}
	events, err := request.service.Collect(request.ctx, request.session, request.seq, service.BatchLimit{
		MaxEvents: maxBatchEntries,
		MaxBytes:  request.version.MaxBatchBytes() - (len(request.answer) - request.answerStart) - len(fields),
		EventSize: batch.eventSize,
	})
	if err != nil {
		return err
	}
	for _, event := range events {
		batch.entries = append(batch.entries, batch.entryOf(event))
	}
	batch.addEntries()
	return nil
}

// collectedBatch writes the events of a GetMsgEx answer as entries.
type collectedBatch struct {
	*clientRequest
	entries []rookery.Entry
	// withNumbers adds the numbers and times that device sessions get.
	withNumbers bool
	collectedAt time.Time
}

// entryOf returns an event as an entry. Status notices become entries of KindStatus without a number.
func (b *collectedBatch) entryOf(event rookery.Event) rookery.Entry {
	switch event := event.(type) {
	case *rookery.Entry:
		return *event
	case rookery.StatusNotice:
		return rookery.Entry{Kind: rookery.KindStatus, Peer: event.Friend, Time: b.collectedAt,
			Text: event.Status.Basic().String()}
	default:
		panic(fmt.Sprintf("no entry for the event %T", event))
	}
}

// eventSize returns how many bytes the nth event adds to the answer.
func (b *collectedBatch) eventSize(nth int, event rookery.Event) int {
	entry := b.entryOf(event)
	size := decimalLength(uint64(nth)) - decimalLength(uint64(nth-1)) // growth of MN
	size += decimalLength(uint64(entry.Kind)) + decimalLength(uint64(entry.Peer)) + len(",,") +
		wire.ElementSize(b.peer.Form, entry.Text)
	if b.withNumbers {
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

// unixSeconds returns a time in Unix seconds, as in TM.
func unixSeconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

// decimalLength returns the number of decimal digits of number.
func decimalLength(number uint64) int {
	length := 1
	for ; number >= 10; number /= 10 {
		length++
	}
	return length
}
