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
		for _, account := range t.accounts[i+1:] {
			d.bonds[[2]string{a.Role, account.Role}] = true
		}
	}
	return d
}

// note keeps in mind what a step has left behind.
func (t *attempt) note(step experiment.Step, answer *Answer) {
	lab := t.lab
	if step.Wait > 0 {
		return
	}
	if lab.verb(step) == experiment.VerbLogin {
		t.noteLogin(step, answer)
	}
	if !lab.residue.known {
		return // all is undone anyway
	}
	place := lab.File.Places[step.Place]
	switch verb := lab.verb(step); verb {
	case experiment.VerbLogin:
		lab.residue.sessions[[2]string{step.Role, place}] = step.Place
		lab.residue.status[step.Role] = lab.residue.status[step.Role] || len(step.Changes) > 0
	case experiment.VerbStatus:
		lab.residue.status[step.Role] = true
	case experiment.VerbSend:
		t.mailed(step)
	case experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete:
		t.bonded(step)
	case "":
		lab.residue.status[step.Role] = true
		t.mailed(step)
		t.bonded(step)
	}
}

// noteLogin counts logins that failed since the latest right one. A right one that is
// refused behind them shows that it does not lift a lock.
func (t *attempt) noteLogin(step experiment.Step, answer *Answer) {
	lab, number := t.lab, t.role(step.Role).Number
	switch {
	case answer.Lost, lab.File.Reset.Kind == experiment.ResetURL: // the control URL undoes failed logins too
	case Done(lab.File, step.Command, answer):
		if lab.locks != nil && lab.locks.High == 0 && lab.failed[number] > 0 {
			lab.locks.High = lab.since(lab.locks.since)
		}
		delete(lab.failed, number)
		delete(lab.residue.failed, step.Role)
	case lab.wrongLogin(step):
		lab.failed[number]++
		lab.residue.failed[step.Role] = true
		lab.wrongAt[number] = append(lab.wrongAt[number], lab.now)
	case lab.failed[number] > 0:
		if lab.locks == nil {
			at := lab.wrongAt[number]
			lab.locks = &Lock{After: lab.failed[number], ID: answer.ID, since: at[len(at)-1]}
		}
		if lab.locks.High == 0 {
			lab.locks.Low = lab.since(lab.locks.since)
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
func (t *attempt) outlast(ctx context.Context, step experiment.Step) error {
	lab := t.lab
	for lab.locks != nil && lab.locks.High == 0 && lab.since(lab.locks.since) < lab.longestLock() {
		if err := t.pause(ctx, max(firstWait, lab.since(lab.locks.since)/5)); err != nil {
			return err
		}
		answer, err := t.prepare(ctx, step)
		if err != nil {
			return err
		}
		t.noteLogin(step, &answer)
	}
	return nil
}

// longestLock is how long a lock is waited for: as long as the file allows.
func (l *Lab) longestLock() time.Duration {
	if l.File.Clock.URL != "" {
		return 24 * time.Hour
	}
	return l.File.Limits.LongestWait
}

// mailed notes that something may wait: for whom the step is about, or, where a
// change names somebody else, for anybody.
func (t *attempt) mailed(step experiment.Step) {
	for _, account := range t.accounts {
		if account.Role == t.to(step) || len(step.Changes) > 0 {
			t.lab.residue.mail[account.Role] = true
		}
	}
}

// bonded notes that friendships may have changed.
func (t *attempt) bonded(step experiment.Step) {
	for i, a := range t.accounts {
		for _, account := range t.accounts[i+1:] {
			named := a.Role == step.Role && account.Role == t.to(step) || account.Role == step.Role && a.Role == t.to(step)
			if named || len(step.Changes) > 0 && (a.Role == step.Role || account.Role == step.Role) {
				t.lab.residue.bonds[[2]string{a.Role, account.Role}] = true
				t.lab.residue.mail[a.Role], t.lab.residue.mail[account.Role] = true, true
			}
		}
	}
}
