package sqlite

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Devices implements service.Store.
func (s *Store) Devices(ctx context.Context, uin rookery.UIN) (list []rookery.Device, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows(`SELECT id, name, since,
				EXISTS (SELECT 1 FROM sessions WHERE account = d.account AND device = d.name)
			FROM devices d WHERE account = ? ORDER BY id`, func(row resultRow) bool {
			list = append(list, rookery.Device{
				ID: uint64(row.int(0)), Name: row.text(1), SignedInAt: row.time(2), SignedIn: row.bool(3),
			})
			return true
		}, uin)
	})
	return list, err
}

// recordDeviceSignIn stores the time of a device's sign-in, and creates the device if the account has
// none of that name. A new device starts at the highest cursor of the account.
func (b *writeBatch) recordDeviceSignIn(session rookery.Session) error {
	changedRows, err := b.conn.execute(
		"UPDATE devices SET since = ? WHERE account = ? AND name = ?", session.SignedInAt, session.Account,
		session.Device,
	)
	if err != nil || changedRows > 0 {
		return err
	}
	hasMaximum, err := b.conn.hasRow(
		"SELECT 1 FROM devices WHERE account = ? LIMIT 1 OFFSET ?", session.Account, rookery.MaxDevices-1,
	)
	switch {
	case err != nil:
		return err
	case hasMaximum:
		return rookery.Errorf(rookery.CodeRefused,
			"the account has %d devices, and may not have more: sign in as one of them, or remove one first",
			rookery.MaxDevices)
	}
	for _, statement := range []string{
		"UPDATE accounts SET devices_made = devices_made + 1 WHERE account = ?1",
		"INSERT INTO devices SELECT ?1, devices_made, ?2, ?3 FROM accounts WHERE account = ?1",
		`INSERT INTO places SELECT ?1, ?2, max(taken,
				coalesce((SELECT max(number) FROM places WHERE account = ?1), 0)), 0, x''
			FROM accounts WHERE account = ?1`,
	} {
		if _, err := b.conn.execute(statement, session.Account, session.Device, session.SignedInAt); err != nil {
			return err
		}
	}
	b.discardBacklog(session.Account) // the new device's cursor may be the highest
	return nil
}

// ForgetDevice implements service.Store.
func (s *Store) ForgetDevice(
	ctx context.Context, uin rookery.UIN, id uint64, key rookery.RequestKey,
) (rookery.Receipt, error) {
	return s.applyOnce(ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error {
		var name string
		found, err := batch.conn.queryFirst(
			"SELECT name FROM devices WHERE account = ? AND id = ?",
			func(row resultRow) { name = row.text(0) }, uin, id,
		)
		switch {
		case err != nil:
			return err
		case !found:
			return rookery.Errorf(rookery.CodeParameter, "the account has no device %d: list its devices", id)
		}
		for _, statement := range []string{
			`UPDATE accounts SET taken = max(taken, (SELECT number FROM places WHERE account = ?1 AND device = ?2))
				WHERE account = ?1`,
			"DELETE FROM places WHERE account = ?1 AND device = ?2",
			"DELETE FROM sessions WHERE account = ?1 AND device = ?2",
			"DELETE FROM devices WHERE account = ?1 AND name = ?2",
		} {
			if _, err := batch.conn.execute(statement, uin, name); err != nil {
				return err
			}
		}
		batch.invalidateDeviceKeys(uin, name)
		batch.discardBacklog(uin)
		return nil
	})
}
