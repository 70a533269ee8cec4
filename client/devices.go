package client

import (
	"context"
	"time"
)

// DeviceInfo is one of the account's devices.
type DeviceInfo struct {
	ID    uint64
	Name  string
	Since time.Time // its latest sign-in
}

// Devices lists the account's devices, those that are logged out too. Only for
// device sessions; elsewhere it is ErrRefused.
func (c *Client) Devices(ctx context.Context) ([]DeviceInfo, error) {
	answer, err := c.ask(ctx, request{command: "Devices"})
	if err != nil {
		return nil, err
	}
	var all []DeviceInfo
	rows, check := answer.rows("SN", "ID", "NK", "TM")
	for _, row := range rows {
		all = append(all, DeviceInfo{ID: row.number("ID", 64), Name: row.text("NK"), Since: row.time("TM")})
	}
	return all, check()
}

// Revoke ends a device's session and forgets the device: its token is of no use any more.
// ErrParameter if there is no such device.
func (c *Client) Revoke(ctx context.Context, id uint64) error {
	_, err := c.ask(ctx, request{command: "Devices", fields: []Field{number("ID", id), text("CD", "1")}, once: true})
	return err
}
