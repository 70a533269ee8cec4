package lab

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// prepareServer makes everything as it was: each experiment begins alike.
func (t *attempt) prepareServer(ctx context.Context) error {
	l := t.lab
	t.addMarks(0)
	l.clockOffset = 0
	if l.File.Reset.Kind == experiment.ResetPool {
		if err := t.assignPoolAccounts(); err != nil {
			return err
		}
	}
	switch {
	case t.isArchived:
		t.skipArchivedReset()
		return nil
	case t.skipsReset:
		return nil
	}
	if err := t.resetServer(ctx); err != nil {
		return err
	}
	pause := max(l.pendingWait, l.limitDelay(countRequests(t.steps)+len(l.File.Setup)), l.failedLoginDelay(t.steps))
	if l.pendingWait = 0; pause > 0 {
		if err := t.waitForLimit(ctx, pause); err != nil {
			return err
		}
	}
	for _, step := range l.File.Setup {
		if _, err := t.runResetStep(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// resetServer is reset in the way that the file says.
func (t *attempt) resetServer(ctx context.Context) error {
	l := t.lab
	switch {
	case l.File.Reset.Kind == experiment.ResetPool:
		return t.arrangeFriendships(ctx)
	case l.File.Reset.Kind == experiment.ResetCommands:
		return t.undoResidue(ctx)
	case l.Simulator != nil:
		l.Simulator.Reset()
		return nil
	}
	return l.postControl(ctx, "reset", "")
}

// skipArchivedReset passes over what the reset took: how much that was
// depends on what had been left behind, and nobody looks at it.
func (t *attempt) skipArchivedReset() {
	n := 0
	for n < len(t.archivedEntries) && t.archivedEntries[n].StepNumber == 0 {
		n++
	}
	sent, faults := (&archivedAttempt{entries: t.archivedEntries[:n]}).countRequests()
	for i := range t.archivedEntries[:n] {
		if t.lab.noteTime(&t.archivedEntries[i]); t.archivedEntries[i].Request != nil {
			t.lab.limiter.recordAnswered(t.lab.latestTime)
			t.noteArchivedLogin(&t.archivedEntries[i])
		}
	}
	t.archivedEntries = t.archivedEntries[n:]
	t.lab.sentRequests += sent
	t.lab.transportFaults += faults
	t.lab.residue = newResidue()
}

// noteArchivedLogin takes note of a login that the reset took, of which the transcript tells.
func (t *attempt) noteArchivedLogin(entry *journal.Entry) {
	step, err := t.lab.File.ParseStep(entry.StepText)
	if err != nil || t.lab.File.VerbOf(step) != experiment.VerbLogin {
		return
	}
	if answer, err := parseArchivedAnswer(entry, httpMethod(step.HTTPForm)); err == nil {
		answer.parseBody(t.lab.File.Syntax, nil)
		t.noteLogin(step, &answer)
	}
}

// assignPoolAccounts takes accounts out of the pool for the roles.
func (t *attempt) assignPoolAccounts() error {
	pool := t.lab.File.Pool
	accounts := slices.Clone(t.accounts)
	for i := range accounts {
		if t.lab.nextPoolAccount > pool.Last {
			return stoppedf("the pool of accounts is used up, after %d", pool.Last-pool.First+1)
		}
		accounts[i].Number = strconv.FormatUint(t.lab.nextPoolAccount, 10)
		accounts[i].Secret, accounts[i].SecretHidden = pool.Secret, pool.SecretHidden
		t.lab.nextPoolAccount++
	}
	t.accounts = accounts
	return nil
}

// runResetStep takes a step that is no part of the experiment, until it is answered.
func (t *attempt) runResetStep(ctx context.Context, step experiment.Step) (Answer, error) {
	l, holding := t.lab, false
	for t.unansweredResets = 0; t.unansweredResets < maxAttempts; {
		t.marks[0] = l.computeMark(t.nonce+1, t.number, l.sentRequests+1000)
		answer, err := t.exchange(ctx, step, 0)
		if err != nil {
			return answer, err
		}
		if answer.Lost {
			t.unansweredResets++
			continue
		}
		description := l.describeAnswer(step.Command, &answer)
		if !saysTooMany(&answer) && !l.limiter.limitAnswers[description] || holding && l.durationSince(l.resetLimit.seenAt) > maxLimitWait {
			if holding {
				err = t.writeEntry(journal.Entry{Elapsed: l.elapsedSeconds(), StepText: limitOverLine})
			}
			return answer, err
		}
		if !holding {
			holding = true
			if err := t.writeEntry(journal.Entry{Elapsed: l.elapsedSeconds(), Role: step.Role, StepText: limitedLine + description}); err != nil {
				return answer, err
			}
		}
		if err := t.waitForLimit(ctx, max(minLimitWait, l.durationSince(l.resetLimit.seenAt)/5, answer.RetryAfter)); err != nil {
			return answer, err
		}
	}
	return Answer{Lost: true}, l.brokenf("no answer to %q, which prepares each experiment", l.File.FormatStep(step))
}

// How the transcript says that a request of a reset has to wait for a limit, which stands
// behind the first, and that it has waited.
const limitedLine, limitOverLine = "# limited: ", "# limited no more"

// noteTime takes note of what the transcript has besides requests.
func (l *Lab) noteTime(entry *journal.Entry) {
	l.latestTime.elapsed = toDuration(entry.Elapsed)
	if entry.WaitSeconds > 0 && l.File.Clock.URL != "" {
		l.latestTime.clockOffset += toDuration(entry.WaitSeconds)
	}
	if description, ok := strings.CutPrefix(entry.StepText, limitedLine); ok {
		limit := l.findOrAddLimit(anyCommand, description, entry.ID())
		limit.Occurrences++
		l.resetLimit = &suspectedLimit{limit: limit, seenAt: l.latestTime}
	}
	if entry.StepText == limitOverLine && l.resetLimit != nil {
		l.measureLimit(l.resetLimit)
	}
}

// undoResidue makes as it was what experiments have changed, by commands.
func (t *attempt) undoResidue(ctx context.Context) error {
	l := t.lab
	residue := l.residue
	if !residue.isKnown {
		residue = t.fullResidue()
	}
	l.residue = newResidue()
	for _, account := range t.accounts {
		for place := range l.File.Places {
			// Those who log in below log out there.
			if _, is := residue.sessions[[2]string{account.Role, l.File.Places[place]}]; is && (place > 0 || !residue.needsLogin(account.Role)) {
				if err := t.logOut(ctx, account.Role, place); err != nil {
					return err
				}
			}
		}
	}
	return t.clearResidue(ctx, residue)
}

// logOut logs a role out at a place.
func (t *attempt) logOut(ctx context.Context, role string, place int) error {
	step, ok := t.lab.File.StepOf(experiment.VerbLogout, role, "")
	if !ok {
		return nil
	}
	step.Place = place
	_, err := t.runResetStep(ctx, step)
	return err
}

// arrangeFriendships makes fresh accounts stand to each other as the file says.
func (t *attempt) arrangeFriendships(ctx context.Context) error {
	residue := newResidue()
	for _, pair := range t.lab.File.Friends {
		residue.friendships[pair] = true
		residue.mailboxes[pair[0]], residue.mailboxes[pair[1]] = true, true
	}
	return t.clearResidue(ctx, residue)
}

// clearResidue logs accounts in where something is to be undone, makes friends of those
// who shall be, ends other friendships, collects what waits, and logs them out.
func (t *attempt) clearResidue(ctx context.Context, residue accountResidue) error {
	var roles []string
	for _, account := range t.accounts {
		if residue.needsLogin(account.Role) {
			roles = append(roles, account.Role)
		}
	}
	for _, role := range roles {
		if err := t.runVerb(ctx, experiment.VerbLogin, role, ""); err != nil {
			return err
		}
	}
	for i, a := range roles {
		for _, b := range roles[i+1:] {
			if residue.friendships[[2]string{a, b}] || residue.friendships[[2]string{b, a}] {
				if err := t.setFriendship(ctx, a, b); err != nil {
					return err
				}
			}
		}
	}
	for _, role := range roles {
		var verbs []experiment.Verb
		if residue.statuses[role] {
			verbs = append(verbs, experiment.VerbStatus)
		}
		if residue.mailboxes[role] {
			verbs = append(verbs, experiment.VerbReceive)
		}
		for _, verb := range append(verbs, experiment.VerbLogout) {
			if err := t.runVerb(ctx, verb, role, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// runVerb takes the step of a verb, if the file has a command for it; Receive
// until nothing comes any more.
func (t *attempt) runVerb(ctx context.Context, verb experiment.Verb, role, to string) error {
	step, ok := t.lab.File.StepOf(verb, role, to)
	if !ok {
		return nil
	}
	for range 30 {
		answer, err := t.runResetStep(ctx, step)
		if err == nil && verb == experiment.VerbLogin {
			t.noteLogin(step, &answer)
			err = t.measureLock(ctx, step)
		}
		if err != nil || verb != experiment.VerbReceive || !IsDone(t.lab.File, step.Command, &answer) || isEmptyAnswer(&answer) {
			return err
		}
	}
	return nil
}

// isEmptyAnswer reports whether an answer has no list with anything in it.
func isEmptyAnswer(answer *Answer) bool {
	return !slices.ContainsFunc(answer.Fields, func(field Field) bool { return len(field.List) > 0 })
}

// setFriendship makes two roles friends, or strangers, as the file says.
func (t *attempt) setFriendship(ctx context.Context, a, b string) error {
	want := slices.ContainsFunc(t.lab.File.Friends, func(p [2]string) bool {
		return p == [2]string{a, b} || p == [2]string{b, a}
	})
	is, err := t.areFriends(ctx, a, b)
	if err != nil || is && want {
		return err
	}
	if !want {
		// A request that waits is refused, whoever asked.
		verbs := []experiment.Verb{experiment.VerbReject}
		if is {
			verbs = []experiment.Verb{experiment.VerbDelete}
		}
		for _, verb := range verbs {
			for _, pair := range [][2]string{{a, b}, {b, a}} {
				if err := t.runVerb(ctx, verb, pair[0], pair[1]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, verb := range []experiment.Verb{experiment.VerbAdd, experiment.VerbRequest} {
		if err := t.runVerb(ctx, verb, a, b); err != nil {
			return err
		}
	}
	return t.runVerb(ctx, experiment.VerbAccept, b, a)
}

// areFriends reports whether a's list has b.
func (t *attempt) areFriends(ctx context.Context, a, b string) (bool, error) {
	step, ok := t.lab.File.StepOf(experiment.VerbFriends, a, "")
	if !ok {
		return false, nil
	}
	answer, err := t.runResetStep(ctx, step)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(answer.Fields, func(field Field) bool {
		return slices.Contains(field.List, "{"+b+"}")
	}), nil
}

// CleanupRequests is how many requests of the budget are kept for leaving: see [Lab.CleanUp].
func CleanupRequests(file *experiment.File) int {
	if file.Reset.Kind != experiment.ResetCommands {
		return 0
	}
	n := len(file.Accounts)
	// Login, status, collecting, logout, also elsewhere; who is a friend of whom, and
	// what changes that.
	return 5*n + n*(len(file.Places)-1) + 3*n*(n-1)/2
}

// CleanUp undoes what the latest experiment has left behind, where commands do that:
// whoever comes next finds the accounts logged out. It does nothing if nothing was
// sent, or if the server does not let itself be asked any more.
func (l *Lab) CleanUp(ctx context.Context) error {
	if l.Offline || !l.isOnline || l.isBroken || l.File.Reset.Kind != experiment.ResetCommands {
		return nil
	}
	l.usableBudget = l.totalBudget
	l.attempts++
	l.lastAttempt++
	t := &attempt{lab: l, key: "leave", number: l.lastAttempt, accounts: l.File.Accounts, history: newAttemptHistory(0)}
	t.addMarks(0)
	return t.undoResidue(ctx)
}
