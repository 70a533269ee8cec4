package sqlite

import (
	"context"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
)

// maxKnownNetworks is how many networks are remembered for an account.
const maxKnownNetworks = 16

// sessionsPerPage is how many sessions are read at once. A long read would delay the checkpoint of the
// write-ahead log.
const sessionsPerPage = 1000

// ForEachSession implements service.Store.
func (s *Store) ForEachSession(ctx context.Context, yield func(rookery.Session) bool) error {
	var after rookery.Session
	for {
		page := make([]rookery.Session, 0, sessionsPerPage)
		err := s.withReader(ctx, func(conn *dbConn) error {
			return conn.queryRows("SELECT "+sessionColumns+` FROM sessions
				WHERE (account, device) > (?, ?) ORDER BY account, device LIMIT ?`, func(row resultRow) bool {
				page = append(page, scanSession(row))
				return true
			}, after.Account, after.Device, sessionsPerPage)
		})
		if err != nil {
			return err
		}
		for _, session := range page {
			if !yield(session) {
				return nil
			}
		}
		if len(page) < sessionsPerPage {
			return nil
		}
		after = page[len(page)-1]
	}
}

// sessionColumns lists the columns in the order of scanSession.
const sessionColumns = "account, device, id, address, status, program, since, encoding, token, asleep, by_number"

func scanSession(r resultRow) rookery.Session {
	addr, _ := netip.ParseAddr(r.text(3)) // "" is stored for no address
	session := rookery.Session{
		Account: r.uin(0), Device: r.text(1), ID: uint64(r.int(2)), Address: addr,
		Status: rookery.Status(r.int(4)), Program: r.text(5), SignedInAt: r.time(6), Encoding: uint8(r.int(7)),
		Asleep: r.bool(9), ConfirmsByNumber: r.bool(10),
	}
	copy(session.Token[:], r.blob(8))
	return session
}

// encodeAddress returns an address as it is stored, "" for none.
func encodeAddress(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// StartSession implements service.Store.
func (s *Store) StartSession(ctx context.Context, session rookery.Session, verified rookery.Credential) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		uin := session.Account
		switch current, exists, err := batch.conn.loadCredential(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(uin)
		case current != verified:
			return rookery.Errorf(rookery.CodeConflict, "the password of %d was changed meanwhile", uin)
		}
		if session.Device != "" {
			if err := batch.recordDeviceSignIn(session); err != nil {
				return err
			}
		}
		if _, err := batch.conn.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
			uin, session.Device, session.ID, encodeAddress(session.Address), session.Status, session.Program,
			session.SignedInAt, int(session.Encoding), encodeToken(session.Token),
			session.ConfirmsByNumber); err != nil {
			return err
		}
		if err := batch.setStatus(uin, session.Status); err != nil {
			return err
		}
		return batch.recordAddress(uin, session.Address)
	}})
}

// encodeToken returns a token hash as it is stored, nil for none.
func encodeToken(tokenHash rookery.TokenHash) []byte {
	if tokenHash == (rookery.TokenHash{}) {
		return nil
	}
	return tokenHash[:]
}

// recordAddress makes the network of an address the latest known one of the account. It writes nothing
// in the usual case, in which it is that already.
func (b *writeBatch) recordAddress(uin rookery.UIN, addr netip.Addr) error {
	if !addr.IsValid() {
		return nil
	}
	network := rookery.Network(addr)
	known, err := b.conn.loadKnownAddresses(uin)
	if err != nil || len(known) > 0 && known[0].storedText == encodeAddress(network) {
		return err
	}
	turn, kept := int64(0), 0
	for _, knownAddress := range known {
		turn = max(turn, knownAddress.lastUse)
		if knownAddress.network != network && kept < maxKnownNetworks-1 {
			kept++
			continue
		}
		if _, err := b.conn.execute(
			"DELETE FROM addresses WHERE account = ? AND address = ?", uin, knownAddress.storedText,
		); err != nil {
			return err
		}
	}
	_, err = b.conn.execute("INSERT INTO addresses VALUES (?, ?, ?)", uin, encodeAddress(network), turn+1)
	return err
}

// knownAddress is a network from which an account has signed in. Earlier versions stored single IPv6
// addresses; these stand for their networks.
type knownAddress struct {
	storedText string
	network    netip.Addr
	lastUse    int64
}

