package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// sentences begin with, or contain, letters that would be tempting key bindings.
var sentences = []string{
	"by the way", "dynamite!", "quick question", "BDmnpris", "y", "yes", "no", "just now", "killjoy",
	"顺便说一下，明天见。", "你好", " spaces first", "1234567890", "(brackets) [and] {braces}", "q",
}

func TestTextTypedInTheRosterGoesToTheSelectedPerson(t *testing.T) {
	for _, text := range sentences {
		t.Run(text, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.pressKeys("<down>" + text)
				u.expectText("> " + text)
				if app := u.app; app.page != page(app.conversations[10003]) || app.question != nil {
					t.Errorf("another page is shown:\n%s", u.screen())
				}
				u.expectCalls()
				u.pressKeys("<enter>")
				u.expectCalls("send 10003 " + text)
			})
		})
	}
}

// Printable keys only show the help page, ask for a command or type text.
func TestPrintableKeysInTheRosterHaveNoEffect(t *testing.T) {
	withUser(t, func(u *user) {
		for _, binding := range append(u.app.roster.bindings(u.app), u.app.globalBindings()...) {
			for _, k := range binding.keys {
				if len([]rune(k)) == 1 && k != "?" && k != "/" {
					t.Errorf("%s is bound in the list", k)
				}
			}
		}
		for r := ' '; r <= '~'; r++ {
			u.pressKeys("<esc><esc><esc>")
			u.deliver(tea.KeyPressMsg{Code: r, Text: string(r)})
			u.waitUntilIdle()
			u.pressKeys("<enter>")
			if u.hasQuit {
				t.Fatalf("%c has quit", r)
			}
		}
		for _, told := range u.messenger.recordedCalls() {
			if !strings.HasPrefix(told, "send 10002 ") && !strings.HasPrefix(told, "read ") {
				t.Errorf("the messenger was told %q", told)
			}
		}
	})
}

func TestTextPastedIntoTheRosterBecomesADraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.paste("by the way\n/etc/hosts")
		u.expectText("> by the way", "  /etc/hosts")
		u.expectCalls()
	})
}

func TestTypingWithoutASelectionShowsANotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messenger := exampleAccount()
		messenger.friends, messenger.requests, messenger.history = nil, nil, nil
		u := newUser(t, messenger)
		u.pressKeys("hello")
		u.expectText("Nobody is selected in the list.")
		u.pressKeys("/add<enter>")
		u.expectText("Find people")
	})
}

// The order of the roster changes with the friends' statuses.
func TestTheSelectionSurvivesAChangeOfOrder(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(client.Presence{Friend: 10002, Status: client.StatusOffline})
		u.pressKeys("hello")
		u.expectText("Pingu (10002)", "> hello")
	})
}

// A destructive action needs a confirmation. Neither a letter nor Enter alone confirms.
func TestDestructiveCommandsNeedAConfirmation(t *testing.T) {
	for command, want := range map[string]struct{ button, told string }{
		"/remove": {"Remove Pingu", "remove 10002"},
		"/block":  {"Block Pingu", "block 10002"},
	} {
		for _, from := range []string{"", "<enter>"} { // typed in the roster, typed in a conversation
			t.Run(from+command, func(t *testing.T) {
				withUser(t, func(u *user) {
					for _, keys := range []string{
						"<enter>", "y<enter>", "yes, by the way<enter>",
						"<esc>", "<right><esc>", "<right><left><enter>", "<ctrl+c>", "<tab><tab><enter>",
					} {
						u.pressKeys(from + command + "<enter>")
						u.expectText("[ Cancel ]", want.button)
						u.pressKeys(keys)
						u.expectCalls()
						u.pressKeys("<esc>")
					}
					u.pressKeys(from + command + "<enter><right>")
					u.expectText("[ " + want.button + " ]")
					u.pressKeys("<enter>")
					u.expectCalls(want.told)
				})
			})
		}
	}
}

func TestFailedMessagesAreDroppedAfterAConfirmation(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.sendResults[10002] = make(chan error)
		u.pressKeys("<enter>one<enter>")
		u.messenger.sendResults[10002] <- client.ErrRefused
		u.waitUntilIdle()
		u.pressKeys("<ctrl+x>")
		u.expectText("[ Cancel ]", "Drop those to Pingu")
		u.pressKeys("<enter>")
		u.expectText("not sent: refused")
		u.pressKeys("<ctrl+x><tab><enter>")
		u.expectNoText("not sent")
	})
}

func TestALineWithASlashIsACommandOrAText(t *testing.T) {
	for line, want := range map[string]parsedLine{
		"/help":                    {isCommand: true, name: "help"},
		"  /help ":                 {isCommand: true, name: "help"},
		"/HELP":                    {isCommand: true, name: "HELP"},
		"\uff0fquit":               {isCommand: true, name: "quit"},
		"/search the big fish":     {isCommand: true, name: "search", argument: "the big fish"},
		"/search\nfish":            {isCommand: true, name: "search", argument: "fish"},
		"/blok":                    {isCommand: true, name: "blok"},
		"/":                        {isCommand: true},
		"/ quit":                   {isCommand: true, argument: "quit"},
		"/帮助":                      {isCommand: true, name: "帮助"},
		"/etc":                     {isCommand: true, name: "etc"},
		"/quit/":                   {isCommand: true, name: "quit/"},
		"/block/me":                {isCommand: true, name: "block/me"},
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
		if got := (&App{}).parseLine(line); got != want {
			t.Errorf("%q is %+v, want %+v", line, got, want)
		}
	}
}

