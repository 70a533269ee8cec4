package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Sentences of which each began with a key that did something, or holds some.
var sentences = []string{
	"by the way", "dynamite!", "quick question", "BDmnpris", "y", "yes", "no", "just now", "killjoy",
	"顺便说一下，明天见。", "你好", " spaces first", "1234567890", "(brackets) [and] {braces}", "q",
}

func TestWhatIsTypedInTheListIsATextForTheChosenPerson(t *testing.T) {
	for _, text := range sentences {
		t.Run(text, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys("<down>" + text)
				u.sees("> " + text)
				if app := u.a; app.page != page(app.talks[10003]) || app.asking != nil {
					t.Errorf("another page is shown:\n%s", u.screen())
				}
				u.told()
				u.keys("<enter>")
				u.told("send 10003 " + text)
			})
		})
	}
}

// No letter and no sign does anything but show the keys or ask for a command.
func TestNoPrintableKeyOfTheListDoesAnything(t *testing.T) {
	withUser(t, func(u *user) {
		for _, binding := range append(u.a.roster.bindings(u.a), u.a.everywhere()...) {
			for _, k := range binding.keys {
				if len([]rune(k)) == 1 && k != "?" && k != "/" {
					t.Errorf("%s is bound in the list", k)
				}
			}
		}
		for r := ' '; r <= '~'; r++ {
			u.keys("<esc><esc><esc>")
			u.get(tea.KeyPressMsg{Code: r, Text: string(r)})
			u.settle()
			u.keys("<enter>")
			if u.quit {
				t.Fatalf("%c has quit", r)
			}
		}
		for _, told := range u.m.notes() {
			if !strings.HasPrefix(told, "send 10002 ") && !strings.HasPrefix(told, "read ") {
				t.Errorf("the messenger was told %q", told)
			}
		}
	})
}

func TestWhatIsPastedIntoTheListIsATextToo(t *testing.T) {
	withUser(t, func(u *user) {
		u.paste("by the way\n/etc/hosts")
		u.sees("> by the way", "  /etc/hosts")
		u.told()
	})
}

func TestWhereNobodyIsChosenNothingIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := household()
		m.friends, m.requests, m.history = nil, nil, nil
		u := sit(t, m)
		u.keys("hello")
		u.sees("Nobody is chosen in the list.")
		u.keys("/add<enter>")
		u.sees("Find people")
	})
}

// Who is at the top changes when somebody comes or goes.
func TestWhoIsChosenStaysSoWhenTheListChanges(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(client.Presence{Friend: 10002, Status: client.StatusOffline})
		u.keys("hello")
		u.sees("Pingu (10002)", "> hello")
	})
}

// An action that destroys something is asked about. Neither a letter nor Enter
// alone does it, and the button names whom it is about.
func TestWhatDestroysIsDoneByAButtonThatNamesThePerson(t *testing.T) {
	for command, want := range map[string]struct{ button, told string }{
		"/remove": {"Remove Pingu", "remove 10002"},
		"/block":  {"Block Pingu", "block 10002"},
	} {
		for _, from := range []string{"", "<enter>"} { // the list, the conversation
			t.Run(from+command, func(t *testing.T) {
				withUser(t, func(u *user) {
					for _, keys := range []string{
						"<enter>", "y<enter>", "yes, by the way<enter>",
						"<esc>", "<right><esc>", "<right><left><enter>", "<ctrl+c>", "<tab><tab><enter>",
					} {
						u.keys(from + command + "<enter>")
						u.sees("[ Cancel ]", want.button)
						u.keys(keys)
						u.told()
						u.keys("<esc>")
					}
					u.keys(from + command + "<enter><right>")
					u.sees("[ " + want.button + " ]")
					u.keys("<enter>")
					u.told(want.told)
				})
			})
		}
	}
}