// loadKnownAddresses returns the known addresses of an account, the latest first.
func (c *dbConn) loadKnownAddresses(uin rookery.UIN) (known []knownAddress, err error) {
	err = c.queryRows("SELECT address, turn FROM addresses WHERE account = ? ORDER BY turn DESC",
		func(row resultRow) bool {
			addr, _ := netip.ParseAddr(row.text(0)) // an unparsable address matches no network
			known = append(known, knownAddress{row.text(0), rookery.Network(addr), row.int(1)})
			return true
		}, uin)
	return known, err
}

// SetSessionEncoding implements service.Store.
func (s *Store) SetSessionEncoding(ctx context.Context, session rookery.Session) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		_, err := batch.conn.execute("UPDATE sessions SET encoding = ? WHERE account = ? AND device = ? AND id = ?",
			int(session.Encoding), session.Account, session.Device, session.ID)
		return err
	}})
}

// SetConfirmsByNumber implements service.Store.
func (s *Store) SetConfirmsByNumber(ctx context.Context, session rookery.Session) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		_, err := batch.conn.execute("UPDATE sessions SET by_number = ? WHERE account = ? AND device = ? AND id = ?",
			session.ConfirmsByNumber, session.Account, session.Device, session.ID)
		return err
	}})
}

// EndSessions implements service.Store.
func (s *Store) EndSessions(ctx context.Context, sessions []rookery.Session) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		for _, session := range sessions {
			_, err := batch.conn.execute(
				"DELETE FROM sessions WHERE account = ? AND device = ? AND id = ?", session.Account, session.Device,
				session.ID,
			)
			if err != nil {
				return err
			}
		}
		return nil
	}})
}

// SetSessionsAsleep implements service.Store.
func (s *Store) SetSessionsAsleep(ctx context.Context, sessions []rookery.Session) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		for _, session := range sessions {
			_, err := batch.conn.execute(
				"UPDATE sessions SET asleep = 1 WHERE account = ? AND device = ? AND id = ?", session.Account,
				session.Device, session.ID,
			)
			if err != nil {
				return err
			}
		}
		return nil
	}})
}

// SleepingSession implements service.Store.
func (s *Store) SleepingSession(
	ctx context.Context, uin rookery.UIN, token rookery.TokenHash,
) (session rookery.Session, err error) {
	var found bool
	err = s.withReader(ctx, func(conn *dbConn) (err error) {
		found, err = conn.queryFirst(
			"SELECT "+sessionColumns+" FROM sessions WHERE account = ? AND token = ? AND asleep",
			func(row resultRow) { session = scanSession(row) }, uin, token[:])
		return err
	})
	if err == nil && !found {
		err = errNoSleepingSession
	}
	return session, err
}

// WakeSession implements service.Store.
func (s *Store) WakeSession(ctx context.Context, session rookery.Session) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		changedRows, err := batch.conn.execute(`UPDATE sessions SET asleep = 0, address = ?
			WHERE account = ? AND device = ? AND id = ? AND asleep`,
			encodeAddress(session.Address), session.Account, session.Device, session.ID)
		if err == nil && changedRows == 0 {
			err = errNoSleepingSession
		}
		return err
	}})
}

var errNoSleepingSession = rookery.Errorf(rookery.CodeNotSignedIn, "no such session is asleep")

// SetStatus implements service.Store.
func (s *Store) SetStatus(
	ctx context.Context, uin rookery.UIN, status rookery.Status, key rookery.RequestKey,
) (rookery.Receipt, error) {
	return s.applyOnce(
		ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error { return batch.setStatus(uin, status) },
	)
}

func (b *writeBatch) setStatus(uin rookery.UIN, status rookery.Status) error {
	_, err := b.conn.execute("UPDATE sessions SET status = ?2 WHERE account = ?1 AND status <> ?2", uin, status)
	return err
}

// IsKnownAddress implements service.Store.
func (s *Store) IsKnownAddress(ctx context.Context, uin rookery.UIN, addr netip.Addr) (known bool, err error) {
	network := rookery.Network(addr)
	err = s.withReader(ctx, func(conn *dbConn) error {
		list, err := conn.loadKnownAddresses(uin)
		known = network.IsValid() &&
			slices.ContainsFunc(list, func(k knownAddress) bool { return k.network == network })
		return err
	})
	return known, err
}
