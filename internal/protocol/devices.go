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

var errNoDeviceSession = rookery.Errorf(rookery.CodeRefused,
	"CMD: this is for device sessions: log in with VER=1.4 and DV")

// handleDevices lists the account's devices, or ends the sessions of one and forgets it.
func handleDevices(request *clientRequest) error {
	id, err := request.parseNumber("ID")
	if err != nil {
		return err
	}
	action, hasAction := request.valueOf("CD")
	switch {
	case hasAction && action != "1":
		return parameterError("CD", "allowed is 1, which ends a device")
	case hasAction && id == 0:
		return parameterError("ID", "missing")
	case !hasAction && id != 0:
		return parameterError("CD", "missing")
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	if hasAction {
		if err := request.service.ForgetDevice(request.ctx, request.session, id, request.requestKey); err != nil {
			return prefixKey("ID", err)
		}
		request.beginAnswer()
		return nil
	}
	deviceList, err := request.service.Devices(request.ctx, request.session)
	if err != nil {
		return err
	}
	request.beginAnswer()
	request.addPageHead(true, len(deviceList))
	addList(request, "ID", deviceList, func(request *clientRequest, device rookery.Device) {
		request.addUint64Element(device.ID)
	})
	addList(request, "NK", deviceList, func(request *clientRequest, device rookery.Device) {
		request.addTextElement(device.Name)
	})
	addList(request, "TM", deviceList, func(request *clientRequest, device rookery.Device) {
		request.addUint64Element(unixSeconds(device.SignedInAt))
	})
	return nil
}
