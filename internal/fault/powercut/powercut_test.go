package powercut

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// traceOf returns a trace of calls that do not overlap. Each takes two moments.
func traceOf(events ...Event) *Trace {
	trace := &Trace{Events: events, End: Moment(2*len(events) + 1)}
	for index := range trace.Events {
		trace.Events[index].Begin, trace.Events[index].End = Moment(2*index+1), Moment(2*index+2)
	}
	return trace
}

func write(path string, offset int64, data string) Event {
	return Event{Kind: Write, Path: path, Offset: offset, Data: []byte(data)}
}

func sync(path string) Event { return Event{Kind: Sync, Path: path} }

func TestContentAfter(t *testing.T) {
	const first, second = "/d/first", "/d/second"
	long := strings.Repeat("x", sectorSize)
	tests := []struct {
		name  string
		trace *Trace
		keep  SurvivorFunc
		want  map[string]string
	}{
		{"a write without a sync is lost", traceOf(write(first, 0, "new")), KeepNone,
			map[string]string{"first": "old"}},
		{"a write without a sync may survive", traceOf(write(first, 0, "new")), KeepAll,
			map[string]string{"first": "new"}},
		{"a synced write survives", traceOf(write(first, 0, "new"), sync(first)), KeepNone,
			map[string]string{"first": "new"}},
		{"a sync does not cover later writes",
			traceOf(write(first, 0, "new"), sync(first), write(first, 0, "NEW")), KeepNone,
			map[string]string{"first": "new"}},
		{"a sync of one file does not cover another",
			traceOf(Event{Kind: Create, Path: second}, sync("/d"), write(second, 0, "new"), sync(first)), KeepNone,
			map[string]string{"first": "old", "second": ""}},
		{"a new file is lost without a sync of its directory",
			traceOf(Event{Kind: Create, Path: second}, write(second, 0, "new"), sync(second)), KeepNone,
			map[string]string{"first": "old"}},
		{"a new file survives after syncs of file and directory",
			traceOf(Event{Kind: Create, Path: second}, write(second, 0, "new"), sync(second), sync("/d")), KeepNone,
			map[string]string{"first": "old", "second": "new"}},
		{"a removed file comes back without a sync of its directory", traceOf(Event{Kind: Remove, Path: first}),
			KeepNone,
			map[string]string{"first": "old"}},
		{"a removed file is gone after a sync of its directory",
			traceOf(Event{Kind: Remove, Path: first}, sync("/d")), KeepNone,
			map[string]string{}},
		{"a new file with the name of a removed one is empty",
			traceOf(Event{Kind: Remove, Path: first}, Event{Kind: Create, Path: first}, write(first, 0, "n"),
				sync(first), sync("/d")), KeepNone,
			map[string]string{"first": "n"}},
		{"a write past the end inserts zeros", traceOf(write(first, 5, "new"), sync(first)), KeepNone,
			map[string]string{"first": "old\x00\x00new"}},
		{"a synced truncation survives",
			traceOf(Event{Kind: Truncate, Path: first, Offset: 1}, sync(first)), KeepNone,
			map[string]string{"first": "o"}},
		{"a truncation without a sync is lost",
			traceOf(Event{Kind: Truncate, Path: first, Offset: 1}), KeepNone,
			map[string]string{"first": "old"}},
		{"truncated bytes are zero when the file grows again",
			traceOf(Event{Kind: Truncate, Path: first, Offset: 1}, write(first, 3, "!")), KeepAll,
			map[string]string{"first": "o\x00\x00!"}},
		{"a write is torn between sectors", traceOf(write(first, 0, long+long)), alternating(0, 1, 1),
			map[string]string{"first": "old" + strings.Repeat("\x00", sectorSize-3) + long}},
		{"of two writes to a sector the first may survive alone",
			traceOf(write(first, 0, "one"), write(first, 0, "two")), alternating(1),
			map[string]string{"first": "one"}},
		{"irrelevant files are omitted", traceOf(Event{Kind: Create, Path: "/d/lock"}, sync("/d")), KeepAll,
			map[string]string{"first": "old"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			disk := &Disk{dir: "/d", files: map[string][]byte{first: []byte("old")},
				isRelevant: func(name string) bool { return name != "lock" }}
			got := make(map[string]string)
			for name, content := range disk.ContentAfter(test.trace, test.trace.End, test.keep) {
				got[name] = string(content)
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("ContentAfter = %q, want %q", got, test.want)
			}
		})
	}
}

// alternating returns a SurvivorFunc that returns these counts in turn.
func alternating(counts ...int) SurvivorFunc {
	return func(int) int {
		n := counts[0]
		counts = append(counts[1:], n)
		return n
	}
}

