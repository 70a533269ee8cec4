package protocol

import "github.com/rookery-im/rookery"

// What Ack_AddToList's CD asks for.
const (
	ackAccept  = "0"
	ackReject  = "1"
	ackRequest = "2"
)

var errOneself = parameter("UN", "that is yourself")

func addToList(c *request) error {
	other, err := c.other()
	if err != nil {
		return err
	}
	outcome, err := c.service.Add(c.ctx, c.session, other, c.mark)
	if err != nil {
		return about("UN", err)
	}
	c.ok()
	c.number("CD", int(outcome))
	c.account("UN", other)
	return nil
}

func ackAddToList(c *request) error {
	if err := c.needTarget(); err != nil {
		return err
	}
	words, _ := c.value("RS")
	if words != "" {
		if err := rookery.CheckText(words); err != nil {
			return about("RS", err)
		}
	}
	act, _ := c.value("CD")
	if act != ackAccept && act != ackReject && act != ackRequest {
		return parameter("CD", "allowed are 0, 1 and 2")
	}
	other, err := c.other()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystem
	}
	switch act {
	case ackAccept:
		err = c.service.Accept(c.ctx, c.session, other, c.mark)
	case ackReject:
		err = c.service.Reject(c.ctx, c.session, other, words, c.mark)
	case ackRequest:
		err = c.service.Ask(c.ctx, c.session, other, words, c.mark)
	}
	if err != nil {
		return about("UN", err)
	}
	c.ok()
	c.account("UN", other)
	c.text("CD", act)
	return nil
}

func delFromList(c *request) error {
	if err := c.needTarget(); err != nil {
		return err
	}
	other, err := c.target()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystem
	}
	if err := c.service.Unfriend(c.ctx, c.session, other, c.mark); err != nil {
		return about("UN", err)
	}
	c.ok()
	c.account("UN", other)
	return nil
}

var errSystem = rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, not somebody to befriend")

// other is the account to befriend: anybody but oneself.
func (c *request) other() (rookery.UIN, error) {
	if err := c.needTarget(); err != nil {
		return 0, err
	}
	other, err := c.target()
	if err != nil {
		return 0, err
	}
	if other == c.uin {
		return 0, errOneself
	}
	return other, nil
}
