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
func history(req *request) error {
	query, err := req.historyQuery()
	if err != nil {
		return err
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	history, err := req.service.History(req.ctx, req.session, query)
	if err != nil {
		return err
	}
	req.ok()
	// What does not fit is what is oldest: the next page begins with it.
	list := history.Entries
	slices.Reverse(list)
	n := fitting(req.room("&FN=0&SN=000&ID=&TM=&MT=&UN=&MG=&RD="+maxNumber), list, func(entry rookery.Entry) int {
		return digits(entry.Number) + digits(seconds(entry.Time)) + digits(uint64(entry.Kind)) + digits(uint64(entry.Peer)) +
			len(",,,,") + wire.ElementSize(req.peer.Form, entry.Text)
	})
	last, list := history.IsOldest && n == len(list), list[:n]
	slices.Reverse(list)

	req.pageHead(last, len(list))
	elements(req, "ID", list, (*request).numberOfEntry)
	elements(req, "TM", list, (*request).timeOfEntry)
	elements(req, "MT", list, (*request).kindOfEntry)
	elements(req, "UN", list, (*request).peerOfEntry)
	elements(req, "MG", list, (*request).textOfEntry)
	if query.With != 0 && query.Before == 0 {
		req.big("RD", history.ReadUpTo)
	}
	return nil
}

func (c *request) historyQuery() (query rookery.HistoryQuery, err error) {
	if query.Before, err = c.count("BF"); err != nil {
		return query, err
	}
	limit, err := c.count("TN")
	if err != nil {
		return query, err
	}
	if limit == 0 {
		limit = historyPage
	}
	query.Limit = int(min(limit, maxHistoryPage))
	query.Text, _ = c.value("QY")
	if len(query.Text) > rookery.MaxText {
		return query, parameter("QY", "it has %d bytes, allowed are %d", len(query.Text), rookery.MaxText)
	}
	if with, _ := c.value("UN"); with != "" && with != "0" {
		query.With, err = c.target()
	}
	return query, err
}

// read says how far a conversation was read.
func read(req *request) error {
	if err := req.needTarget(); err != nil {
		return err
	}
	if text, _ := req.value("ID"); text == "" {
		return parameter("ID", "missing")
	}
	number, err := req.count("ID")
	if err != nil {
		return err
	}
	with, err := req.target()
	if err != nil {
		return err
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	if err := req.service.MarkRead(req.ctx, req.session, rookery.ReadMark{With: with, Number: number}, req.mark); err != nil {
		if rookery.CodeOf(err) == rookery.CodeNoAccount {
			return about("UN", err)
		}
		return about("ID", err)
	}
	req.ok()
	return nil
}
