package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// dirt is what experiments have left behind, where commands undo it.
type dirt struct {
	known    bool               // false at the start: whatever was before us
	sessions map[[2]string]int  // role and place's address: the place's index
	mail     map[string]bool    // roles for whom something may wait
	status   map[string]bool    // roles that may show otherwise than usually
	bonds    map[[2]string]bool // pairs, in the file's order, that may stand otherwise
}

func cleanSlate() dirt {
	return dirt{
		known: true, sessions: make(map[[2]string]int), mail: make(map[string]bool),
		status: make(map[string]bool), bonds: make(map[[2]string]bool),
	}
}

// begin makes everything as it was: each experiment begins alike.
func (t *try) begin(ctx context.Context) error {
	l := t.lab
	t.name(0)
	l.moved = 0
	if l.File.Reset.Kind == experiment.ResetPool {
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
	if err := t.startAnew(ctx); err != nil {
		return err
	}
	for _, s := range l.File.Setup {
		if _, err := t.prepare(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// startAnew begins anew in the way that the file says.
func (t *try) startAnew(ctx context.Context) error {
	l := t.lab
	switch {
	case l.File.Reset.Kind == experiment.ResetPool:
		return t.arrange(ctx)
	case l.File.Reset.Kind == experiment.ResetCommands:
		return t.undo(ctx)
	case l.Instead != nil:
		l.Instead.Begin()
		return nil
	}
	return l.post(ctx, "reset", "")
}

// skipBeginning passes over what was done to begin anew: how much that was
// depends on what had been left behind, and nobody looks at it.
func (t *try) skipBeginning() {
	n := 0
	for n < len(t.past) && t.past[n].Step == 0 {
		n++
	}
	sent, faults := (&past{entries: t.past[:n]}).sent()
	t.past = t.past[n:]
	t.lab.sent += sent
	t.lab.faults += faults
	t.lab.dirty = cleanSlate()
}

// note keeps in mind what a step has left behind.
func (t *try) note(s experiment.Step, a *Answer) {
	l := t.lab
	if s.Wait > 0 {
		return
	}
	if l.wrongLogin(s) && l.File.Reset.Kind != experiment.ResetURL && !l.done(s.Command, a) {
		l.failed[t.role(s.Role).Number]++
	}
	if !l.dirty.known {
		return // all is undone anyway
	}
	place := l.File.Places[s.Place]
	switch verb := l.verb(s); verb {
	case experiment.Login:
		l.dirty.sessions[[2]string{s.Role, place}] = s.Place
		l.dirty.status[s.Role] = l.dirty.status[s.Role] || len(s.Changes) > 0
	case experiment.Status:
		l.dirty.status[s.Role] = true
	case experiment.Send:
		t.mailed(s)
	case experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete:
		t.bonded(s)
	case "":
		l.dirty.status[s.Role] = true
		t.mailed(s)
		t.bonded(s)
	}
}

// mailed notes that something may wait: for whom the step is about, or, where a
// change names somebody else, for anybody.
func (t *try) mailed(s experiment.Step) {
	for _, a := range t.accounts {
		if a.Role == t.to(s) || len(s.Changes) > 0 {
			t.lab.dirty.mail[a.Role] = true
		}
	}
}

// bonded notes that friendships may have changed.
func (t *try) bonded(s experiment.Step) {
	for i, a := range t.accounts {
		for _, b := range t.accounts[i+1:] {
			named := a.Role == s.Role && b.Role == t.to(s) || b.Role == s.Role && a.Role == t.to(s)
			if named || len(s.Changes) > 0 && (a.Role == s.Role || b.Role == s.Role) {
				t.lab.dirty.bonds[[2]string{a.Role, b.Role}] = true
				t.lab.dirty.mail[a.Role], t.lab.dirty.mail[b.Role] = true, true
			}
		}
	}
}

// done reports whether an answer says that a command was done.
func (l *Lab) done(command string, a *Answer) bool {
	return Done(l.File, command, a)
}

// Done reports whether an answer says that a command was done.
func Done(f *experiment.File, command string, a *Answer) bool {
	if a.Kind() != "record" {
		return false
	}
	if f.Answer.Code != "" && !slices.Contains(f.Answer.Done, a.Value(f.Answer.Code)) {
		return false
	}
	c, ok := f.Command(command)
	if !ok {
		return true
	}
	for _, p := range c.Done {
		if a.Value(p.Key) != p.Value {
			return false
		}
	}
	return true
}

// fresh takes accounts out of the pool for the roles.
func (t *try) fresh() error {
	pool := t.lab.File.Pool
	accounts := slices.Clone(t.accounts)
	for i := range accounts {
		if t.lab.pool > pool.Last {
			return stoppedf("the pool of accounts is used up, after %d", pool.Last-pool.First+1)
		}
		accounts[i].Number = strconv.FormatUint(t.lab.pool, 10)
		accounts[i].Secret, accounts[i].Hidden = pool.Secret, pool.Hidden
		t.lab.pool++
	}
	t.accounts = accounts
	return nil
}

// prepare takes a step that is no part of the experiment, until it is answered.
func (t *try) prepare(ctx context.Context, s experiment.Step) (Answer, error) {
	record, hidden, err := t.record(s)
	if err != nil {
		return Answer{}, err
	}
	for range mostTries {
		t.marks[0] = t.lab.mark(t.nonce+1, t.number, t.lab.sent+1000)
		a, err := t.exchange(ctx, s, 0, record, hidden, false, false)
		if err != nil {
			return a, err
		}
		if !a.Lost {
			a.read(t.lab.File.Syntax, t.naming(s))
			return a, nil
		}
	}
	return Answer{Lost: true}, t.lab.brokenf("no answer to %q, which prepares each experiment", t.lab.File.FormatStep(s))
}

// undo makes as it was what experiments have changed, by commands.
func (t *try) undo(ctx context.Context) error {
	l := t.lab
	d := l.dirty
	if !d.known {
		d = t.anything()
	}
	l.dirty = cleanSlate()
	for _, a := range t.accounts {
		for place := range l.File.Places {
			// Those who log in below log out there.
			if _, is := d.sessions[[2]string{a.Role, l.File.Places[place]}]; is && (place > 0 || !d.needsLogin(a.Role)) {
				if err := t.leave(ctx, a.Role, place); err != nil {
					return err
				}
			}
		}
	}
	return t.settle(ctx, d)
}

// leave logs a role out at a place.
func (t *try) leave(ctx context.Context, role string, place int) error {
	s, ok := t.lab.File.StepOf(experiment.Logout, role, "")
	if !ok {
		return nil
	}
	s.Place = place
	_, err := t.prepare(ctx, s)
	return err
}

// needsLogin reports whether a role has to log in for all to be undone.
func (d *dirt) needsLogin(role string) bool {
	if d.mail[role] || d.status[role] {
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
func (t *try) anything() dirt {
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

// arrange makes fresh accounts stand to each other as the file says.
func (t *try) arrange(ctx context.Context) error {
	d := cleanSlate()
	for _, pair := range t.lab.File.Friends {
		d.bonds[pair] = true
		d.mail[pair[0]], d.mail[pair[1]] = true, true
	}
	return t.settle(ctx, d)
}

// settle logs accounts in where something is to be undone, makes friends of those
// who shall be, ends other friendships, collects what waits, and logs them out.
func (t *try) settle(ctx context.Context, d dirt) error {
	var roles []string
	for _, a := range t.accounts {
		if d.needsLogin(a.Role) {
			roles = append(roles, a.Role)
		}
	}
	for _, role := range roles {
		if err := t.each(ctx, experiment.Login, role, ""); err != nil {
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
			verbs = append(verbs, experiment.Status)
		}
		if d.mail[role] {
			verbs = append(verbs, experiment.Receive)
		}
		for _, verb := range append(verbs, experiment.Logout) {
			if err := t.each(ctx, verb, role, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// each takes the step of a verb, if the file has a command for it; Receive
// until nothing comes any more.
func (t *try) each(ctx context.Context, verb experiment.Verb, role, to string) error {
	s, ok := t.lab.File.StepOf(verb, role, to)
	if !ok {
		return nil
	}
	for range 30 {
		a, err := t.prepare(ctx, s)
		if err != nil || verb != experiment.Receive || !t.lab.done(s.Command, &a) || empty(&a) {
			return err
		}
	}
	return nil
}

// empty reports whether an answer has no list with anything in it.
func empty(a *Answer) bool {
	return !slices.ContainsFunc(a.Fields, func(f Field) bool { return len(f.List) > 0 })
}

// bond makes two roles friends, or strangers, as the file says.
func (t *try) bond(ctx context.Context, a, b string) error {
	want := slices.ContainsFunc(t.lab.File.Friends, func(p [2]string) bool {
		return p == [2]string{a, b} || p == [2]string{b, a}
	})
	is, err := t.friends(ctx, a, b)
	if err != nil || is && want {
		return err
	}
	if !want {
		// A request that waits is refused, whoever asked.
		verbs := []experiment.Verb{experiment.Reject}
		if is {
			verbs = []experiment.Verb{experiment.Delete}
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
	for _, verb := range []experiment.Verb{experiment.Add, experiment.Request} {
		if err := t.each(ctx, verb, a, b); err != nil {
			return err
		}
	}
	return t.each(ctx, experiment.Accept, b, a)
}

// friends reports whether a's list has b.
func (t *try) friends(ctx context.Context, a, b string) (bool, error) {
	s, ok := t.lab.File.StepOf(experiment.Friends, a, "")
	if !ok {
		return false, nil
	}
	answer, err := t.prepare(ctx, s)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(answer.Fields, func(f Field) bool {
		return slices.Contains(f.List, "{"+b+"}")
	}), nil
}

// letGoBy lets time go by: on the server's clock for tests, if it has one.
func (l *Lab) letGoBy(ctx context.Context, d time.Duration) error {
	if l.Instead != nil {
		l.Instead.Wait(d)
		return nil
	}
	if l.control["clock"] != "" {
		return l.post(ctx, "clock", strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
	}
	if most := l.File.Limits.Time; most > 0 && l.t()+d.Seconds() > most.Seconds() {
		return stoppedf("the time of %v is over, or would be before a wait of %v", most, d)
	}
	if l.Progress != nil {
		p := l.progress()
		p.WaitingFor = d
		l.Progress(p)
	}
	l.Close() // a server ends connections on which nothing comes; that is no lost answer
	if err := sleep(ctx, d); err != nil {
		return l.stopped(ctx, 0)
	}
	return nil
}

// post asks a control URL, a few times if need be.
func (l *Lab) post(ctx context.Context, name, body string) error {
	var last error
	for try := range 5 {
		if try > 0 && sleep(ctx, time.Duration(try)*100*time.Millisecond) != nil {
			return l.stopped(ctx, 0)
		}
		status, err := l.postOnce(ctx, l.control[name], body)
		if status/100 == 2 && err == nil {
			return nil
		}
		if last = err; err == nil {
			last = fmt.Errorf("it answers with status %d", status)
		}
	}
	if ctx.Err() != nil {
		return l.stopped(ctx, 0)
	}
	return l.brokenf("the control URL %s (%s) does not work: %v", l.control[name], name, last)
}

func (l *Lab) postOnce(ctx context.Context, to, body string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "text/plain")
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, answerLimit))
	return resp.StatusCode, err
}

// controlClient asks control URLs: there itself and nowhere else, whatever the
// environment and the server say.
func (l *Lab) controlClient() http.Client {
	dial := func(ctx context.Context, _, server string) (net.Conn, error) { return l.Dial(ctx, "", server) }
	return http.Client{
		Transport:     &http.Transport{DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
