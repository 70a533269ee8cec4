package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

func (m *Model) Deliver(_ context.Context, letters []rookery.NewEntry, now time.Time, key rookery.RequestKey) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	return m.deliver(letters, now, key)
}

func (m *Model) DeliverInOrder(_ context.Context, deliveries []rookery.Delivery, now time.Time) []rookery.DeliveryResult {
	all := make([]rookery.DeliveryResult, len(deliveries))
	err := m.enter()
	if err == nil {
		defer m.mu.Unlock()
	}
	for i, delivery := range deliveries {
		if all[i].Err = err; err == nil {
			all[i].Receipt, all[i].Err = m.deliver(delivery.Entries, now, delivery.Key)
		}
	}
	return all
}

func (m *Model) deliver(letters []rookery.NewEntry, now time.Time, key rookery.RequestKey) (rookery.Receipt, error) {
	if outcome, ok := m.recall(key); ok {
		return rookery.Receipt{Outcome: outcome, Repeated: true}, nil
	}
	for _, newEntry := range letters {
		if m.accounts[newEntry.To] == nil {
			return rookery.Receipt{}, code(rookery.CodeNoAccount)
		}
	}
	for i, newEntry := range letters {
		if !m.fits(newEntry, letters[:i]...) {
			return rookery.Receipt{}, code(rookery.CodeRefused)
		}
	}
	var receipt rookery.Receipt
	for _, newEntry := range letters {
		receipt.Numbers = append(receipt.Numbers, m.post(newEntry, now))
	}
	m.remember(key, rookery.OutcomeDone)
	return receipt, nil
}

// fits reports whether a letter keeps to its limit, with those before it.
func (m *Model) fits(l rookery.NewEntry, before ...rookery.NewEntry) bool {
	if l.Limit == nil {
		return true
	}
	member := m.accounts[l.To]
	waits := func(entry rookery.Entry) bool {
		return entry.Number > member.top() && entry.Kind != rookery.KindSent && !member.purged[entry.Number]
	}
	messages, bytes := 1, int64(len(l.Text))
	for _, entry := range member.entries {
		if waits(entry) {
			messages, bytes = messages+1, bytes+int64(len(entry.Text))
		}
	}
	for _, newEntry := range before {
		if newEntry.To == l.To && newEntry.Kind != rookery.KindSent {
			messages, bytes = messages+1, bytes+int64(len(newEntry.Text))
		}
	}
	return messages <= l.Limit.Messages && bytes <= l.Limit.Bytes
}

// top is the highest place of all collectors.
func (a *account) top() (top uint64) {
	for _, cursor := range a.places {
		top = max(top, cursor.Number)
	}
	return top
}

func (m *Model) post(newEntry rookery.NewEntry, now time.Time) uint64 {
	member := m.accounts[newEntry.To]
	entry := rookery.Entry{
		Number: max(member.newest(), member.above, m.floor) + 1,
		Kind:   newEntry.Kind, Peer: newEntry.Peer, Time: now, Text: newEntry.Text, OriginDevice: newEntry.OriginDevice,
	}
	member.entries = append(member.entries, entry)
	return entry.Number
}

// newest is the number of the newest entry, 0 if there is none.
func (a *account) newest() uint64 {
	if n := len(a.entries); n > 0 {
		return a.entries[n-1].Number
	}
	return 0
}

// SetNumberFloor makes all numbers from now on be above one, as a store does that
// is opened after a crash.
func (m *Model) SetNumberFloor(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.floor = number
}

func (m *Model) RequestOutcome(_ context.Context, key rookery.RequestKey) (rookery.Outcome, bool, error) {
	if err := m.enter(); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	outcome, ok := m.recall(key)
	return outcome, ok, nil
}

func (m *Model) RecordRequest(_ context.Context, key rookery.RequestKey, outcome rookery.Outcome) (rookery.Receipt, error) {
	return m.once(key, outcome, func() error { return nil })
}

func (m *Model) MailboxState(_ context.Context, uin rookery.UIN, device string) (uint64, rookery.Cursor, error) {
	member, err := m.find(uin)
	switch rookery.CodeOf(err) {
	case rookery.CodeNoAccount:
		return 0, rookery.Cursor{}, nil
	case rookery.CodeTemporary:
		if err != nil {
			return 0, rookery.Cursor{}, err
		}
	}
	defer m.mu.Unlock()
	place := member.places[device]
	place.State = slices.Clone(place.State)
	return member.newest(), place, nil
}

