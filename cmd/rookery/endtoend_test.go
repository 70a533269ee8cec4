package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/control"
)

// sentText is a text that one account wrote to another.
type sentText struct {
	from, to rookery.UIN
	text     string
}

// Two people on terminals, one with a shell and one with a program of old talk
// to each other, while the server is killed: between two messages, and while
// some are on their way. Each message is in each place where it belongs, once.
// Only the program of old may be told one again, by the same number: it never
// says that it got any.
func TestKilledServerLosesAndDuplicatesNoMessage(t *testing.T) {
	t.Parallel()
	h := newLiveServer(t)
	h.serve("127.0.0.9:0") // nobody else takes a port there while the server is down
	for _, p := range []rookery.UIN{10001, 10002, 10003} {
		h.login(p)
	}
	terminals := newTmux(t, h.env)
	first, second := h.chat(terminals, 10001), h.chat(terminals, 10002)
	shell := h.shell(10003)
	old := newOldProgram(t, h.addr, 10004, password)
	everybody := map[rookery.UIN]func(to rookery.UIN, text string) error{
		10001: first.write, 10002: second.write, 10003: shell.write, 10004: old.write,
	}

	var all []sentText
	write := func(round int, who ...rookery.UIN) (written func()) {
		var group errgroup.Group
		for _, from := range who {
			letters := textsOfRound(round, from)
			all = append(all, letters...)
			group.Go(func() error {
				for _, l := range letters {
					if err := everybody[from](l.to, l.text); err != nil {
						return fmt.Errorf("%d could not write: %w", from, err)
					}
				}
				return nil
			})
		}
		return func() {
			t.Helper()
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
		}
	}

	write(1, 10001, 10002, 10003, 10004)()
	shell.awaitAll(all)
	h.kill()
	h.serve(h.addr)

	chats, others := write(2, 10001, 10002), write(2, 10003, 10004)
	shell.await("round 2: ")
	h.kill()
	chats() // people type on
	write(3, 10001, 10002)()
	first.awaitScreen("NOT CONNECTED", " to be sent.")
	second.awaitScreen("NOT CONNECTED", " to be sent.")
	h.serve(h.addr)
	others()
	write(3, 10003, 10004)()

	shell.awaitAll(all)
	shell.check(all)
	first.check(10001, all)
	second.check(10002, all)
	old.check(all)
	for uin := range everybody {
		h.checkMailbox(uin, all)
	}
}

// textsOfRound returns what an account writes in a round: one text to each of the others.
func textsOfRound(round int, from rookery.UIN) []sentText {
	var letters []sentText
	for to := rookery.UIN(10001); to <= 10004; to++ {
		if to != from {
			letters = append(letters, sentText{from, to,
				fmt.Sprintf("round %d: %d to %d, 你好 & %%2c.", round, from, to)})
		}
	}
	return letters
}

// textsBetween returns the texts from one account to another, in order.
func textsBetween(all []sentText, from, to rookery.UIN) []string {
	var texts []string
	for _, l := range all {
		if l.from == from && l.to == to {
			texts = append(texts, l.text)
		}
	}
	return texts
}

const password = "two words"

// liveServer is a process of the rookery program with its files in its own directory.
type liveServer struct {
	t       *testing.T
	dir     string
	rookery string // the program
	env     []string
	addr    string // where the server listens, or did last
	server  *program
}

func newLiveServer(t *testing.T) *liveServer {
	t.Helper()
	path, err := exec.LookPath("rookery") // TestMain put it there
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := &liveServer{t: t, dir: dir, rookery: path, env: append(os.Environ(),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "LC_ALL=C.UTF-8", "TZ=UTC", "NO_COLOR=1", accountVariable+"=")}
	if err := operateOrCreate(t.Context(), h.data(), io.Discard, settleFriends); err != nil {
		t.Fatal(err)
	}
	return h
}

