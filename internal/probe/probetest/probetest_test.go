package probetest

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	home  = netip.MustParseAddr("127.0.0.1")
	other = netip.MustParseAddr("127.0.0.2")
)

// desk sends requests to a server without HTTP.
type desk struct {
	t *testing.T
	s *Server
}

func newDesk(t *testing.T) desk {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return desk{t, s}
}

func (d desk) from(address netip.Addr, cs charset, record string) string {
	return string(d.s.handleRequest(httpRequest{address: address, charset: cs, body: []byte(record)}).body)
}

func (d desk) ask(record string) string { return d.from(home, undeclared, record) }

// say sends a request of version 1.1 and returns the part of the answer after UIN.
func (d desk) say(uin int, remaining string) string {
	cmd, args, _ := strings.Cut(remaining, "&")
	if args != "" {
		args = "&" + args
	}
	seq := ""
	if !strings.Contains(args, "&SEQ=") {
		seq = "&SEQ="
	}
	record := "VER=1.1&CMD=" + cmd + seq + "&UIN=" + strconv.Itoa(uin) + args
	_, answer, _ := strings.Cut(d.ask(record), "&RES=")
	return answer
}

func (d desk) login(uins ...int) {
	for _, uin := range uins {
		if got := d.say(uin, "Login&M5=0&PS=123456"); got != "0&RS=0&HI=60&LI=300" {
			d.t.Fatalf("%d cannot log in: %s", uin, got)
		}
	}
}

func (d desk) wait(seconds int) { d.s.state.moveClock(time.Duration(seconds) * time.Second) }

func TestServerAnswersTheExamplesOfTheContract(t *testing.T) {
	d := newDesk(t)
	serverState := d.s.state
	ben, cat := serverState.accounts[10002], serverState.accounts[10003]
	ben.nick, ben.face, cat.nick, cat.face = "Pingu, Jr", 0, "Tom & Jerry", 270
	befriend(serverState.accounts[10001], cat)
	d.login(10002, 10003)
	d.say(10003, "Change_Stat&ST=30")
	for _, e := range []struct{ record, want string }{
		{"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235",
			"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&RES=0&RS=0&HI=60&LI=300"},
		{"VER=1.1&CMD=List&SEQ=4712&UIN=10001&TN=160&UN=0",
			"VER=1.1&CMD=List&SEQ=4712&UIN=10001&RES=0&FN=1&SN=2&UN=10002,10003,"},
		{"VER=1.1&CMD=Query_Stat&SEQ=4713&UIN=10001&TN=50&UN=0",
			"VER=1.1&CMD=Query_Stat&SEQ=4713&UIN=10001&RES=0&FC=0,270,&FN=1&SN=2&ST=10,30,&UN=10002,10003," +
				"&NK=Pingu%2c Jr,Tom %26 Jerry,"},
		{"VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&UN=10002&MG=fish & chips, 100%?",
			"VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&RES=0"},
		{"VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002",
			"VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=2&MT=9,99,&UN=10001,10001,&MG=fish %26 chips%2c " +
				"100%25?,10,"},
		{"VER=1.1&CMD=List&SEQ=4716&UIN=10009", "VER=1.1&CMD=List&SEQ=4716&UIN=10009&RES=20"},
		{"VER=9.9&CMD=List&SEQ=4717&UIN=10001", "NULL"},
		{"VER=1.4&CON=1&CMD=Query_Stat2&SEQ=812&UIN=10001&SID=&XP=C4CA4238A0B92382&CM=2&UN=0",
			"VER=1.4&CMD=QUERY_STAT2&SEQ=812&UIN=10001&RES=0&FN=1&SN=2&ST=10,30,&UN=10002,10003,\r\n"},
	} {
		if got := d.ask(e.record); got != e.want {
			t.Errorf("%s\n got %q\nwant %q", e.record, got, e.want)
		}
	}
}

// Each row is a conversation. A line that begins with a number is a request of that account and the
// beginning of its answer. "wait" moves the clock, and "login" logs in.
// A backslash continues a line.
func TestRules(t *testing.T) {
	for name, lines := range ruleTable {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			lines = regexp.MustCompile(`\\\n\t+`).ReplaceAllString(lines, "")
			for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
				line = strings.TrimSpace(line)
				first, remaining, _ := strings.Cut(line, " ")
				number, _ := strconv.Atoi(strings.Fields(remaining)[0])
				switch first {
				case "wait":
					d.wait(number)
				case "login":
					d.login(number)
				default:
					uin, _ := strconv.Atoi(first)
					request, want, _ := strings.Cut(remaining, " -> ")
					if got := d.say(uin, strings.ReplaceAll(request, `\n`, "\n")); !matches(got, want) {
						t.Errorf("%d %s\n got %q\nwant %q", uin, request, got, want)
					}
				}
			}
		})
	}
}

// matches compares an answer. "..." at the end matches anything.
func matches(got, want string) bool {
	if begin, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, begin)
	}
	return got == want
}