func TestWhatWasNotSentIsDroppedAfterAQuestion(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.sends[10002] = make(chan error)
		u.keys("<enter>one<enter>")
		u.m.sends[10002] <- client.ErrRefused
		u.settle()
		u.keys("<ctrl+x>")
		u.sees("[ Cancel ]", "Drop those to Pingu")
		u.keys("<enter>")
		u.sees("not sent: refused")
		u.keys("<ctrl+x><tab><enter>")
		u.seesNot("not sent")
	})
}

func TestALineWithASlashIsACommandOrAText(t *testing.T) {
	for line, want := range map[string]typedCommand{
		"/help":                    {command: true, name: "help"},
		"  /help ":                 {command: true, name: "help"},
		"/HELP":                    {command: true, name: "HELP"},
		"\uff0fquit":               {command: true, name: "quit"},
		"/search the big fish":     {command: true, name: "search", rest: "the big fish"},
		"/search\nfish":            {command: true, name: "search", rest: "fish"},
		"/blok":                    {command: true, name: "blok"},
		"/":                        {command: true},
		"/ quit":                   {command: true, rest: "quit"},
		"/帮助":                      {command: true, name: "帮助"},
		"/etc":                     {command: true, name: "etc"},
		"/quit/":                   {command: true, name: "quit/"},
		"/block/me":                {command: true, name: "block/me"},
		"//help":                   {text: "/help"},
		" //help":                  {text: "/help"},
		"\uff0f\uff0fhelp":         {text: "\uff0fhelp"},
		"///":                      {text: "//"},
		"/etc/hosts is broken":     {text: "/etc/hosts is broken"},
		"/usr/bin/env\n/help":      {text: "/usr/bin/env\n/help"},
		"see /quit":                {text: "see /quit"},
		"two lines\n/quit":         {text: "two lines\n/quit"},
		"http://chat.example/quit": {text: "http://chat.example/quit"},
	} {
		if got := (&App{}).readLine(line); got != want {
			t.Errorf("%q is %+v, want %+v", line, got, want)
		}
	}
}

func TestACommandThatCannotBeMeantIsNotSentAndStays(t *testing.T) {
	for line, says := range map[string]string{
		"/blok":              "No command /blok. /help lists them, // sends a /.",
		"/msg pingu hunter2": "No command /msg.",
		"/etc":               "No command /etc.",
		"/quit the job":      "Nothing can follow /quit.",
		"/":                  "No command /.",
	} {
		t.Run(line, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys("<enter>" + line + "<enter>")
				u.sees(says, "|> "+line)
				u.told()
				u.keys("<esc><ctrl+c><right><enter>")
				if !u.quit {
					t.Error("it has not quit")
				}
			})
		})
		t.Run("in the list, "+line, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys(line + "<enter>")
				if line != "/" { // nothing was asked for
					u.sees(strings.TrimSuffix(says, " /help lists them, // sends a /."))
				}
				u.told()
			})
		})
	}
}

func TestCommandsWorkWhereTextIsWrittenAndInTheList(t *testing.T) {
	for _, from := range []string{"", "<enter>"} {
		for command, sees := range map[string]string{
			"/help":           "Keys",
			"/add":            "Find people",
			"/add 10007":      "Found: 1",
			"/requests":       "Friend requests",
			"/search ice":     "The ice is thin",
			"/status":         "Your status",
			"/profile":        "Your profile",
			"/devices":        "Your devices",
			"/bell":           "bell off",
			"/info":           "Noot noot!",
			"/remove":         "Remove Pingu",
			"/block":          "Block Pingu",
			"/unblock":        "Pingu is blocked no more.",
			"/blocked":        "Nobody is blocked.",
			"/Bell":           "bell off",
			"/nobody-has-one": "No command /nobody-has-one.",
		} {
			t.Run(from+command, func(t *testing.T) {
				withUser(t, func(u *user) {
					u.keys(from + command + "<enter>")
					u.sees(sees)
					u.told()
				})
			})
		}
	}
	withUser(t, func(u *user) {
		u.keys("<enter>/quit<enter>")
		if !u.quit {
			t.Error("/quit does not quit")
		}
	})
	withUser(t, func(u *user) {
		u.keys("/quit<enter>")
		if !u.quit {
			t.Error("/quit in the list does not quit")
		}
	})
}

