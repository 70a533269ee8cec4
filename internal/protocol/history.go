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
func handleHistory(request *clientRequest) error {
	query, err := request.parseHistoryQuery()
	if err != nil {
		return err
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	history, err := request.service.History(request.ctx, request.session, query)
	if err != nil {
		return err
	}
	request.beginAnswer()
	// Drop the oldest entries if the page is too long: the next page starts with them.
	list := history.Entries
	slices.Reverse(list)
	n := countFitting(request.remainingPageBytes("&FN=0&SN=000&ID=&TM=&MT=&UN=&MG=&RD="+longestNumber), list,
		func(entry rookery.Entry) int {
			return decimalLength(entry.Number) + decimalLength(unixSeconds(entry.Time)) +
				decimalLength(uint64(entry.Kind)) + decimalLength(uint64(entry.Peer)) +
				len(",,,,") + wire.ElementSize(request.peer.Form, entry.Text)
		})
	last, list := history.IsOldestPage && n == len(list), list[:n]
	slices.Reverse(list)

	request.addPageHead(last, len(list))
	addList(request, "ID", list, (*clientRequest).addEntryNumber)
	addList(request, "TM", list, (*clientRequest).addEntryTime)
	addList(request, "MT", list, (*clientRequest).addEntryKind)
	addList(request, "UN", list, (*clientRequest).addEntryPeer)
	addList(request, "MG", list, (*clientRequest).addEntryText)
	if query.Peer != 0 && query.Before == 0 {
		request.addUint64("RD", history.ReadUpTo)
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
	if peer, _ := c.valueOf("UN"); peer != "" && peer != "0" {
		query.Peer, err = c.parseTarget()
	}
	return query, err
}

// handleRead stores how far a conversation has been read.
func handleRead(request *clientRequest) error {
	if err := request.requireTarget(); err != nil {
		return err
	}
	if text, _ := request.valueOf("ID"); text == "" {
		return parameterError("ID", "missing")
	}
	number, err := request.parseNumber("ID")
	if err != nil {
		return err
	}
	peer, err := request.parseTarget()
	if err != nil {
		return err
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	if err := request.service.MarkRead(request.ctx, request.session, rookery.ReadMark{Peer: peer, Number: number},
		request.requestKey); err != nil {
		if rookery.CodeOf(err) == rookery.CodeNoAccount {
			return prefixKey("UN", err)
		}
		return prefixKey("ID", err)
	}
	request.beginAnswer()
	return nil
}
