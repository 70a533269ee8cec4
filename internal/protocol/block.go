package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// requestPage is how many friend requests a page of Requests has at most.
const requestPage = 50

// requests lists the friend requests that wait.
func requests(req *request) error {
	page, err := req.pageFrom(requestPage)
	if err != nil {
		return err
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	waiting, last, err := req.service.FriendRequests(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.ok()
	n := fitting(req.room("&FN=0&SN=00&UN=&TM=&RS="), waiting, func(friendRequest rookery.FriendRequest) int {
		return digits(uint64(friendRequest.From)) + digits(seconds(friendRequest.Time)) + len(",,") + wire.ElementSize(req.peer.Form, friendRequest.Text)
	})
	last, waiting = last && n == len(waiting), waiting[:n]
	req.pageHead(last, len(waiting))
	elements(req, "UN", waiting, func(req *request, friendRequest rookery.FriendRequest) { req.uinElement(friendRequest.From) })
	elements(req, "TM", waiting, func(req *request, friendRequest rookery.FriendRequest) { req.bigElement(seconds(friendRequest.Time)) })
	elements(req, "RS", waiting, func(req *request, friendRequest rookery.FriendRequest) { req.textElement(friendRequest.Text) })
	return nil
}

// block keeps an account out, lets it in again, or lists those who are kept
// out.
func block(req *request) error {
	act, acts := req.value("CD")
	if text, _ := req.value("UN"); text == "" {
		if acts {
			return parameter("UN", "missing")
		}
		return blocked(req)
	}
	block, err := yesOrNo("CD", act)
	if err != nil {
		return err
	}
	other, err := req.other()
	if err != nil {
		return err
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	if other == rookery.System {
		return rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, which cannot be blocked")
	}
	if block {
		err = req.service.Block(req.ctx, req.session, other, req.mark)
	} else {
		err = req.service.Unblock(req.ctx, req.session, other, req.mark)
	}
	if err != nil {
		return about("UN", err)
	}
	req.ok()
	return nil
}

func blocked(req *request) error {
	if err := req.needDevice(); err != nil {
		return err
	}
	all, err := req.service.BlockedAccounts(req.ctx, req.session)
	if err != nil {
		return err
	}
	req.ok()
	req.pageHead(true, len(all))
	elements(req, "UN", all, (*request).uinElement)
	return nil
}
