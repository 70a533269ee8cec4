package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

const (
	listPageSize    = 160
	statPageSize    = 50
	maxListPageSize = 1000 // upper limit for TN
	fingerPageSize  = 25
	// endOfPagesUIN is the NP of SimpleInfo2 on the last page.
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
		// A page must not end with account 65535, which would mean the end of the list.
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

// addPageHead appends whether the page is the last one, and its number of elements.
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
