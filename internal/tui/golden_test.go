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

// size is a screen's, 80x24 if it is zero.
type size struct{ width, height int }

func (u *user) as(s size) {
	u.t.Helper()
	if s != (size{}) {
		u.resize(s.width, s.height)
	}
}

func TestScreensLookAsTheyDid(t *testing.T) {
	for _, c := range []struct {
		name string
		size size
		keys string
	}{
		{"start", size{}, ""},
		{"conversation", size{}, "<enter>"},
		{"conversation-long-chinese", size{}, "<down><down><enter>"},
		{"conversation-emoji", size{}, "<down><down><down><enter>"},
		{"conversation-stranger", size{}, "<end><pgdown><enter>"},
		{"conversation-narrow", size{40, 12}, "<enter>"},
		{"list-narrow", size{40, 12}, ""},
		{"conversation-tiny", size{20, 6}, "<enter>"},
		{"list-tiny", size{20, 6}, ""},
		{"conversation-wide", size{132, 40}, "<enter>"},
		{"writing", size{}, "<enter>The first line, which is so long that it has to go over more than one row.<alt+enter>Second 第二行"},
		{"keys-list", size{}, "?"},
		{"keys-writing", size{}, "<enter><f1>"},
		{"requests", size{}, "/requests<enter>"},
		{"find", size{}, "/add<enter>"},
		{"found", size{}, "/add<enter><down><down><down>South Pole<enter>"},
		{"found-nobody", size{}, "/add 10999<enter>"},
		{"info", size{}, "/info<enter>"},
		{"status", size{}, "/status<enter>"},
		{"profile", size{}, "/profile<enter>"},
		{"search", size{}, "/search the<enter><down>"},
		{"search-empty", size{}, "<ctrl+f>"},
		{"blocked", size{}, "/blocked<enter>"},
		{"devices", size{}, "/devices<enter>"},
		{"question", size{}, "/remove<enter>"},
		{"question-sure", size{}, "/remove<enter><right>"},
		{"command", size{}, "/"},
		{"command-unknown", size{}, "/blok<enter>"},
		{"typed-in-list", size{}, "<down>by the way"},
		{"question-words", size{}, "/requests<enter>x"},
	} {
		for _, l := range []Language{English, Chinese} {
			name := c.name + "-" + string(l)
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					u := sit(t, household(), in(l))
					u.as(c.size)
					u.keys(c.keys)
					golden(t, name, u.screen())
				})
			})
		}
	}
}

func TestScreensOfAnEmptyAccountSayWhatToDo(t *testing.T) {
	for _, l := range []Language{English, Chinese} {
		t.Run(string(l), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := household()
				m.friends, m.requests, m.history = nil, nil, nil
				u := sit(t, m, in(l))
				text := u.screen()
				for _, keys := range []string{"/requests<enter>", "<esc>/blocked<enter>"} {
					u.keys(keys)
					text += u.screen()
				}
				golden(t, "empty-"+string(l), text)
			})
		})
	}
}

func TestAScreenSaysThatItIsDisconnectedAndWhatWaits(t *testing.T) {
	for _, l := range []Language{English, Chinese} {
		t.Run(string(l), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := household()
				m.sends[10002] = make(chan error)
				u := sit(t, m, in(l))
				u.keys("<enter>hello?<enter>are you there?<enter>")
				golden(t, "sending-"+string(l), u.screen())
				u.tell(client.State{Err: errors.New("dial tcp 192.0.2.1:14000: connection refused"), Retry: noon.Add(30 * time.Second)})
				golden(t, "disconnected-"+string(l), u.screen())
				u.tell(client.State{Connected: true})
				m.sends[10002] <- fmt.Errorf("%w: that account takes no messages of strangers", client.ErrRefused)
				u.settle()
				golden(t, "not-sent-"+string(l), u.screen())
				m.sends[10002] <- nil
				u.settle()
			})
		})
	}
}

// What the terminal gets of colours: as its background is, and none with
// NO_COLOR, for which Bubble Tea has the profile ASCII.
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
				u := sit(t, household(), func(conf *Config) { conf.Theme = c.theme })
				u.keys("<enter>")
				var out bytes.Buffer
				if _, err := (&colorprofile.Writer{Forward: &out, Profile: c.profile}).WriteString(u.a.View().Content); err != nil {
					t.Fatal(err)
				}
				text := out.String()
				if c.profile < colorprofile.ANSI && strings.Contains(text, "\x1b[3") {
					t.Error("there is a colour")
				}
				golden(t, name, strings.ReplaceAll(text, "\x1b", "\\e")+"\n")
			})
		})
	}
}

// The terminal's answer about its background decides, if nothing else does.
func TestTheTerminalIsAskedForItsBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		colours := func(theme Theme, answer tea.Msg) string {
			u := sit(t, household(), func(config *Config) { config.Theme = theme })
			u.keys("<enter>")
			if answer != nil {
				u.get(answer)
			}
			return u.a.View().Content
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
