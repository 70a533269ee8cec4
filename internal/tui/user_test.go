package tui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

var updateGolden = flag.Bool("update", false, "write the golden screens anew")

// user operates an App in virtual time: it presses keys and reads the screen.
type user struct {
	t         *testing.T
	app       *App
	messenger *fakeMessenger
	bellCount int
	hasQuit   bool

	mu          sync.Mutex // guards pendingMsgs
	pendingMsgs []tea.Msg
}

// noon is the time at which tests begin, in a zone east of Greenwich.
var noon = time.Date(2010, 5, 1, 12, 0, 0, 0, time.FixedZone("", 8*3600))

// newUser starts an App of 80x24 cells and waits until it is idle.
func newUser(t *testing.T, messenger *fakeMessenger, change ...func(*Config)) *user {
	t.Helper()
	begin := time.Now()
	config := Config{Language: English, Theme: Dark, Bell: true,
		Now: func() time.Time { return noon.Add(time.Since(begin)) }}
	for _, f := range change {
		f(&config)
	}
	ctx, cancel := context.WithCancel(t.Context())
	u := &user{t: t, messenger: messenger, app: newApp(ctx, messenger, config)}
	t.Cleanup(func() {
		cancel()
		<-time.After(catchUpInterval + time.Second) // the pending tick commands
		synctest.Wait()
		u.app.events.close()
	})
	u.runCmd(u.app.Init())
	u.waitUntilIdle()
	return u
}

func withLanguage(l Language) func(*Config) { return func(config *Config) { config.Language = l } }

// runCmd runs a command in the background, as Bubble Tea does.
func (u *user) runCmd(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		if msg := cmd(); msg != nil {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.pendingMsgs = append(u.pendingMsgs, msg)
		}
	}()
}

// waitUntilIdle delivers messages until only the user or the server can cause more.
func (u *user) waitUntilIdle() {
	for {
		synctest.Wait()
		u.mu.Lock()
		msgs := u.pendingMsgs
		u.pendingMsgs = nil
		u.mu.Unlock()
		if len(msgs) == 0 {
			return
		}
		for _, msg := range msgs {
			u.deliver(msg)
		}
	}
}

// deliver passes a message to the App.
func (u *user) deliver(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			u.runCmd(cmd)
		}
	case tea.QuitMsg:
		u.hasQuit = true
	case tea.RawMsg:
		if msg.Msg == "\a" {
			u.bellCount++
		}
	default:
		_, cmd := u.app.Update(msg)
		u.runCmd(cmd)
		u.checkScreen()
	}
}

// checkScreen checks what every screen must satisfy: its size and the cursor's position.
func (u *user) checkScreen() {
	u.t.Helper()
	v := u.app.View()
	lines := strings.Split(v.Content, "\n")
	if len(lines) > u.app.height {
		u.t.Fatalf("%d lines on a screen of %d", len(lines), u.app.height)
	}
	for _, line := range lines {
		if w := u.app.widthMethod.StringWidth(line); w != u.app.width {
			u.t.Fatalf("a line of %d cells on a screen of %d: %q", w, u.app.width, line)
		}
	}
	if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= u.app.width || c.Y >= u.app.height) {
		u.t.Fatalf("the cursor is at %d,%d", c.X, c.Y)
	}
}

// pressKeys presses keys: names in angle brackets, other characters as typed.
func (u *user) pressKeys(sequence string) {
	u.t.Helper()
	for sequence != "" {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(sequence, "<"), ">"); ok && sequence[0] == '<' {
			u.deliver(keyPress(name))
			sequence = rest
		} else {
			cluster, _ := ansi.FirstGraphemeCluster(sequence, ansi.GraphemeWidth)
			u.deliver(tea.KeyPressMsg{Code: []rune(cluster)[0], Text: cluster})
			sequence = sequence[len(cluster):]
		}
		u.waitUntilIdle()
	}
}

var keyCodes = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "f1": tea.KeyF1, "space": tea.KeySpace,
	"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome,
	"end":  tea.KeyEnd,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
}

// keyPress returns the key press of a Bubble Tea key name.
func keyPress(name string) tea.KeyPressMsg {
	var keyMsg tea.KeyPressMsg
	for {
		switch before, rest, ok := strings.Cut(name, "+"); {
		case ok && before == "ctrl":
			keyMsg.Mod |= tea.ModCtrl
			name = rest
		case ok && before == "alt":
			keyMsg.Mod |= tea.ModAlt
			name = rest
		case ok && before == "shift":
			keyMsg.Mod |= tea.ModShift
			name = rest
		default:
			keyMsg.Code = keyCodes[name]
			if keyMsg.Code == 0 {
				keyMsg.Code = []rune(name)[0]
			}
			if name == "space" && keyMsg.Mod == 0 {
				keyMsg.Text = " "
			}
			return keyMsg
		}
	}
}

