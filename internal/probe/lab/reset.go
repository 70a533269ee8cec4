package lab

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// begin makes everything as it was: each experiment begins alike.
func (t *attempt) begin(ctx context.Context) error {
	lab := t.lab
	t.name(0)
	lab.moved = 0
	if lab.File.Reset.Kind == experiment.ResetPool {
		if err := t.fresh(); err != nil {
			return err
		}
	}
	switch {
	case t.archived:
		t.skipBeginning()
		return nil
	case t.asIs:
		return nil
	}
	if err := t.reset(ctx); err != nil {
		return err
	}
	pause := max(lab.toWait, lab.room(requests(t.steps)+len(lab.File.Setup)), lab.roomForFailures(t.steps))
	if lab.toWait = 0; pause > 0 {
		if err := t.pause(ctx, pause); err != nil {
			return err
		}
	}
	for _, step := range lab.File.Setup {
		if _, err := t.prepare(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// reset is reset in the way that the file says.
func (t *attempt) reset(ctx context.Context) error {
	lab := t.lab
	switch {
	case lab.File.Reset.Kind == experiment.ResetPool:
		return t.arrange(ctx)
	case lab.File.Reset.Kind == experiment.ResetCommands:
		return t.undo(ctx)
	case lab.Instead != nil:
		lab.Instead.Begin()
		return nil
	}
	return lab.post(ctx, "reset", "")
}

// skipBeginning passes over what the reset took: how much that was
// depends on what had been left behind, and nobody looks at it.
func (t *attempt) skipBeginning() {
	n := 0
	for n < len(t.archive) && t.archive[n].StepNumber == 0 {
		n++
	}
	sent, faults := (&archivedTry{entries: t.archive[:n]}).sent()
	for i := range t.archive[:n] {
		if t.lab.waited(&t.archive[i]); t.archive[i].Request != nil {
			t.lab.limit.serve(t.lab.now)
			t.loggedIn(&t.archive[i])
		}
	}
	t.archive = t.archive[n:]
	t.lab.sent += sent
	t.lab.faults += faults
	t.lab.residue = cleanSlate()
}

// loggedIn takes note of a login that the reset took, of which the transcript tells.
func (t *attempt) loggedIn(entry *journal.Entry) {
	step, err := t.lab.File.ParseStep(entry.StepText)
	if err != nil || t.lab.verb(step) != experiment.VerbLogin {
		return
	}
	if answer, err := answerOf(entry, methodOf(step.HTTPForm)); err == nil {
		answer.read(t.lab.File.Syntax, nil)
		t.noteLogin(step, &answer)
	}
}

// fresh takes accounts out of the pool for the roles.
func (t *attempt) fresh() error {
	pool := t.lab.File.Pool
	accounts := slices.Clone(t.accounts)
	for i := range accounts {
		if t.lab.pool > pool.Last {
			return stoppedf("the pool of accounts is used up, after %d", pool.Last-pool.First+1)
		}
		accounts[i].Number = strconv.FormatUint(t.lab.pool, 10)
		accounts[i].Secret, accounts[i].SecretHidden = pool.Secret, pool.SecretHidden
		t.lab.pool++
	}
	t.accounts = accounts
	return nil
}

// prepare takes a step that is no part of the experiment, until it is answered.
func (t *attempt) prepare(ctx context.Context, step experiment.Step) (Answer, error) {
	lab, holding := t.lab, false
	for t.unanswered = 0; t.unanswered < mostTries; {
		t.marks[0] = lab.mark(t.nonce+1, t.number, lab.sent+1000)
		answer, err := t.exchange(ctx, step, 0)
		if err != nil {
			return answer, err
		}
		if answer.Lost {
			t.unanswered++
			continue
		}
		word := lab.answered(step.Command, &answer)
		if !saysTooMany(&answer) && !lab.limit.answers[word] || holding && lab.since(lab.held.since) > longestWait {
			if holding {
				err = t.write(journal.Entry{Elapsed: lab.t(), StepText: overLine})
			}
			return answer, err
		}
		if !holding {
			holding = true
			if err := t.write(journal.Entry{Elapsed: lab.t(), Role: step.Role, StepText: heldLine + word}); err != nil {
				return answer, err
			}
		}
		if err := t.pause(ctx, max(firstWait, lab.since(lab.held.since)/5, answer.RetryAfter)); err != nil {
			return answer, err
		}
	}
	return Answer{Lost: true}, lab.brokenf("no answer to %q, which prepares each experiment", lab.File.FormatStep(step))
}

// How the transcript says that a request of a reset has to wait for a limit, which stands
// behind the first, and that it has waited.
const heldLine, overLine = "# limited: ", "# limited no more"

// waited takes note of what the transcript has besides requests.
func (l *Lab) waited(entry *journal.Entry) {
	l.now.at = seconds(entry.Elapsed)
	if entry.WaitSeconds > 0 && l.File.Clock.URL != "" {
		l.now.moved += seconds(entry.WaitSeconds)
	}
	if word, ok := strings.CutPrefix(entry.StepText, heldLine); ok {
		limit := l.sighting(anyCommand, word, entry.ID())
		limit.Times++
		l.held = &suspectedLimit{limit: limit, since: l.now}
	}
	if entry.StepText == overLine && l.held != nil {
		l.learn(l.held)
	}
}

// undo makes as it was what experiments have changed, by commands.
func (t *attempt) undo(ctx context.Context) error {
	lab := t.lab
	accountResidue := lab.residue
	if !accountResidue.known {
		accountResidue = t.anything()
	}
	lab.residue = cleanSlate()
	for _, account := range t.accounts {
		for place := range lab.File.Places {
			// Those who log in below log out there.
			if _, is := accountResidue.sessions[[2]string{account.Role, lab.File.Places[place]}]; is && (place > 0 || !accountResidue.needsLogin(account.Role)) {
				if err := t.leave(ctx, account.Role, place); err != nil {
					return err
				}
			}
		}
	}
	return t.settle(ctx, accountResidue)
}

// leave logs a role out at a place.
func (t *attempt) leave(ctx context.Context, role string, place int) error {
	step, ok := t.lab.File.StepOf(experiment.VerbLogout, role, "")
	if !ok {
		return nil
	}
	step.Place = place
	_, err := t.prepare(ctx, step)
	return err
}

// arrange makes fresh accounts stand to each other as the file says.
func (t *attempt) arrange(ctx context.Context) error {
	accountResidue := cleanSlate()
	for _, pair := range t.lab.File.Friends {
		accountResidue.bonds[pair] = true
		accountResidue.mail[pair[0]], accountResidue.mail[pair[1]] = true, true
	}
	return t.settle(ctx, accountResidue)
}

// settle logs accounts in where something is to be undone, makes friends of those
// who shall be, ends other friendships, collects what waits, and logs them out.
func (t *attempt) settle(ctx context.Context, d accountResidue) error {
	var roles []string
	for _, account := range t.accounts {
		if d.needsLogin(account.Role) {
			roles = append(roles, account.Role)
		}
	}
	for _, role := range roles {
		if err := t.each(ctx, experiment.VerbLogin, role, ""); err != nil {
			return err
		}
	}
	for i, a := range roles {
		for _, b := range roles[i+1:] {
			if d.bonds[[2]string{a, b}] || d.bonds[[2]string{b, a}] {
				if err := t.bond(ctx, a, b); err != nil {
					return err
				}
			}
		}
	}
	for _, role := range roles {
		var verbs []experiment.Verb
		if d.status[role] {
			verbs = append(verbs, experiment.VerbStatus)
		}
		if d.mail[role] {
			verbs = append(verbs, experiment.VerbReceive)
		}
		for _, verb := range append(verbs, experiment.VerbLogout) {
			if err := t.each(ctx, verb, role, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// each takes the step of a verb, if the file has a command for it; Receive
// until nothing comes any more.
func (t *attempt) each(ctx context.Context, verb experiment.Verb, role, to string) error {
	step, ok := t.lab.File.StepOf(verb, role, to)
	if !ok {
		return nil
	}
	for range 30 {
		answer, err := t.prepare(ctx, step)
		if err == nil && verb == experiment.VerbLogin {
			t.noteLogin(step, &answer)
			err = t.outlast(ctx, step)
		}
		if err != nil || verb != experiment.VerbReceive || !Done(t.lab.File, step.Command, &answer) || empty(&answer) {
			return err
		}
	}
	return nil
}

// empty reports whether an answer has no list with anything in it.
func empty(answer *Answer) bool {
	return !slices.ContainsFunc(answer.Fields, func(field Field) bool { return len(field.List) > 0 })
}

// bond makes two roles friends, or strangers, as the file says.
func (t *attempt) bond(ctx context.Context, a, b string) error {
	want := slices.ContainsFunc(t.lab.File.Friends, func(p [2]string) bool {
		return p == [2]string{a, b} || p == [2]string{b, a}
	})
	is, err := t.friends(ctx, a, b)
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
				if err := t.each(ctx, verb, pair[0], pair[1]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, verb := range []experiment.Verb{experiment.VerbAdd, experiment.VerbRequest} {
		if err := t.each(ctx, verb, a, b); err != nil {
			return err
		}
	}
	return t.each(ctx, experiment.VerbAccept, b, a)
}

// friends reports whether a's list has b.
func (t *attempt) friends(ctx context.Context, a, b string) (bool, error) {
	step, ok := t.lab.File.StepOf(experiment.VerbFriends, a, "")
	if !ok {
		return false, nil
	}
	answer, err := t.prepare(ctx, step)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(answer.Fields, func(field Field) bool {
		return slices.Contains(field.List, "{"+b+"}")
	}), nil
}

// Farewell is how many requests of the budget are kept for leaving: see [Lab.Leave].
func Farewell(file *experiment.File) int {
	if file.Reset.Kind != experiment.ResetCommands {
		return 0
	}
	n := len(file.Accounts)
	// Login, status, collecting, logout, also elsewhere; who is a friend of whom, and
	// what changes that.
	return 5*n + n*(len(file.Places)-1) + 3*n*(n-1)/2
}

// Leave undoes what the latest experiment has left behind, where commands do that:
// whoever comes next finds the accounts logged out. It does nothing if nothing was
// sent, or if the server does not let itself be asked any more.
func (l *Lab) Leave(ctx context.Context) error {
	if l.Offline || !l.asked || l.broken || l.File.Reset.Kind != experiment.ResetCommands {
		return nil
	}
	l.most = l.budget
	l.tries++
	l.number++
	t := &attempt{lab: l, key: "leave", number: l.number, accounts: l.File.Accounts, past: newAttempts(0)}
	t.name(0)
	return t.undo(ctx)
}
