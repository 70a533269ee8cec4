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

// Two people in terminals, one in a shell and one with a program of version 1.4 write to
// each other. The server is killed between two rounds of messages, and during a round.
// Each message must be on each screen and in each mailbox once. Only the old program may
// get a message twice, with the same number, because it never confirms pushes.
func TestKilledServerLosesAndDuplicatesNoMessage(t *testing.T) {
	t.Parallel()
	h := newLiveServer(t)
	h.serve("127.0.0.9:0") // no other test takes the port there while the server is down
	for _, p := range []rookery.UIN{10001, 10002, 10003} {
		h.login(p)
	}
	terminals := newTmux(t, h.env)
	first, second := h.chat(terminals, 10001), h.chat(terminals, 10002)
	shell := h.shell(10003)
	old := newOldProgram(t, h.addr, 10004, password)
	writers := map[rookery.UIN]func(to rookery.UIN, text string) error{
		10001: first.write, 10002: second.write, 10003: shell.write, 10004: old.write,
	}

	var sent []sentText
	startRound := func(round int, senders ...rookery.UIN) (wait func()) {
		var group errgroup.Group
		for _, from := range senders {
			texts := textsOfRound(round, from)
			sent = append(sent, texts...)
			group.Go(func() error {
				for _, text := range texts {
					if err := writers[from](text.to, text.text); err != nil {
						return fmt.Errorf("%d cannot write to %d: %w", from, text.to, err)
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

	startRound(1, 10001, 10002, 10003, 10004)()
	shell.awaitTexts(sent)
	h.kill()
	h.serve(h.addr)

	waitForChats, waitForOthers := startRound(2, 10001, 10002), startRound(2, 10003, 10004)
	shell.await("round 2: ")
	h.kill()
	waitForChats() // a chat queues messages while it is disconnected
	startRound(3, 10001, 10002)()
	first.awaitScreen("NOT CONNECTED", " to be sent.")
	second.awaitScreen("NOT CONNECTED", " to be sent.")
	h.serve(h.addr)
	waitForOthers()
	startRound(3, 10003, 10004)()

	shell.awaitTexts(sent)
	shell.checkOutput(sent)
	first.checkConversations(10001, sent)
	second.checkConversations(10002, sent)
	old.checkPushes(sent)
	for uin := range writers {
		h.checkMailbox(uin, sent)
	}
}

// textsOfRound returns what an account writes in a round: one text to each of the others.
func textsOfRound(round int, from rookery.UIN) []sentText {
	var texts []sentText
	for to := rookery.UIN(10001); to <= 10004; to++ {
		if to != from {
			texts = append(texts, sentText{from, to,
				fmt.Sprintf("round %d: %d to %d, 你好 & %%2c.", round, from, to)})
		}
	}
	return texts
}

// textsBetween returns the texts from one account to another, in order.
func textsBetween(sent []sentText, from, to rookery.UIN) []string {
	var texts []string
	for _, text := range sent {
		if text.from == from && text.to == to {
			texts = append(texts, text.text)
		}
	}
	return texts
}

const password = "two words"

// liveServer is a process of the rookery program with its files in its own directory.
type liveServer struct {
	t       *testing.T
	dir     string
	rookery string // the path of the program
	env     []string
	addr    string // where the server listens, or listened last
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
	if err := operateOrCreate(t.Context(), h.data(), io.Discard, addFourFriends); err != nil {
		t.Fatal(err)
	}
	return h
}

// addFourFriends adds four accounts that are friends of each other.
func addFourFriends(operator *control.Operator) error {
	for uin := rookery.UIN(10001); uin <= 10004; uin++ {
		if _, err := operator.AddAccount(context.Background(), control.NewAccount{
			UIN: uin, Password: password, Settings: control.Settings{"nick": "p" + uin.String()},
		}); err != nil {
			return err
		}
		for friend := rookery.UIN(10001); friend < uin; friend++ {
			if err := operator.Befriend(context.Background(), uin, friend); err != nil {
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

// run runs the program to its end.
func (h *liveServer) run(stdin string, args ...string) {
	h.t.Helper()
	cmd := h.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("rookery %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start starts the program and kills it at the end of the test.
func (h *liveServer) start(args ...string) *program {
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
			h.t.Errorf("rookery %s printed:\n%s", strings.Join(args, " "), text)
		}
	})
	return p
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// await waits until the output of the program matches a pattern, and returns the match.
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
			t.Fatalf("%s ended before its output matched %s: %v\n%s", p.cmd, pattern, p.err, text)
		case <-end:
			t.Fatalf("the output of %s does not match %s:\n%s", p.cmd, pattern, text)
		}
	}
}

// serve starts the server.
func (h *liveServer) serve(listen string) {
	h.t.Helper()
	h.server = h.start("serve", "--data", h.data(), "--listen", listen)
	h.addr = h.server.await(h.t, `msg=listening addr=(\S+)`)[1]
}

// kill ends the server as kill -9 does.
func (h *liveServer) kill() { h.server.kill() }

func (h *liveServer) login(uin rookery.UIN) {
	h.t.Helper()
	h.run(password, "login", fmt.Sprintf("%d@%s", uin, h.addr), "--device", "desk", "--password-stdin")
}

// checkMailbox compares the history of an account, read by a new device, with the sent texts.
func (h *liveServer) checkMailbox(uin rookery.UIN, sent []sentText) {
	h.t.Helper()
	c, err := client.Dial(h.t.Context(), fmt.Sprintf("http://%d@%s", uin, h.addr), client.Password(password),
		client.Device("reader"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	for peer := rookery.UIN(10001); peer <= 10004; peer++ {
		if peer == uin {
			continue
		}
		page, err := c.History(h.t.Context(), client.HistoryQuery{Peer: peer, Limit: 200})
		if err != nil {
			h.t.Fatal(err)
		}
		var incoming, outgoing []string
		for _, message := range page.Messages {
			if message.IsOutgoing() {
				outgoing = append(outgoing, message.Text)
			} else {
				incoming = append(incoming, message.Text)
			}
		}
		if want := textsBetween(sent, peer, uin); !slices.Equal(incoming, want) {
			h.t.Errorf("the mailbox of %d has from %d\n%q, want\n%q", uin, peer, incoming, want)
		}
		want := textsBetween(sent, uin, peer)
		if uin == 10004 {
			want = nil // the server keeps sent messages only for accounts with devices
		}
		if !slices.Equal(outgoing, want) {
			h.t.Errorf("the mailbox of %d has to %d\n%q, want\n%q", uin, peer, outgoing, want)
		}
	}
}

// shell is an account in a shell: recv --follow keeps running, each message is one send.
type shell struct {
	*liveServer
	uin  rookery.UIN
	recv *program
}

func (h *liveServer) shell(uin rookery.UIN) *shell {
	h.t.Helper()
	return &shell{h, uin, h.start("recv", "--follow", "--json", "--account", uin.String())}
}

// write runs rookery send. It repeats it while the server is unreachable, because then nothing was sent.
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

// await waits until recv prints a text.
func (s *shell) await(text string) {
	s.t.Helper()
	s.recv.await(s.t, regexp.QuoteMeta(text))
}

// awaitTexts waits until recv has printed all texts to its account.
func (s *shell) awaitTexts(sent []sentText) {
	s.t.Helper()
	for _, text := range sent {
		if text.to == s.uin {
			s.await(text.text)
		}
	}
}

// checkOutput compares the output of recv with the sent texts.
func (s *shell) checkOutput(sent []sentText) {
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
		case strings.HasPrefix(line, "rookery: "): // standard error reports the connection
		case json.Unmarshal([]byte(line), &m) != nil || m.Type != "message" || m.To != s.uin:
			s.t.Errorf("recv printed %q, want a message to %d", line, s.uin)
		default:
			got[m.From] = append(got[m.From], m.Text)
		}
	}
	for _, from := range []rookery.UIN{10001, 10002, 10004} {
		if want := textsBetween(sent, from, s.uin); !slices.Equal(got[from], want) {
			s.t.Errorf("recv printed from %d\n%q, want\n%q", from, got[from], want)
		}
	}
}

// chat is an account that uses rookery chat in a terminal.
type chat struct {
	*terminal
}

func (h *liveServer) chat(terminals *tmux, uin rookery.UIN) *chat {
	h.t.Helper()
	c := &chat{terminals.open(uin.String(), h.rookery, "chat", "--no-bell", "--account", uin.String())}
	for other := 10001; other <= 10003; other++ { // until the roster is loaded
		if other != int(uin) {
			c.awaitScreen(fmt.Sprintf("p%d", other))
		}
	}
	return c
}

// rosterRow matches a row of the roster: "> " if it is selected, and the name.
var rosterRow = regexp.MustCompile(`(?m)^([> ])\S (p1000\d)\b`)

// open shows the conversation with an account.
func (c *chat) open(peer rookery.UIN) error {
	if c.isCursorVisible() {
		c.press("Tab")
	}
	if err := c.until("the roster has the focus", func(string) bool { return !c.isCursorVisible() }); err != nil {
		return err
	}
	lastSelected := ""
	err := c.until(fmt.Sprintf("p%d is selected", peer), func(screen string) bool {
		rows := rosterRow.FindAllStringSubmatch(screen, -1)
		selected := slices.IndexFunc(rows, func(row []string) bool { return row[1] == ">" })
		target := slices.IndexFunc(rows, func(row []string) bool { return row[2] == "p"+peer.String() })
		if selected < 0 || target < 0 {
			return false
		}
		// Until the selection has moved, the last key is not processed yet.
		if selected != target && lastSelected != rows[selected][2] {
			lastSelected = rows[selected][2]
			c.press(map[bool]string{true: "Down", false: "Up"}[selected < target])
		}
		return selected == target
	})
	if err != nil {
		return err
	}
	c.press("Enter")
	return c.until("the conversation is open", func(screen string) bool {
		return c.isCursorVisible() && strings.Contains(screen, fmt.Sprintf("| p%d (%d)", peer, peer))
	})
}

// write types a text and Enter. It returns before the text is sent.
func (c *chat) write(to rookery.UIN, text string) error {
	if err := c.open(to); err != nil {
		return err
	}
	c.press("-l", text)
	if err := c.until("the editor has the text",
		func(screen string) bool { return strings.Contains(screen, "|> "+text) }); err != nil {
		return err
	}
	c.press("Enter")
	return c.until("the editor is empty", func(screen string) bool { return !strings.Contains(screen, "|> "+text) })
}

// checkConversations compares the screens of all conversations with the sent texts.
func (c *chat) checkConversations(uin rookery.UIN, sent []sentText) {
	c.t.Helper()
	c.resize(80, 70) // has room for a whole conversation
	for peer := rookery.UIN(10001); peer <= 10004; peer++ {
		if peer == uin {
			continue
		}
		incoming, outgoing := textsBetween(sent, peer, uin), textsBetween(sent, uin, peer)
		texts := slices.Concat(incoming, outgoing)
		if err := c.open(peer); err != nil {
			c.t.Fatal(err)
		}
		if err := c.until("all messages are shown as sent", func(screen string) bool {
			return !strings.Contains(screen, "NOT CONNECTED") && !strings.Contains(screen, "  [") &&
				!slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(screen, text) })
		}); err != nil {
			c.t.Error(err)
			continue
		}
		screen := c.screen()
		for _, text := range texts {
			if n := strings.Count(screen, text); n != 1 {
				c.t.Errorf("the screen of %d shows %q %d times, want once:\n%s", uin, text, n, screen)
			}
		}
		byPosition := func(a, b string) int { return strings.Index(screen, a) - strings.Index(screen, b) }
		for _, texts := range [][]string{incoming, outgoing} {
			if !slices.IsSortedFunc(texts, byPosition) {
				c.t.Errorf("the screen of %d shows %q in another order:\n%s", uin, texts, screen)
			}
		}
	}
}
