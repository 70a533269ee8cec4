package lab

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// prepareServer resets the server, waits for known limits and sends the file's setup requests. An
// archived attempt skips the entries of these requests instead.
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

// resetServer resets the server in the way the file defines.
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

// skipArchivedReset skips the entries of an archived reset and adds them to the lab's totals. They
// are not compared with the requests of a new reset, because their number depends on the residue
// at the time.
func (t *attempt) skipArchivedReset() {
	count := 0
	for count < len(t.archivedEntries) && t.archivedEntries[count].StepNumber == 0 {
		count++
	}
	sent, faults := (&archivedAttempt{entries: t.archivedEntries[:count]}).countRequests()
	for i := range t.archivedEntries[:count] {
		if t.lab.noteTime(&t.archivedEntries[i]); t.archivedEntries[i].Request != nil {
			t.lab.limiter.recordAnswered(t.lab.latestTime)
			t.noteArchivedLogin(&t.archivedEntries[i])
		}
	}
	t.archivedEntries = t.archivedEntries[count:]
	t.lab.sentRequests += sent
	t.lab.transportFaults += faults
	t.lab.residue = newResidue()
}

// noteArchivedLogin records the result of an archived login that belonged to a reset.
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

// assignPoolAccounts gives each role the next unused account of the pool. It returns a
// StoppedError if the pool is used up.
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

// runResetStep sends a request that is not a step of the experiment. It repeats an unanswered
// request up to maxAttempts times, and a limited one until the limit ends or maxLimitWait has
// passed. If no attempt is answered, it marks the server as broken.
func (t *attempt) runResetStep(ctx context.Context, step experiment.Step) (Answer, error) {
	l, isLimited := t.lab, false
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
		if !saysTooMany(&answer) && !l.limiter.limitAnswers[description] ||
			isLimited && l.durationSince(l.resetLimit.seenAt) > maxLimitWait {
			if isLimited {
				err = t.writeEntry(journal.Entry{Elapsed: l.elapsedSeconds(), StepText: limitEndLine})
			}
			return answer, err
		}
		if !isLimited {
			isLimited = true
			if err := t.writeEntry(journal.Entry{
				Elapsed: l.elapsedSeconds(), Role: step.Role, StepText: limitBeginLine + description,
			}); err != nil {
				return answer, err
			}
		}
		if err := t.waitForLimit(ctx, max(minLimitWait, l.durationSince(l.resetLimit.seenAt)/5,
			answer.RetryAfter)); err != nil {
			return answer, err
		}
	}
	return Answer{Lost: true}, l.brokenf("no answer to %q, which prepares each experiment", l.File.FormatStep(step))
}

// limitBeginLine, followed by the answer, marks in the transcript that a reset request waits for a
// limit. limitEndLine marks the end of the wait.
const limitBeginLine, limitEndLine = "# limited: ", "# limited no more"

// noteTime updates the lab's time from a transcript entry. If the entry marks the beginning or the
// end of a wait for a limit, it updates resetLimit too.
func (l *Lab) noteTime(entry *journal.Entry) {
	l.latestTime.elapsed = toDuration(entry.Elapsed)
	if entry.WaitSeconds > 0 && l.File.Clock.URL != "" {
		l.latestTime.clockOffset += toDuration(entry.WaitSeconds)
	}
	if description, ok := strings.CutPrefix(entry.StepText, limitBeginLine); ok {
		limit := l.findOrAddLimit(anyCommand, description, entry.ID())
		limit.Occurrences++
		l.resetLimit = &suspectedLimit{limit: limit, seenAt: l.latestTime}
	}
	if entry.StepText == limitEndLine && l.resetLimit != nil {
		l.measureLimit(l.resetLimit)
	}
}

