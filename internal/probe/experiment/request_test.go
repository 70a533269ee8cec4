package experiment

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestARequestIsTheBaseRequestWithThePurposeAndTheChanges(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	for stepLine, want := range map[string]string{
		"a List":                       "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0",
		"a List TN=1":                  "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=1&UN=0",
		"a List XX=1":                  "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0&XX=1",
		"a List -TN":                   "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&UN=0",
		"a List +TN=1":                 "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0&TN=1",
		"a List +TN=1 TN=2":            "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=2&UN=0&TN=1",
		"a List +TN=1 -TN":             "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&UN=0",
		"a List ^TN=1":                 "TN=1&VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0",
		"a List ~TN=tn tn=1":           "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&tn=1&UN=0",
		"a List >VER":                  "CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0&VER=1.1",
		"a List <UN":                   "UN=0&VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160",
		"a Ack_AddToList to b":         "VER=1.1&CMD=Ack_AddToList&SEQ={seq}&UIN={me}&UN={to}&CD=2&RS={text}",
		"a Ack_AddToList.accept to b":  "VER=1.1&CMD=Ack_AddToList&SEQ={seq}&UIN={me}&UN={to}&CD=0&RS={text}",
		"a Ack_AddToList.reject CD=77": "VER=1.1&CMD=Ack_AddToList&SEQ={seq}&UIN={me}&UN={to}&CD=77&RS={text}",
	} {
		step, err := f.ParseStep(stepLine)
		if err != nil {
			t.Errorf("%s: %v", stepLine, err)
			continue
		}
		pairs, err := f.Pairs(step)
		if got := string(f.Encode(pairs)); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", stepLine, got, err, want)
		}
	}
	list, _ := f.Command("List")
	if want := (Pair{"TN", "160"}); list.Request[4] != want {
		t.Error("a step has changed the base request")
	}
}

func TestAChangeOfAMissingPairFails(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	for _, stepLine := range []string{"a List -XX", "a List ~XX=x", "a List >XX", "a List <XX", "a List -TN -TN"} {
		step, err := f.ParseStep(stepLine)
		if err != nil {
			t.Errorf("%s: %v", stepLine, err)
			continue
		}
		if pairs, err := f.Pairs(step); err == nil {
			t.Errorf("%s: got %v, want an error", stepLine, pairs)
		}
	}
}

func TestAnswersAreCutIntoPairs(t *testing.T) {
	for record, want := range map[string][]Pair{
		"A=1":                     {{"A", "1"}},
		"A=1&B=&C=x=y\r\n":        {{"A", "1"}, {"B", ""}, {"C", "x=y"}},
		"A=1&MG=fish & chips&C=2": {{"A", "1"}, {"MG", "fish & chips"}, {"C", "2"}},
		"A=1&":                    {{"A", "1&"}},
		"A=%26":                   {{"A", "%26"}},
		"=1":                      {{"", "1"}},
	} {
		got, ok := httpQQSyntax().Decode([]byte(record))
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", record, got, ok, want)
		}
	}
	for _, record := range []string{"", "NULL", "\r\n", "NULL&A=1", "<html>"} {
		if got, ok := httpQQSyntax().Decode([]byte(record)); ok {
			t.Errorf("%q was taken for a record: %q", record, got)
		}
	}
}

func TestListsAreCutIntoElements(t *testing.T) {
	for value, want := range map[string][]string{
		"10002,10003,": {"10002", "10003"},
		"a%2c b,c,":    {"a, b", "c"},
		",":            {""},
		"a,,":          {"a", ""},
	} {
		got, ok := httpQQSyntax().SplitList(value)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "10002", "a,b"} {
		if got, ok := httpQQSyntax().SplitList(value); ok {
			t.Errorf("%q was taken for a list: %q", value, got)
		}
	}
}

func TestEscapesAreUndoneOnceAndOthersStay(t *testing.T) {
	for written, want := range map[string]string{
		"100%": "100%", "%zz": "%zz", "%2": "%2", "%25": "%", "%2525": "%25", "%2C%2c": ",,", "%%25": "%%",
		"%E4%B8%AD": "中",
	} {
		if got := httpQQSyntax().Unescape(written); got != want {
			t.Errorf("%q: got %q, want %q", written, got, want)
		}
	}
	plain := RecordSyntax{PairSeparator: "&", KeySeparator: "=", ListSeparator: ","}
	if got := plain.Unescape("%25"); got != "%25" {
		t.Errorf("without escapes, got %q", got)
	}
	if got := plain.EscapeValue("a&b"); got != "a&b" {
		t.Errorf("without escapes, got %q", got)
	}
}

