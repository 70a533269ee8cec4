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

func handleList(request *clientRequest) error {
	page, err := request.parsePage(listPageSize)
	if err != nil {
		return err
	}
	friends, last, err := request.service.Friends(request.ctx, request.session, page)
	if err != nil {
		return err
	}
	request.beginAnswer()
	request.addPageHead(last, len(friends))
	addList(request, "UN", friends, (*clientRequest).addUINElement)
	return nil
}

func handleQueryStat(request *clientRequest) error {
	page, err := request.parsePage(statPageSize)
	if err != nil {
		return err
	}
	contacts, last, err := request.service.OnlineFriends(request.ctx, request.session, page)
	if err != nil {
		return err
	}
	request.beginAnswer()
	addList(request, "FC", contacts, (*clientRequest).addContactFace)
	request.addPageHead(last, len(contacts))
	addList(request, "ST", contacts, (*clientRequest).addContactStatus)
	addList(request, "UN", contacts, (*clientRequest).addContactUIN)
	addList(request, "NK", contacts, (*clientRequest).addContactNick)
	return nil
}

func handleQueryStat2(request *clientRequest) error {
	page, err := request.parsePageStart(statPageSize)
	if err != nil {
		return err
	}
	contacts, last, err := request.service.FriendContacts(request.ctx, request.session, page)
	if err != nil {
		return err
	}
	request.beginAnswer()
	request.addPageHead(last, len(contacts))
	addList(request, "ST", contacts, (*clientRequest).addContactStatus)
	addList(request, "UN", contacts, (*clientRequest).addContactUIN)
	return nil
}

func handleSimpleInfo2(request *clientRequest) error {
	page, err := request.parsePageStart(statPageSize)
	if err != nil {
		return err
	}
	contacts, last, err := request.service.FriendContacts(request.ctx, request.session, page)
	if err != nil {
		return err
	}
	next := rookery.UIN(endOfPagesUIN)
	if n := len(contacts); !last && n > 1 {
		// A page must not end with account 65535, which would mean the end of the list.
		if contacts[n-1].UIN == endOfPagesUIN {
			contacts = contacts[:n-1]
		}
		next = contacts[len(contacts)-1].UIN
	}
	request.beginAnswer()
	request.addUIN("NP", next)
	request.addNumber("SN", len(contacts))
	addList(request, "UN", contacts, (*clientRequest).addContactUIN)
	addList(request, "FC", contacts, (*clientRequest).addContactFace)
	addList(request, "NK", contacts, (*clientRequest).addContactNick)
	return nil
}

func handleFinger(request *clientRequest) error {
	var profileQuery rookery.ProfileQuery
	var err error
	if profileQuery.Age, err = request.parseOptionalNumber("AG"); err != nil {
		return err
	}
	if profileQuery.Sex, err = request.parseOptionalNumber("SX"); err != nil {
		return err
	}
	if province, _ := request.valueOf("PV"); province != "" {
		profileQuery.Province = &province
	}
	page, err := request.parsePageStart(fingerPageSize)
	if err != nil {
		return err
	}
	found, last, err := request.service.FindAccounts(request.ctx, request.session, profileQuery, page)
	if err != nil {
		return err
	}
	request.beginAnswer()
	request.addPageHead(last, len(found))
	addList(request, "UN", found, (*clientRequest).addContactUIN)
	addList(request, "NK", found, (*clientRequest).addContactNick)
	addList(request, "FC", found, (*clientRequest).addContactFace)
	addList(request, "SX", found, func(request *clientRequest, contact service.Contact) {
		request.addNumberElement(contact.Profile.Sex)
	})
	addList(request, "AG", found, func(request *clientRequest, contact service.Contact) {
		request.addNumberElement(contact.Profile.Age)
	})
	addList(request, "PV", found, func(request *clientRequest, contact service.Contact) {
		request.addTextElement(contact.Profile.Province)
	})
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