// settleFriends adds four accounts that are friends of each other.
func settleFriends(operator *control.Operator) error {
	for one := rookery.UIN(10001); one <= 10004; one++ {
		if _, err := operator.AddAccount(context.Background(), control.NewAccount{
			UIN: one, Password: password, Settings: control.Settings{"nick": "p" + one.String()},
		}); err != nil {
			return err
		}
		for two := rookery.UIN(10001); two < one; two++ {
			if err := operator.Befriend(context.Background(), one, two); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *liveServer) data() string { return filepath.Join(h.dir, "data") }

func (h *liveServer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.rookery, args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	return cmd
}

// do runs the program to its end.
func (h *liveServer) do(stdin string, args ...string) {
	h.t.Helper()
	cmd := h.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("rookery %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// begin starts the program and ends it with the test.
func (h *liveServer) begin(args ...string) *program {
	h.t.Helper()
	o := &output{more: make(chan struct{})}
	p := &program{cmd: h.command(args...), output: o, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = o, o
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	h.t.Cleanup(func() {
		p.kill()
		if text, _ := o.read(); h.t.Failed() || strings.Contains(text, "DATA RACE") {
			h.t.Errorf("rookery %s has said:\n%s", strings.Join(args, " "), text)
		}
	})
	return p
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// await waits until the program has written what matches.
func (p *program) await(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.After(patience); ; {
		text, more := p.output.read()
		if found := re.FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("%s ended before it wrote what matches %s: %v\n%s", p.cmd, pattern, p.err, text)
		case <-end:
			t.Fatalf("%s has not written what matches %s:\n%s", p.cmd, pattern, text)
		}
	}
}

// serve starts the server.
func (h *liveServer) serve(listen string) {
	h.t.Helper()
	h.server = h.begin("serve", "--data", h.data(), "--listen", listen)
	h.addr = h.server.await(h.t, `msg=listening addr=(\S+)`)[1]
}

// kill ends the server as kill -9 does.
func (h *liveServer) kill() { h.server.kill() }

func (h *liveServer) login(uin rookery.UIN) {
	h.t.Helper()
	h.do(password, "login", fmt.Sprintf("%d@%s", uin, h.addr), "--device", "desk", "--password-stdin")
}

// checkMailbox looks into the history of an account, as a new device of it.
func (h *liveServer) checkMailbox(uin rookery.UIN, all []sentText) {
	h.t.Helper()
	c, err := client.Dial(h.t.Context(), fmt.Sprintf("http://%d@%s", uin, h.addr), client.Password(password),
		client.Device("reader"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	for with := rookery.UIN(10001); with <= 10004; with++ {
		if with == uin {
			continue
		}
		page, err := c.History(h.t.Context(), client.HistoryQuery{Peer: with, Limit: 200})
		if err != nil {
			h.t.Fatal(err)
		}
		said := map[bool][]string{} // by whether it is the account's own
		for _, message := range page.Messages {
			said[message.IsOutgoing()] = append(said[message.IsOutgoing()], message.Text)
		}
		if want := textsBetween(all, with, uin); !slices.Equal(said[false], want) {
			h.t.Errorf("the mailbox of %d holds from %d\n%q, want\n%q", uin, with, said[false], want)
		}
		own := textsBetween(all, uin, with)
		if uin == 10004 {
			own = nil // of who has no device, own words are not kept
		}
		if !slices.Equal(said[true], own) {
			h.t.Errorf("the mailbox of %d holds of its own words to %d\n%q, want\n%q", uin, with, said[true], own)
		}
	}
}

// shell is an account in a shell: recv --follow stays, send is called.
type shell struct {
	*liveServer
	uin  rookery.UIN
	recv *program
}

func (h *liveServer) shell(uin rookery.UIN) *shell {
	h.t.Helper()
	return &shell{h, uin, h.begin("recv", "--follow", "--json", "--account", uin.String())}
}

// write runs rookery send, and again as long as the server is out of reach, because nothing was sent then.
func (s *shell) write(to rookery.UIN, text string) error {
	for end := time.Now().Add(patience); ; {
		out, err := s.command("send", to.String(), text, "--account", s.uin.String(), "--timeout",
			patience.String()).CombinedOutput()
		if err == nil {
			return nil
		}
		if !strings.Contains(string(out), "connection refused") || time.Now().After(end) {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
}

// await waits until a text is printed.
func (s *shell) await(text string) {
	s.t.Helper()
	s.recv.await(s.t, regexp.QuoteMeta(text))
}

func (s *shell) awaitAll(all []sentText) {
	s.t.Helper()
	for _, l := range all {
		if l.to == s.uin {
			s.await(l.text)
		}
	}
}

// check looks at what recv has printed.
func (s *shell) check(all []sentText) {
	s.t.Helper()
	printed, _ := s.recv.output.read()
	got := map[rookery.UIN][]string{}
	for line := range strings.Lines(printed) {
		var m struct {
			Type     string
			From, To rookery.UIN
			Text     string
		}
		switch {
		case strings.HasPrefix(line, "rookery: "): // standard error: the connection
		case json.Unmarshal([]byte(line), &m) != nil || m.Type != "message" || m.To != s.uin:
			s.t.Errorf("recv printed %q", line)
		default:
			got[m.From] = append(got[m.From], m.Text)
		}
	}
	for _, from := range []rookery.UIN{10001, 10002, 10004} {
		if want := textsBetween(all, from, s.uin); !slices.Equal(got[from], want) {
			s.t.Errorf("recv printed from %d\n%q, want\n%q", from, got[from], want)
		}
	}
}

// chatter is an account at rookery chat.
type chatter struct {
	*terminal
}

func (h *liveServer) chat(on *tmux, uin rookery.UIN) *chatter {
	h.t.Helper()
	c := &chatter{on.open(uin.String(), h.rookery, "chat", "--no-bell", "--account", uin.String())}
	for other := 10001; other <= 10003; other++ { // who is no friend stands elsewhere
		if other != int(uin) {
			c.awaitScreen(fmt.Sprintf("p%d", other))
		}
	}
	return c
}

// rosterRow matches a row of the list of people: whether it is chosen, and the
// name.
var rosterRow = regexp.MustCompile(`(?m)^([> ])\S (p1000\d)\b`)

// open shows the conversation with an account.
func (c *chatter) open(with rookery.UIN) error {
	if c.writing() {
		c.press("Tab")
	}
	if err := c.until("the list has the keys", func(string) bool { return !c.writing() }); err != nil {
		return err
	}
	pressed := ""
	err := c.until("somebody is chosen", func(screen string) bool {
		rows := rosterRow.FindAllStringSubmatch(screen, -1)
		at := slices.IndexFunc(rows, func(row []string) bool { return row[1] == ">" })
		to := slices.IndexFunc(rows, func(row []string) bool { return row[2] == "p"+with.String() })
		if at < 0 || to < 0 {
			return false
		}
		if at != to && pressed != rows[at][2] { // not seen before: the last key has done its work
			pressed = rows[at][2]
			c.press(map[bool]string{true: "Down", false: "Up"}[at < to])
		}
		return at == to
	})
	if err != nil {
		return err
	}
	c.press("Enter")
	return c.until("the conversation is open", func(screen string) bool {
		return c.writing() && strings.Contains(screen, fmt.Sprintf("| p%d (%d)", with, with))
	})
}

// write writes to somebody, and does not wait for it to be sent.
func (c *chatter) write(to rookery.UIN, text string) error {
	if err := c.open(to); err != nil {
		return err
	}
	c.press("-l", text)
	if err := c.until("the text is written",
		func(screen string) bool { return strings.Contains(screen, "|> "+text) }); err != nil {
		return err
	}
	c.press("Enter")
	return c.until("the text is on its way", func(screen string) bool { return !strings.Contains(screen, "|> "+text) })
}

// check looks at all conversations, on a screen that has room for each.
func (c *chatter) check(uin rookery.UIN, all []sentText) {
	c.t.Helper()
	c.resize(80, 70)
	for with := rookery.UIN(10001); with <= 10004; with++ {
		if with == uin {
			continue
		}
		texts := append(textsBetween(all, with, uin), textsBetween(all, uin, with)...)
		if err := c.open(with); err != nil {
			c.t.Fatal(err)
		}
		if err := c.until("all is there", func(screen string) bool {
			return !strings.Contains(screen, "NOT CONNECTED") && !strings.Contains(screen, "  [") &&
				!slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(screen, text) })
		}); err != nil {
			c.t.Error(err)
			continue
		}
		screen := c.screen()
		for _, text := range texts {
			if n := strings.Count(screen, text); n != 1 {
				c.t.Errorf("the screen of %d shows %q %d times:\n%s", uin, text, n, screen)
			}
		}
		for _, said := range [][]string{textsBetween(all, with, uin), textsBetween(all, uin, with)} {
			if !slices.IsSortedFunc(said, func(override,
				b string) int {
				return strings.Index(screen, override) - strings.Index(screen, b)
			}) {
				c.t.Errorf("the screen of %d shows %q in another order:\n%s", uin, said, screen)
			}
		}
	}
}
