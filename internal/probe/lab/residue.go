package lab

import (
	"context"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// accountResidue is what experiments left behind on the server, to be undone by commands. It may
// include more than was left. The zero value means that anything may be left.
type accountResidue struct {
	isKnown      bool               // false until the first reset: anything may be left
	sessions     map[[2]string]int  // index in File.Places, by role and local address
	mailboxes    map[string]bool    // roles for which messages may wait
	statuses     map[string]bool    // roles whose status may have changed
	friendships  map[[2]string]bool // pairs of roles, in the file's order, that may have changed
	failedLogins map[string]bool    // roles with failed logins, which a correct login clears
}

func newResidue() accountResidue {
	return accountResidue{
		isKnown: true, sessions: make(map[[2]string]int), mailboxes: make(map[string]bool),
		statuses: make(map[string]bool), friendships: make(map[[2]string]bool), failedLogins: make(map[string]bool),
	}
}

// needsLogin reports whether a role must log in to undo its residue.
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

// fullResidue returns the largest possible residue, for a server in an unknown state.
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

// noteResidue records what a step may have left behind.
func (t *attempt) noteResidue(step experiment.Step, answer *Answer) {
	l := t.lab
	if step.Wait > 0 {
		return
	}
	if l.File.VerbOf(step) == experiment.VerbLogin {
		t.noteLogin(step, answer)
	}
	if !l.residue.isKnown {
		return // the next reset undoes everything
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
	case experiment.VerbAdd,
		experiment.VerbRequest,
		experiment.VerbAccept,
		experiment.VerbReject,
		experiment.VerbDelete:
		t.noteFriendships(step)
	case "":
		l.residue.statuses[step.Role] = true
		t.noteMailboxes(step)
		t.noteFriendships(step)
	}
}

// noteLogin updates the failed logins of a role from the answer to a login. If a correct login is
// refused after failed ones, it records a lock, and later how long the lock lasted.
func (t *attempt) noteLogin(step experiment.Step, answer *Answer) {
	l, number := t.lab, t.accountOf(step.Role).Number
	switch {
	case answer.Lost, l.File.Reset.Kind == experiment.ResetURL: // a control URL resets failed logins too
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

// Lock describes how the server locks an account after failed logins, so that even a correct login
// is refused for some time.
type Lock struct {
	ID string // of the refused correct login in the transcript
	// FailedLogins is how many failed logins preceded the lock.
	FailedLogins int
	// A correct login was refused MinDuration after the last failed one, and done
	// MaxDuration after it. MaxDuration is 0 if none was done.
	MinDuration, MaxDuration time.Duration
	startedAt                serverTime
}

// Lock returns the lock that was found, or nil.
func (l *Lab) Lock() *Lock { return l.loginLock }

// measureLock repeats a correct login with growing waits until the lock ends or maxLockWait has
// passed, and records the duration. It does nothing if no lock was found or it is measured already.
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

// maxLockWait returns how long measureLock waits for the end of a lock. A day costs nothing on a
// clock that a control URL advances.
func (l *Lab) maxLockWait() time.Duration {
	if l.File.Clock.URL != "" {
		return 24 * time.Hour
	}
	return l.File.Limits.LongestWait
}

// noteMailboxes records that messages may wait for the target of a step, or for any role if the
// step has changes, because these may name another target.
func (t *attempt) noteMailboxes(step experiment.Step) {
	for _, account := range t.accounts {
		if account.Role == t.targetRole(step) || len(step.Changes) > 0 {
			t.lab.residue.mailboxes[account.Role] = true
		}
	}
}

// noteFriendships records which friendships a step may have changed: the one between its role and
// its target, or all of its role if the step has changes, because these may name another target.
// The change can also leave a message for either side.
func (t *attempt) noteFriendships(step experiment.Step) {
	for i, a := range t.accounts {
		for _, account := range t.accounts[i+1:] {
			named := a.Role == step.Role && account.Role == t.targetRole(step) ||
				account.Role == step.Role && a.Role == t.targetRole(step)
			if named || len(step.Changes) > 0 && (a.Role == step.Role || account.Role == step.Role) {
				t.lab.residue.friendships[[2]string{a.Role, account.Role}] = true
				t.lab.residue.mailboxes[a.Role], t.lab.residue.mailboxes[account.Role] = true, true
			}
		}
	}
}
