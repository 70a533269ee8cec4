package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

const (
	listPage   = 160
	statPage   = 50
	maxPage    = 1000 // whatever TN asks for
	fingerPage = 25
	// endOfPages is SimpleInfo2's NP on the last page.
	endOfPages = 65535
)

func list(req *request) error {
	page, err := req.page(listPage)
	if err != nil {
		return err
	}
	friends, last, err := req.service.Friends(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.ok()
	req.pageHead(last, len(friends))
	elements(req, "UN", friends, (*request).uinElement)
	return nil
}

func queryStat(req *request) error {
	page, err := req.page(statPage)
	if err != nil {
		return err
	}
	friends, last, err := req.service.OnlineFriends(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.ok()
	elements(req, "FC", friends, (*request).faceElement)
	req.pageHead(last, len(friends))
	elements(req, "ST", friends, (*request).statusElement)
	elements(req, "UN", friends, (*request).contactElement)
	elements(req, "NK", friends, (*request).nickElement)
	return nil
}

func queryStat2(req *request) error {
	page, err := req.pageFrom(statPage)
	if err != nil {
		return err
	}
	friends, last, err := req.service.FriendContacts(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.ok()
	req.pageHead(last, len(friends))
	elements(req, "ST", friends, (*request).statusElement)
	elements(req, "UN", friends, (*request).contactElement)
	return nil
}

func simpleInfo2(req *request) error {
	page, err := req.pageFrom(statPage)
	if err != nil {
		return err
	}
	friends, last, err := req.service.FriendContacts(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	next := rookery.UIN(endOfPages)
	if n := len(friends); !last && n > 1 {
		// The account 65535 as the end of a page would read as the end of all.
		if friends[n-1].UIN == endOfPages {
			friends = friends[:n-1]
		}
		next = friends[len(friends)-1].UIN
	}
	req.ok()
	req.account("NP", next)
	req.number("SN", len(friends))
	elements(req, "UN", friends, (*request).contactElement)
	elements(req, "FC", friends, (*request).faceElement)
	elements(req, "NK", friends, (*request).nickElement)
	return nil
}

func finger(req *request) error {
	var profileQuery rookery.ProfileQuery
	var err error
	if profileQuery.Age, err = req.optionalNumber("AG"); err != nil {
		return err
	}
	if profileQuery.Sex, err = req.optionalNumber("SX"); err != nil {
		return err
	}
	if province, _ := req.value("PV"); province != "" {
		profileQuery.Province = &province
	}
	page, err := req.pageFrom(fingerPage)
	if err != nil {
		return err
	}
	found, last, err := req.service.FindAccounts(req.ctx, req.session, profileQuery, page)
	if err != nil {
		return err
	}
	req.ok()
	req.pageHead(last, len(found))
	elements(req, "UN", found, (*request).contactElement)
	elements(req, "NK", found, (*request).nickElement)
	elements(req, "FC", found, (*request).faceElement)
	elements(req, "SX", found, func(req *request, contact service.Contact) { req.numberElement(contact.Profile.Sex) })
	elements(req, "AG", found, func(req *request, contact service.Contact) { req.numberElement(contact.Profile.Age) })
	elements(req, "PV", found, func(req *request, contact service.Contact) { req.textElement(contact.Profile.Province) })
	return nil
}

// pageHead writes whether a page is the last, and how many are on it.
func (c *request) pageHead(last bool, count int) {
	c.flag("FN", last)
	c.number("SN", count)
}

func (c *request) contactElement(contact service.Contact) { c.uinElement(contact.UIN) }
func (c *request) nickElement(contact service.Contact)    { c.textElement(contact.Profile.Nick) }
func (c *request) faceElement(contact service.Contact)    { c.numberElement(contact.Profile.Face) }
func (c *request) statusElement(contact service.Contact) {
	c.numberElement(int(c.version.Status(uint8(contact.Status))))
}
