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
func devices(c *request) error {
	id, err := c.count("ID")
	if err != nil {
		return err
	}
	act, acts := c.value("CD")
	switch {
	case acts && act != "1":
		return parameter("CD", "allowed is 1, which ends a device")
	case acts && id == 0:
		return parameter("ID", "missing")
	case !acts && id != 0:
		return parameter("CD", "missing")
	}
	if err := c.needDevice(); err != nil {
		return err
	}
	if acts {
		if err := c.service.ForgetDevice(c.ctx, c.session, id, c.mark); err != nil {
			return about("ID", err)
		}
		c.ok()
		return nil
	}
	all, err := c.service.Devices(c.ctx, c.session)
	if err != nil {
		return err
	}
	c.ok()
	c.pageHead(true, len(all))
	elements(c, "ID", all, func(c *request, d rookery.Device) { c.bigElement(d.ID) })
	elements(c, "NK", all, func(c *request, d rookery.Device) { c.textElement(d.Name) })
	elements(c, "TM", all, func(c *request, d rookery.Device) { c.bigElement(seconds(d.Since)) })
	return nil
}
