package transcript

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const corpus = "../../testdata/transcripts"

// everyStep has each kind of step, written as Write writes it.
const everyStep = `# A comment of the first step.
setting trusted-proxy 127.0.0.3/32

account 10001 nick=Rookie
account 10002 password="two words" nick="Pingu, Jr" face=270 rule=open
account 20001-20060
friends 10001 20001-20060
friends 10001 10002
set 10002 rule=closed strangers=no
notice all "to all"
notice 10001,10002 "to \"two\""
passwd 10002 newsecret
remove 20001
restart
restart 600s
wait 1.5s
@cafe
charset gbk
login 20001-20060
# One line that cannot be typed.
> VER=1.1&MG=\xC4\xE3 \\ \r\n\t\x00\x20
< VER=1.1&RES=1&RA=*MG*
repeat 3
> VER=1.1&MG=\{ab*12}
< UN=\[9998-10005]10005,
>
< NULL
>> POST / HTTP/1.1\r\n
>> \r\n
<< 100
>> NULL
<< 200 NULL
<< 405
<< end
%a> VER=1.4&CMD=List
%a>> \x05VER=1.4\n\nVER=1.4\n
%a< VER=1.4&SID={sid:phone}&TM={now-5},
%a< nothing
%a close
%b>
%b<
%b< end

# The end.
`

func TestParseReadsEveryKindOfStep(t *testing.T) {
	script, err := Parse("every.txt", []byte(everyStep))
	if err != nil {
		t.Fatal(err)
	}
	wanted := []Action{
		&ServerSetting{"trusted-proxy", "127.0.0.3/32"},
		&CreateAccounts{UIN: 10001, Last: 10001, Password: "123456", AccountFields: []AccountField{{"nick", "Rookie"}}},
		&CreateAccounts{UIN: 10002, Last: 10002, Password: "two words",
			AccountFields: []AccountField{{"nick", "Pingu, Jr"}, {"face", "270"}, {"rule", "open"}}},
		&CreateAccounts{UIN: 20001, Last: 20060, Password: "123456"},
		&Befriend{10001, 20001, 20060},
		&Befriend{10001, 10002, 10002},
		&ChangeAccount{UIN: 10002, Fields: []AccountField{{"rule", "closed"}, {"strangers", "no"}}},
		&SendNotice{Text: "to all"},
		&SendNotice{To: []uint32{10001, 10002}, Text: `to "two"`},
		&SetPassword{10002, "newsecret"},
		&RemoveAccount{20001},
		&RestartServer{},
		&RestartServer{10 * time.Minute},
		&AdvanceClock{1500 * time.Millisecond},
		&SwitchClient{"cafe"},
		&SetCharset{"gbk"},
		&LogInAccounts{20001, 20060},
		&Exchange{[]byte("VER=1.1&MG=\xC4\xE3 \\ \r\n\t\x00 "), []byte("VER=1.1&RES=1&RA=*MG*"), 1},
		&Exchange{[]byte("VER=1.1&MG=abababababababababababab"),
			[]byte("UN=9998,9999,10000,10001,10002,10003,10004,10005,10005,"), 3},
		&Exchange{nil, []byte("NULL"), 1},
		&RawConnection{
			Turns: []RawTurn{
				{[]byte("POST / HTTP/1.1\r\n\r\n"), []HTTPAnswer{{Status: 100}}},
				{[]byte("NULL"), []HTTPAnswer{{200, []byte("NULL")}, {Status: 405}}},
			},
			ServerCloses: true,
		},
		&SendRecord{"a", []byte("VER=1.4&CMD=List")},
		&SendBytes{"a", []byte("\x05VER=1.4\n\nVER=1.4\n")},
		&ExpectRecord{"a", []byte("VER=1.4&SID={sid:phone}&TM={now-5},")},
		&ExpectNothing{"a"},
		&CloseStream{"a"},
		&SendRecord{"b", nil},
		&ExpectRecord{"b", nil},
		&ExpectEnd{"b"},
	}
	if len(script.Steps) != len(wanted) {
		t.Fatalf("%d steps, want %d", len(script.Steps), len(wanted))
	}
	for i, step := range script.Steps {
		if !reflect.DeepEqual(step.Action, wanted[i]) {
			t.Errorf("line %d is %+v, want %+v", step.Line, step.Action, wanted[i])
		}
	}
	if received := script.Steps[17]; received.Line != 21 ||
		!reflect.DeepEqual(received.Comment, []string{"# One line that cannot be typed."}) {
		t.Errorf("step 17 is at line %d with the comment %q", received.Line, received.Comment)
	}
	if !reflect.DeepEqual(script.Trailer, []string{"", "# The end."}) {
		t.Errorf("the trailer is %q", script.Trailer)
	}
}

