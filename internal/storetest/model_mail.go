package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

func (m *Model) Deliver(_ context.Context, letters []rookery.NewEntry, now time.Time, k rookery.RequestKey) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	return m.deliver(letters, now, k)
}

func (m *Model) DeliverEach(_ context.Context, deliveries []rookery.Delivery, now time.Time) []rookery.DeliveryResult {
	all := make([]rookery.DeliveryResult, len(deliveries))
	err := m.enter()
	if err == nil {
		defer m.mu.Unlock()
	}
	for i, d := range deliveries {
		if all[i].Err = err; err == nil {
			all[i].Receipt, all[i].Err = m.deliver(d.Entries, now, d.Key)
		}
	}
	return all
}

func (m *Model) deliver(letters []rookery.NewEntry, now time.Time, k rookery.RequestKey) (rookery.Receipt, error) {
	if outcome, ok := m.recall(k); ok {
		return rookery.Receipt{Outcome: outcome, Repeated: true}, nil
	}
	for _, l := range letters {
		if m.accounts[l.To] == nil {
			return rookery.Receipt{}, code(rookery.CodeNoAccount)
		}
	}
	for i, l := range letters {
		if !m.fits(l, letters[:i]...) {
			return rookery.Receipt{}, code(rookery.CodeRefused)
		}
	}
	var receipt rookery.Receipt
	for _, l := range letters {
		receipt.Numbers = append(receipt.Numbers, m.post(l, now))
	}
	m.remember(k, rookery.OutcomeDone)
	return receipt, nil
}

// fits reports whether a letter keeps to its limit, with those before it.
func (m *Model) fits(l rookery.NewEntry, before ...rookery.NewEntry) bool {
	if l.Limit == nil {
		return true
	}
	a := m.accounts[l.To]
	waits := func(e rookery.Entry) bool {
		return e.Number > a.top() && e.Kind != rookery.KindSent && !a.purged[e.Number]
	}
	messages, bytes := 1, int64(len(l.Text))
	for _, e := range a.entries {
		if waits(e) {
			messages, bytes = messages+1, bytes+int64(len(e.Text))
		}
	}
	for _, b := range before {
		if b.To == l.To && b.Kind != rookery.KindSent {
			messages, bytes = messages+1, bytes+int64(len(b.Text))
		}
	}
	return messages <= l.Limit.Messages && bytes <= l.Limit.Bytes
}

// top is the highest place of all collectors.
func (a *account) top() (top uint64) {
	for _, p := range a.places {
		top = max(top, p.Number)
	}
	return top
}

func (m *Model) post(l rookery.NewEntry, now time.Time) uint64 {
	a := m.accounts[l.To]
	e := rookery.Entry{
		Number: max(a.newest(), a.above, m.floor) + 1,
		Kind:   l.Kind, Peer: l.Peer, Time: now, Text: l.Text, Origin: l.Origin,
	}
	a.entries = append(a.entries, e)
	return e.Number
}

// newest is the number of the newest entry, 0 if there is none.
func (a *account) newest() uint64 {
	if n := len(a.entries); n > 0 {
		return a.entries[n-1].Number
	}
	return 0
}

// ContinueAbove makes all numbers from now on be above one, as a store does that
// is opened after a crash.
func (m *Model) ContinueAbove(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.floor = number
}

func (m *Model) Recall(_ context.Context, k rookery.RequestKey) (rookery.Outcome, bool, error) {
	if err := m.enter(); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	outcome, ok := m.recall(k)
	return outcome, ok, nil
}

func (m *Model) Remember(_ context.Context, k rookery.RequestKey, outcome rookery.Outcome) (rookery.Receipt, error) {
	return m.once(k, outcome, func() error { return nil })
}

