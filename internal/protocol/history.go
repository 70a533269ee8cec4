package protocol

import (
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

const (
	historyPageSize    = 50
	maxHistoryPageSize = 200
)

// handleHistory returns earlier entries of one conversation or of all.
func handleHistory(req *clientRequest) error {
	query, err := req.parseHistoryQuery()
	if err != nil {
		return err
	}
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	history, err := req.service.History(req.ctx, req.session, query)
	if err != nil {
		return err
	}
	req.beginAnswer()
	// Drop the oldest entries if the page is too long: the next page starts with them.
	list := history.Entries
	slices.Reverse(list)
	n := countFitting(req.remainingPageBytes("&FN=0&SN=000&ID=&TM=&MT=&UN=&MG=&RD="+longestNumber), list, func(entry rookery.Entry) int {
		return decimalLength(entry.Number) + decimalLength(unixSeconds(entry.Time)) + decimalLength(uint64(entry.Kind)) + decimalLength(uint64(entry.Peer)) +
			len(",,,,") + wire.ElementSize(req.peer.Form, entry.Text)
	})
	last, list := history.IsOldestPage && n == len(list), list[:n]
	slices.Reverse(list)

	req.addPageHead(last, len(list))
	addList(req, "ID", list, (*clientRequest).addEntryNumber)
	addList(req, "TM", list, (*clientRequest).addEntryTime)
	addList(req, "MT", list, (*clientRequest).addEntryKind)
	addList(req, "UN", list, (*clientRequest).addEntryPeer)
	addList(req, "MG", list, (*clientRequest).addEntryText)
	if query.With != 0 && query.Before == 0 {
		req.addUint64("RD", history.ReadUpTo)
	}
	return nil
}

func (c *clientRequest) parseHistoryQuery() (query rookery.HistoryQuery, err error) {
	if query.Before, err = c.parseNumber("BF"); err != nil {
		return query, err
	}
	limit, err := c.parseNumber("TN")
	if err != nil {
		return query, err
	}
	if limit == 0 {
		limit = historyPageSize
	}
	query.Limit = int(min(limit, maxHistoryPageSize))
	query.Text, _ = c.valueOf("QY")
	if len(query.Text) > rookery.MaxText {
		return query, parameterError("QY", "it has %d bytes, allowed are %d", len(query.Text), rookery.MaxText)
	}
	if with, _ := c.valueOf("UN"); with != "" && with != "0" {
		query.With, err = c.parseTarget()
	}
	return query, err
}

// handleRead stores how far a conversation has been read.
func handleRead(req *clientRequest) error {
	if err := req.requireTarget(); err != nil {
		return err
	}
	if text, _ := req.valueOf("ID"); text == "" {
		return parameterError("ID", "missing")
	}
	number, err := req.parseNumber("ID")
	if err != nil {
		return err
	}
	with, err := req.parseTarget()
	if err != nil {
		return err
	}
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	if err := req.service.MarkRead(req.ctx, req.session, rookery.ReadMark{With: with, Number: number}, req.requestKey); err != nil {
		if rookery.CodeOf(err) == rookery.CodeNoAccount {
			return prefixKey("UN", err)
		}
		return prefixKey("ID", err)
	}
	req.beginAnswer()
	return nil
}
