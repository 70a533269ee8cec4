package storetest

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/rookery-im/rookery"
)

func (m *Model) Deliver(_ context.Context, letters []rookery.Letter, now time.Time, k rookery.Mark) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if outcome, ok := m.recall(k); ok {
		return rookery.Receipt{Outcome: outcome, Repeated: true}, nil
	}
	for _, l := range letters {
		if m.accounts[l.To] == nil {
			return rookery.Receipt{}, code(rookery.CodeNoAccount)
		}
	}
	var receipt rookery.Receipt
	for _, l := range letters {
		receipt.Numbers = append(receipt.Numbers, m.post(l, now))
	}
	m.remember(k, rookery.OutcomeDone)
	return receipt, nil
}

func (m *Model) Recall(_ context.Context, k rookery.Mark) (rookery.Outcome, bool, error) {
	if err := m.enter(); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	outcome, ok := m.recall(k)
	return outcome, ok, nil
}

func (m *Model) Remember(_ context.Context, k rookery.Mark, outcome rookery.Outcome) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if was, ok := m.recall(k); ok {
		return rookery.Receipt{Outcome: was, Repeated: true}, nil
	}
	m.remember(k, outcome)
	return rookery.Receipt{Outcome: outcome}, nil
}

func (m *Model) Mailbox(_ context.Context, uin rookery.UIN, device string) (uint64, rookery.Place, error) {
	a, err := m.find(uin)
	switch rookery.CodeOf(err) {
	case rookery.CodeNoAccount:
		return 0, rookery.Place{}, nil
	case rookery.CodeTemporary:
		if err != nil {
			return 0, rookery.Place{}, err
		}
	}
	defer m.mu.Unlock()
	place := a.places[device]
	place.Memo = slices.Clone(place.Memo)
	return uint64(len(a.entries)), place, nil
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

func (m *Model) Collect(_ context.Context, uin rookery.UIN, device string, place rookery.Place) error {
	a, err := m.find(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	place.Memo = slices.Clone(place.Memo)
	a.places[device] = place
	return nil
}

func (m *Model) Sessions(_ context.Context, yield func(rookery.Session) bool) error {
	if err := m.enter(); err != nil {
		return err
	}
	all := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, s := range all {
		if !yield(s) {
			break
		}
	}
	return nil
}

func (m *Model) SignIn(_ context.Context, s rookery.Session, proved rookery.Credential) error {
	a, err := m.find(s.Account)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if a.credential != proved {
		return code(rookery.CodeConflict)
	}
	m.sessions[collector{s.Account, s.Device}] = s
	m.setStatus(s.Account, s.Status)
	a.addresses = slices.DeleteFunc(a.addresses, func(addr netip.Addr) bool { return addr == s.Address })
	a.addresses = append(a.addresses, s.Address)
	a.addresses = a.addresses[max(len(a.addresses)-16, 0):]
	return nil
}

func (m *Model) setStatus(uin rookery.UIN, status rookery.Status) {
	for k, s := range m.sessions {
		if k.account == uin {
			s.Status = status
			m.sessions[k] = s
		}
	}
}

func (m *Model) SetEncoding(_ context.Context, s rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := collector{s.Account, s.Device}
	if now, ok := m.sessions[key]; ok && now.ID == s.ID {
		now.Encoding = s.Encoding
		m.sessions[key] = now
	}
	return nil
}

func (m *Model) SignOut(_ context.Context, sessions []rookery.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, s := range sessions {
		key := collector{s.Account, s.Device}
		if now, ok := m.sessions[key]; ok && now.ID == s.ID {
			delete(m.sessions, key)
		}
	}
	return nil
}

func (m *Model) SetStatus(_ context.Context, uin rookery.UIN, status rookery.Status, k rookery.Mark) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if outcome, ok := m.recall(k); ok {
		return rookery.Receipt{Outcome: outcome, Repeated: true}, nil
	}
	m.setStatus(uin, status)
	m.remember(k, rookery.OutcomeDone)
	return rookery.Receipt{}, nil
}

func (m *Model) KnownAddress(_ context.Context, uin rookery.UIN, addr netip.Addr) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	a := m.accounts[uin]
	return a != nil && slices.Contains(a.addresses, addr), nil
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
			if uin <= after || !a.purgeable(e, before) {
				break
			}
			if a.purged[e.Number] {
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

func (a *account) purgeable(e rookery.Entry, before time.Time) bool {
	passed := false
	for _, p := range a.places {
		if p.Keep != 0 && e.Number >= p.Keep {
			return false
		}
		passed = passed || e.Number <= p.Number
	}
	newest := e.Number == uint64(len(a.entries))
	return passed && !newest && e.Time.Before(before)
}
