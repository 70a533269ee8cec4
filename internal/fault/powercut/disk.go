package powercut

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// Luck decides about what was not synced. Of n changes to one sector, to a
// file's length or to one entry of a directory, it returns how many came to
// pass: the first 0 to n.
type Luck func(n int) int

// None is the luck that nothing is left of what was not synced.
func None(int) int { return 0 }

// All is the luck that everything is left.
func All(n int) int { return n }

// Disk is a directory tree, all of it durable.
type Disk struct {
	dir     string
	matters func(name string) bool
	files   map[string][]byte
}

// Snapshot reads a directory tree. Only files whose names matter are part of
// it, here and in what After returns.
func Snapshot(dir string, matters func(name string) bool) (*Disk, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	disk := &Disk{dir: dir, matters: matters, files: make(map[string][]byte)}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !matters(entry.Name()) {
			return err
		}
		disk.files[path], err = os.ReadFile(path)
		return err
	})
	return disk, err
}

// After is what the disk holds, by path below the directory, if the power fails
// at the moment: what was synced before, and of the rest what luck leaves.
//
// No more is taken for granted than POSIX promises. fsync of a file makes
// durable what was written to it before the call, once the call has returned;
// fsync of a directory does so for its entries. (Most file systems make a new
// file's entry durable together with the file; this disk does not.) Of all else
// any earlier state of any part may be left, for the kernel may write a page at
// any time. That a sector is written whole is what disks give.
func (d *Disk) After(trace *Trace, cut Moment, luck Luck) map[string][]byte {
	state := newState(d)
	for i := range trace.Events {
		if event := &trace.Events[i]; event.Begin < cut && (event.Path == d.dir || d.matters(filepath.Base(event.Path))) {
			state.apply(event, cut)
		}
	}
	image := make(map[string][]byte)
	for _, path := range slices.Sorted(maps.Keys(state.entries)) { // in order, so that luck can be repeated
		if file := state.entries[path].after(state.synced[filepath.Dir(path)], luck); file != nil {
			image[strings.TrimPrefix(path, d.dir+string(os.PathSeparator))] = file.after(luck)
		}
	}
	return image
}

// state is a disk at work.
type state struct {
	entries map[string]*entry
	// synced is for each directory up to when its entries are durable.
	synced map[string]Moment
}

func newState(disk *Disk) *state {
	s := &state{entries: make(map[string]*entry), synced: make(map[string]Moment)}
	for path, content := range disk.files {
		s.entries[path] = &entry{was: &file{content: content}}
	}
	return s
}

// entry is a name in a directory.
type entry struct {
	was     *file
	changes []renaming
}

// renaming makes an entry stand for a file, or for none.
type renaming struct {
	at   *Event
	file *file
}

func (e *entry) now() *file {
	if n := len(e.changes); n > 0 {
		return e.changes[n-1].file
	}
	return e.was
}

// after is the file that the entry stands for after the power has failed.
func (e *entry) after(synced Moment, luck Luck) *file {
	f, rest := e.was, e.changes
	for len(rest) > 0 && rest[0].at.End < synced {
		f, rest = rest[0].file, rest[1:]
	}
	if n := len(rest); n > 0 {
		if k := luck(n); k > 0 {
			f = rest[k-1].file
		}
	}
	return f
}

// file is what a file held, with what was done to it since.
type file struct {
	content []byte
	changes []*Event
	synced  Moment // what ended before is durable
}

// apply carries out an event that began before the cut.
func (s *state) apply(event *Event, cut Moment) {
	named := s.entries[event.Path]
	if named == nil {
		named = new(entry)
	}
	f := named.now()
	switch event.Kind {
	case Create:
		if f == nil {
			named.changes = append(named.changes, renaming{event, new(file)})
			s.entries[event.Path] = named
		}
	case Remove:
		named.changes = append(named.changes, renaming{event, nil})
	case Write, Truncate:
		if f != nil { // else it has no name any more
			f.changes = append(f.changes, event)
		}
	case Sync:
		switch {
		case event.End >= cut:
		case f != nil:
			f.synced = max(f.synced, event.Begin)
		default:
			s.synced[event.Path] = max(s.synced[event.Path], event.Begin)
		}
	}
}

// after is the content after the power has failed.
func (f *file) after(luck Luck) []byte {
	content := bytes.Clone(f.content)
	var rest []*Event
	for _, event := range f.changes {
		if event.End < f.synced {
			content = event.change(content)
		} else {
			rest = append(rest, event)
		}
	}
	if len(rest) == 0 {
		return content
	}
	return survive(content, rest, luck)
}

// change carries out a write or a truncation on the whole content.
func (e *Event) change(content []byte) []byte {
	content = resize(content, e.length(len(content)))
	if e.Kind == Write {
		copy(content[e.Offset:], e.Data)
	}
	return content
}

// length is that of a file after the event.
func (e *Event) length(before int) int {
	if e.Kind == Truncate {
		return int(e.Offset)
	}
	return max(before, int(e.Offset)+len(e.Data))
}

func resize(content []byte, length int) []byte {
	if length <= len(content) {
		return content[:length]
	}
	return append(content, make([]byte, length-len(content))...)
}

// survive carries out changes as far as luck goes: each sector, and the file's
// length, gets the first few that touch it.
func survive(content []byte, changes []*Event, luck Luck) []byte {
	lengths, longest := []int{len(content)}, len(content)
	for _, event := range changes {
		last := lengths[len(lengths)-1]
		if n := event.length(last); n != last {
			lengths = append(lengths, n)
			longest = max(longest, n)
		}
	}
	content = resize(content, longest)
	for i, touching := range bySector(changes, longest) {
		if n := len(touching); n > 0 {
			at := i * sector
			for _, event := range touching[:luck(n)] {
				event.changePart(content[at:min(at+sector, longest)], at)
			}
		}
	}
	if n := len(lengths) - 1; n > 0 {
		return content[:lengths[luck(n)]]
	}
	return content
}

// bySector lists for each sector of a file the changes that touch it.
func bySector(changes []*Event, length int) [][]*Event {
	touching := make([][]*Event, (length+sector-1)/sector)
	for _, event := range changes {
		end := length
		if event.Kind == Write {
			end = int(event.Offset) + len(event.Data)
		}
		for i := int(event.Offset) / sector; i*sector < end; i++ {
			touching[i] = append(touching[i], event)
		}
	}
	return touching
}

// changePart carries out the event on the part of the content that begins at
// from.
func (e *Event) changePart(part []byte, from int) {
	at := int(e.Offset) - from
	switch {
	case e.Kind == Truncate:
		clear(part[min(max(at, 0), len(part)):])
	case at >= 0:
		copy(part[at:], e.Data)
	default:
		copy(part, e.Data[-at:])
	}
}