func (m *Model) Entries(_ context.Context, uin rookery.UIN, after, upTo uint64, limit int) (list []rookery.Entry, err error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	member := m.accounts[uin]
	if member == nil {
		return nil, nil
	}
	for _, entry := range member.entries {
		if entry.Number > after && entry.Number <= upTo && !member.purged[entry.Number] && len(list) < limit {
			list = append(list, entry)
		}
	}
	return list, nil
}

// History looks at the whole mailbox, and compares every stretch of a text.
func (m *Model) History(ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery) (list []rookery.Entry, more bool, err error) {
	if err := m.enter(); err != nil {
		return nil, false, err
	}
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, false, rookery.Temporary(err)
	}
	member := m.accounts[uin]
	if member == nil {
		return nil, false, nil
	}
	for _, entry := range member.entries {
		if !member.purged[entry.Number] && (entry.Kind == rookery.KindMessage || entry.Kind == rookery.KindSent) &&
			(query.With == 0 || entry.Peer == query.With) && (query.Before == 0 || entry.Number < query.Before) && contains(entry.Text, query.Text) {
			list = append(list, entry)
		}
	}
	older := max(len(list)-max(query.Limit, 0), 0)
	return list[older:], older > 0, nil
}

// contains reports whether a text has a part that equals another in any case of
// letters.
func contains(text, part string) bool {
	t, p := []rune(text), []rune(part)
	for i := 0; i+len(p) <= len(t); i++ {
		if strings.EqualFold(string(t[i:i+len(p)]), string(p)) {
			return true
		}
	}
	return false
}

func (m *Model) ReadMark(_ context.Context, uin, with rookery.UIN) (uint64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if member := m.accounts[uin]; member != nil {
		return member.read[with], nil
	}
	return 0, nil
}

func (m *Model) AdvanceReadMark(_ context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(key, rookery.OutcomeDone, func() error {
		member := m.accounts[uin]
		if member == nil {
			return code(rookery.CodeNoAccount)
		}
		member.read[readMark.With] = max(member.read[readMark.With], readMark.Number)
		return nil
	})
}

func (m *Model) SaveCursor(_ context.Context, uin rookery.UIN, device string, place rookery.Cursor) error {
	member, err := m.find(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if device == "" || member.device(device) != nil {
		place.State = slices.Clone(place.State)
		member.places[device] = place
	}
	return nil
}

func (m *Model) Uptime(context.Context) (time.Duration, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.uptime, nil
}

func (m *Model) RecordUptime(_ context.Context, up, forget time.Duration) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.uptime = max(m.uptime, up)
	m.forgotten = max(m.forgotten, forget)
	maps.DeleteFunc(m.marks, func(_ markKey, v markValue) bool { return v.at < forget })
	return nil
}

// CheckDiskSpace does nothing: a model has room.
func (m *Model) CheckDiskSpace() {}

// PurgeEntries looks at all accounts at once: how many a store looks at is its own
// affair.
func (m *Model) PurgeEntries(_ context.Context, after rookery.UIN, before time.Time, limit int) (rookery.UIN, int, error) {
	if err := m.enter(); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	deleted := 0
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		member := m.accounts[uin]
		for _, entry := range member.entries {
			if uin <= after || !entry.Time.Before(before) && !member.purged[entry.Number] {
				break
			}
			if member.purged[entry.Number] || !member.purgeable(entry) {
				continue
			}
			if deleted == limit {
				return uin - 1, deleted, nil
			}
			member.purged[entry.Number] = true
			deleted++
		}
	}
	return 0, deleted, nil
}

func (a *account) purgeable(entry rookery.Entry) bool {
	top := a.top()
	kept := func(cursor rookery.Cursor) bool { return cursor.RepeatFrom != 0 && entry.Number >= cursor.RepeatFrom }
	for _, cursor := range a.places {
		if kept(cursor) && entry.Number <= top {
			return false
		}
	}
	collected := entry.Number <= top
	return len(a.places) > 0 && entry.Number != a.newest() && (collected || entry.Kind == rookery.KindSent && a.made > 0)
}
