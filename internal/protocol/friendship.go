package protocol

import "github.com/rookery-im/rookery"

// Values of CD in Ack_AddToList.
const (
	ackAccept  = "0"
	ackReject  = "1"
	ackRequest = "2"
)

var errOwnAccount = parameterError("UN", "that is yourself")

func handleAddToList(request *clientRequest) error {
	other, err := request.parseOtherAccount()
	if err != nil {
		return err
	}
	outcome, err := request.service.AddFriend(request.ctx, request.session, other, request.requestKey)
	if err != nil {
		return prefixKey("UN", err)
	}
	request.beginAnswer()
	request.addNumber("CD", int(outcome))
	request.addUIN("UN", other)
	return nil
}

func handleAckAddToList(request *clientRequest) error {
	if err := request.requireTarget(); err != nil {
		return err
	}
	words, _ := request.valueOf("RS")
	if words != "" {
		if err := rookery.CheckText(words); err != nil {
			return prefixKey("RS", err)
		}
	}
	action, _ := request.valueOf("CD")
	if action != ackAccept && action != ackReject && action != ackRequest {
		return parameterError("CD", "allowed are 0, 1 and 2")
	}
	other, err := request.parseOtherAccount()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystemAccount
	}
	switch action {
	case ackAccept:
		err = request.service.AcceptRequest(request.ctx, request.session, other, request.requestKey)
	case ackReject:
		err = request.service.RejectRequest(request.ctx, request.session, other, words, request.requestKey)
	case ackRequest:
		err = request.service.RequestFriendship(request.ctx, request.session, other, words, request.requestKey)
	}
	if err != nil {
		return prefixKey("UN", err)
	}
	request.beginAnswer()
	request.addUIN("UN", other)
	request.addText("CD", action)
	return nil
}

func handleDelFromList(request *clientRequest) error {
	if err := request.requireTarget(); err != nil {
		return err
	}
	other, err := request.parseTarget()
	if err != nil {
		return err
	}
	if other == rookery.System {
		return errSystemAccount
	}
	if err := request.service.RemoveFriend(request.ctx, request.session, other, request.requestKey); err != nil {
		return prefixKey("UN", err)
	}
	request.beginAnswer()
	request.addUIN("UN", other)
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
