package experiment

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestStepsAreReadAsTheyAreWritten(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	for stepLine, want := range map[string]Step{
		"wait 300":       {Wait: 300 * time.Second},
		"wait 0.25":      {Wait: 250 * time.Millisecond},
		"a Login":        {Role: "a", Command: "Login"},
		"a@2 Login":      {Role: "a", Place: 1, Command: "Login"},
		"stranger Login": {Role: "stranger", Command: "Login"},
		"a CLTMSG to b MG=hi": {Role: "a", Command: "CLTMSG", TargetRole: "b",
			Changes: []PairChange{{SetValue, "MG", "hi"}}},
		"a Ack_AddToList.accept to b": {
			Role: "a", Command: "Ack_AddToList", Verb: VerbAccept, TargetRole: "b"},
		"a List -TN +TN=1 ^UN=-1 ~UN=un >SEQ <CMD SEQ={seq:1} VER=": {
			Role: "a", Command: "List", Changes: []PairChange{
				{DropKey, "TN", ""}, {AppendPair, "TN", "1"}, {PrependPair, "UN", "-1"}, {RenameKey, "UN", "un"},
				{MoveLast, "SEQ", ""}, {MoveFirst, "CMD", ""}, {SetValue, "SEQ", "{seq:1}"}, {SetValue, "VER", ""},
			}},
		`a CLTMSG to b MG="two words" "\xff="="\"" -"-x"`: {
			Role: "a", Command: "CLTMSG", TargetRole: "b", Changes: []PairChange{
				{SetValue, "MG", "two words"}, {SetValue, "\xff=", `"`}, {DropKey, "-x", ""}}},
	} {
		got, err := f.ParseStep(stepLine)
		if err != nil {
			t.Errorf("%s: %v", stepLine, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", stepLine, got, want)
		}
		if back := f.FormatStep(want); back != stepLine {
			t.Errorf("%+v is written %s, want %s", want, back, stepLine)
		}
	}
}

func TestSpacesAndTheFirstPlaceCanBeWrittenOut(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	got, err := f.ParseStep("  a@1 \t Login   -LC ")
	if want := (Step{Role: "a", Command: "Login", Changes: []PairChange{{DropKey, "LC", ""}}}); err != nil ||
		!reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAStepMayChangeUndeclaredKeys(t *testing.T) {
	f := shipped(t, "http-qq-1.1")
	if _, err := f.ParseStep("a Login HIDDEN=1 SEQ={seq:99}"); err != nil {
		t.Error(err)
	}
	if _, err := f.ParseStep("a Login HIDDEN={hidden}"); err == nil {
		t.Error("a placeholder that there is not was taken")
	}
}

func roundTrip(t *testing.T, f *File, step Step) {
	t.Helper()
	stepLine := f.FormatStep(step)
	got, err := f.ParseStep(stepLine)
	if err != nil {
		t.Fatalf("%+v is written %s, which gives: %v", step, stepLine, err)
	}
	if !reflect.DeepEqual(got, step) {
		t.Fatalf("%+v is written %s, which is read as %+v", step, stepLine, got)
	}
}

// dotted names are there twice over, so that what stands behind a dot may be a
// verb or not.
const dots = `
accounts: {a: {account: 1, secret: x}, b: {account: 2, secret: y}}
places: [127.0.0.1, 127.0.0.2, 127.0.0.3]
commands:
  Msg: {request: "CMD=Msg", does: {send: , read: }}
  Msg.send: {request: "CMD=Msg.send", does: send}
  to: {request: "CMD=to"}
  two words: {request: "CMD=two", does: read}
  '"': {request: "CMD=q", does: read}
  .: {request: "CMD=dot", does: read}
  "\xe9\n": {request: "CMD=e", does: read}
`

func TestFormatAndParseAreInverse(t *testing.T) {
	f := parsed(t, dots)
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		roundTrip(t, f, randomStep(random, f))
	}
}

func randomStep(r *rand.Rand, f *File) Step {
	if r.IntN(10) == 0 {
		return Step{Wait: 1 + time.Duration(r.Int64N(int64(maxWait)))>>r.IntN(59)}
	}
	command := f.Commands[r.IntN(len(f.Commands))]
	step := Step{Role: f.roleNames()[r.IntN(2)], Place: r.IntN(3), Command: command.Name}
	if number := r.IntN(len(command.Purposes) + 1); number < len(command.Purposes) {
		step.Verb = command.Purposes[number].Verb
	}
	if r.IntN(2) == 0 {
		step.TargetRole = f.roleNames()[r.IntN(2)]
	}
	kinds := []ChangeKind{SetValue, DropKey, AppendPair, PrependPair, RenameKey, MoveLast, MoveFirst}
	for range r.IntN(4) {
		change := PairChange{Kind: kinds[r.IntN(len(kinds))], Key: randomText(r)}
		switch change.Kind {
		case DropKey, MoveLast, MoveFirst:
		case RenameKey:
			change.Value = randomText(r)
		default:
			change.Value = EscapeTemplate(randomText(r))
		}
		step.Changes = append(step.Changes, change)
	}
	return step
}

// randomText is short, and of what could be taken for something else.
func randomText(r *rand.Rand) string {
	const signs = "ab to=-+^~><@.,&\"\\'`#{}%\n\t\x00\x7f\xff\xc3\xa9\u4e2d\u00a0\ufffd"
	var record []byte
	for range r.IntN(5) {
		record = append(record, signs[r.IntN(len(signs))])
	}
	return string(record)
}

func FuzzParseStep(f *testing.F) {
	file := shipped(f, "http-qq-1.1")
	for _, scenario := range file.Scenarios {
		for _, step := range scenario.Steps {
			f.Add(file.FormatStep(step))
		}
	}
	f.Add(`a@2 Ack_AddToList.accept to b "\x00"="" -A ~B=c >D <E ^F={seq:1} +G="x y"`)
	f.Add("wait 0.000000001")
	f.Fuzz(func(t *testing.T, stepLine string) {
		step, err := file.ParseStep(stepLine)
		if err != nil {
			return
		}
		roundTrip(t, file, step)
	})
}
