package experiment

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the expected problems of testdata/bad anew")

func noEnv(string) (string, bool) { return "", false }

func parsed(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("test.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func shipped(t testing.TB, name string) *File {
	t.Helper()
	text, ok := ReadShipped(name)
	if !ok {
		t.Fatalf("%s is not shipped", name)
	}
	return parsed(t, string(text))
}

func TestEveryShippedFileParses(t *testing.T) {
	if len(ShippedNames()) == 0 {
		t.Fatal("no file is shipped")
	}
	for _, name := range ShippedNames() {
		text, ok := ReadShipped(name + ".yaml")
		if !ok {
			t.Fatalf("%s cannot be read", name)
		}
		f, err := Parse(name, text, noEnv)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
		} else if string(f.Source()) != string(text) {
			t.Errorf("%s: the source is not the text", name)
		}
	}
	if _, ok := ReadShipped("no such file"); ok {
		t.Error("a file that is not shipped was read")
	}
}

func TestTheShippedHTTPQQFileIsParsed(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	if want := []string{"a", "b", "stranger"}; !slices.Equal(f.roleNames(), want) {
		t.Errorf("roles %v, want %v", f.roleNames(), want)
	}
	ack, _ := f.Command("Ack_AddToList")
	want := &Command{
		Name: "Ack_AddToList", Line: ack.Line, NeedsSession: true,
		Request: []Pair{
			{"VER", "1.1"}, {"CMD", "Ack_AddToList"}, {"SEQ", "{seq}"}, {"UIN", "{me}"},
			{"UN", "{to}"}, {"CD", "2"}, {"RS", "{text}"},
		},
		Purposes: []Purpose{
			{VerbRequest, []Pair{{"CD", "2"}}}, {VerbAccept, []Pair{{"CD", "0"}}}, {VerbReject, []Pair{{"CD", "1"}}},
		},
		Parameters: []Parameter{
			{Key: "CD", Type: TypeEnum, Values: []string{"0", "1", "2"}, Declared: true, Line: ack.Parameters[0].Line},
		},
	}
	if !reflect.DeepEqual(ack, want) {
		t.Errorf("got  %+v\nwant %+v", ack, want)
	}
	if !slices.Equal(f.Answer.SuccessCodes, []string{"0"}) || f.Reset.Kind != ResetCommands || f.Clock.URL != "" {
		t.Errorf("answer %+v, reset %+v, clock %+v", f.Answer, f.Reset, f.Clock)
	}
	if want := (Step{Role: "b", Command: "Change_Stat",
		Changes: []PairChange{{SetValue, "ST", "40"}}}); !reflect.DeepEqual(f.Scenarios[2].Steps[2], want) {
		t.Errorf("got %+v, want %+v", f.Scenarios[2].Steps[2], want)
	}
}

const small = `
accounts: {a: {account: 1, secret: x}, b: {account: 2, secret: y}}
commands:
  Login: {request: "CMD=Login&UIN={me}&PS={secret}", does: login}
`

func TestHTTPQQIsTheDefaultSyntax(t *testing.T) {
	f := parsed(t, small)
	if want := httpQQSyntax(); !reflect.DeepEqual(f.Syntax, want) {
		t.Errorf("syntax %+v, want %+v", f.Syntax, want)
	}
	if want := (Limits{Requests: 3000, RequestRate: 200, FailedLogins: 3,
		LongestWait: 2 * time.Minute}); f.Limits != want {
		t.Errorf("limits %+v, want %+v", f.Limits, want)
	}
	if !slices.Equal(f.Places, []string{""}) || f.Reset.Kind != ResetCommands || f.Name != "test" {
		t.Errorf("places %q, reset %+v, name %q", f.Places, f.Reset, f.Name)
	}
	if f.Commands[0].NeedsSession {
		t.Error("a command that begins a session needs none")
	}
}

