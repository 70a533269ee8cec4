package client

import (
	"context"
	"strconv"
)

// Friend is a row of the friend list.
type Friend struct {
	UIN    UIN
	Nick   string
	Face   int
	Status Status
}

// friendLister reads the friend list with the commands of a protocol version.
type friendLister func(c *Client, ctx context.Context) ([]Friend, error)

// Friends lists the account's friends in the order of their numbers.
func (c *Client) Friends(ctx context.Context) ([]Friend, error) {
	return c.options.protocolTraits().listFriends(c, ctx)
}

// OnlineFriends lists the friends who appear online, in the order of their numbers.
func (c *Client) OnlineFriends(ctx context.Context) ([]Friend, error) {
	var online []Friend
	err := c.fetchPages(ctx, commandRequest{command: "Query_Stat", fields: []Field{textField("TN", "1000")}},
		func(answer Answer) error {
			rows, rowsErr := answer.parseRows("SN", "UN", "FC", "NK", "ST")
			for _, row := range rows {
				online = append(online, Friend{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"),
					Status: Status(row.number("ST", 8))})
			}
			return rowsErr()
		})
	return online, err
}

// friendsBySimpleInfo reads the list in version 1.4: names from SimpleInfo2, statuses
// from Query_Stat2.
func (c *Client) friendsBySimpleInfo(ctx context.Context) ([]Friend, error) {
	var friends []Friend
	for page := "0"; page != lastPageMarker; {
		answer, err := c.sendRequest(ctx, commandRequest{command: "SimpleInfo2",
			fields: []Field{textField("UN", page)}})
		if err != nil {
			return nil, err
		}
		rows, rowsErr := answer.parseRows("SN", "UN", "FC", "NK")
		for _, row := range rows {
			friends = append(friends, Friend{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"),
				Status: StatusOffline})
		}
		if err := rowsErr(); err != nil {
			return nil, err
		}
		if nextPage := answer.Text("NP"); nextPage != page {
			page = nextPage
			continue
		}
		return nil, newAnswerError("SimpleInfo2", "NP=%s leads nowhere", page)
	}
	statuses := make(map[UIN]Status, len(friends))
	err := c.fetchPages(ctx, commandRequest{command: "Query_Stat2"}, func(answer Answer) error {
		rows, rowsErr := answer.parseRows("SN", "UN", "ST")
		for _, row := range rows {
			statuses[row.uin("UN")] = Status(row.number("ST", 8))
		}
		return rowsErr()
	})
	for i, friend := range friends {
		if status, ok := statuses[friend.UIN]; ok {
			friends[i].Status = status
		}
	}
	return friends, err
}

// lastPageMarker is the value of NP on the last page.
const lastPageMarker = "65535"

// friendsByList reads the list before version 1.4: numbers from List, online friends
// from Query_Stat, and the names of the others one by one from GetInfo.
func (c *Client) friendsByList(ctx context.Context) ([]Friend, error) {
	var uins []UIN
	err := c.fetchPages(ctx, commandRequest{command: "List", fields: []Field{textField("TN", "1000")}},
		func(answer Answer) error {
			rows, rowsErr := answer.parseRows("SN", "UN")
			for _, row := range rows {
				uins = append(uins, row.uin("UN"))
			}
			return rowsErr()
		})
	if err != nil {
		return nil, err
	}
	online, err := c.OnlineFriends(ctx)
	if err != nil {
		return nil, err
	}
	onlineByUIN := make(map[UIN]Friend, len(online))
	for _, friend := range online {
		onlineByUIN[friend.UIN] = friend
	}
	friends := make([]Friend, 0, len(uins))
	for _, uin := range uins {
		friend, ok := onlineByUIN[uin]
		if !ok {
			answer, err := c.sendRequest(ctx, commandRequest{command: "GetInfo",
				fields: []Field{numberField("UN", uin), textField("LV", "1")}})
			if err != nil {
				return nil, err
			}
			face, err := answer.number("FC")
			if err != nil {
				return nil, err
			}
			friend = Friend{UIN: uin, Nick: answer.Text("NK"), Face: int(face), Status: StatusOffline}
		}
		friends = append(friends, friend)
	}
	return friends, nil
}

// fetchPages requests a list page by page and passes each answer to readPage. FN=1 marks
// the last page. Each further page begins after the last UN of the one before.
func (c *Client) fetchPages(ctx context.Context, request commandRequest, readPage func(Answer) error) error {
	fields := request.fields
	for after := UIN(0); ; {
		request.fields = append(fields[:len(fields):len(fields)], numberField("UN", after))
		answer, err := c.sendRequest(ctx, request)
		if err != nil {
			return err
		}
		if err := readPage(answer); err != nil {
			return err
		}
		uins := answer.List("UN")
		if answer.hasValue("FN", "1") || len(uins) == 0 {
			return nil
		}
		last, err := strconv.ParseUint(uins[len(uins)-1], 10, 32)
		if err != nil || UIN(last) <= after {
			return newAnswerError(request.command, "its UN leads nowhere")
		}
		after = UIN(last)
	}
}

// SetStatus changes the account's status. The client restores it when it logs in again.
func (c *Client) SetStatus(ctx context.Context, status Status) error {
	_, err := c.sendRequest(ctx, c.statusRequest(status))
	if err == nil {
		c.mu.Lock()
		c.status = status
		c.mu.Unlock()
	}
	return err
}

func (c *Client) statusRequest(status Status) commandRequest {
	return commandRequest{command: "Change_Stat",
		fields: []Field{numberField("ST", c.options.protocolTraits().ShownStatus(uint8(status)))}}
}

// RemoveFriend ends a friendship.
func (c *Client) RemoveFriend(ctx context.Context, uin UIN) error {
	_, err := c.sendRequest(ctx, commandRequest{command: "DelFromList", fields: []Field{numberField("UN", uin)}})
	return err
}

// SearchQuery is a search for online accounts. A nil or empty field matches everything.
type SearchQuery struct {
	Age, Sex *int
	Province string
}

// SearchResult is an account that Find has found.
type SearchResult struct {
	UIN      UIN
	Nick     string
	Face     int
	Sex, Age int
	Province string
}

// Find returns all matching accounts.
func (c *Client) Find(ctx context.Context, query SearchQuery) ([]SearchResult, error) {
	optionalField := func(key string, number *int) Field {
		if number == nil {
			return textField(key, "")
		}
		return textField(key, strconv.Itoa(*number))
	}
	var results []SearchResult
	err := c.fetchPages(ctx, commandRequest{command: "Finger",
		fields: []Field{optionalField("AG", query.Age), optionalField("SX", query.Sex),
			textField("PV", query.Province)}}, func(answer Answer) error {
		rows, rowsErr := answer.parseRows("SN", "UN", "NK", "FC", "SX", "AG", "PV")
		for _, row := range rows {
			results = append(results, SearchResult{UIN: row.uin("UN"), Nick: row.text("NK"), Face: row.int("FC"),
				Sex: row.int("SX"), Age: row.int("AG"), Province: row.text("PV")})
		}
		return rowsErr()
	})
	return results, err
}