func TestChecksFollowTheOrderOfTheContract(t *testing.T) {
	d := newDesk(t)
	d.login(10001)
	for _, e := range []struct{ record, want string }{
		{"VER=9&CMD=Nonesuch&UIN=x", "NULL"},
		{"CMD=List&UIN=10001", "NULL"},
		{"", "NULL"},
		{"VER=1.1&CMD=Nonesuch&UIN=x", "VER=1.1&CMD=Nonesuch&SEQ=&UIN=x&RES=5&RA=..."},
		{"VER=1.1&CMD=Nonesuch&UIN=9999", "VER=1.1&CMD=Nonesuch&SEQ=&UIN=9999&RES=5&RA=..."},
		{"VER=1.1&CMD=Nonesuch&UIN=10009", "VER=1.1&CMD=Nonesuch&SEQ=&UIN=10009&RES=2&RA=..."},
		{"VER=1.1&CMD=List&UIN=10009&UN=x", "VER=1.1&CMD=List&SEQ=&UIN=10009&RES=20"},
		{"VER=1.1&CMD=List&UIN=10999", "VER=1.1&CMD=List&SEQ=&UIN=10999&RES=20"},
		{"VER=1.1&CMD=List&UIN=10001&UN=x", "VER=1.1&CMD=List&SEQ=&UIN=10001&RES=1&RA=UN..."},
		{"VER=1.1&CMD=List&UIN=10001&SEQ=" + strings.Repeat("1", 33), "VER=1.1&CMD=List&SEQ=" +
			strings.Repeat("1", 33) + "&UIN=10001&RES=1&RA=SEQ..."},
		{"VER=1.1&CMD=CLTMSG&UIN=10001&UN=10999&MG=", "VER=1.1&CMD=CLTMSG&SEQ=&UIN=10001&RES=1&RA=MG..."},
		{"VER=1.1&CMD=CLTMSG&UIN=10001&UN=10999&MG=x", "VER=1.1&CMD=CLTMSG&SEQ=&UIN=10001&RES=5&RA=UN..."},
		{"VER=1.1&CMD=CLTMSG&UIN=10001&UN=10000&MG=x", "VER=1.1&CMD=CLTMSG&SEQ=&UIN=10001&RES=3&RA=UN..."},
	} {
		if got := d.ask(e.record); !matches(got, e.want) {
			t.Errorf("%s\n got %q\nwant %q", e.record, got, e.want)
		}
	}
}

func TestRecordsAreParsedAsTheContractSays(t *testing.T) {
	for name, e := range map[string]struct{ record, text string }{
		"a text takes the rest": {
			"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=http://x/?a=1&id=5, Tom & Jerry",
			"http://x/?a=1&id=5, Tom & Jerry"},
		"a text ends before what is needed": {"VER=1.1&CMD=CLTMSG&SEQ=1&MG=a&b=c&UIN=10001&UN=10001", "a&b=c"},
		"a text cannot smuggle in a key": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=a&UN=10002&CMD=List",
			"a&UN=10002&CMD=List"},
		"the first of two keys counts": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&UN=10002&MG=a", "a"},
		"case does not matter":         {"ver=1.1&cmd=cltmsg&seq=1&uin=10001&un=10001&mg=a", "a"},
		"escapes are decoded once": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=%310001&UN=10001&MG=%2541+%zz%",
			"%41+%zz%"},
		"spaces are trimmed": {" VER=1.1 &CMD=CLTMSG&SEQ= 1&UIN=\r\n10001&UN= 10001 &MG=  a b \r\n",
			"  a b"},
		"escaped spaces are not": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=a%20", "a "},
		"UTF-8":                  {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=你好", "你好"},
		"UTF-8, cut off":         {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=你好\xe4\xbd", "你好"},
		"GB18030 is guessed":     {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=\xc4\xe3\xba\xc3", "你好"},
		"GB18030 is guessed, cut off": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=\xc4\xe3\xba\xc3\xc4",
			"你好"},
		"what is doubtful is UTF-8 at first": {"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10001&MG=\xc4\xa3", "\u0123"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.login(10001)
			d.ask(e.record)
			box := d.s.state.accounts[10001].mailbox
			if len(box) != 1 || box[0].text != e.text {
				t.Errorf("the mailbox holds %+v, want %q", box, e.text)
			}
		})
	}
}

func TestDeclaredCharsetAndSessionDecodeTexts(t *testing.T) {
	d := newDesk(t)
	d.login(10001)
	note := "VER=1.1&CMD=CLTMSG&SEQ=&UIN=10001&UN=10001&MG="
	d.from(home, gbCharset, note+"\xc4\xa3")
	d.ask(note + "\xc4\xa3")
	d.ask(note + "\xc4\xe3\xba\xc3") // only GB18030
	d.ask(note + "\xc4\xa3")
	d.ask(note + "你好") // above U+07FF
	d.ask(note + "\xc4\xa3")
	want := []string{"模", "\u0123", "你好", "模", "你好", "\u0123"}
	box := d.s.state.accounts[10001].mailbox
	if len(box) != len(want) {
		t.Fatalf("the mailbox holds %+v", box)
	}
	for i, message := range box {
		if message.text != want[i] {
			t.Errorf("text %d is %q, want %q", i, message.text, want[i])
		}
	}
	if got := d.from(home, gbCharset, note+"\xff"); !strings.Contains(got, "RES=1") {
		t.Errorf("a text in another than the declared charset got %s", got)
	}
	if got := d.ask(note + "a%00"); !strings.Contains(got, "RES=1") {
		t.Errorf("a NUL got %s", got)
	}
}

