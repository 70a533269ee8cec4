package client

import (
	"context"
	"time"
)

// DeviceInfo describes a device of the account.
type DeviceInfo struct {
	ID         uint64
	Name       string
	SignedInAt time.Time // of the latest login
}

// Devices lists the account's devices, including logged-out ones. It requires a device
// session and returns ErrRefused otherwise.
func (c *Client) Devices(ctx context.Context) ([]DeviceInfo, error) {
	answer, err := c.sendRequest(ctx, commandRequest{command: "Devices"})
	if err != nil {
		return nil, err
	}
	var devices []DeviceInfo
	rows, rowsErr := answer.parseRows("SN", "ID", "NK", "TM")
	for _, row := range rows {
		devices = append(devices, DeviceInfo{ID: row.number("ID", 64), Name: row.text("NK"),
			SignedInAt: row.time("TM")})
	}
	return devices, rowsErr()
}

// RevokeDevice ends a device's session, invalidates its token and deletes the device.
// It returns ErrParameter if there is no such device.
func (c *Client) RevokeDevice(ctx context.Context, id uint64) error {
	_, err := c.sendRequest(ctx, commandRequest{command: "Devices",
		fields: []Field{numberField("ID", id), textField("CD", "1")}, notRepeatable: true})
	return err
}
