package sqlite

import (
	"context"
	"encoding/json"
	"math"

	"github.com/rookery-im/rookery"
)

// accountColumns lists the columns in the order of scanAccount and accountValues.
const accountColumns = `account, nick, face, age, sex, blood, constellation, animal, country,
	province, city, school, job, home_page, about, real_name, mail, phone, mobile, address, post_code, rule,
	strangers, findable, show_private, created, revision, devices_only`

func scanAccount(r resultRow) rookery.Account {
	return rookery.Account{
		UIN: r.uin(0),
		Profile: rookery.Profile{
			Nick: r.text(1), Face: int(r.int(2)), Age: int(r.int(3)), Sex: int(r.int(4)), Blood: int(r.int(5)),
			Constellation: int(r.int(6)), Animal: int(r.int(7)), Country: r.text(8), Province: r.text(9),
			City: r.text(10), School: r.text(11), Job: r.text(12), HomePage: r.text(13), About: r.text(14),
			RealName: r.text(15), Mail: r.text(16), Phone: r.text(17), Mobile: r.text(18), Address: r.text(19),
			PostCode: r.text(20),
		},
		FriendRule: rookery.FriendRule(r.int(21)), AllowStrangers: r.bool(22), Findable: r.bool(23),
		ShowPrivate: r.bool(24), Created: r.time(25), Revision: uint64(r.int(26)), DevicesOnly: r.bool(27),
	}
}

func accountValues(account rookery.Account) []any {
	profile := account.Profile
	return []any{
		account.UIN, profile.Nick, profile.Face, profile.Age, profile.Sex, profile.Blood, profile.Constellation,
		profile.Animal, profile.Country, profile.Province, profile.City, profile.School, profile.Job,
		profile.HomePage, profile.About, profile.RealName, profile.Mail, profile.Phone, profile.Mobile,
		profile.Address, profile.PostCode, account.FriendRule, account.AllowStrangers, account.Findable,
		account.ShowPrivate, account.Created, account.Revision, account.DevicesOnly,
	}
}

func noAccountError(uin rookery.UIN) error {
	return rookery.Errorf(rookery.CodeNoAccount, "there is no account %d", uin)
}