func TestSessionsBelongToAddresses(t *testing.T) {
	d := newDesk(t)
	list := "VER=1.1&CMD=List&SEQ=&UIN=10001"
	login := "VER=1.1&CMD=Login&SEQ=&UIN=10001&M5=0&PS=123456"
	d.from(home, undeclared, login)
	if got := d.from(other, undeclared, list); !strings.HasSuffix(got, "RES=20") {
		t.Errorf("another address got %s", got)
	}
	d.from(other, undeclared, "VER=1.1&CMD=Logout&SEQ=&UIN=10001")
	if got := d.from(home, undeclared, list); strings.HasSuffix(got, "RES=20") {
		t.Error("a Logout from another address ended the session")
	}
	d.from(other, undeclared, login)
	if got := d.from(home, undeclared, list); !strings.HasSuffix(got, "RES=20") {
		t.Errorf("after a login elsewhere the first address got %s", got)
	}
	for range 5 {
		d.from(home, undeclared, "VER=1.1&CMD=Login&SEQ=&UIN=10001&M5=0&PS=x")
	}
	if got := d.from(other, undeclared, login); !strings.Contains(got, "RS=0") {
		t.Errorf("failed logins from one address locked another: %s", got)
	}
}

func TestBatchHasAMaximumSize(t *testing.T) {
	d := newDesk(t)
	d.login(10001)
	for range 51 {
		d.say(10001, "CLTMSG&UN=10001&MG=x")
	}
	if got := d.say(10001, "GetMsgEx"); !strings.HasPrefix(got, "0&MN=50&") {
		t.Errorf("of 51 messages came %.20s", got)
	}
	d.say(10001, "GetMsgEx")
	for range 4 {
		d.say(10001, "CLTMSG&UN=10001&MG="+strings.Repeat("x", 4000))
	}
	d.say(10001, "CLTMSG&UN=10001&MG="+strings.Repeat("%2c", 4000))
	for _, want := range []string{"MN=2&", "MN=2&", "MN=1&", "MN=0&"} {
		got := d.say(10001, "GetMsgEx")
		if !strings.HasPrefix(got, "0&"+want) {
			t.Errorf("of long messages came %.20s, want %s", got, want)
		}
	}
}

func TestNewRefusesAnUnknownMutant(t *testing.T) {
	if _, err := New(Config{Mutant: "nonesuch"}); err == nil {
		t.Error("it was made")
	}
}

func TestMutantsHaveCompleteLabels(t *testing.T) {
	commands := map[string]bool{"*": true}
	for _, name := range httpQQ.Commands {
		commands[name] = true
	}
	aspects := map[string]bool{}
	for _, first := range strings.Fields(
		"parameter field paging session timer presence message friendship encoding transport limit") {
		aspects[first] = true
	}
	seen, equivalent := map[string]bool{}, 0
	for _, m := range append(Mutants(), MoreMutants()...) {
		if seen[m.Name] {
			t.Errorf("%s is defined twice", m.Name)
		}
		seen[m.Name] = true
		switch {
		case m.Equivalent:
			equivalent++
		case !commands[m.Command] || !aspects[m.Aspect]:
			t.Errorf("%s has the label %q %q", m.Name, m.Command, m.Aspect)
		}
		if m.Description == "" || m.Kind == "" {
			t.Errorf("%s has no description", m.Name)
		}
	}
	if equivalent != 6 || len(Mutants())-equivalent < 44 {
		t.Errorf("%d equivalent mutants and %d others", equivalent, len(Mutants())-equivalent)
	}
}

func TestMadeUpDialectSharesNoWordWithHTTPQQ(t *testing.T) {
	dialect := MadeUp()
	if err := dialect.validate(); err != nil {
		t.Fatal(err)
	}
	for i, name := range dialect.Commands {
		if strings.EqualFold(name, httpQQ.Commands[i]) || dialect.CommandName(httpQQ.Commands[i]) != name {
			t.Errorf("the command %s is %s", httpQQ.Commands[i], name)
		}
		if len(dialect.Fields[i]) != len(httpQQ.Fields[i]) {
			t.Errorf("%s has %d fields, %s has %d", name, len(dialect.Fields[i]), httpQQ.Commands[i],
				len(httpQQ.Fields[i]))
		}
	}
	for i, name := range dialect.Keys {
		if strings.EqualFold(name, httpQQ.Keys[i]) {
			t.Errorf("the key %s has the same name", name)
		}
	}
}
