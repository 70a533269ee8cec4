package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

const (
	listPageSize    = 160
	statPageSize    = 50
	maxListPageSize = 1000 // whatever TN asks for
	fingerPageSize  = 25
	// endOfPagesUIN is SimpleInfo2's NP on the last page.
	endOfPagesUIN = 65535
)

func handleList(req *clientRequest) error {
	page, err := req.parsePage(listPageSize)
	if err != nil {
		return err
	}
	friends, last, err := req.service.Friends(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.beginAnswer()
	req.addPageHead(last, len(friends))
	addList(req, "UN", friends, (*clientRequest).addUINElement)
	return nil
}

func handleQueryStat(req *clientRequest) error {
	page, err := req.parsePage(statPageSize)
	if err != nil {
		return err
	}
	friends, last, err := req.service.OnlineFriends(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.beginAnswer()
	addList(req, "FC", friends, (*clientRequest).addContactFace)
	req.addPageHead(last, len(friends))
	addList(req, "ST", friends, (*clientRequest).addContactStatus)
	addList(req, "UN", friends, (*clientRequest).addContactUIN)
	addList(req, "NK", friends, (*clientRequest).addContactNick)
	return nil
}

func handleQueryStat2(req *clientRequest) error {
	page, err := req.parsePageStart(statPageSize)
	if err != nil {
		return err
	}
	friends, last, err := req.service.FriendContacts(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	req.beginAnswer()
	req.addPageHead(last, len(friends))
	addList(req, "ST", friends, (*clientRequest).addContactStatus)
	addList(req, "UN", friends, (*clientRequest).addContactUIN)
	return nil
}

func handleSimpleInfo2(req *clientRequest) error {
	page, err := req.parsePageStart(statPageSize)
	if err != nil {
		return err
	}
	friends, last, err := req.service.FriendContacts(req.ctx, req.session, page)
	if err != nil {
		return err
	}
	next := rookery.UIN(endOfPagesUIN)
	if n := len(friends); !last && n > 1 {
		// The account 65535 as the end of a page would read as the end of all.
		if friends[n-1].UIN == endOfPagesUIN {
			friends = friends[:n-1]
		}
		next = friends[len(friends)-1].UIN
	}
	req.beginAnswer()
	req.addUIN("NP", next)
	req.addNumber("SN", len(friends))
	addList(req, "UN", friends, (*clientRequest).addContactUIN)
	addList(req, "FC", friends, (*clientRequest).addContactFace)
	addList(req, "NK", friends, (*clientRequest).addContactNick)
	return nil
}

func handleFinger(req *clientRequest) error {
	var profileQuery rookery.ProfileQuery
	var err error
	if profileQuery.Age, err = req.parseOptionalNumber("AG"); err != nil {
		return err
	}
	if profileQuery.Sex, err = req.parseOptionalNumber("SX"); err != nil {
		return err
	}
	if province, _ := req.valueOf("PV"); province != "" {
		profileQuery.Province = &province
	}
	page, err := req.parsePageStart(fingerPageSize)
	if err != nil {
		return err
	}
	found, last, err := req.service.FindAccounts(req.ctx, req.session, profileQuery, page)
	if err != nil {
		return err
	}
	req.beginAnswer()
	req.addPageHead(last, len(found))
	addList(req, "UN", found, (*clientRequest).addContactUIN)
	addList(req, "NK", found, (*clientRequest).addContactNick)
	addList(req, "FC", found, (*clientRequest).addContactFace)
	addList(req, "SX", found, func(req *clientRequest, contact service.Contact) { req.addNumberElement(contact.Profile.Sex) })
	addList(req, "AG", found, func(req *clientRequest, contact service.Contact) { req.addNumberElement(contact.Profile.Age) })
	addList(req, "PV", found, func(req *clientRequest, contact service.Contact) { req.addTextElement(contact.Profile.Province) })
	return nil
}

// addPageHead writes whether a page is the last, and how many are on it.
func (c *clientRequest) addPageHead(last bool, count int) {
	c.addFlag("FN", last)
	c.addNumber("SN", count)
}

func (c *clientRequest) addContactUIN(contact service.Contact) { c.addUINElement(contact.UIN) }
func (c *clientRequest) addContactNick(contact service.Contact) {
	c.addTextElement(contact.Profile.Nick)
}
func (c *clientRequest) addContactFace(contact service.Contact) {
	c.addNumberElement(contact.Profile.Face)
}
func (c *clientRequest) addContactStatus(contact service.Contact) {
	c.addNumberElement(int(c.version.ShownStatus(uint8(contact.Status))))
}
