package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// batchCount is how many messages GetMsgEx hands out at most.
const batchCount = 50

func cltmsg(c *call) error {
	if err := c.needTarget(); err != nil {
		return err
	}
	text, _ := c.value("MG")
	if err := rookery.CheckText(text); err != nil {
		return about("MG", err)
	}
	if wire.ElementSize(c.peer.Form, text) == len(",") {
		return parameter("MG", "nothing but control characters, which no answer can hold")
	}
	to, err := c.target()
	if err != nil {
		return err
	}
	if err := c.service.Send(c.ctx, c.session, to, text, c.mark); err != nil {
		return about("UN", err)
	}
	c.ok()
	return nil
}

func getMsgEx(c *call) error {
	c.ok()
	batch, err := c.service.Collect(c.ctx, c.session, c.seq, service.Budget{
		Count: batchCount,
		Bytes: c.version.BatchBytes() - (len(c.dst) - c.start) - len("&MN=0&MT=&UN=&MG="),
		Size: func(nth int, e rookery.Entry) int {
			longer := digits(uint64(nth)) - digits(uint64(nth-1)) // MN
			return longer + digits(uint64(e.Kind)) + digits(uint64(e.Peer)) + len(",,") + wire.ElementSize(c.peer.Form, e.Text)
		},
	})
	if err != nil {
		return err
	}
	c.number("MN", len(batch.Entries)+len(batch.Notices))
	c.key("MT")
	for _, e := range batch.Entries {
		c.numberElement(int(e.Kind))
	}
	for range batch.Notices {
		c.numberElement(int(rookery.KindStatus))
	}
	c.key("UN")
	for _, e := range batch.Entries {
		c.uinElement(e.Peer)
	}
	for _, n := range batch.Notices {
		c.uinElement(n.Friend)
	}
	c.key("MG")
	for _, e := range batch.Entries {
		c.textElement(e.Text)
	}
	for _, n := range batch.Notices {
		c.numberElement(int(n.Status))
	}
	return nil
}

// digits is how long a number is in decimal.
func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
