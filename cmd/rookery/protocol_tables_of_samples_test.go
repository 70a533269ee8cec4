package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

func fact(command string, aspect finding.Aspect, name, claim, value string) finding.Fact {
	return finding.Fact{Command: command, Aspect: aspect, Name: name, Claim: claim, Value: value,
		Grade: finding.Confirmed}
}

func withGrade(f finding.Fact, grade finding.Grade) finding.Fact {
	f.Grade = grade
	return f
}

func withStatement(f finding.Fact, statement string) finding.Fact {
	f.Statement = statement
	return f
}

func withScope(f finding.Fact, scope string) finding.Fact {
	f.Scope = scope
	return f
}

// sampleStudy returns a study of a server with two commands, Enter and Book.
func sampleStudy() *finding.Study {
	p := finding.AspectParameter
	return &finding.Study{
		Commands: []finding.CommandSummary{
			{Name: "Enter", Purposes: []string{"login"}, Session: "not needed",
				RequestKeys: []string{"v", "me", "mood", "junk"}, AnswerKeys: []string{"v", "rc", "in"}},
			{Name: "Book", Purposes: []string{"friends"}, Session: "not known",
				RequestKeys: []string{"v", "me", "most"}, AnswerKeys: []string{"v", "rc", "n", "who", "nick"}},
		},
		Matrix: []finding.MatrixRow{{Command: "Enter", Key: "mood", Type: "enum"},
			{Command: "Book", Key: "most", Type: "count"}},
		Facts: []finding.Fact{
			fact("Book", finding.AspectSession, "session", "needs", "needed"),
			fact("*", finding.AspectSession, "after login", "state", "logged in"),
			withGrade(fact("*", finding.AspectSession, "after no login", "state", "not logged in"), finding.Observed),
			withGrade(fact("*", finding.AspectSession, "after rain", "state", "wet"), finding.Contested),
			withStatement(fact("Enter", finding.AspectSession, "failed logins", "lock after", "3"),
				"After 3 failed logins the correct one is refused too"),
			fact("Enter", p, "mood", "presence", "optional"),
			fact("Enter", p, "mood", "value 20", "taken"),
			fact("Enter", p, "mood", "value 9", "taken"),
			fact("Enter", p, "mood", "value x|y", "answered rc=bad"),
			withGrade(fact("Enter", p, "mood", "value 11", "answered rc=bad"), finding.Observed),
			fact("Enter", p, "junk", "meaning", "ignored"),
			withStatement(fact("Book", p, "v", "presence", "required"),
				"Book: v is required: without it the answer is NULL"),
			fact("Book", p, "v", "value 1", "taken"),
			fact("Book", p, "v", "value empty", "answered NULL"),
			fact("Book", p, "v", "given twice", "the first counts"),
			fact("Book", p, "most", "given twice", "the first counts"),
			fact("Enter", p, "mood", "given twice", "the last counts"),
			fact("Book", p, "most", "default", "160"),
			withGrade(fact("Book", p, "most", "most", "1000"), finding.Observed),
			fact("Book", p, "most", "value a space before", "taken"),
			fact("Book", p, "most", "value 2", "taken"),
			fact("Enter", finding.AspectField, "fields", "order", "v rc in"),
			fact("Book", finding.AspectField, "fields, 3 of them", "order", "v rc n"),
			fact("Book", finding.AspectField, "fields, 5 of them", "order", "v rc n who nick"),
			fact("Book", finding.AspectField, "who and nick", "are", "parallel lists"),
			fact("Book", finding.AspectField, "who", "order of elements", "ascending"),
			withScope(fact("Book", finding.AspectField, "rc", "can be rc=ok", "yes"), "logged in"),
			withScope(fact("Book", finding.AspectField, "rc", "can be status 405", "yes"), "logged in"),
			withScope(withGrade(fact("Book", finding.AspectField, "rc", "can be rc=out", "yes"), finding.Observed),
				"never logged in"),
			withScope(fact("Book", finding.AspectField, "rc", "can be rc=out", "yes"), "logged out"),
			fact("*", finding.AspectTimer, "session", "length", "9 to 10 s"),
			fact("Who", finding.AspectPresence, "mood=20", "a friend sees", "as offline"),
			fact("Fetch", finding.AspectPresence, "mood=20", "a friend is told", "kind=9,"),
			withStatement(fact("Fetch", finding.AspectMessage, "to a logged-out account", "arrives", "1"),
				"A message to a logged-out account arrives once"),
			fact("Book", finding.AspectFriendship, "add", "lists the other", "neither"),
			fact("Book", finding.AspectFriendship, "request", "lists the other", "neither"),
			withStatement(fact("Say", finding.AspectEncoding, "plain", "arrives", "as it is meant"),
				`plain in a text, sent as "abc", arrives as it is meant`),
			withStatement(fact("Say", finding.AspectEncoding, "a raw separator", "arrives", `"a|b"`),
				`a raw separator in a text, sent as "a|b", arrives "a|b"`),
			fact("*", finding.AspectTransport, "usual", "is", "answered as usual"),
			fact("*", finding.AspectTransport, "get", "is", "answered otherwise: status 405"),
			fact("*", finding.AspectTransport, "status", "of answers", "200"),
		},
		Fields: []finding.AnswerField{
			{Command: "Enter", Key: "v", Place: 1, Kind: "echo", Of: "v", Grade: finding.Confirmed},
			{Command: "Book", Key: "v", Place: 1, Kind: "echo", Of: "v", Grade: finding.Confirmed},
			{Command: "Enter", Key: "rc", Place: 2, Kind: "constant", Values: []string{"ok"}, Grade: finding.Confirmed},
			{Command: "Enter", Key: "in", Place: 3, Kind: "enum", Values: []string{"1", "0"}, Grade: finding.Observed},
			{Command: "Book", Key: "n", Place: 3, Kind: "count", Of: "who", Grade: finding.Confirmed},
			{Command: "Book", Key: "who", Place: 4, Kind: "list", Grade: finding.Confirmed},
			{Command: "Book", Key: "nick", Place: 5, Kind: "list", Grade: finding.Confirmed, When: "in 3 of 4 answers"},
		},
		Machines: []finding.StateMachine{{
			Aspect: "session", Inputs: []string{"a Enter", "a Book"}, Guarantee: "complete up to 2 states",
			States: []finding.MachineState{{Name: "s0"}, {Name: "s1", Access: []string{"a Enter"}}},
			Transitions: []finding.MachineTransition{
				{From: "s0", Input: "a Enter", Output: "ok", To: "s1"},
				{From: "s0", Input: "a Book", Output: "rc=out", To: "s0"},
				{From: "s1", Input: "a Enter", Output: "ok", To: "s1"},
				{From: "s1", Input: "a Book", Output: "ok", To: "s1"},
			},
		}},
		Timers: []finding.Timer{{Name: "session", Low: 9, High: 10, Kind: "idle",
			RefreshedBy: []string{"Enter", "Book"}, NotBy: []string{"a failed login"}}},
	}
}