func TestAnInvalidCommandIsNotSentAndStaysInTheDraft(t *testing.T) {
	for line, says := range map[string]string{
		"/blok":              "No command /blok. /help lists them, // sends a /.",
		"/msg pingu hunter2": "No command /msg.",
		"/etc":               "No command /etc.",
		"/quit the job":      "Nothing can follow /quit.",
		"/":                  "No command /.",
	} {
		t.Run(line, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.pressKeys("<enter>" + line + "<enter>")
				u.expectText(says, "|> "+line)
				u.expectCalls()
				u.pressKeys("<esc><ctrl+c><right><enter>")
				if !u.hasQuit {
					t.Error("it has not quit")
				}
			})
		})
		t.Run("in the list, "+line, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.pressKeys(line + "<enter>")
				if line != "/" { // "/" alone cancels
					u.expectText(strings.TrimSuffix(says, " /help lists them, // sends a /."))
				}
				u.expectCalls()
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
			"/unblock":        "Pingu is no longer blocked.",
			"/blocked":        "Nobody is blocked.",
			"/Bell":           "bell off",
			"/nobody-has-one": "No command /nobody-has-one.",
		} {
			t.Run(from+command, func(t *testing.T) {
				withUser(t, func(u *user) {
					u.pressKeys(from + command + "<enter>")
					u.expectText(sees)
					u.expectCalls()
				})
			})
		}
	}
	withUser(t, func(u *user) {
		u.pressKeys("<enter>/quit<enter>")
		if !u.hasQuit {
			t.Error("/quit does not quit")
		}
	})
	withUser(t, func(u *user) {
		u.pressKeys("/quit<enter>")
		if !u.hasQuit {
			t.Error("/quit in the list does not quit")
		}
	})
}

func TestTheHelpPageListsEveryCommand(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(100, 60)
		for _, keys := range []string{"?", "<esc><enter><f1>"} {
			u.pressKeys(keys)
			for _, command := range u.app.commands() {
				u.expectText("/" + command.name + " ")
			}
			u.expectText("/etc/hosts")
		}
	})
}

func TestTwoSlashesSendOne(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>//quit is a command<enter>/etc/hosts is a file<enter>")
		u.expectCalls("send 10002 /quit is a command", "send 10002 /etc/hosts is a file")
	})
}

// The user can check such a text before sending it.
func TestATextWithASlashFromTheListIsADraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/etc/hosts is a file<enter>")
		u.expectText("> /etc/hosts is a file")
		u.expectCalls()
	})
}

func TestCtrlCClearsTheDraftFirst(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>a long text<ctrl+c>")
		u.expectNoText("a long text")
		u.expectText("Cleared. Ctrl+Y brings it back, Ctrl+C once more quits.")
		if u.hasQuit || u.app.question != nil {
			t.Fatal("it has quit, or asks")
		}
		u.pressKeys("<ctrl+y>")
		u.expectText("> a long text")
		u.pressKeys("<ctrl+c><ctrl+c>")
		if !u.hasQuit {
			t.Error("with nothing written it does not quit")
		}
	})
}

func TestCutTextCanBeInsertedAgain(t *testing.T) {
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
				u.pressKeys("<enter>" + keys)
				if got := u.app.conversations[10002].draft.text; got != want {
					t.Errorf("there is %q, want %q", got, want)
				}
			})
		})
	}
}

func TestEachConversationKeepsItsDraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("for Pingu<esc><down>for Tom<esc><ctrl+f>fish<enter><esc>/bell<enter>")
		u.receiveEvents(client.State{Err: client.ErrTemporary}, client.State{Connected: true},
			incomingMessage(10002, 7, "Hello?"))
		u.advanceTime(time.Hour)
		u.pressKeys("<up><enter>")
		u.expectText("Pingu (10002)", "> for Pingu")
		u.pressKeys("<esc><down><enter>")
		u.expectText("Tom & Jerry (10003)", "> for Tom")
		u.expectCalls()
	})
}

func TestQuittingWithDraftsAsks(t *testing.T) {
	for _, keys := range []string{"<ctrl+c>", "<ctrl+q>", "/quit<enter>"} {
		t.Run(keys, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.pressKeys("for Pingu<esc><down>for Tom<esc>" + keys)
				u.expectText("Unsent messages: 2. Quit and lose them?", "[ Cancel ]  quit")
				u.pressKeys("<enter>")
				u.expectNoText("Quit and lose them?")
				u.pressKeys(keys + "<right><enter>")
				if !u.hasQuit {
					t.Error("it has not quit")
				}
			})
		})
	}
}

// A Chinese input method sends several characters at once.
func TestTextFromAnInputMethodBecomesADraft(t *testing.T) {
	withUser(t, func(u *user) {
		u.deliver(tea.KeyPressMsg{Code: tea.KeyExtended, Text: "顺便"})
		u.waitUntilIdle()
		u.expectText("> 顺便")
		u.deliver(tea.KeyPressMsg{Code: tea.KeyExtended, Text: "说"})
		u.waitUntilIdle()
		u.expectText("> 顺便说")
	})
}