func TestStepsRoundTrip(t *testing.T) {
	script, err := Parse("every.txt", []byte(everyStep))
	if err != nil {
		t.Fatal(err)
	}
	var received bytes.Buffer
	if err := script.Write(&received); err != nil {
		t.Fatal(err)
	}
	if received.String() != everyStep {
		t.Errorf("written as\n%s", received.String())
	}
}

func TestConnectionsStaySeparateInText(t *testing.T) {
	connection := func(ends bool) Step {
		return Step{Action: &RawConnection{Turns: []RawTurn{{[]byte("A"), []HTTPAnswer{{Status: 400}}}},
			ServerCloses: ends}}
	}
	script := &Script{Steps: []Step{connection(false), connection(true), connection(true)}}
	wanted := ">> A\n<< 400\n\n>> A\n<< 400\n<< end\n>> A\n<< 400\n<< end\n"
	text := string(script.AppendText(nil))
	if text != wanted {
		t.Errorf("written as\n%s", text)
	}
	if again, err := Parse("x.txt", []byte(text)); err != nil || len(again.Steps) != 3 {
		t.Errorf("read as %+v, %v", again, err)
	}
}

var update = flag.Bool("update", false, "rewrite the corpus in the form in which Write writes it")

func TestTranscriptsRoundTrip(t *testing.T) {
	scripts, err := Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		src, err := os.ReadFile(filepath.Join(corpus, script.Name))
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(corpus, script.Name), script.AppendText(nil), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		wanted, received := strings.SplitAfter(string(src), "\n"),
			strings.SplitAfter(string(script.AppendText(nil)), "\n")
		for i := range min(len(wanted), len(received)) {
			if wanted[i] != received[i] {
				t.Errorf("%s:%d: is written\n\t%s", script.Name, i+1, received[i])
				break
			}
		}
		if len(wanted) != len(received) {
			t.Errorf("%s has %d lines, written are %d", script.Name, len(wanted), len(received))
		}
	}
}

