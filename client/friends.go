package client

import (
	"context"
	"strconv"
)

// Friend is a friend as the friend list shows it.
type Friend struct {
	UIN    UIN
	Nick   string
	Face   int
	Status Status
}

// friendLister is a way to read the friend list.
type friendLister func(messenger *Client, ctx context.Context) ([]Friend, error)

// Friends lists the account's friends by number.
func (c *Client) Friends(ctx context.Context) ([]Friend, error) {
	return c.options.traits().friends(c, ctx)
}

// Online lists the friends who look online, by number.
func (c *Client) Online(ctx context.Context) ([]Friend, error) {
	var online []Friend
	err := c.pages(ctx, request{command: "Query_Stat", fields: []Field{text("TN", "1000")}}, func(answer Answer) error {
		rows, check := answer.rows("SN", "UN", "FC", "NK", "ST")
		for _, row := range rows {
			online = append(online, Friend{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"), Status: Status(row.number("ST", 8))})
		}
		return check()
	})
	return online, err
}

// friendsBySimpleInfo is how 1.4 does it: names from one command, statuses from another.
func (c *Client) friendsBySimpleInfo(ctx context.Context) ([]Friend, error) {
	var friends []Friend
	for next := "0"; next != endOfPages; {
		answer, err := c.ask(ctx, request{command: "SimpleInfo2", fields: []Field{text("UN", next)}})
		if err != nil {
			return nil, err
		}
		rows, check := answer.rows("SN", "UN", "FC", "NK")
		for _, row := range rows {
			friends = append(friends, Friend{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"), Status: StatusOffline})
		}
		if err := check(); err != nil {
			return nil, err
		}
		if np := answer.Text("NP"); np != next {
			next = np
			continue
		}
		return nil, badAnswer("SimpleInfo2", "NP=%s leads nowhere", next)
	}
	statuses := make(map[UIN]Status, len(friends))
	err := c.pages(ctx, request{command: "Query_Stat2"}, func(answer Answer) error {
		rows, check := answer.rows("SN", "UN", "ST")
		for _, row := range rows {
			statuses[row.uin("UN")] = Status(row.number("ST", 8))
		}
		return check()
	})
	for i, friend := range friends {
		if status, ok := statuses[friend.UIN]; ok {
			friends[i].Status = status
		}
	}
	return friends, err
}

// endOfPages is the NP of the last page.
const endOfPages = "65535"

// friendsByList is how older clients do it: numbers from List, who is online
// from Query_Stat, and the names of the others one by one.
func (c *Client) friendsByList(ctx context.Context) ([]Friend, error) {
	var uins []UIN
	err := c.pages(ctx, request{command: "List", fields: []Field{text("TN", "1000")}}, func(answer Answer) error {
		rows, check := answer.rows("SN", "UN")
		for _, row := range rows {
			uins = append(uins, row.uin("UN"))
		}
		return check()
	})
	if err != nil {
		return nil, err
	}
	online, err := c.Online(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[UIN]Friend, len(online))
	for _, friend := range online {
		known[friend.UIN] = friend
	}
	friends := make([]Friend, 0, len(uins))
	for _, uin := range uins {
		friend, ok := known[uin]
		if !ok {
			answer, err := c.ask(ctx, request{command: "GetInfo", fields: []Field{number("UN", uin), text("LV", "1")}})
			if err != nil {
				return nil, err
			}
			face, err := answer.count("FC")
			if err != nil {
				return nil, err
			}
			friend = Friend{UIN: uin, Nick: answer.Text("NK"), Face: int(face), Status: StatusOffline}
		}
		friends = append(friends, friend)
	}
	return friends, nil
}

// pages asks for a list page by page: FN=1 says that a page is the last, else
// the next one begins after the last UN.
func (c *Client) pages(ctx context.Context, r request, read func(Answer) error) error {
	fields := r.fields
	for after := UIN(0); ; {
		r.fields = append(fields[:len(fields):len(fields)], number("UN", after))
		answer, err := c.ask(ctx, r)
		if err != nil {
			return err
		}
		if err := read(answer); err != nil {
			return err
		}
		page := answer.List("UN")
		if answer.is("FN", "1") || len(page) == 0 {
			return nil
		}
		last, err := strconv.ParseUint(page[len(page)-1], 10, 32)
		if err != nil || UIN(last) <= after {
			return badAnswer(r.command, "its UN leads nowhere")
		}
		after = UIN(last)
	}
}

// SetStatus changes the account's status. The client signs in with it when it
// has to sign in again.
func (c *Client) SetStatus(ctx context.Context, status Status) error {
	_, err := c.ask(ctx, c.changeStatus(status))
	if err == nil {
		c.mu.Lock()
		c.status = status
		c.mu.Unlock()
	}
	return err
}

func (c *Client) changeStatus(status Status) request {
	return request{command: "Change_Stat", fields: []Field{number("ST", c.options.traits().Status(uint8(status)))}}
}

// Remove ends a friendship.
func (c *Client) Remove(ctx context.Context, uin UIN) error {
	_, err := c.ask(ctx, request{command: "DelFromList", fields: []Field{number("UN", uin)}})
	return err
}

// Query is a search for people who are online; what is nil or empty may be anything.
type Query struct {
	Age, Sex *int
	Province string
}

// Found is one whom a search has found.
type Found struct {
	UIN      UIN
	Nick     string
	Face     int
	Sex, Age int
	Province string
}

// Find searches, all pages.
func (c *Client) Find(ctx context.Context, query Query) ([]Found, error) {
	optional := func(key string, n *int) Field {
		if n == nil {
			return text(key, "")
		}
		return text(key, strconv.Itoa(*n))
	}
	var all []Found
	err := c.pages(ctx, request{command: "Finger", fields: []Field{optional("AG", query.Age), optional("SX", query.Sex), text("PV", query.Province)}}, func(answer Answer) error {
		rows, check := answer.rows("SN", "UN", "NK", "FC", "SX", "AG", "PV")
		for _, row := range rows {
			all = append(all, Found{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"), Sex: row.int("SX"), Age: row.int("AG"), Province: row.text("PV")})
		}
		return check()
	})
	return all, err
}