func TestSyncCoversWritesThatEndedBeforeIt(t *testing.T) {
	trace := &Trace{Events: []Event{
		{Kind: Write, Path: "/d/f", Data: []byte("a"), Begin: 1, End: 2},
		{Kind: Write, Path: "/d/f", Offset: 1, Data: []byte("b"), Begin: 3, End: 6},
		{Kind: Sync, Path: "/d/f", Begin: 4, End: 8},
	}}
	disk := &Disk{dir: "/d", files: map[string][]byte{"/d/f": nil}, isRelevant: func(string) bool { return true }}
	for cut, want := range map[Moment]string{8: "", 9: "a"} {
		if got := string(disk.ContentAfter(trace, cut, KeepNone)["f"]); got != want {
			t.Errorf("content after a cut at moment %d = %q, want %q", cut, got, want)
		}
	}
}

func TestParseTrace(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := `7 openat(AT_FDCWD<HEX(/)>, "HEX(DIR/f)", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 5<HEX(DIR/f)>
7 openat(AT_FDCWD<HEX(/)>, "HEX(/etc/hosts)", O_RDONLY|O_CLOEXEC) = 6<HEX(/etc/hosts)>
7 pwrite64(5<HEX(DIR/f)>, "HEX(hello)", 5, 4096 <unfinished ...>
8 fsync(5<HEX(DIR/f)> <unfinished ...>
7 <... pwrite64 resumed>)            = 3
9 write(4<HEX(socket:[77])>, "HEX(RES=0)", 5) = 5
8 <... fsync resumed>)               = 0
9 pwrite64(5<HEX(DIR/f)>, "HEX(x)", 1, 0) = -1 ENOSPC (No space left on device)
9 ftruncate(5<HEX(DIR/f)>, 12) = 0
9 unlink("HEX(DIR/f)") = ?
7 +++ killed by SIGKILL +++
`
	trace, err := ParseTrace(strings.NewReader(encodeHex(text, dir)), dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "f")
	want := []Event{
		{Kind: Create, Path: file, Begin: 1, End: 2},
		{Kind: Write, Path: file, Offset: 4096, Data: []byte("hel"), Begin: 5, End: 7},
		{Kind: Sync, Path: file, Begin: 6, End: 10},
		{Kind: Send, Path: "socket:[77]", Data: []byte("RES=0"), Begin: 8, End: 9},
		{Path: file, Data: []byte("x"), Begin: 11, End: 12},
		{Kind: Truncate, Path: file, Offset: 12, Begin: 13, End: 14},
		{Kind: Remove, Path: file, Begin: 15, End: neverMoment},
	}
	if !slices.EqualFunc(trace.Events, want, func(a, b Event) bool {
		return a.Kind == b.Kind && a.Path == b.Path && a.Offset == b.Offset && string(a.Data) == string(b.Data) &&
			a.Begin == b.Begin && a.End == b.End
	}) {
		t.Errorf("got  %+v\nwant %+v", trace.Events, want)
	}
}

func TestParseTraceRejectsUnmodelledCalls(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a write without an offset": `7 write(5<HEX(DIR/f)>, "HEX(x)", 1) = 1`,
		"a vectored write":          `7 pwritev(5<HEX(DIR/f)>, [{iov_base="HEX(x)", iov_len=1}], 1, 0) = 1`,
		"a rename":                  `7 rename("HEX(DIR/f)", "HEX(DIR/g)") = 0`,
		"a vectored send":           `7 writev(5<HEX(socket:[7])>, [{iov_base="HEX(x)", iov_len=1}], 1) = 1`,
		"an open that truncates":    `7 open("HEX(DIR/f)", O_RDWR|O_TRUNC) = 5<HEX(DIR/f)>`,
		"data cut short by strace":  `7 pwrite64(5<HEX(DIR/f)>, "HEX(x)"..., 1, 0) = 1`,
		"an end without a begin":    `7 <... fsync resumed>) = 0`,
	} {
		t.Run(name, func(t *testing.T) {
			if trace, err := ParseTrace(strings.NewReader(encodeHex(text+"\n", dir)), dir); err == nil {
				t.Errorf("ParseTrace = %+v, want an error", trace.Events)
			}
		})
	}
}

// encodeHex replaces DIR by dir, and then each HEX(text) by text in the hexadecimal form of strace.
func encodeHex(text, dir string) string {
	text = strings.ReplaceAll(text, "DIR", dir)
	var b strings.Builder
	for {
		before, remaining, match := strings.Cut(text, "HEX(")
		b.WriteString(before)
		if !match {
			return b.String()
		}
		inside, after, _ := strings.Cut(remaining, ")")
		for _, c := range []byte(inside) {
			const digits = "0123456789abcdef"
			b.WriteString(`\x` + string(digits[c>>4]) + string(digits[c&15]))
		}
		text = after
	}
}

func TestSnapshotReadsOnlyRelevantFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"relevant", "irrelevant"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	disk, err := Snapshot(dir, func(name string) bool { return name == "relevant" })
	if err != nil {
		t.Fatal(err)
	}
	image := disk.ContentAfter(new(Trace), 1, KeepNone)
	if len(image) != 1 || string(image["relevant"]) != "relevant" {
		t.Errorf("ContentAfter = %q, want only the relevant file", image)
	}
}
