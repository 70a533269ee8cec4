package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// requestPageSize is the maximum number of friend requests in one answer.
const requestPageSize = 50

// handleRequests lists the pending friend requests.
func handleRequests(req *clientRequest) error {
	page, err := req.parsePageStart(requestPageSize)
	if err != nil {
		return err
	}
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	waiting, last, err := req.service.FriendRequests(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.beginAnswer()
	n := countFitting(req.remainingPageBytes("&FN=0&SN=00&UN=&TM=&RS="), waiting, func(friendRequest rookery.FriendRequest) int {
		return decimalLength(uint64(friendRequest.From)) + decimalLength(unixSeconds(friendRequest.Time)) + len(",,") + wire.ElementSize(req.peer.Form, friendRequest.Text)
	})
	last, waiting = last && n == len(waiting), waiting[:n]
	req.addPageHead(last, len(waiting))
	addList(req, "UN", waiting, func(req *clientRequest, friendRequest rookery.FriendRequest) { req.addUINElement(friendRequest.From) })
	addList(req, "TM", waiting, func(req *clientRequest, friendRequest rookery.FriendRequest) {
		req.addUint64Element(unixSeconds(friendRequest.Time))
	})
	addList(req, "RS", waiting, func(req *clientRequest, friendRequest rookery.FriendRequest) { req.addTextElement(friendRequest.Text) })
	return nil
}

// handleBlock blocks or unblocks an account, or lists the blocked ones.
func handleBlock(req *clientRequest) error {
	act, acts := req.valueOf("CD")
	if text, _ := req.valueOf("UN"); text == "" {
		if acts {
			return parameterError("UN", "missing")
		}
		return answerBlockedList(req)
	}
	block, err := parseYesNo("CD", act)
	if err != nil {
		return err
	}
	other, err := req.parseOtherAccount()
	if err != nil {
		return err
	}
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	if other == rookery.System {
		return rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, which cannot be blocked")
	}
	if block {
		err = req.service.Block(req.ctx, req.session, other, req.requestKey)
	} else {
		err = req.service.Unblock(req.ctx, req.session, other, req.requestKey)
	}
	if err != nil {
		return prefixKey("UN", err)
	}
	req.beginAnswer()
	return nil
}

func answerBlockedList(req *clientRequest) error {
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	all, err := req.service.BlockedAccounts(req.ctx, req.session)
	if err != nil {
		return err
	}
	req.beginAnswer()
	req.addPageHead(true, len(all))
	addList(req, "UN", all, (*clientRequest).addUINElement)
	return nil
}
