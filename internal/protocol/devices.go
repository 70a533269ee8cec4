package protocol

import "github.com/rookery-im/rookery"

// needDevice refuses what is for device sessions alone to all others. Parameters
// are looked at before.
func (c *request) needDevice() error {
	if c.session.Device() == "" {
		return errNoDevice
	}
	return nil
}

var errNoDevice = rookery.Errorf(rookery.CodeRefused, "CMD: this is for device sessions: log in with VER=1.4 and DV")

// devices lists the account's devices, or ends and forgets one.
func devices(req *request) error {
	id, err := req.count("ID")
	if err != nil {
		return err
	}
	act, acts := req.value("CD")
	switch {
	case acts && act != "1":
		return parameter("CD", "allowed is 1, which ends a device")
	case acts && id == 0:
		return parameter("ID", "missing")
	case !acts && id != 0:
		return parameter("CD", "missing")
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	if acts {
		if err := req.service.ForgetDevice(req.ctx, req.session, id, req.mark); err != nil {
			return about("ID", err)
		}
		req.ok()
		return nil
	}
	all, err := req.service.Devices(req.ctx, req.session)
	if err != nil {
		return err
	}
	req.ok()
	req.pageHead(true, len(all))
	elements(req, "ID", all, func(req *request, device rookery.Device) { req.bigElement(device.ID) })
	elements(req, "NK", all, func(req *request, device rookery.Device) { req.textElement(device.Name) })
	elements(req, "TM", all, func(req *request, device rookery.Device) { req.bigElement(seconds(device.SignedInAt)) })
	return nil
}
