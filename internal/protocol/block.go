package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// requestPage is how many friend requests a page of Requests has at most.
const requestPage = 50

// requests lists the friend requests that wait.
func requests(c *request) error {
	page, err := c.pageFrom(requestPage)
	if err != nil {
		return err
	}
	if err := c.needDevice(); err != nil {
		return err
	}
	waiting, last, err := c.service.Requests(c.ctx, c.session, page)
	if err != nil {
		return err
	}
	c.ok()
	n := fitting(c.room("&FN=0&SN=00&UN=&TM=&RS="), waiting, func(r rookery.FriendRequest) int {
		return digits(uint64(r.From)) + digits(seconds(r.Time)) + len(",,") + wire.ElementSize(c.peer.Form, r.Words)
	})
	last, waiting = last && n == len(waiting), waiting[:n]
	c.pageHead(last, len(waiting))
	elements(c, "UN", waiting, func(c *request, r rookery.FriendRequest) { c.uinElement(r.From) })
	elements(c, "TM", waiting, func(c *request, r rookery.FriendRequest) { c.bigElement(seconds(r.Time)) })
	elements(c, "RS", waiting, func(c *request, r rookery.FriendRequest) { c.textElement(r.Words) })
	return nil
}

// block keeps an account out, lets it in again, or lists those who are kept
// out.
func block(c *request) error {
	act, acts := c.value("CD")
	if text, _ := c.value("UN"); text == "" {
		if acts {
			return parameter("UN", "missing")
		}
		return blocked(c)
	}
	block, err := yesOrNo("CD", act)
	if err != nil {
		return err
	}
	other, err := c.other()
	if err != nil {
		return err
	}
	if err := c.needDevice(); err != nil {
		return err
	}
	if other == rookery.System {
		return rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, which cannot be blocked")
	}
	if block {
		err = c.service.Block(c.ctx, c.session, other, c.mark)
	} else {
		err = c.service.Unblock(c.ctx, c.session, other, c.mark)
	}
	if err != nil {
		return about("UN", err)
	}
	c.ok()
	return nil
}

func blocked(c *request) error {
	if err := c.needDevice(); err != nil {
		return err
	}
	all, err := c.service.Blocked(c.ctx, c.session)
	if err != nil {
		return err
	}
	c.ok()
	c.pageHead(true, len(all))
	elements(c, "UN", all, (*request).uinElement)
	return nil
}
