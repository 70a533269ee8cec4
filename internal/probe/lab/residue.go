package lab

import (
	"context"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// accountResidue is what experiments have left behind, where commands undo it.
type accountResidue struct {
	known    bool               // false at the start: whatever was before us
	sessions map[[2]string]int  // role and place's address: the place's index
	mail     map[string]bool    // roles for whom something may wait
	status   map[string]bool    // roles that may show otherwise than usually
	bonds    map[[2]string]bool // pairs, in the file's order, that may stand otherwise
	failed   map[string]bool    // roles with failed logins, which a right one makes forget
}

func cleanSlate() accountResidue {
	return accountResidue{
		known: true, sessions: make(map[[2]string]int), mail: make(map[string]bool),
		status: make(map[string]bool), bonds: make(map[[2]string]bool), failed: make(map[string]bool),
	}
}

// needsLogin reports whether a role has to log in for all to be undone.
func (d *accountResidue) needsLogin(role string) bool {
	if d.mail[role] || d.status[role] || d.failed[role] {
		return true
	}
	for pair := range d.bonds {
		if pair[0] == role || pair[1] == role {
			return true
		}
	}
	return false
}

// anything is what is to be undone where nothing is known.
func (t *attempt) anything() accountResidue {
	d := cleanSlate()
	for i, a := range t.accounts {
		d.mail[a.Role], d.status[a.Role] = true, true
		for place, address := range t.lab.File.Places {
			d.sessions[[2]string{a.Role, address}] = place
		}
		for _, b := range t.accounts[i+1:] {
			d.bonds[[2]string{a.Role, b.Role}] = true
		}
	}
	return d
}

// note keeps in mind what a step has left behind.
func (t *attempt) note(s experiment.Step, a *Answer) {
	l := t.lab
	if s.Wait > 0 {
		return
	}
	if l.verb(s) == experiment.Login {
		t.noteLogin(s, a)
	}
	if !l.residue.known {
		return // all is undone anyway
	}
	place := l.File.Places[s.Place]
	switch verb := l.verb(s); verb {
	case experiment.Login:
		l.residue.sessions[[2]string{s.Role, place}] = s.Place
		l.residue.status[s.Role] = l.residue.status[s.Role] || len(s.Changes) > 0
	case experiment.Status:
		l.residue.status[s.Role] = true
	case experiment.Send:
		t.mailed(s)
	case experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete:
		t.bonded(s)
	case "":
		l.residue.status[s.Role] = true
		t.mailed(s)
		t.bonded(s)
	}
}

// noteLogin counts logins that failed since the latest right one. A right one that is
// refused behind them shows that it does not lift a lock.
func (t *attempt) noteLogin(s experiment.Step, a *Answer) {
	l, number := t.lab, t.role(s.Role).Number
	switch {
	case a.Lost, l.File.Reset.Kind == experiment.ResetURL: // the control URL undoes failed logins too
	case Done(l.File, s.Command, a):
		if l.locks != nil && l.locks.High == 0 && l.failed[number] > 0 {
			l.locks.High = l.since(l.locks.since)
		}
		delete(l.failed, number)
		delete(l.residue.failed, s.Role)
	case l.wrongLogin(s):
		l.failed[number]++
		l.residue.failed[s.Role] = true
		l.wrongAt[number] = append(l.wrongAt[number], l.now)
	case l.failed[number] > 0:
		if l.locks == nil {
			at := l.wrongAt[number]
			l.locks = &Lock{After: l.failed[number], ID: a.ID, since: at[len(at)-1]}
		}
		if l.locks.High == 0 {
			l.locks.Low = l.since(l.locks.since)
		}
	}
}

// A Lock is what failed logins bring about, where a right one does not lift it.
type Lock struct {
	ID string // the entry of the right login that was refused
	// After is how many failed logins it took at most.
	After int
	// Low and High bound its length: at Low a right login was refused, at High one was
	// done; High is 0 if none was.
	Low, High time.Duration
	since     experimentTime
}

// Lock is the lock that was met, nil if none was.
func (l *Lab) Lock() *Lock { return l.locks }

// outlast waits until a right login is done, to measure a lock.
func (t *attempt) outlast(ctx context.Context, s experiment.Step) error {
	l := t.lab
	for l.locks != nil && l.locks.High == 0 && l.since(l.locks.since) < l.longestLock() {
		if err := t.pause(ctx, max(firstWait, l.since(l.locks.since)/5)); err != nil {
			return err
		}
		a, err := t.prepare(ctx, s)
		if err != nil {
			return err
		}
		t.noteLogin(s, &a)
	}
	return nil
}

// longestLock is how long a lock is waited for: as long as the file allows.
func (l *Lab) longestLock() time.Duration {
	if l.File.Clock.URL != "" {
		return 24 * time.Hour
	}
	return l.File.Limits.Wait
}

// mailed notes that something may wait: for whom the step is about, or, where a
// change names somebody else, for anybody.
func (t *attempt) mailed(s experiment.Step) {
	for _, a := range t.accounts {
		if a.Role == t.to(s) || len(s.Changes) > 0 {
			t.lab.residue.mail[a.Role] = true
		}
	}
}

// bonded notes that friendships may have changed.
func (t *attempt) bonded(s experiment.Step) {
	for i, a := range t.accounts {
		for _, b := range t.accounts[i+1:] {
			named := a.Role == s.Role && b.Role == t.to(s) || b.Role == s.Role && a.Role == t.to(s)
			if named || len(s.Changes) > 0 && (a.Role == s.Role || b.Role == s.Role) {
				t.lab.residue.bonds[[2]string{a.Role, b.Role}] = true
				t.lab.residue.mail[a.Role], t.lab.residue.mail[b.Role] = true, true
			}
		}
	}
}
