package protocol

import "github.com/rookery-im/rookery"

// requireDeviceSession refuses commands that are only for device sessions. It is called after all
// parameter checks.
func (c *clientRequest) requireDeviceSession() error {
	if c.session.Device() == "" {
		return errNoDeviceSession
	}
	return nil
}

var errNoDeviceSession = rookery.Errorf(rookery.CodeRefused, "CMD: this is for device sessions: log in with VER=1.4 and DV")

// handleDevices lists the account's devices, or ends the sessions of one and forgets it.
func handleDevices(req *clientRequest) error {
	id, err := req.parseNumber("ID")
	if err != nil {
		return err
	}
	act, acts := req.valueOf("CD")
	switch {
	case acts && act != "1":
		return parameterError("CD", "allowed is 1, which ends a device")
	case acts && id == 0:
		return parameterError("ID", "missing")
	case !acts && id != 0:
		return parameterError("CD", "missing")
	}
	if err := req.requireDeviceSession(); err != nil {
		return err
	}
	if acts {
		if err := req.service.ForgetDevice(req.ctx, req.session, id, req.requestKey); err != nil {
			return prefixKey("ID", err)
		}
		req.beginAnswer()
		return nil
	}
	all, err := req.service.Devices(req.ctx, req.session)
	if err != nil {
		return err
	}
	req.beginAnswer()
	req.addPageHead(true, len(all))
	addList(req, "ID", all, func(req *clientRequest, device rookery.Device) { req.addUint64Element(device.ID) })
	addList(req, "NK", all, func(req *clientRequest, device rookery.Device) { req.addTextElement(device.Name) })
	addList(req, "TM", all, func(req *clientRequest, device rookery.Device) { req.addUint64Element(unixSeconds(device.SignedInAt)) })
	return nil
}