func TestParseReadsEverySection(t *testing.T) {
	f := parsed(t, `
name: a server
server: https://example.org:8000/x
accounts: {a: {account: 1, secret: x}, b: {account: 2, secret: y}}
places: ["", "::1"]
pool: {first: 100, last: 200, secret: z}
friends: [[b, a]]
reset: {url: /reset}
clock: {url: "http://127.0.0.1:1/clock"}
syntax: {pair: ";", equals: ":", list: "|", escape: "", path: /im, type: text/x-im, close: true, charsets: [GBK]}
answer: {code: R, done: [0, 00], not_logged_in: [no], prose: [WHY]}
commands: {Enter: {request: "C:Enter;W:{me}", does: login, done: "S:0;T:1", session: true, destructive: true}}
setup: [wait 1, a Enter]
limits: {requests: 10, rate: 0.5, time: 1h, failed_logins: 2 per 10m, wait: 90s}
allow: {destructive: true, hosts: [example.org]}
`)
	want := &File{
		Name:   "a server",
		Server: "https://example.org:8000/x",
		Accounts: []Account{{Role: "a", Number: "1", Secret: "x", SecretLine: 4},
			{Role: "b", Number: "2", Secret: "y", SecretLine: 4}},
		Places: []string{"", "::1"},
		Pool:   &AccountPool{First: 100, Last: 200, Secret: "z", SecretLine: 6},
		Syntax: RecordSyntax{PairSeparator: ";", KeySeparator: ":", ListSeparator: "|", RequestPath: "/im",
			ContentType: "text/x-im", CloseConnections: true, Charsets: []string{"GBK"}},
		Answer: AnswerFormat{CodeKey: "R", SuccessCodes: []string{"0", "00"}, NotLoggedInCodes: []string{"no"},
			ProseKeys: []string{"WHY"}},
		Commands: []*Command{{
			Name: "Enter", Line: 12, Request: []Pair{{"C", "Enter"}, {"W", "{me}"}},
			Purposes:      []Purpose{{Verb: VerbLogin}},
			SuccessFields: []Pair{{"S", "0"}, {"T", "1"}}, NeedsSession: true, Destructive: true,
		}},
		Friends: [][2]string{{"b", "a"}},
		Reset:   ResetMethod{ResetURL, "/reset"},
		Clock:   ServerClock{"http://127.0.0.1:1/clock"},
		Setup:   []Step{{Wait: time.Second}, {Role: "a", Command: "Enter"}},
		Limits: Limits{Requests: 10, RequestRate: 0.5, TotalTime: time.Hour, FailedLogins: 2,
			FailedLoginPeriod: 10 * time.Minute, LongestWait: 90 * time.Second},
		Allow:      Permissions{Destructive: true, Hosts: []string{"example.org"}},
		sourceText: f.sourceText,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
}

func TestASecretComesFromTheEnvironmentOrTheFile(t *testing.T) {
	env := func(name string) (string, bool) {
		secret, ok := map[string]string{"SET": "from outside", "EMPTY": ""}[name]
		return secret, ok
	}
	for written, want := range map[string]Account{
		`$SET`:               {Secret: "from outside", SecretHidden: true, SecretVariable: "SET"},
		`${SET}`:             {Secret: "from outside", SecretHidden: true, SecretVariable: "SET"},
		`"${SET:-literal}"`:  {Secret: "from outside", SecretHidden: true, SecretVariable: "SET"},
		`"${GONE:-literal}"`: {Secret: "literal", SecretVariable: "GONE"},
		`"${GONE:-}"`:        {Secret: "", SecretVariable: "GONE"},
		`"${EMPTY:-more}"`:   {Secret: "more", SecretVariable: "EMPTY"},
		`$$SET`:              {Secret: "$SET"},
		`0123`:               {Secret: "0123"},
		`""`:                 {Secret: ""},
	} {
		text := "accounts:\n  b: {account: 2, secret: y}\n  a:\n    account: 1\n    secret: " + written +
			"\ncommands: {X: {request: CMD=X}}\n"
		f, err := Parse("test.yaml", []byte(text), env)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		want.Role, want.Number, want.SecretLine = "a", "1", 5
		if got, _ := f.Account("a"); got != want {
			t.Errorf("%s: got %+v, want %+v", written, got, want)
		}
		if strings.Contains(string(f.Source()), "from outside") {
			t.Errorf("%s: the source holds a secret of the environment", written)
		}
	}
}

func TestProblemsOfABadFileAreAllReportedWithTheirLines(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no bad files", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(name), text, noEnv)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			golden := strings.TrimSuffix(name, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got := problems.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range ShippedNames() {
		text, _ := ReadShipped(name)
		f.Add(text)
	}
	names, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("fuzz.yaml", text, noEnv)
		var problems Problems
		if errors.As(err, &problems) && len(problems) > 0 && file == nil {
			return
		}
		if err != nil {
			t.Fatalf("an error without problems: %v", err)
		}
		for _, scenario := range file.Scenarios {
			for _, step := range scenario.Steps {
				roundTrip(t, file, step)
			}
		}
	})
}

func TestHostileYAMLIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"deep nesting":           "accounts: " + strings.Repeat("[", 100_000),
		"an alias in itself":     "accounts: &a {a: *a, b: *a}",
		"aliases that double":    "name: [&a [x, x], &b [*a, *a], &c [*b, *b]]",
		"an alias of no anchor":  "name: *a",
		"a key that is a map":    "? {a: b}\n: c",
		"bytes that are no text": "name: \xff",
	} {
		var problems Problems
		if _, err := Parse("test.yaml", []byte(text), noEnv); !errors.As(err, &problems) || len(problems) == 0 {
			t.Errorf("%s: got %v, want problems", name, err)
		}
	}
}