// Every command is on the page of keys.
func TestThePageOfKeysHasTheCommands(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(100, 60)
		for _, keys := range []string{"?", "<esc><enter><f1>"} {
			u.keys(keys)
			for _, command := range u.a.commands() {
				u.sees("/" + command.name + " ")
			}
			u.sees("/etc/hosts")
		}
	})
}

func TestTwoSlashesSendOne(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>//quit is a command<enter>/etc/hosts is a file<enter>")
		u.told("send 10002 /quit is a command", "send 10002 /etc/hosts is a file")
	})
}

// In the list it can be looked at before it is sent.
func TestATextWithASlashFromTheListIsADraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/etc/hosts is a file<enter>")
		u.sees("> /etc/hosts is a file")
		u.told()
	})
}

func TestCtrlCClearsTheDraftFirst(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>a long text<ctrl+c>")
		u.seesNot("a long text")
		u.sees("Cleared. Ctrl+Y brings it back, Ctrl+C once more quits.")
		if u.quit || u.a.asking != nil {
			t.Fatal("it has quit, or asks")
		}
		u.keys("<ctrl+y>")
		u.sees("> a long text")
		u.keys("<ctrl+c><ctrl+c>")
		if !u.quit {
			t.Error("with nothing written it does not quit")
		}
	})
}

func TestWhatWasCutOutComesBack(t *testing.T) {
	for keys, want := range map[string]string{
		"one two<ctrl+w><ctrl+y>":               "one two",
		"one two<ctrl+u><ctrl+y>":               "one two",
		"one two<home><ctrl+k><ctrl+y>":         "one two",
		"one two<ctrl+w><ctrl+w><ctrl+y>":       "one ",
		"one<ctrl+u><ctrl+u><ctrl+y>":           "one",
		"<ctrl+y>":                              "",
		"one<alt+enter>two<ctrl+c><ctrl+y>":     "one\ntwo",
		"one<ctrl+c>two <ctrl+y><ctrl+y>":       "two oneone",
		"one two<alt+backspace><ctrl+y><enter>": "",
	} {
		t.Run(keys, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys("<enter>" + keys)
				if got := u.a.talks[10002].draft.text; got != want {
					t.Errorf("there is %q, want %q", got, want)
				}
			})
		})
	}
}

func TestEachConversationKeepsItsDraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("for Pingu<esc><down>for Tom<esc><ctrl+f>fish<enter><esc>/bell<enter>")
		u.tell(client.State{Err: client.ErrTemporary}, client.State{Connected: true}, from(10002, 7, "Hello?"))
		u.wait(time.Hour)
		u.keys("<up><enter>")
		u.sees("Pingu (10002)", "> for Pingu")
		u.keys("<esc><down><enter>")
		u.sees("Tom & Jerry (10003)", "> for Tom")
		u.told()
	})
}

func TestDraftsAreNotLostByQuitting(t *testing.T) {
	for _, keys := range []string{"<ctrl+c>", "<ctrl+q>", "/quit<enter>"} {
		t.Run(keys, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys("for Pingu<esc><down>for Tom<esc>" + keys)
				u.sees("Own messages not sent: 2. Quit and lose them?", "[ Cancel ]  quit")
				u.keys("<enter>")
				u.seesNot("Quit and lose them?")
				u.keys(keys + "<right><enter>")
				if !u.quit {
					t.Error("it has not quit")
				}
			})
		})
	}
}

// An input method for Chinese sends several characters at once.
func TestWhatAnInputMethodSendsIsATextToo(t *testing.T) {
	withUser(t, func(u *user) {
		u.get(tea.KeyPressMsg{Code: tea.KeyExtended, Text: "顺便"})
		u.settle()
		u.sees("> 顺便")
		u.get(tea.KeyPressMsg{Code: tea.KeyExtended, Text: "说"})
		u.settle()
		u.sees("> 顺便说")
	})
}