func TestTablesShowTheFactsOfAStudy(t *testing.T) {
	for name, want := range map[string]string{
		"commands": "| `Enter` | begins a session | not needed | `mood` (9 or 20; may be left out) | `in` |\n" +
			"| `Book` | lists the friends | needed | `most` (160 if left out; at most 1000°) | 2 forms |\n",
		"orders Book": "| 1 | `n` |\n| 3 | `n who nick` |\n",
		"common-keys": "| `v` | NULL | `1` | NULL: empty |\n\n- of two the first counts: `v` `most`; not so: `mood`\n",
		"keys": "| `Enter` | `mood` | taken | `20`, `9` | rc=bad: `x\\|y`, `11`° |\n" +
			"| `Book` | `most` | as `160` | `2`; at most 1000 elements come° |  |\n\nKeys that change nothing, " +
			"whatever they hold: `junk`\n",
		"keys Book": "| `Book` | `most` | as `160` | `2`; at most 1000 elements come° |  |\n",
		"fields": "| all | 1 | `v` | what the request has |\n| all | 2 | `rc` | always `ok` |\n| `Enter` | 3 | " +
			"`in` | `0` or `1`° |\n" +
			"| `Book` | 3 | `n` | how many elements `who` has |\n| `Book` | 4 | `who` | a list, ascending, one " +
			"element for each of `nick` |\n" +
			"| `Book` | 5 | `nick` | a list; not in every answer |\n",
		"codes": "| `Book` | rc=ok | rc=out |\n",
		"sessions": "| login | logged in |\n| no login | not logged in° |\n\nAfter 3 failed logins the correct one " +
			"is refused too.\n",
		"machine session": "| `a Enter` | ok **s1** | ok |\n| `a Book` | rc=out | ok |\n\n- s0: at the " +
			"beginning\n- s1: after `a Enter`\n\n" +
			"Complete up to 2 states.\n",
		"timers": "| session | 9 to 10 s | the latest request | every command that needs a session, `Enter` | " +
			"a failed login |\n",
		"presence":   "| `mood=20` | as offline | `kind=9,` |\n",
		"messages":   "- A message to a logged-out account arrives once\n",
		"friendship": "| neither | add; request |\n",
		"encodings":  "| a raw separator | `a\\|b` | `a\\|b` |\n\nAs it is meant arrives: plain `abc`.\n",
		"forms": "| `usual` | answered as usual |\n| `get` | answered otherwise: status 405 |\n\n" +
			"| answers |  |\n|---|---|\n| status | `200` |\n",
	} {
		arguments := strings.Fields(name)
		got, err := makeTable(sampleStudy(), arguments[0], arguments[1:]...)
		if err != nil {
			t.Error(err)
			continue
		}
		// The head of the first table is not compared.
		if _, rows, ok := strings.Cut(got, "|---|"); ok {
			_, got, _ = strings.Cut(rows, "\n")
		}
		if got != want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestRowsHaveAsManyCellsAsTheHead(t *testing.T) {
	for _, name := range tableNames() {
		text, err := makeTable(sampleStudy(), name)
		if err != nil {
			t.Error(err)
		}
		cells := 0
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "|") {
				cells = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if cells == 0 {
				cells = n
			}
			if n != cells {
				t.Errorf("%s: got %d cells, want %d: %s", name, n-1, cells-1, line)
			}
		}
	}
}

func TestTablesAreDeterministic(t *testing.T) {
	for _, name := range tableNames() {
		first, _ := makeTable(sampleStudy(), name)
		for range 20 {
			if again, _ := makeTable(sampleStudy(), name); again != first {
				t.Errorf("%s: got\n%s\nwant, as the first time,\n%s", name, again, first)
			}
		}
	}
}

func TestMakeTableRejectsUnknownAndEmptyTables(t *testing.T) {
	if _, err := makeTable(sampleStudy(), "weather"); err == nil || !strings.Contains(err.Error(), "commands") {
		t.Errorf("unknown table: got error %v, want one that lists the tables", err)
	}
	if _, err := makeTable(&finding.Study{}, "timers"); err == nil {
		t.Error("table without rows: got no error")
	}
	if _, err := makeTable(sampleStudy(), "machine", "friendship"); err == nil {
		t.Error("machine that was not learned: got no error")
	}
	if !slices.Contains(tableNames(), "timers") {
		t.Errorf("tableNames() = %q, want timers among them", tableNames())
	}
}

func TestCodeSpanEscapesMarkdown(t *testing.T) {
	for text, want := range map[string]string{"a": "`a`", "": "(empty)", "a|b": "`a\\|b`", "a`b": "`` a`b ``"} {
		if got := codeSpan(text); got != want {
			t.Errorf("codeSpan(%q) = %s, want %s", text, got, want)
		}
	}
}