// undoResidue resets the server by commands: it ends sessions and undoes what earlier experiments
// changed. If the residue is unknown, it undoes everything that could be left.
func (t *attempt) undoResidue(ctx context.Context) error {
	l := t.lab
	residue := l.residue
	if !residue.isKnown {
		residue = t.fullResidue()
	}
	l.residue = newResidue()
	for _, account := range t.accounts {
		for place := range l.File.Places {
			// clearResidue ends the sessions at the first place of the roles that it logs in.
			if _, ok := residue.sessions[[2]string{account.Role, l.File.Places[place]}]; ok &&
				(place > 0 || !residue.needsLogin(account.Role)) {
				if err := t.logOut(ctx, account.Role, place); err != nil {
					return err
				}
			}
		}
	}
	return t.clearResidue(ctx, residue)
}

// logOut logs a role out at the place with the given index, if the file has a logout command.
func (t *attempt) logOut(ctx context.Context, role string, place int) error {
	step, ok := t.lab.File.StepOf(experiment.VerbLogout, role, "")
	if !ok {
		return nil
	}
	step.Place = place
	_, err := t.runResetStep(ctx, step)
	return err
}

// arrangeFriendships gives fresh accounts the friendships that the file defines.
func (t *attempt) arrangeFriendships(ctx context.Context) error {
	residue := newResidue()
	for _, pair := range t.lab.File.Friends {
		residue.friendships[pair] = true
		residue.mailboxes[pair[0]], residue.mailboxes[pair[1]] = true, true
	}
	return t.clearResidue(ctx, residue)
}

// clearResidue logs in the roles that have something to undo, restores friendships and statuses,
// collects waiting messages, and logs the roles out.
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

// runVerb sends the reset request of a verb, if the file has a command for it. VerbReceive is
// repeated until nothing more arrives, at most 30 times in case the server never returns an empty
// answer. A refused VerbLogin is repeated if a login lock has to be measured.
func (t *attempt) runVerb(ctx context.Context, verb experiment.Verb, role, target string) error {
	step, ok := t.lab.File.StepOf(verb, role, target)
	if !ok {
		return nil
	}
	for range 30 {
		answer, err := t.runResetStep(ctx, step)
		if err == nil && verb == experiment.VerbLogin {
			t.noteLogin(step, &answer)
			err = t.measureLock(ctx, step)
		}
		if err != nil || verb != experiment.VerbReceive || !IsDone(t.lab.File, step.Command, &answer) ||
			isEmptyAnswer(&answer) {
			return err
		}
	}
	return nil
}

// isEmptyAnswer reports whether all lists of an answer are empty.
func isEmptyAnswer(answer *Answer) bool {
	return !slices.ContainsFunc(answer.Fields, func(field Field) bool { return len(field.List) > 0 })
}

// setFriendship makes two roles, which are logged in, friends or strangers as the file defines.
func (t *attempt) setFriendship(ctx context.Context, a, b string) error {
	shouldBeFriend := slices.ContainsFunc(t.lab.File.Friends, func(p [2]string) bool {
		return p == [2]string{a, b} || p == [2]string{b, a}
	})
	isFriend, err := t.areFriends(ctx, a, b)
	if err != nil || isFriend && shouldBeFriend {
		return err
	}
	if !shouldBeFriend {
		// Either side may have a pending request.
		verbs := []experiment.Verb{experiment.VerbReject}
		if isFriend {
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

// areFriends asks the server whether the friend list of a contains b. Without a command that lists
// friends, it reports false.
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

// CleanupRequests returns how many requests of the budget are reserved for [Lab.CleanUp].
func CleanupRequests(file *experiment.File) int {
	if file.Reset.Kind != experiment.ResetCommands {
		return 0
	}
	count := len(file.Accounts)
	// An estimate. For each account: login, status, two collections, and logout, and a logout
	// at each further place. For each pair of accounts: the friend list and two changes.
	return 5*count + count*(len(file.Places)-1) + 3*count*(count-1)/2
}

// CleanUp undoes what the latest experiment left behind and logs the accounts out, if the file
// resets by commands. It may use the requests that [CleanupRequests] reserves. It does nothing if
// nothing was sent or the server is broken.
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
