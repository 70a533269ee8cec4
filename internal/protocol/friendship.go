package protocol

import "github.com/rookery-im/rookery"

// What Ack_AddToList's CD asks for.
const (
	ackAccept  = "0"
	ackReject  = "1"
	ackRequest = "2"
)

var errOneself = parameter("UN", "that is yourself")

func addToList(req *request) error {
	other, err := req.other()
	if err != nil {
		return err
	}
	outcome, err := req.service.AddFriend(req.ctx, req.session, other, req.mark)
	if err != nil {
		return about("UN", err)
	}
	req.ok()
	req.number("CD", int(outcome))
	req.account("UN", other)
	return nil
}

func ackAddToList(req *request) error {
	if err := req.needTarget(); err != nil {
		return err
	}
	words, _ := req.value("RS")
	if words != "" {
		if err := rookery.CheckText(words); err != nil {
			return about("RS", err)
		}
	}
	act, _ := req.value("CD")
	if act != ackAccept && act != ackReject && act != ackRequest {
		return parameter("CD", "allowed are 0, 1 and 2")
	}
	other, err := req.other()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystem
	}
	switch act {
	case ackAccept:
		err = req.service.AcceptRequest(req.ctx, req.session, other, req.mark)
	case ackReject:
		err = req.service.RejectRequest(req.ctx, req.session, other, words, req.mark)
	case ackRequest:
		err = req.service.RequestFriendship(req.ctx, req.session, other, words, req.mark)
	}
	if err != nil {
		return about("UN", err)
	}
	req.ok()
	req.account("UN", other)
	req.text("CD", act)
	return nil
}

func delFromList(req *request) error {
	if err := req.needTarget(); err != nil {
		return err
	}
	other, err := req.target()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystem
	}
	if err := req.service.RemoveFriend(req.ctx, req.session, other, req.mark); err != nil {
		return about("UN", err)
	}
	req.ok()
	req.account("UN", other)
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