// receiveEvents delivers events from the messenger.
func (u *user) receiveEvents(events ...client.Event) {
	u.t.Helper()
	for _, event := range events {
		u.messenger.events <- event
		u.waitUntilIdle()
	}
}

// advanceTime advances the virtual clock.
func (u *user) advanceTime(d time.Duration) {
	<-time.After(d)
	u.waitUntilIdle()
}

func (u *user) resize(width, height int) {
	u.t.Helper()
	u.deliver(tea.WindowSizeMsg{Width: width, Height: height})
	u.waitUntilIdle()
}

// screen returns the text of the screen without styles.
func (u *user) screen() string {
	v := u.app.View()
	lines := strings.Split(ansi.Strip(v.Content), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	text := strings.Join(lines, "\n") + "\n"
	if v.Cursor != nil {
		text += fmt.Sprintf("== cursor %d,%d\n", v.Cursor.X, v.Cursor.Y)
	}
	return text
}

func (u *user) expectText(texts ...string) {
	u.t.Helper()
	for _, text := range texts {
		if !strings.Contains(u.screen(), text) {
			u.t.Errorf("the screen does not say %q:\n%s", text, u.screen())
		}
	}
}

func (u *user) expectNoText(texts ...string) {
	u.t.Helper()
	for _, text := range texts {
		if strings.Contains(u.screen(), text) {
			u.t.Errorf("the screen says %q:\n%s", text, u.screen())
		}
	}
}

// expectCalls checks the calls recorded by the messenger, except for MarkRead.
func (u *user) expectCalls(want ...string) {
	u.t.Helper()
	var got []string
	for _, n := range u.messenger.recordedCalls() {
		if !strings.HasPrefix(n, "read ") {
			got = append(got, n)
		}
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		u.t.Errorf("the messenger was told %q, want %q", got, want)
	}
}

// compareGolden compares a screen with a file in testdata.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./internal/tui -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s is otherwise; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// exampleAccount has friends, a message from a stranger, a friend request and a history.
func exampleAccount() *fakeMessenger {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	return &fakeMessenger{
		uin: 10001, token: "rk_x", events: make(chan client.Event), state: client.State{Connected: true},
		friends: []client.Friend{
			{UIN: 10002, Nick: "Pingu", Status: client.StatusOnline},
			{UIN: 10003, Nick: "Tom & Jerry", Status: client.StatusAway},
			{UIN: 10004, Nick: "企鹅爱好者协会南极洲分会会长", Status: client.StatusTalkToMe},
			{UIN: 10005, Nick: "👩‍🚀 Ada 🐧", Status: client.StatusDoNotDisturb},
			{UIN: 10006, Nick: "sleeper", Status: client.StatusOffline},
		},
		profiles: map[client.UIN]client.Profile{
			10000: {Nick: "operator"}, 10001: {Nick: "Rook"},
			10002: {Nick: "Pingu", Age: 7, Province: "South Pole", About: "Noot noot!"},
			10007: {Nick: "a stranger"}, 10008: {Nick: "Robby", Sex: 1, Age: 30},
		},
		requests: []client.FriendRequest{{From: 10008, Text: "It's me, Robby, from the ice rink.", Time: at(-90)}},
		history: []client.Message{
			{Number: 1, Kind: client.KindMessage, Peer: 10002, Text: "Are you coming fishing?", Time: at(-24 * 60)},
			{Number: 2, Kind: client.KindSent, Peer: 10002, Text: "Yes, at nine.", Time: at(-24*60 + 1)},
			{Number: 3, Kind: client.KindMessage, Peer: 10004, Text: "今天晚上我们一起去看企鹅吧，你觉得怎么样？我已经买好票了，一共两张。",
				Time: at(-60)},
			{Number: 4, Kind: client.KindMessage, Peer: 10002,
				Text: "The ice is thin today, take the long way round the bay and bring the big net.", Time: at(-30)},
			{Number: 5, Kind: client.KindMessage, Peer: 10005, Text: "👍🏽 👩‍👩‍👧‍👦 🏴‍☠️ ok\nsecond line", Time: at(-20)},
			{Number: 6, Kind: client.KindMessage, Peer: 10007, Text: "hello, do I know you?", Time: at(-10)},
		},
		readUpTo:    map[client.UIN]uint64{10002: 2},
		sendResults: map[client.UIN]chan error{},
	}
}

func (u *user) paste(text string) {
	u.t.Helper()
	u.deliver(tea.PasteMsg{Content: text})
	u.waitUntilIdle()
}
