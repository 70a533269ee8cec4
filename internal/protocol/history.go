package protocol

import (
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

const (
	historyPage    = 50
	maxHistoryPage = 200
)

// history looks back on a conversation, or on all.
func history(c *request) error {
	q, err := c.historyQuery()
	if err != nil {
		return err
	}
	if err := c.needDevice(); err != nil {
		return err
	}
	h, err := c.service.History(c.ctx, c.session, q)
	if err != nil {
		return err
	}
	c.ok()
	// What does not fit is what is oldest: the next page begins with it.
	list := h.Entries
	slices.Reverse(list)
	n := fitting(c.room("&FN=0&SN=000&ID=&TM=&MT=&UN=&MG=&RD="+maxNumber), list, func(e rookery.Entry) int {
		return digits(e.Number) + digits(seconds(e.Time)) + digits(uint64(e.Kind)) + digits(uint64(e.Peer)) +
			len(",,,,") + wire.ElementSize(c.peer.Form, e.Text)
	})
	last, list := h.Last && n == len(list), list[:n]
	slices.Reverse(list)

	c.pageHead(last, len(list))
	elements(c, "ID", list, (*request).numberOfEntry)
	elements(c, "TM", list, (*request).timeOfEntry)
	elements(c, "MT", list, (*request).kindOfEntry)
	elements(c, "UN", list, (*request).peerOfEntry)
	elements(c, "MG", list, (*request).textOfEntry)
	if q.With != 0 && q.Before == 0 {
		c.big("RD", h.Read)
	}
	return nil
}

func (c *request) historyQuery() (q rookery.HistoryQuery, err error) {
	if q.Before, err = c.count("BF"); err != nil {
		return q, err
	}
	limit, err := c.count("TN")
	if err != nil {
		return q, err
	}
	if limit == 0 {
		limit = historyPage
	}
	q.Limit = int(min(limit, maxHistoryPage))
	q.Text, _ = c.value("QY")
	if len(q.Text) > rookery.MaxText {
		return q, parameter("QY", "it has %d bytes, allowed are %d", len(q.Text), rookery.MaxText)
	}
	if with, _ := c.value("UN"); with != "" && with != "0" {
		q.With, err = c.target()
	}
	return q, err
}

// read says how far a conversation was read.
func read(c *request) error {
	if err := c.needTarget(); err != nil {
		return err
	}
	if text, _ := c.value("ID"); text == "" {
		return parameter("ID", "missing")
	}
	number, err := c.count("ID")
	if err != nil {
		return err
	}
	with, err := c.target()
	if err != nil {
		return err
	}
	if err := c.needDevice(); err != nil {
		return err
	}
	if err := c.service.MarkRead(c.ctx, c.session, rookery.ReadMark{With: with, Number: number}, c.mark); err != nil {
		if rookery.CodeOf(err) == rookery.CodeNoAccount {
			return about("UN", err)
		}
		return about("ID", err)
	}
	c.ok()
	return nil
}