func TestParseErrorNamesLine(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"a word that is no step", "\nteleport 10001\n", `x.txt:2: there is no step "teleport"`},
		{"a request without its answer", "> A=1\n\n< B=2\n", "x.txt:1: the next line must be the answer"},
		{"an answer without its request", "< B=2\n", `x.txt:1: there is no step "<"`},
		{"bytes without what comes back", ">> A\n", "x.txt:1: >> BYTES must be followed"},
		{"bytes directly behind their mark", ">>A\n<< 400\n", "x.txt:1: here bytes are wanted: >> BYTES"},
		{"an empty line to be sent", ">> A\n<< 100\n>>\n", "x.txt:3: nothing is sent by this line"},
		{"a status that is none", ">> A\n<< OK\n", `x.txt:2: "OK" is no HTTP status`},
		{"an escape that is none", "> \\q\n< A\n", `x.txt:1: \q is no escape`},
		{"half a byte", "> A\n< \\x4\n", `x.txt:2: \x needs two hex digits`},
		{"a backslash at the end", "> A\\\n< A\n", "x.txt:1: a backslash at the end"},
		{"a repetition without a number", "> \\{a}\n< A\n", `x.txt:1: a repetition is written`},
		{"a repetition of no end", "> \\{a*9999999}\n< A\n", "x.txt:1: more than 131072 bytes"},
		{"two repetitions that are too long together", "> \\{a*99999}\\{b*99999}\n< A\n",
			"x.txt:1: more than 131072 bytes"},
		{"two lines that are too long together", ">> \\{a*99999}\n>> \\{b*99999}\n<< end\n",
			"x.txt:2: more than 131072 bytes"},
		{"a repetition of nothing", "> \\{*3}\n< A\n", "x.txt:1: a repetition of nothing"},
		{"numbers without an end", "> \\[3-\n< A\n", `x.txt:1: consecutive numbers are written`},
		{"numbers that run backwards", "> \\[3-2]\n< A\n", `x.txt:1: consecutive numbers are written`},
		{"a control character", "> A\tB\n< A\n", `x.txt:1: a control character: write it as \x09`},
		{"a control character in the answer", "> A\n< \x7f\n", `x.txt:2: a control character: write it as \x7F`},
		{"a line end of Windows", "wait 3s\r\n", `x.txt:1: a control character: write it as \x0D`},
		{"bytes that are not UTF-8", "# fine\n> \xC4\xE3\n< A\n", "x.txt:2: bytes that are not UTF-8"},
		{"a number below those of accounts", "remove 9999\n", `x.txt:1: "9999" is no account number`},
		{"a range that runs backwards", "account 10009-10001\n", `x.txt:1: "10009-10001" is no range`},
		{"a field that no account has", "account 10001 shoe=44\n", `x.txt:1: no field is named "shoe"`},
		{"a field without a value", "set 10001 nick\n", `x.txt:1: "nick" is not of the form NAME=VALUE`},
		{"a quotation mark alone", "notice all \"text\n", "x.txt:1: a quotation mark without its partner"},
		{"a duration without a unit", "wait 300\n", `x.txt:1: "300" is no duration`},
		{"a clock that runs backwards", "wait -3s\n", `x.txt:1: "-3s" is no duration`},
		{"a client without a name", "@\n", "x.txt:1: a client's name is of small letters"},
		{"a repetition once", "repeat 1\n> A\n< A\n", "x.txt:1: an exchange is repeated 2 to"},
		{"a repetition of something else", "repeat 2\nrestart\n", "x.txt:1: here a request is wanted"},
		{"a line without a name", "%> A\n", "x.txt:1: a line's name is of small letters"},
		{"a line with a name of capitals", "%A> A\n", `x.txt:1: "A> A" directly behind the name`},
		{"bytes directly behind the mark of a line", "%a>A\n", `x.txt:1: "A" directly behind`},
		{"bytes of a line that are none", "%a>>\n", "x.txt:1: nothing is sent by this line"},
		{"a line that does something else", "%a opens\n", "x.txt:1: on a line there is %a> RECORD"},
		{"a setting that is no flag", "setting A 1\n", `x.txt:1: a setting has the name of a flag, not "A"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("x.txt", []byte(c.src))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// FuzzParse: what can be read is written in a form that reads the same, and is
// written the same again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everyStep))
	f.Add([]byte("> \\{\\x20\\*\\}*30}\n< \\{*\\x2A*30}\n"))
	f.Add([]byte("account 10001 nick=\"\\{\\x22*40}\"\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		first, err := Parse("fuzz.txt", src)
		if err != nil {
			return
		}
		text := first.AppendText(nil)
		second, err := Parse("fuzz.txt", text)
		if err != nil {
			t.Fatalf("%v\nin what was written: %q", err, text)
		}
		for i := range second.Steps {
			second.Steps[i].Line = first.Steps[i].Line
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("read again, it is another script: %q", text)
		}
		if again := second.AppendText(nil); !bytes.Equal(again, text) {
			t.Fatalf("written again, it is %q, was %q", again, text)
		}
	})
}
