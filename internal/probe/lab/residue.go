package lab

import (
	"context"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// accountResidue is what experiments have left behind, where commands undo it.
type accountResidue struct {
	isKnown      bool               // false at the start: whatever was before us
	sessions     map[[2]string]int  // role and place's address: the place's index
	mailboxes    map[string]bool    // roles for whom something may wait
	statuses     map[string]bool    // roles that may show otherwise than usually
	friendships  map[[2]string]bool // pairs, in the file's order, that may stand otherwise
	failedLogins map[string]bool    // roles with failed logins, which a right one makes forget
}

func newResidue() accountResidue {
	return accountResidue{
		isKnown: true, sessions: make(map[[2]string]int), mailboxes: make(map[string]bool),
		statuses: make(map[string]bool), friendships: make(map[[2]string]bool), failedLogins: make(map[string]bool),
	}
}

// needsLogin reports whether a role has to log in for all to be undone.
func (r *accountResidue) needsLogin(role string) bool {
	if r.mailboxes[role] || r.statuses[role] || r.failedLogins[role] {
		return true
	}
	for pair := range r.friendships {
		if pair[0] == role || pair[1] == role {
			return true
		}
	}
	return false
}

// fullResidue is what is to be undone where nothing is known.
func (t *attempt) fullResidue() accountResidue {
	residue := newResidue()
	for i, a := range t.accounts {
		residue.mailboxes[a.Role], residue.statuses[a.Role] = true, true
		for place, address := range t.lab.File.Places {
			residue.sessions[[2]string{a.Role, address}] = place
		}
		for _, account := range t.accounts[i+1:] {
			residue.friendships[[2]string{a.Role, account.Role}] = true
		}
	}
	return residue
}

// noteResidue keeps in mind what a step has left behind.
func (t *attempt) noteResidue(step experiment.Step, answer *Answer) {
	l := t.lab
	if step.Wait > 0 {
		return
	}
	if l.File.VerbOf(step) == experiment.VerbLogin {
		t.noteLogin(step, answer)
	}
	if !l.residue.isKnown {
		return // all is undone anyway
	}
	place := l.File.Places[step.Place]
	switch verb := l.File.VerbOf(step); verb {
	case experiment.VerbLogin:
		l.residue.sessions[[2]string{step.Role, place}] = step.Place
		l.residue.statuses[step.Role] = l.residue.statuses[step.Role] || len(step.Changes) > 0
	case experiment.VerbStatus:
		l.residue.statuses[step.Role] = true
	case experiment.VerbSend:
		t.noteMailboxes(step)
	case experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete:
		t.noteFriendships(step)
	case "":
		l.residue.statuses[step.Role] = true
		t.noteMailboxes(step)
		t.noteFriendships(step)
	}
}

// noteLogin counts logins that failed since the latest right one. A right one that is
// refused behind them shows that it does not lift a lock.
func (t *attempt) noteLogin(step experiment.Step, answer *Answer) {
	l, number := t.lab, t.accountOf(step.Role).Number
	switch {
	case answer.Lost, l.File.Reset.Kind == experiment.ResetURL: // the control URL undoes failed logins too
	case IsDone(l.File, step.Command, answer):
		if l.loginLock != nil && l.loginLock.MaxDuration == 0 && l.failedLogins[number] > 0 {
			l.loginLock.MaxDuration = l.durationSince(l.loginLock.startedAt)
		}
		delete(l.failedLogins, number)
		delete(l.residue.failedLogins, step.Role)
	case l.isChangedLogin(step):
		l.failedLogins[number]++
		l.residue.failedLogins[step.Role] = true
		l.failedLoginTimes[number] = append(l.failedLoginTimes[number], l.latestTime)
	case l.failedLogins[number] > 0:
		if l.loginLock == nil {
			at := l.failedLoginTimes[number]
			l.loginLock = &Lock{FailedLogins: l.failedLogins[number], ID: answer.ID, startedAt: at[len(at)-1]}
		}
		if l.loginLock.MaxDuration == 0 {
			l.loginLock.MinDuration = l.durationSince(l.loginLock.startedAt)
		}
	}
}

// A Lock is what failed logins bring about, where a right one does not lift it.
type Lock struct {
	ID string // the entry of the right login that was refused
	// FailedLogins is how many failed logins it took at most.
	FailedLogins int
	// MinDuration and High bound its length: at Low a right login was refused, at High one was
	// done; High is 0 if none was.
	MinDuration, MaxDuration time.Duration
	startedAt                serverTime
}

// Lock is the lock that was met, nil if none was.
func (l *Lab) Lock() *Lock { return l.loginLock }

// measureLock waits until a right login is done, to measure a lock.
func (t *attempt) measureLock(ctx context.Context, step experiment.Step) error {
	l := t.lab
	for l.loginLock != nil && l.loginLock.MaxDuration == 0 && l.durationSince(l.loginLock.startedAt) < l.maxLockWait() {
		if err := t.waitForLimit(ctx, max(minLimitWait, l.durationSince(l.loginLock.startedAt)/5)); err != nil {
			return err
		}
		answer, err := t.runResetStep(ctx, step)
		if err != nil {
			return err
		}
		t.noteLogin(step, &answer)
	}
	return nil
}

// maxLockWait is how long a lock is waited for: as long as the file allows.
func (l *Lab) maxLockWait() time.Duration {
	if l.File.Clock.URL != "" {
		return 24 * time.Hour
	}
	return l.File.Limits.LongestWait
}

// noteMailboxes notes that something may wait: for whom the step is about, or, where a
// change names somebody else, for anybody.
func (t *attempt) noteMailboxes(step experiment.Step) {
	for _, account := range t.accounts {
		if account.Role == t.targetRole(step) || len(step.Changes) > 0 {
			t.lab.residue.mailboxes[account.Role] = true
		}
	}
}

// noteFriendships notes that friendships may have changed.
func (t *attempt) noteFriendships(step experiment.Step) {
	for i, a := range t.accounts {
		for _, account := range t.accounts[i+1:] {
			named := a.Role == step.Role && account.Role == t.targetRole(step) || account.Role == step.Role && a.Role == t.targetRole(step)
			if named || len(step.Changes) > 0 && (a.Role == step.Role || account.Role == step.Role) {
				t.lab.residue.friendships[[2]string{a.Role, account.Role}] = true
				t.lab.residue.mailboxes[a.Role], t.lab.residue.mailboxes[account.Role] = true, true
			}
		}
	}
}
