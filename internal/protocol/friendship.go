package protocol

import "github.com/rookery-im/rookery"

// Values of CD in Ack_AddToList.
const (
	ackAccept  = "0"
	ackReject  = "1"
	ackRequest = "2"
)

var errOwnAccount = parameterError("UN", "that is yourself")

func handleAddToList(req *clientRequest) error {
	other, err := req.parseOtherAccount()
	if err != nil {
		return err
	}
	outcome, err := req.service.AddFriend(req.ctx, req.session, other, req.requestKey)
	if err != nil {
		return prefixKey("UN", err)
	}
	req.beginAnswer()
	req.addNumber("CD", int(outcome))
	req.addUIN("UN", other)
	return nil
}

func handleAckAddToList(req *clientRequest) error {
	if err := req.requireTarget(); err != nil {
		return err
	}
	words, _ := req.valueOf("RS")
	if words != "" {
		if err := rookery.CheckText(words); err != nil {
			return prefixKey("RS", err)
		}
	}
	act, _ := req.valueOf("CD")
	if act != ackAccept && act != ackReject && act != ackRequest {
		return parameterError("CD", "allowed are 0, 1 and 2")
	}
	other, err := req.parseOtherAccount()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystemAccount
	}
	switch act {
	case ackAccept:
		err = req.service.AcceptRequest(req.ctx, req.session, other, req.requestKey)
	case ackReject:
		err = req.service.RejectRequest(req.ctx, req.session, other, words, req.requestKey)
	case ackRequest:
		err = req.service.RequestFriendship(req.ctx, req.session, other, words, req.requestKey)
	}
	if err != nil {
		return prefixKey("UN", err)
	}
	req.beginAnswer()
	req.addUIN("UN", other)
	req.addText("CD", act)
	return nil
}

func handleDelFromList(req *clientRequest) error {
	if err := req.requireTarget(); err != nil {
		return err
	}
	other, err := req.parseTarget()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystemAccount
	}
	if err := req.service.RemoveFriend(req.ctx, req.session, other, req.requestKey); err != nil {
		return prefixKey("UN", err)
	}
	req.beginAnswer()
	req.addUIN("UN", other)
	return nil
}

var errSystemAccount = rookery.Errorf(rookery.CodeRefused, "UN: 10000 is the server itself, not somebody to befriend")

// parseOtherAccount reads UN as an account other than the caller's.
func (c *clientRequest) parseOtherAccount() (rookery.UIN, error) {
	if err := c.requireTarget(); err != nil {
		return 0, err
	}
	other, err := c.parseTarget()
	if err != nil {
		return 0, err
	}
	if other == c.uin {
		return 0, errOwnAccount
	}
	return other, nil
}
