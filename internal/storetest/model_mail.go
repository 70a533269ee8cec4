package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// Deliver implements service.Store.
func (m *Model) Deliver(
	_ context.Context, newEntries []rookery.NewEntry, now time.Time, key rookery.RequestKey,
) (rookery.Receipt, error) {
	if err := m.lockOpen(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	return m.deliverEntries(newEntries, now, key)
}

// DeliverInOrder implements service.Store.
func (m *Model) DeliverInOrder(
	_ context.Context, deliveries []rookery.Delivery, now time.Time,
) []rookery.DeliveryResult {
	results := make([]rookery.DeliveryResult, len(deliveries))
	err := m.lockOpen()
	if err == nil {
		defer m.mu.Unlock()
	}
	for i, delivery := range deliveries {
		if results[i].Err = err; err == nil {
			results[i].Receipt, results[i].Err = m.deliverEntries(delivery.Entries, now, delivery.Key)
		}
	}
	return results
}

func (m *Model) deliverEntries(
	newEntries []rookery.NewEntry, now time.Time, key rookery.RequestKey,
) (rookery.Receipt, error) {
	if outcome, ok := m.findOutcome(key); ok {
		return rookery.Receipt{Outcome: outcome, Repeated: true}, nil
	}
	for _, newEntry := range newEntries {
		if m.accounts[newEntry.To] == nil {
			return rookery.Receipt{}, errorWithCode(rookery.CodeNoAccount)
		}
	}
	for i, newEntry := range newEntries {
		if !m.isWithinLimit(newEntry, newEntries[:i]...) {
			return rookery.Receipt{}, errorWithCode(rookery.CodeRefused)
		}
	}
	var receipt rookery.Receipt
	for _, newEntry := range newEntries {
		receipt.Numbers = append(receipt.Numbers, m.appendEntry(newEntry, now))
	}
	m.recordKey(key, rookery.OutcomeDone)
	return receipt, nil
}

// isWithinLimit reports whether an entry, after earlier ones of the same delivery, keeps to its limit.
func (m *Model) isWithinLimit(newEntry rookery.NewEntry, before ...rookery.NewEntry) bool {
	if newEntry.Limit == nil {
		return true
	}
	account := m.accounts[newEntry.To]
	isUncollected := func(entry rookery.Entry) bool {
		return entry.Number > account.highestCursor() && entry.Kind != rookery.KindSent &&
			!account.purgedNumbers[entry.Number]
	}
	messages, bytes := 1, int64(len(newEntry.Text))
	for _, entry := range account.entries {
		if isUncollected(entry) {
			messages, bytes = messages+1, bytes+int64(len(entry.Text))
		}
	}
	for _, earlier := range before {
		if earlier.To == newEntry.To && earlier.Kind != rookery.KindSent {
			messages, bytes = messages+1, bytes+int64(len(earlier.Text))
		}
	}
	return messages <= newEntry.Limit.Messages && bytes <= newEntry.Limit.Bytes
}

// highestCursor returns the highest cursor of all consumers.
func (a *modelAccount) highestCursor() (top uint64) {
	for _, cursor := range a.cursors {
		top = max(top, cursor.Number)
	}
	return top
}

func (m *Model) appendEntry(newEntry rookery.NewEntry, now time.Time) uint64 {
	account := m.accounts[newEntry.To]
	entry := rookery.Entry{
		Number: max(account.newestNumber(), account.removedNumber, m.numberFloor) + 1,
		Kind:   newEntry.Kind, Peer: newEntry.Peer, Time: now, Text: newEntry.Text, OriginDevice: newEntry.OriginDevice,
	}
	account.entries = append(account.entries, entry)
	return entry.Number
}

// newestNumber returns the number of the newest entry, 0 if there is none.
func (a *modelAccount) newestNumber() uint64 {
	if n := len(a.entries); n > 0 {
		return a.entries[n-1].Number
	}
	return 0
}

// SetNumberFloor makes all mailboxes continue above a number, as a store does that is opened after a
// crash.
func (m *Model) SetNumberFloor(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.numberFloor = number
}

// RequestOutcome implements service.Store.
func (m *Model) RequestOutcome(_ context.Context, key rookery.RequestKey) (rookery.Outcome, bool, error) {
	if err := m.lockOpen(); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	outcome, ok := m.findOutcome(key)
	return outcome, ok, nil
}

// RecordRequest implements service.Store.
func (m *Model) RecordRequest(
	_ context.Context, key rookery.RequestKey, outcome rookery.Outcome,
) (rookery.Receipt, error) {
	return m.applyOnce(key, outcome, func() error { return nil })
}

// MailboxState implements service.Store.
func (m *Model) MailboxState(_ context.Context, uin rookery.UIN, device string) (uint64, rookery.Cursor, error) {
	account, err := m.lockAccount(uin)
	switch rookery.CodeOf(err) {
	case rookery.CodeNoAccount:
		return 0, rookery.Cursor{}, nil
	case rookery.CodeTemporary:
		if err != nil {
			return 0, rookery.Cursor{}, err
		}
	}
	defer m.mu.Unlock()
	cursor := account.cursors[device]
	cursor.State = slices.Clone(cursor.State)
	return account.newestNumber(), cursor, nil
}

// Entries implements service.Store.
func (m *Model) Entries(
	_ context.Context, uin rookery.UIN, after, upTo uint64, limit int,
) (list []rookery.Entry, err error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	account := m.accounts[uin]
	if account == nil {
		return nil, nil
	}
	for _, entry := range account.entries {
		if entry.Number > after && entry.Number <= upTo && !account.purgedNumbers[entry.Number] && len(list) < limit {
			list = append(list, entry)
		}
	}
	return list, nil
}

// History implements service.Store. It compares every part of every text.
func (m *Model) History(
	ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery,
) (list []rookery.Entry, more bool, err error) {
	if err := m.lockOpen(); err != nil {
		return nil, false, err
	}
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, false, rookery.Temporary(err)
	}
	account := m.accounts[uin]
	if account == nil {
		return nil, false, nil
	}
	for _, entry := range account.entries {
		isMessage := entry.Kind == rookery.KindMessage || entry.Kind == rookery.KindSent
		if isMessage && !account.purgedNumbers[entry.Number] &&
			(query.Peer == 0 || entry.Peer == query.Peer) && (query.Before == 0 || entry.Number < query.Before) &&
			containsFolded(entry.Text, query.Text) {
			list = append(list, entry)
		}
	}
	older := max(len(list)-max(query.Limit, 0), 0)
	return list[older:], older > 0, nil
}

