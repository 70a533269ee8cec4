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

func list(c *request) error {
	page, err := c.page(listPage)
	if err != nil {
		return err
	}
	friends, last, err := c.service.Friends(c.ctx, c.session, page)
	if err != nil {
		return err
	}
	c.ok()
	c.pageHead(last, len(friends))
	elements(c, "UN", friends, (*request).uinElement)
	return nil
}

func queryStat(c *request) error {
	page, err := c.page(statPage)
	if err != nil {
		return err
	}
	friends, last, err := c.service.FriendsOnline(c.ctx, c.session, page)
	if err != nil {
		return err
	}
	c.ok()
	elements(c, "FC", friends, (*request).faceElement)
	c.pageHead(last, len(friends))
	elements(c, "ST", friends, (*request).statusElement)
	elements(c, "UN", friends, (*request).contactElement)
	elements(c, "NK", friends, (*request).nickElement)
	return nil
}

func queryStat2(c *request) error {
	page, err := c.pageFrom(statPage)
	if err != nil {
		return err
	}
	friends, last, err := c.service.Contacts(c.ctx, c.session, page)
	if err != nil {
		return err
	}
	c.ok()
	c.pageHead(last, len(friends))
	elements(c, "ST", friends, (*request).statusElement)
	elements(c, "UN", friends, (*request).contactElement)
	return nil
}

func simpleInfo2(c *request) error {
	page, err := c.pageFrom(statPage)
	if err != nil {
		return err
	}
	friends, last, err := c.service.Contacts(c.ctx, c.session, page)
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
	c.ok()
	c.account("NP", next)
	c.number("SN", len(friends))
	elements(c, "UN", friends, (*request).contactElement)
	elements(c, "FC", friends, (*request).faceElement)
	elements(c, "NK", friends, (*request).nickElement)
	return nil
}

func finger(c *request) error {
	var f rookery.ProfileQuery
	var err error
	if f.Age, err = c.optionalNumber("AG"); err != nil {
		return err
	}
	if f.Sex, err = c.optionalNumber("SX"); err != nil {
		return err
	}
	if province, _ := c.value("PV"); province != "" {
		f.Province = &province
	}
	page, err := c.pageFrom(fingerPage)
	if err != nil {
		return err
	}
	found, last, err := c.service.Find(c.ctx, c.session, f, page)
	if err != nil {
		return err
	}
	c.ok()
	c.pageHead(last, len(found))
	elements(c, "UN", found, (*request).contactElement)
	elements(c, "NK", found, (*request).nickElement)
	elements(c, "FC", found, (*request).faceElement)
	elements(c, "SX", found, func(c *request, f service.Contact) { c.numberElement(f.Profile.Sex) })
	elements(c, "AG", found, func(c *request, f service.Contact) { c.numberElement(f.Profile.Age) })
	elements(c, "PV", found, func(c *request, f service.Contact) { c.textElement(f.Profile.Province) })
	return nil
}

// pageHead writes whether a page is the last, and how many are on it.
func (c *request) pageHead(last bool, count int) {
	c.flag("FN", last)
	c.number("SN", count)
}

func (c *request) contactElement(f service.Contact) { c.uinElement(f.UIN) }
func (c *request) nickElement(f service.Contact)    { c.textElement(f.Profile.Nick) }
func (c *request) faceElement(f service.Contact)    { c.numberElement(f.Profile.Face) }
func (c *request) statusElement(f service.Contact) {
	c.numberElement(int(c.version.Status(uint8(f.Status))))
}
