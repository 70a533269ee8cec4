package tui

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

// screenSize is a size in cells. The zero value means 80x24.
type screenSize struct{ width, height int }

func (u *user) resizeTo(s screenSize) {
	u.t.Helper()
	if s != (screenSize{}) {
		u.resize(s.width, s.height)
	}
}

func TestGoldenScreens(t *testing.T) {
	for _, c := range []struct {
		name string
		size screenSize
		keys string
	}{
		{"start", screenSize{}, ""},
		{"conversation", screenSize{}, "<enter>"},
		{"conversation-long-chinese", screenSize{}, "<down><down><enter>"},
		{"conversation-emoji", screenSize{}, "<down><down><down><enter>"},
		{"conversation-stranger", screenSize{}, "<end><pgdown><enter>"},
		{"conversation-narrow", screenSize{40, 12}, "<enter>"},
		{"list-narrow", screenSize{40, 12}, ""},
		{"conversation-tiny", screenSize{20, 6}, "<enter>"},
		{"list-tiny", screenSize{20, 6}, ""},
		{"conversation-wide", screenSize{132, 40}, "<enter>"},
		{"writing", screenSize{},
			"<enter>The first line, which is so long that it has to go over more than one row.<alt+enter>Second 第二行"},
		{"keys-list", screenSize{}, "?"},
		{"keys-writing", screenSize{}, "<enter><f1>"},
		{"requests", screenSize{}, "/requests<enter>"},
		{"find", screenSize{}, "/add<enter>"},
		{"found", screenSize{}, "/add<enter><down><down><down>South Pole<enter>"},
		{"found-nobody", screenSize{}, "/add 10999<enter>"},
		{"info", screenSize{}, "/info<enter>"},
		{"status", screenSize{}, "/status<enter>"},
		{"profile", screenSize{}, "/profile<enter>"},
		{"search", screenSize{}, "/search the<enter><down>"},
		{"search-empty", screenSize{}, "<ctrl+f>"},
		{"blocked", screenSize{}, "/blocked<enter>"},
		{"devices", screenSize{}, "/devices<enter>"},
		{"question", screenSize{}, "/remove<enter>"},
		{"question-sure", screenSize{}, "/remove<enter><right>"},
		{"command", screenSize{}, "/"},
		{"command-unknown", screenSize{}, "/blok<enter>"},
		{"typed-in-list", screenSize{}, "<down>by the way"},
		{"question-words", screenSize{}, "/requests<enter>x"},
	} {
		for _, l := range []Language{English, Chinese} {
			name := c.name + "-" + string(l)
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					u := newUser(t, exampleAccount(), withLanguage(l))
					u.resizeTo(c.size)
					u.pressKeys(c.keys)
					compareGolden(t, name, u.screen())
				})
			})
		}
	}
}

func TestScreensOfAnEmptyAccountSayWhatToDo(t *testing.T) {
	for _, l := range []Language{English, Chinese} {
		t.Run(string(l), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				messenger := exampleAccount()
				messenger.friends, messenger.requests, messenger.history = nil, nil, nil
				u := newUser(t, messenger, withLanguage(l))
				text := u.screen()
				for _, keys := range []string{"/requests<enter>", "<esc>/blocked<enter>"} {
					u.pressKeys(keys)
					text += u.screen()
				}
				compareGolden(t, "empty-"+string(l), text)
			})
		})
	}
}

func TestDisconnectedScreens(t *testing.T) {
	for _, l := range []Language{English, Chinese} {
		t.Run(string(l), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				messenger := exampleAccount()
				messenger.sendResults[10002] = make(chan error)
				u := newUser(t, messenger, withLanguage(l))
				u.pressKeys("<enter>hello?<enter>are you there?<enter>")
				compareGolden(t, "sending-"+string(l), u.screen())
				u.receiveEvents(client.State{Err: errors.New("dial tcp 192.0.2.1:14000: connection refused"),
					RetryAt: noon.Add(30 * time.Second)})
				compareGolden(t, "disconnected-"+string(l), u.screen())
				u.receiveEvents(client.State{Connected: true})
				messenger.sendResults[10002] <- fmt.Errorf("%w: that account takes no messages of strangers",
					client.ErrRefused)
				u.waitUntilIdle()
				compareGolden(t, "not-sent-"+string(l), u.screen())
				messenger.sendResults[10002] <- nil
				u.waitUntilIdle()
			})
		})
	}
}

// NO_COLOR makes Bubble Tea use the profile ASCII, which has no colours.
func TestColours(t *testing.T) {
	for name, c := range map[string]struct {
		theme   Theme
		profile colorprofile.Profile
	}{
		"colours-dark":    {Dark, colorprofile.ANSI},
		"colours-light":   {Light, colorprofile.ANSI},
		"colours-no":      {Dark, colorprofile.ASCII},
		"colours-no-term": {Dark, colorprofile.NoTTY},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUser(t, exampleAccount(), func(conf *Config) { conf.Theme = c.theme })
				u.pressKeys("<enter>")
				var out bytes.Buffer
				if _, err := (&colorprofile.Writer{Forward: &out, Profile: c.profile}).WriteString(
					u.app.View().Content); err != nil {
					t.Fatal(err)
				}
				text := out.String()
				if c.profile < colorprofile.ANSI && strings.Contains(text, "\x1b[3") {
					t.Error("there is a colour")
				}
				compareGolden(t, name, strings.ReplaceAll(text, "\x1b", "\\e")+"\n")
			})
		})
	}
}

// The theme Auto follows the terminal's report of its background.
func TestTheTerminalIsAskedForItsBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		colours := func(theme Theme, answer tea.Msg) string {
			u := newUser(t, exampleAccount(), func(config *Config) { config.Theme = theme })
			u.pressKeys("<enter>")
			if answer != nil {
				u.deliver(answer)
			}
			return u.app.View().Content
		}
		white := tea.BackgroundColorMsg{Color: ansi.IndexedColor(15)}
		if colours(Auto, white) != colours(Light, nil) {
			t.Error("on white, the colours are not those for a light background")
		}
		if colours(Auto, nil) != colours(Dark, white) {
			t.Error("a theme that was chosen changes with the background")
		}
	})
}
