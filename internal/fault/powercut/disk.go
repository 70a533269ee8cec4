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

// sectorSize is the number of bytes that a disk writes atomically.
const sectorSize = 512

// SurvivorFunc decides which unsynced changes survive a power failure. It is called once for each sector, file
// length and directory entry, with the number of its unsynced changes. It returns how many of these, counted from
// the oldest, survive: 0 to count.
type SurvivorFunc func(count int) int

// KeepNone is the SurvivorFunc that drops all unsynced changes.
func KeepNone(int) int { return 0 }

// KeepAll is the SurvivorFunc that keeps all unsynced changes.
func KeepAll(count int) int { return count }

// Disk is the content of a directory tree before a trace. All of it counts as durable.
type Disk struct {
	dir        string
	isRelevant func(name string) bool
	files      map[string][]byte
}

// Snapshot reads the directory tree at dir. Files for whose base name isRelevant returns false are ignored, here and
// in ContentAfter.
func Snapshot(dir string, isRelevant func(name string) bool) (*Disk, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	disk := &Disk{dir: dir, isRelevant: isRelevant, files: make(map[string][]byte)}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !isRelevant(entry.Name()) {
			return err
		}
		disk.files[path], err = os.ReadFile(path)
		return err
	})
	return disk, err
}

// ContentAfter returns the files, by path below the directory, that the disk holds if the power fails at cut.
// The files contain all changes that were synced before cut, and those unsynced ones that countSurvivors keeps.
//
// The model assumes only what POSIX guarantees. fsync of a file makes durable, once it returns, what was
// written to the file before the call; fsync of a directory does so for its entries. (Most file systems make a
// new file's entry durable together with the file; this model does not.) Of everything else, any earlier state
// of any part may remain, because the kernel may write pages at any time. Sectors are written atomically.
func (d *Disk) ContentAfter(trace *Trace, cut Moment, countSurvivors SurvivorFunc) map[string][]byte {
	state := newDiskState(d)
	for index := range trace.Events {
		if event := &trace.Events[index]; event.Begin < cut &&
			(event.Path == d.dir || d.isRelevant(filepath.Base(event.Path))) {
			state.applyEvent(event, cut)
		}
	}
	image := make(map[string][]byte)
	// sorted, so that calls of countSurvivors are reproducible
	for _, path := range slices.Sorted(maps.Keys(state.entries)) {
		if file := state.entries[path].fileAfterCut(state.dirsSyncedAt[filepath.Dir(path)],
			countSurvivors); file != nil {
			image[strings.TrimPrefix(path, d.dir+string(os.PathSeparator))] = file.contentAfterCut(countSurvivors)
		}
	}
	return image
}

// diskState is a Disk plus the events of a trace that have been applied to it.
type diskState struct {
	entries map[string]*dirEntry
	// dirsSyncedAt holds, for each directory, the begin of its last completed fsync. Entries changed before that
	// are durable.
	dirsSyncedAt map[string]Moment
}

func newDiskState(disk *Disk) *diskState {
	s := &diskState{entries: make(map[string]*dirEntry), dirsSyncedAt: make(map[string]Moment)}
	for path, content := range disk.files {
		s.entries[path] = &dirEntry{initialFile: &fileState{content: content}}
	}
	return s
}

// dirEntry is a name in a directory: the file that it first referred to, nil if none, and its changes in order.
type dirEntry struct {
	initialFile *fileState
	changes     []entryChange
}

// entryChange makes an entry refer to another file, or removes the entry if file is nil.
type entryChange struct {
	event *Event
	file  *fileState
}

// currentFile returns the file that the entry refers to before the power failure, or nil.
func (e *dirEntry) currentFile() *fileState {
	if count := len(e.changes); count > 0 {
		return e.changes[count-1].file
	}
	return e.initialFile
}

// fileAfterCut returns the file that the entry refers to after the power failure, or nil. Changes that ended before
// synced are durable.
func (e *dirEntry) fileAfterCut(synced Moment, countSurvivors SurvivorFunc) *fileState {
	f, remaining := e.initialFile, e.changes
	for len(remaining) > 0 && remaining[0].event.End < synced {
		f, remaining = remaining[0].file, remaining[1:]
	}
	if count := len(remaining); count > 0 {
		if survivors := countSurvivors(count); survivors > 0 {
			f = remaining[survivors-1].file
		}
	}
	return f
}