func (m *Model) Mailbox(_ context.Context, uin rookery.UIN, device string) (uint64, rookery.Cursor, error) {
	a, err := m.find(uin)
	switch rookery.CodeOf(err) {
	case rookery.CodeNoAccount:
		return 0, rookery.Cursor{}, nil
	case rookery.CodeTemporary:
		if err != nil {
			return 0, rookery.Cursor{}, err
		}
	}
	defer m.mu.Unlock()
	place := a.places[device]
	place.Memo = slices.Clone(place.Memo)
	return a.newest(), place, nil
}

func (m *Model) Entries(_ context.Context, uin rookery.UIN, after, upTo uint64, limit int) (list []rookery.Entry, err error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	a := m.accounts[uin]
	if a == nil {
		return nil, nil
	}
	for _, e := range a.entries {
		if e.Number > after && e.Number <= upTo && !a.purged[e.Number] && len(list) < limit {
			list = append(list, e)
		}
	}
	return list, nil
}

// History looks at the whole mailbox, and compares every stretch of a text.
func (m *Model) History(ctx context.Context, uin rookery.UIN, q rookery.HistoryQuery) (list []rookery.Entry, more bool, err error) {
	if err := m.enter(); err != nil {
		return nil, false, err
	}
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, false, rookery.Temporary(err)
	}
	a := m.accounts[uin]
	if a == nil {
		return nil, false, nil
	}
	for _, e := range a.entries {
		if !a.purged[e.Number] && (e.Kind == rookery.KindMessage || e.Kind == rookery.KindSent) &&
			(q.With == 0 || e.Peer == q.With) && (q.Before == 0 || e.Number < q.Before) && contains(e.Text, q.Text) {
			list = append(list, e)
		}
	}
	older := max(len(list)-max(q.Limit, 0), 0)
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
	if a := m.accounts[uin]; a != nil {
		return a.read[with], nil
	}
	return 0, nil
}

func (m *Model) SetReadMark(_ context.Context, uin rookery.UIN, r rookery.ReadMark, k rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(k, rookery.OutcomeDone, func() error {
		a := m.accounts[uin]
		if a == nil {
			return code(rookery.CodeNoAccount)
		}
		a.read[r.With] = max(a.read[r.With], r.Number)
		return nil
	})
}

func (m *Model) Collect(_ context.Context, uin rookery.UIN, device string, place rookery.Cursor) error {
	a, err := m.find(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if device == "" || a.device(device) != nil {
		place.Memo = slices.Clone(place.Memo)
		a.places[device] = place
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

func (m *Model) Beat(_ context.Context, up, forget time.Duration) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.uptime = max(m.uptime, up)
	m.forgotten = max(m.forgotten, forget)
	maps.DeleteFunc(m.marks, func(_ markKey, v markValue) bool { return v.at < forget })
	return nil
}

// CheckRoom does nothing: a model has room.
func (m *Model) CheckRoom() {}

// Purge looks at all accounts at once: how many a store looks at is its own
// affair.
func (m *Model) Purge(_ context.Context, after rookery.UIN, before time.Time, limit int) (rookery.UIN, int, error) {
	if err := m.enter(); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	deleted := 0
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		a := m.accounts[uin]
		for _, e := range a.entries {
			if uin <= after || !e.Time.Before(before) && !a.purged[e.Number] {
				break
			}
			if a.purged[e.Number] || !a.purgeable(e) {
				continue
			}
			if deleted == limit {
				return uin - 1, deleted, nil
			}
			a.purged[e.Number] = true
			deleted++
		}
	}
	return 0, deleted, nil
}

func (a *account) purgeable(e rookery.Entry) bool {
	top := a.top()
	kept := func(p rookery.Cursor) bool { return p.Keep != 0 && e.Number >= p.Keep }
	for _, p := range a.places {
		if kept(p) && e.Number <= top {
			return false
		}
	}
	collected := e.Number <= top
	return len(a.places) > 0 && e.Number != a.newest() && (collected || e.Kind == rookery.KindSent && a.made > 0)
}
