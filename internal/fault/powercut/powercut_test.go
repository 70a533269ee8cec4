package powercut

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// script is a trace in which every call takes two moments, one after another;
// e gives event i of it.
func script(events ...Event) *Trace {
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

func TestAfterAPowerCut(t *testing.T) {
	const first, second = "/d/first", "/d/second"
	long := strings.Repeat("x", sectorSize)
	tests := []struct {
		name  string
		trace *Trace
		luck  SurvivorFunc
		want  map[string]string
	}{
		{"a write without a sync is lost", script(write(first, 0, "new")), KeepNone,
			map[string]string{"first": "old"}},
		{"a write without a sync may be there", script(write(first, 0, "new")), KeepAll,
			map[string]string{"first": "new"}},
		{"a synced write is there", script(write(first, 0, "new"), sync(first)), KeepNone,
			map[string]string{"first": "new"}},
		{"a sync makes nothing durable that comes after it",
			script(write(first, 0, "new"), sync(first), write(first, 0, "NEW")), KeepNone,
			map[string]string{"first": "new"}},
		{"a sync of one file does nothing for another",
			script(Event{Kind: Create, Path: second}, sync("/d"), write(second, 0, "new"), sync(first)), KeepNone,
			map[string]string{"first": "old", "second": ""}},
		{"a new file is lost without a sync of its directory",
			script(Event{Kind: Create, Path: second}, write(second, 0, "new"), sync(second)), KeepNone,
			map[string]string{"first": "old"}},
		{"a new file is there after syncs of both",
			script(Event{Kind: Create, Path: second}, write(second, 0, "new"), sync(second), sync("/d")), KeepNone,
			map[string]string{"first": "old", "second": "new"}},
		{"a removed file comes back without a sync of its directory", script(Event{Kind: Remove, Path: first}),
			KeepNone,
			map[string]string{"first": "old"}},
		{"a removed file is gone after that", script(Event{Kind: Remove, Path: first}, sync("/d")), KeepNone,
			map[string]string{}},
		{"a file of the same name is another file",
			script(Event{Kind: Remove, Path: first}, Event{Kind: Create, Path: first}, write(first, 0, "n"),
				sync(first), sync("/d")), KeepNone,
			map[string]string{"first": "n"}},
		{"a file gets longer, with zeros between", script(write(first, 5, "new"), sync(first)), KeepNone,
			map[string]string{"first": "old\x00\x00new"}},
		{"a file gets shorter", script(Event{Kind: Truncate, Path: first, Offset: 1}, sync(first)), KeepNone,
			map[string]string{"first": "o"}},
		{"a file does not get shorter without a sync", script(Event{Kind: Truncate, Path: first, Offset: 1}), KeepNone,
			map[string]string{"first": "old"}},
		{"what a file lost is zero when it grows again",
			script(Event{Kind: Truncate, Path: first, Offset: 1}, write(first, 3, "!")), KeepAll,
			map[string]string{"first": "o\x00\x00!"}},
		{"a write is torn between sectors", script(write(first, 0, long+long)), alternating(0, 1, 1),
			map[string]string{"first": "old" + strings.Repeat("\x00", sectorSize-3) + long}},
		{"of two writes to a sector the first may be there alone",
			script(write(first, 0, "one"), write(first, 0, "two")), alternating(1),
			map[string]string{"first": "one"}},
		{"what does not matter is not there", script(Event{Kind: Create, Path: "/d/lock"}, sync("/d")), KeepAll,
			map[string]string{"first": "old"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			disk := &Disk{dir: "/d", files: map[string][]byte{first: []byte("old")},
				isRelevant: func(name string) bool { return name != "lock" }}
			got := make(map[string]string)
			for name, content := range disk.ContentAfter(test.trace, test.trace.End, test.luck) {
				got[name] = string(content)
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("the disk holds %q, want %q", got, test.want)
			}
		})
	}
}

// alternating is luck that is known beforehand.
func alternating(lucks ...int) SurvivorFunc {
	return func(int) int {
		survivors := lucks[0]
		lucks = append(lucks[1:], survivors)
		return survivors
	}
}

func TestASyncCountsFromItsEndForWhatEndedBeforeIt(t *testing.T) {
	trace := &Trace{Events: []Event{
		{Kind: Write, Path: "/d/f", Data: []byte("a"), Begin: 1, End: 2},
		{Kind: Write, Path: "/d/f", Offset: 1, Data: []byte("b"), Begin: 3, End: 6},
		{Kind: Sync, Path: "/d/f", Begin: 4, End: 8},
	}}
	disk := &Disk{dir: "/d", files: map[string][]byte{"/d/f": nil}, isRelevant: func(string) bool { return true }}
	for cut, want := range map[Moment]string{8: "", 9: "a"} {
		if got := string(disk.ContentAfter(trace, cut, KeepNone)["f"]); got != want {
			t.Errorf("at moment %d the disk holds %q, want %q", cut, got, want)
		}
	}
}

func TestReadUnderstandsStrace(t *testing.T) {
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
	trace, err := ParseTrace(strings.NewReader(fill(text, dir)), dir)
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

func TestReadRefusesWhatIsNotModelled(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a write without an offset":     `7 write(5<HEX(DIR/f)>, "HEX(x)", 1) = 1`,
		"a vector of writes":            `7 pwritev(5<HEX(DIR/f)>, [{iov_base="HEX(x)", iov_len=1}], 1, 0) = 1`,
		"a renaming":                    `7 rename("HEX(DIR/f)", "HEX(DIR/g)") = 0`,
		"an answer in pieces":           `7 writev(5<HEX(socket:[7])>, [{iov_base="HEX(x)", iov_len=1}], 1) = 1`,
		"a file emptied when opened":    `7 open("HEX(DIR/f)", O_RDWR|O_TRUNC) = 5<HEX(DIR/f)>`,
		"data that is cut short":        `7 pwrite64(5<HEX(DIR/f)>, "HEX(x)"..., 1, 0) = 1`,
		"a call that ends from nowhere": `7 <... fsync resumed>) = 0`,
	} {
		t.Run(name, func(t *testing.T) {
			if trace, err := ParseTrace(strings.NewReader(fill(text+"\n", dir)), dir); err == nil {
				t.Errorf("read as %+v", trace.Events)
			}
		})
	}
}

// fill writes what stands in HEX() as strace does.
func fill(text, dir string) string {
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

func TestSnapshotReadsWhatMatters(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kept", "left"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	disk, err := Snapshot(dir, func(name string) bool { return name == "kept" })
	if err != nil {
		t.Fatal(err)
	}
	image := disk.ContentAfter(new(Trace), 1, KeepNone)
	if len(image) != 1 || string(image["kept"]) != "kept" {
		t.Errorf("the disk holds %q, want the one file", image)
	}
}
