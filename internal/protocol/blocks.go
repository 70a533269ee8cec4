package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// requestPageSize is the maximum number of friend requests in one answer.
const requestPageSize = 50

// handleRequests lists the pending friend requests.
func handleRequests(request *clientRequest) error {
	page, err := request.parsePageStart(requestPageSize)
	if err != nil {
		return err
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	pending, last, err := request.service.FriendRequests(request.ctx, request.session, page)
	if err != nil {
		return err
	}
	request.beginAnswer()
	n := countFitting(request.remainingPageBytes("&FN=0&SN=00&UN=&TM=&RS="), pending,
		func(friendRequest rookery.FriendRequest) int {
			return decimalLength(uint64(friendRequest.From)) + decimalLength(unixSeconds(friendRequest.Time)) +
				len(",,") + wire.ElementSize(request.peer.Form, friendRequest.Text)
		})
	last, pending = last && n == len(pending), pending[:n]
	request.addPageHead(last, len(pending))
	addList(request, "UN", pending, func(request *clientRequest, friendRequest rookery.FriendRequest) {
		request.addUINElement(friendRequest.From)
	})
	addList(request, "TM", pending, func(request *clientRequest, friendRequest rookery.FriendRequest) {
		request.addUint64Element(unixSeconds(friendRequest.Time))
	})
	addList(request, "RS", pending, func(request *clientRequest, friendRequest rookery.FriendRequest) {
		request.addTextElement(friendRequest.Text)
	})
	return nil
}

// handleBlock blocks or unblocks an account, or lists the blocked ones.
func handleBlock(request *clientRequest) error {
	action, hasAction := request.valueOf("CD")
	if text, _ := request.valueOf("UN"); text == "" {
		if hasAction {
			return parameterError("UN", "missing")
		}
		return answerBlockedList(request)
	}
	block, err := parseYesNo("CD", action)
	if err != nil {
		return err
	}
	other, err := request.parseOtherAccount()
	if err != nil {
		return err
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	if other == rookery.System {
		return rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, which cannot be blocked")
	}
	if block {
		err = request.service.Block(request.ctx, request.session, other, request.requestKey)
	} else {
		err = request.service.Unblock(request.ctx, request.session, other, request.requestKey)
	}
	if err != nil {
		return prefixKey("UN", err)
	}
	request.beginAnswer()
	return nil
}

func answerBlockedList(request *clientRequest) error {
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	blocked, err := request.service.BlockedAccounts(request.ctx, request.session)
	if err != nil {
		return err
	}
	request.beginAnswer()
	request.addPageHead(true, len(blocked))
	addList(request, "UN", blocked, (*clientRequest).addUINElement)
	return nil
}