func TestAnyTextCanBeSentAsAValue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, syntax := range []RecordSyntax{
		httpQQSyntax(),
		{PairSeparator: ";;", KeySeparator: ":", ListSeparator: "|", EscapeSign: `\x`},
		{PairSeparator: " AND ", KeySeparator: "->", ListSeparator: ", ", EscapeSign: "%"},
		{PairSeparator: "\n", KeySeparator: "=", ListSeparator: ",", EscapeSign: "^"},
	} {
		for range 5000 {
			text := randomText(random) + syntax.PairSeparator[:random.IntN(len(syntax.PairSeparator)+1)]
			written := syntax.EscapeValue(text)
			if got := syntax.Unescape(written); got != text {
				t.Fatalf("%+v: %q is written %q, which is read as %q", syntax, text, written, got)
			}
			record := syntax.Encode([]Pair{{"K", written}, {"L", "1"}})
			if got, ok := syntax.Decode(record); !ok || !slices.Equal(got, []Pair{{"K", written}, {"L", "1"}}) {
				t.Fatalf("%+v: %q is sent as %q, which is read as %q", syntax, text, record, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("VER=1.1&CMD=List&RES=0&UN=10002,10003,"))
	f.Add([]byte("A=1&MG=fish & chips&C=2\r\n"))
	f.Fuzz(func(t *testing.T, record []byte) {
		fields, ok := httpQQSyntax().Decode(record)
		if want := bytes.TrimRight(record, "\r\n"); ok && !bytes.Equal(httpQQSyntax().Encode(fields), want) {
			t.Errorf("%q is cut into %q", record, fields)
		}
	})
}

func TestTypesFollowFromPlaceholdersAndValues(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	for _, want := range []struct {
		command, key string
		typ          ParameterType
		declared     bool
	}{
		{"Login", "VER", TypeVersion, false},
		{"Login", "CMD", TypeCommandName, false},
		{"Login", "SEQ", TypeMark, false},
		{"Login", "UIN", TypeSelf, false},
		{"Login", "PS", TypeSecret, false},
		{"Login", "M5", TypeEnum, true},
		{"Login", "LC", TypeConstant, false},
		{"Login", "M6", TypeOpaque, true},
		{"Login", "no such key", TypeOpaque, false},
		{"Change_Stat", "ST", TypeEnum, true},
		{"List", "TN", TypeCount, true},
		{"GetInfo", "UN", TypeTarget, false},
		{"CLTMSG", "MG", TypeText, false},
		{"Finger", "AG", TypeNumber, true},
	} {
		command, _ := f.Command(want.command)
		if got := f.TypeOf(command, want.key); got.Type != want.typ || got.Declared != want.declared ||
			got.Key != want.key {
			t.Errorf("%s %s: got %+v, want %+v", want.command, want.key, got, want)
		}
	}
}

func TestAVersionIsTheSameInAllCommands(t *testing.T) {
	f := parsed(t, `
accounts: {a: {account: 1, secret: x}, b: {account: 2, secret: y}}
commands:
  X: {request: "V=2&W=3&N=1.5&C={command}&T={time}&P={b}&Q={seq}-{me}"}
  Y: {request: "V=2&W=4&N=1.6&P=7", parameters: {P: {max: 9}}}
`)
	x, _ := f.Command("X")
	for key, want := range map[string]ParameterType{"V": TypeVersion, "W": TypeNumber, "N": TypeConstant,
		"C": TypeCommandName, "T": TypeNumber, "P": TypeTarget, "Q": TypeMark} {
		if got := f.TypeOf(x, key); got.Type != want {
			t.Errorf("%s: got %s, want %s", key, got.Type, want)
		}
	}
	y, _ := f.Command("Y")
	if got := f.TypeOf(y, "P"); got.Type != TypeNumber || got.Max != "9" {
		t.Errorf("P: got %+v", got)
	}
}

func TestTheFirstTwoRolesArePeers(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	for role, want := range map[string]string{"a": "b", "b": "a", "stranger": "a"} {
		if got := f.Peer(role); got != want {
			t.Errorf("the peer of %s is %s, want %s", role, got, want)
		}
	}
}