// CreateAccount implements service.Store.
func (s *Store) CreateAccount(
	ctx context.Context, a rookery.Account, credential rookery.Credential,
) (rookery.UIN, error) {
	var created rookery.UIN
	err := s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		account := a // apply may run twice and must choose a number each time
		free, err := batch.loadLowestFreeBound()
		if err != nil {
			return err
		}
		if account.UIN == 0 {
			if account.UIN, err = batch.findLowestFreeUIN(free); err != nil {
				return err
			}
		}
		switch exists, err := batch.loadNewestNumber(account.UIN); {
		case err != nil:
			return err
		case exists:
			return rookery.Errorf(rookery.CodeExists, "the account %d exists already", account.UIN)
		}
		_, err = batch.conn.execute(`INSERT INTO accounts (`+accountColumns+`, credential)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			append(accountValues(account), string(credential))...)
		if err == nil {
			_, err = batch.conn.execute(`UPDATE accounts SET devices_made = removed.devices FROM removed
				WHERE accounts.account = ?1 AND removed.account = ?1`, account.UIN)
		}
		if err == nil && account.UIN == free {
			err = batch.saveLowestFreeBound(free + 1)
		}
		created = account.UIN
		return err
	}})
	if err != nil {
		return 0, err
	}
	return created, nil
}

// loadLowestFreeBound returns a number below which every account number is taken. The search for a
// free number starts there.
func (b *writeBatch) loadLowestFreeBound() (free rookery.UIN, err error) {
	_, err = b.conn.queryFirst("SELECT value FROM meta WHERE name = 'free'", func(row resultRow) { free = row.uin(0) })
	return free, err
}

func (b *writeBatch) saveLowestFreeBound(free rookery.UIN) error {
	_, err := b.conn.execute("UPDATE meta SET value = ? WHERE name = 'free'", free)
	return err
}

// findLowestFreeUIN returns the lowest free number from free on, and stores it as the new bound.
func (b *writeBatch) findLowestFreeUIN(free rookery.UIN) (lowest rookery.UIN, err error) {
	next := int64(0)
	_, err = b.conn.queryFirst(`SELECT account + 1 FROM accounts a WHERE account >= ?
		AND NOT EXISTS (SELECT 1 FROM accounts WHERE account = a.account + 1) ORDER BY account LIMIT 1`,
		func(row resultRow) { next = row.int(0) }, free-1)
	switch {
	case err != nil:
		return 0, err
	case next > math.MaxUint32:
		return 0, rookery.Errorf(rookery.CodeRefused, "all account numbers are taken")
	}
	return rookery.UIN(next), b.saveLowestFreeBound(rookery.UIN(next))
}

// Account implements service.Store.
func (s *Store) Account(ctx context.Context, uin rookery.UIN) (account rookery.Account, err error) {
	var found bool
	err = s.withReader(ctx, func(conn *dbConn) (err error) {
		found, err = conn.queryFirst(
			"SELECT "+accountColumns+" FROM accounts WHERE account = ?",
			func(row resultRow) { account = scanAccount(row) }, uin,
		)
		return err
	})
	if err == nil && !found {
		err = noAccountError(uin)
	}
	return account, err
}

// Accounts implements service.Store.
func (s *Store) Accounts(ctx context.Context, uins []rookery.UIN) ([]rookery.Account, error) {
	list, err := json.Marshal(uins)
	if err != nil {
		return nil, rookery.Temporary(err)
	}
	return s.queryAccounts(ctx, "SELECT "+accountColumns+` FROM accounts
		WHERE account IN (SELECT value FROM json_each(?)) ORDER BY account`, string(list))
}

// AccountsAfter implements service.Store.
func (s *Store) AccountsAfter(ctx context.Context, after rookery.UIN, limit int) ([]rookery.Account, error) {
	return s.queryAccounts(
		ctx, "SELECT "+accountColumns+" FROM accounts WHERE account > ? ORDER BY account LIMIT ?", after, max(limit, 0),
	)
}

func (s *Store) queryAccounts(ctx context.Context, query string, args ...any) (list []rookery.Account, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows(query, func(row resultRow) bool {
			list = append(list, scanAccount(row))
			return true
		}, args...)
	})
	return list, err
}

// UpdateAccount implements service.Store.
func (s *Store) UpdateAccount(
	ctx context.Context, account rookery.Account, key rookery.RequestKey,
) (rookery.Receipt, error) {
	return s.applyOnce(ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error {
		values := accountValues(account)
		changedRows, err := batch.conn.execute(`UPDATE accounts SET nick=?2, face=?3, age=?4, sex=?5, blood=?6,
			constellation=?7, animal=?8, country=?9, province=?10, city=?11, school=?12, job=?13, home_page=?14,
			about=?15, real_name=?16, mail=?17, phone=?18, mobile=?19, address=?20, post_code=?21, rule=?22,
			strangers=?23, findable=?24, show_private=?25, devices_only=?27, revision=revision+1
			WHERE account=?1 AND revision=?26`,
			append(values[:25:25], account.Revision, account.DevicesOnly)...)
		if err != nil || changedRows > 0 {
			return err
		}
		switch exists, err := batch.loadNewestNumber(account.UIN); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(account.UIN)
		}
		return rookery.Errorf(
			rookery.CodeConflict, "the account %d was changed by somebody else meanwhile", account.UIN,
		)
	})
}

// Credential implements service.Store.
func (s *Store) Credential(ctx context.Context, uin rookery.UIN) (credential rookery.Credential, err error) {
	var found bool
	err = s.withReader(ctx, func(conn *dbConn) (err error) {
		credential, found, err = conn.loadCredential(uin)
		return err
	})
	if err == nil && !found {
		err = noAccountError(uin)
	}
	return credential, err
}

func (c *dbConn) loadCredential(uin rookery.UIN) (credential rookery.Credential, found bool, err error) {
	found, err = c.queryFirst("SELECT credential FROM accounts WHERE account = ?",
		func(row resultRow) { credential = rookery.Credential(row.text(0)) }, uin)
	return credential, found, err
}

// SetCredential implements service.Store.
func (s *Store) SetCredential(ctx context.Context, uin rookery.UIN, credential rookery.Credential) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		changedRows, err := batch.conn.execute(
			"UPDATE accounts SET credential = ? WHERE account = ?", string(credential), uin,
		)
		switch {
		case err != nil:
			return err
		case changedRows == 0:
			return noAccountError(uin)
		}
		_, err = batch.conn.execute("DELETE FROM sessions WHERE account = ?", uin)
		return err
	}})
}

// RemoveAccount implements service.Store. The journal is flushed first, because its rows could bring
// back entries of the account after a crash.
func (s *Store) RemoveAccount(ctx context.Context, uin rookery.UIN) error {
	return s.submitWrite(ctx, writeRequest{needsFlushedJournal: true, apply: func(batch *writeBatch) error {
		switch exists, err := batch.loadNewestNumber(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(uin)
		}
		_, err := batch.conn.execute(`INSERT OR REPLACE INTO removed
			SELECT account, ?2, devices_made FROM accounts WHERE account = ?1`, uin, batch.newestNumbers[uin])
		if err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM friends WHERE friend = ?1 AND account IN (SELECT friend FROM friends WHERE account = ?1)",
			"DELETE FROM friends WHERE account = ?",
			"DELETE FROM requests WHERE account = ?",
			"DELETE FROM requests WHERE asker = ?",
			"DELETE FROM asked WHERE account = ?",
			"DELETE FROM asked WHERE asker = ?",
			"DELETE FROM entries WHERE account = ?",
			"DELETE FROM conversations WHERE account = ?",
			"DELETE FROM places WHERE account = ?",
			"DELETE FROM read_marks WHERE account = ?",
			"DELETE FROM blocks WHERE account = ?",
			"DELETE FROM blocks WHERE blocked = ?",
			"DELETE FROM sessions WHERE account = ?",
			"DELETE FROM devices WHERE account = ?",
			"DELETE FROM addresses WHERE account = ?",
			"DELETE FROM accounts WHERE account = ?",
			"UPDATE meta SET value = min(value, ?) WHERE name = 'free'",
		} {
			if _, err := batch.conn.execute(statement, uin); err != nil {
				return err
			}
		}
		batch.invalidateAccountKeys(uin)
		batch.discardBacklog(uin)
		batch.afterCommit = append(batch.afterCommit, func() { delete(batch.newestNumbers, uin) })
		return nil
	}})
}

// loadNewestNumber reports whether the account exists. If so, newestNumbers holds the number of its
// mailbox afterwards.
func (b *writeBatch) loadNewestNumber(uin rookery.UIN) (bool, error) {
	if _, ok := b.newestNumbers[uin]; ok {
		return true, nil
	}
	var last uint64
	found, err := b.conn.queryFirst(`SELECT max(coalesce((SELECT max(number) FROM entries WHERE account = ?1), 0),
		coalesce((SELECT number FROM removed WHERE account = ?1), 0)) FROM accounts WHERE account = ?1`,
		func(row resultRow) { last = uint64(row.int(0)) }, uin)
	if found {
		b.newestNumbers[uin] = max(last, b.journaled.newestNumber(uin), b.numberBound.floor)
	}
	return found, err
}