// fileState is the initial content of a file and the changes to it.
type fileState struct {
	content  []byte
	changes  []*Event
	syncedAt Moment // changes that ended before this moment are durable
}

// applyEvent applies an event that began before the cut.
func (s *diskState) applyEvent(event *Event, cut Moment) {
	entry := s.entries[event.Path]
	if entry == nil {
		entry = new(dirEntry)
	}
	f := entry.currentFile()
	switch event.Kind {
	case Create:
		if f == nil {
			entry.changes = append(entry.changes, entryChange{event, new(fileState)})
			s.entries[event.Path] = entry
		}
	case Remove:
		entry.changes = append(entry.changes, entryChange{event, nil})
	case Write, Truncate:
		if f != nil { // otherwise the file has been unlinked
			f.changes = append(f.changes, event)
		}
	case Sync:
		switch {
		case event.End >= cut:
		case f != nil:
			f.syncedAt = max(f.syncedAt, event.Begin)
		default:
			s.dirsSyncedAt[event.Path] = max(s.dirsSyncedAt[event.Path], event.Begin)
		}
	}
}

// contentAfterCut returns the content after the power failure.
func (f *fileState) contentAfterCut(countSurvivors SurvivorFunc) []byte {
	content := bytes.Clone(f.content)
	var remaining []*Event
	for _, event := range f.changes {
		if event.End < f.syncedAt {
			content = event.applyTo(content)
		} else {
			remaining = append(remaining, event)
		}
	}
	if len(remaining) == 0 {
		return content
	}
	return applySurvivors(content, remaining, countSurvivors)
}

// applyTo applies a write or truncation to a file's content and returns the result, which may share its memory.
func (e *Event) applyTo(content []byte) []byte {
	content = resizeContent(content, e.lengthAfter(len(content)))
	if e.Kind == Write {
		copy(content[e.Offset:], e.Data)
	}
	return content
}

// lengthAfter returns the length after a write or truncation of a file that was before bytes long.
func (e *Event) lengthAfter(before int) int {
	if e.Kind == Truncate {
		return int(e.Offset)
	}
	return max(before, int(e.Offset)+len(e.Data))
}

// resizeContent cuts content to length, or extends it with zeros.
func resizeContent(content []byte, length int) []byte {
	if length <= len(content) {
		return content[:length]
	}
	return append(content, make([]byte, length-len(content))...)
}

// applySurvivors applies unsynced changes to a file's content. countSurvivors decides for each sector, and for the
// file's length, how many of its changes are applied.
func applySurvivors(content []byte, changes []*Event, countSurvivors SurvivorFunc) []byte {
	lengths, longest := []int{len(content)}, len(content)
	for _, event := range changes {
		last := lengths[len(lengths)-1]
		if count := event.lengthAfter(last); count != last {
			lengths = append(lengths, count)
			longest = max(longest, count)
		}
	}
	content = resizeContent(content, longest)
	for index, sectorEvents := range groupBySector(changes, longest) {
		if count := len(sectorEvents); count > 0 {
			offset := index * sectorSize
			for _, event := range sectorEvents[:countSurvivors(count)] {
				event.applyToSector(content[offset:min(offset+sectorSize, longest)], offset)
			}
		}
	}
	if count := len(lengths) - 1; count > 0 {
		return content[:lengths[countSurvivors(count)]]
	}
	return content
}

// groupBySector returns, for each sector of a file of the given length, the changes that touch the sector, in order.
func groupBySector(changes []*Event, length int) [][]*Event {
	sectorEvents := make([][]*Event, (length+sectorSize-1)/sectorSize)
	for _, event := range changes {
		end := length
		if event.Kind == Write {
			end = int(event.Offset) + len(event.Data)
		}
		for index := int(event.Offset) / sectorSize; index*sectorSize < end; index++ {
			sectorEvents[index] = append(sectorEvents[index], event)
		}
	}
	return sectorEvents
}

// applyToSector applies a write or truncation to one sector. part is the sector's content, start its offset in the
// file.
func (e *Event) applyToSector(part []byte, start int) {
	offset := int(e.Offset) - start
	switch {
	case e.Kind == Truncate:
		clear(part[min(max(offset, 0), len(part)):])
	case offset >= 0:
		copy(part[offset:], e.Data)
	default:
		copy(part, e.Data[-offset:])
	}
}