// containsFolded reports whether a text has a part that equals another text in any case.
func containsFolded(text, part string) bool {
	t, p := []rune(text), []rune(part)
	for i := 0; i+len(p) <= len(t); i++ {
		if strings.EqualFold(string(t[i:i+len(p)]), string(p)) {
			return true
		}
	}
	return false
}

// ReadMark implements service.Store.
func (m *Model) ReadMark(_ context.Context, uin, peer rookery.UIN) (uint64, error) {
	if err := m.lockOpen(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if account := m.accounts[uin]; account != nil {
		return account.readMarks[peer], nil
	}
	return 0, nil
}

// AdvanceReadMark implements service.Store.
func (m *Model) AdvanceReadMark(
	_ context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey,
) (hasMoved bool, err error) {
	_, err = m.applyOnce(key, rookery.OutcomeDone, func() error {
		account := m.accounts[uin]
		if account == nil {
			return errorWithCode(rookery.CodeNoAccount)
		}
		if hasMoved = readMark.Number > account.readMarks[readMark.Peer]; hasMoved {
			account.readMarks[readMark.Peer] = readMark.Number
		}
		return nil
	})
	return hasMoved, err
}

// SaveCursor implements service.Store.
func (m *Model) SaveCursor(
	_ context.Context, uin rookery.UIN, device string, was uint64, cursor rookery.Cursor,
) error {
	account, err := m.lockAccount(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if device == "" || account.findDevice(device) != nil {
		if account.cursors[device].Number != was {
			return &rookery.Error{Code: rookery.CodeConflict}
		}
		cursor.State = slices.Clone(cursor.State)
		account.cursors[device] = cursor
	}
	return nil
}

// Uptime implements service.Store.
func (m *Model) Uptime(context.Context) (time.Duration, error) {
	if err := m.lockOpen(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.uptime, nil
}

// RecordUptime implements service.Store.
func (m *Model) RecordUptime(_ context.Context, uptime, forgetBefore time.Duration) error {
	if err := m.lockOpen(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.uptime = max(m.uptime, uptime)
	m.forgottenBefore = max(m.forgottenBefore, forgetBefore)
	maps.DeleteFunc(m.recordedRequests, func(_ modelRequestKey, request recordedRequest) bool {
		return request.recordedAt < forgetBefore
	})
	return nil
}

// CheckDiskSpace does nothing: a model needs no disk.
func (m *Model) CheckDiskSpace() {}

// PurgeEntries implements service.Store. It examines all accounts in one call; the contract leaves
// that number open.
func (m *Model) PurgeEntries(
	_ context.Context, after rookery.UIN, before time.Time, limit int,
) (rookery.UIN, int, error) {
	if err := m.lockOpen(); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	deleted := 0
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		account := m.accounts[uin]
		for _, entry := range account.entries {
			if uin <= after || !entry.Time.Before(before) && !account.purgedNumbers[entry.Number] {
				break
			}
			if account.purgedNumbers[entry.Number] || !account.isPurgeable(entry) {
				continue
			}
			if deleted == limit {
				return uin - 1, deleted, nil
			}
			account.purgedNumbers[entry.Number] = true
			deleted++
		}
	}
	return 0, deleted, nil
}

func (a *modelAccount) isPurgeable(entry rookery.Entry) bool {
	isCollected := entry.Number <= a.highestCursor()
	for _, cursor := range a.cursors {
		isRepeatable := cursor.RepeatFrom != 0 && entry.Number >= cursor.RepeatFrom
		if isRepeatable && isCollected {
			return false
		}
	}
	return len(a.cursors) > 0 && entry.Number != a.newestNumber() &&
		(isCollected || entry.Kind == rookery.KindSent && a.devicesMade > 0)
}
