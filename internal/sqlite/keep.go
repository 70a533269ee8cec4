package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/rookery-im/rookery"
)

func (s *Store) Uptime(context.Context) (time.Duration, error) {
	select {
	case <-s.closed:
		return 0, errClosed
	default:
		return s.marks.up(), nil
	}
}

func (s *Store) RecordUptime(ctx context.Context, up, forget time.Duration) error {
	return s.write(ctx, writeRequest{apply: func(batch *writeBatch) error {
		// The rows of marks that go may have said more of the uptime.
		for name, value := range map[string]time.Duration{"uptime": max(up, batch.marks.up()), "forgotten": forget} {
			if _, err := batch.conn.exec("UPDATE meta SET value = max(value, ?) WHERE name = ?", value, name); err != nil {
				return err
			}
		}
		_, err := batch.conn.exec(`DELETE FROM marks WHERE id < coalesce(
			(SELECT id FROM marks WHERE newest >= ? ORDER BY id LIMIT 1), (SELECT max(id) + 1 FROM marks))`, forget)
		batch.then = append(batch.then, func() { batch.marks.beat(up, forget) })
		return err
	}})
}

// purgeAccounts is how many accounts one step of Purge looks at.
const purgeAccounts = 64

// PurgeEntries looks for what can go with a reader, and has only the deletion done by
// the writer.
func (s *Store) PurgeEntries(ctx context.Context, after rookery.UIN, before time.Time, limit int) (next rookery.UIN, deleted int, err error) {
	accounts, err := s.collected(ctx, after)
	if err != nil {
		return 0, 0, err
	}
	for _, uin := range accounts {
		if err := s.settle(ctx, uin); err != nil {
			return 0, deleted, err
		}
		old, err := s.purgeable(ctx, uin, before, limit-deleted)
		if err != nil {
			return 0, deleted, err
		}
		n, err := s.purge(ctx, uin, old)
		if err != nil {
			return 0, deleted, err
		}
		deleted += n
		if deleted >= limit {
			return uin - 1, deleted, nil // this account may have more
		}
	}
	if len(accounts) < purgeAccounts {
		return 0, deleted, nil
	}
	return accounts[len(accounts)-1], deleted, nil
}

// collected lists some accounts above a number that have a collector.
func (s *Store) collected(ctx context.Context, after rookery.UIN) (accounts []rookery.UIN, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.each("SELECT DISTINCT account FROM places WHERE account > ? ORDER BY account LIMIT ?", func(r row) bool {
			accounts = append(accounts, r.uin(0))
			return true
		}, after, purgeAccounts)
	})
	return accounts, err
}

// settle moves an account's recent letters to its mailbox.
func (s *Store) settle(ctx context.Context, uin rookery.UIN) error {
	if s.recent.last(uin) == 0 {
		return nil
	}
	return s.write(ctx, writeRequest{apply: func(batch *writeBatch) error {
		_, _, err := batch.settleAccount(uin, math.MaxInt)
		return err
	}})
}

// deletable is an entry that can be deleted. An own word may be one that no
// collector has come to.
type deletable struct {
	number uint64
	own    bool
}

// purgeable lists at most limit entries of an account that can be deleted. It
// reads no further than what is old: mailboxes can be long.
func (s *Store) purgeable(
	ctx context.Context, uin rookery.UIN, before time.Time, limit int,
) (old []deletable, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = s.read(ctx, func(c *conn) error {
		bound, err := c.purgeBounds(uin)
		if err != nil {
			return err
		}
		return c.each(`SELECT number, time < ?, kind FROM entries
			WHERE account = ? AND number < ? ORDER BY number`, func(r row) bool {
			d := deletable{uint64(r.int(0)), rookery.Kind(r.int(2)) == rookery.KindSent}
			if !r.bool(1) {
				return false
			}
			if bound.allows(d) {
				old = append(old, d)
			}
			return len(old) < limit
		}, before, uin, clamp(bound.end()))
	})
	return old, err
}

// purge deletes entries of an account, but for those that a collector has to
// keep who has come meanwhile. It returns how many they were.
func (s *Store) purge(ctx context.Context, uin rookery.UIN, old []deletable) (deleted int, err error) {
	if len(old) == 0 {
		return 0, nil
	}
	err = s.write(ctx, writeRequest{letters: len(old), apply: func(batch *writeBatch) error {
		bound, err := batch.conn.purgeBounds(uin)
		if err != nil {
			return err
		}
		deleted = 0 // of an attempt before
		for _, deletable := range old {
			if !bound.allows(deletable) {
				continue
			}
			for _, statement := range []string{
				`DELETE FROM conversations WHERE account = ?1 AND number = ?2
					AND peer = (SELECT peer FROM entries WHERE account = ?1 AND number = ?2)`,
				"DELETE FROM entries WHERE account = ?1 AND number = ?2",
			} {
				if _, err := batch.conn.exec(statement, uin, deletable.number); err != nil {
					return err
				}
			}
			deleted++
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// purgeBounds say what of a mailbox can be deleted, if it is old.
type purgeBounds struct {
	// passed is the highest entry that some collector has passed and none has to
	// keep.
	passed uint64
	// top is the highest place of all collectors.
	top    uint64
	newest uint64
	// own: there may be own words, since the account has had devices.
	own bool
}

// end is what everything is before that can be deleted.
func (p purgeBounds) end() uint64 {
	if p.own {
		return p.newest
	}
	return min(p.passed+1, p.newest)
}

func (p purgeBounds) allows(d deletable) bool {
	return d.number < p.newest && (d.number <= p.passed || d.own && d.number > p.top)
}

func (c *conn) purgeBounds(uin rookery.UIN) (p purgeBounds, err error) {
	_, err = c.first(`SELECT min(max(number), coalesce(min(nullif(keep, 0)) - 1, max(number))), max(number),
			coalesce((SELECT max(number) FROM entries WHERE account = ?1), 0),
			coalesce((SELECT devices_made > 0 FROM accounts WHERE account = ?1), 0)
		FROM places WHERE account = ?1`, func(r row) {
		p = purgeBounds{passed: uint64(max(r.int(0), 0)), top: uint64(r.int(1)), newest: uint64(r.int(2)), own: r.bool(3)}
	}, uin)
	return p, err
}

// ownStatements is how many statements a trim itself makes the writer use: it
// begins and ends a transaction.
const ownStatements = 2

// ReleaseMemory gives back memory that only makes the store faster, as far as it was not
// in use since the Trim before.
func (s *Store) ReleaseMemory(ctx context.Context) error {
	for range s.size {
		if err := s.read(ctx, func(c *conn) error { return c.trim(0) }); err != nil {
			return err
		}
	}
	return s.write(ctx, writeRequest{apply: func(batch *writeBatch) error {
		batch.then = append(batch.then, func() {
			if err := batch.conn.trim(ownStatements); err != nil {
				batch.log.Warn("the store cannot give back memory", "error", err)
			}
		})
		return nil
	}})
}
