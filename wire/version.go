package wire

// MaxRecord is the most that a record may hold, in bytes: the limit of an HTTP
// body, a line and a WebSocket message alike.
const MaxRecord = 64 << 10

// Null is the whole answer to a record of a version that is not spoken, or of
// none.
const Null = "NULL"

// Version is a version of the protocol. The zero Version is none.
type Version uint8

// The versions that are spoken.
const (
	V10 Version = iota + 1 // 1.0
	V11                    // 1.1
	V12                    // 1.2
	V13                    // 1.3
	V14                    // 1.4
)

// versionTraits is what sets a version apart from the others.
type versionTraits struct {
	name string
	// lineEnd closes an HTTP answer. Clients of 1.4 take the last line but one
	// of a response as the record, older ones all that follows the last comma
	// as a list element: each kind breaks on the other's form.
	lineEnd string
	// maxBatchBytes bounds an answer with messages: older clients read a
	// connection once, and not more.
	maxBatchBytes int
	// commandNames has the names of commands that are spelt in another way.
	commandNames map[string]string
	// shownStatuses has what is shown instead of a status that the version lacks.
	shownStatuses map[uint8]uint8
	// devices: a Login can name the device that it comes from.
	hasDevices bool
	// endsInAmpersand: programs that join lines end each record in '&'.
	appendsAmpersand bool
}

var (
	upperCaseNames = map[string]string{
		"SimpleInfo2": "SIMPLEINFO2",
		"Query_Stat2": "QUERY_STAT2",
		"GetInfo":     "GETINFO",
	}
	// basicStatuses: before 1.4 there is no busy, "talk to me" and do not disturb.
	basicStatuses = map[uint8]uint8{50: 30, 60: 10, 70: 30}
)

var versions = [...]versionTraits{
	V10: {name: "1.0", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V11: {name: "1.1", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V12: {name: "1.2", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V13: {name: "1.3", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V14: {name: "1.4", maxBatchBytes: 32 << 10, lineEnd: "\r\n", commandNames: upperCaseNames, hasDevices: true},
}

// lookupTraits of a number that is no version are those of the zero Version.
func (v Version) lookupTraits() *versionTraits {
	if int(v) >= len(versions) {
		v = 0
	}
	return &versions[v]
}

// ParseVersion reads the value of VER. It reports false for all but "1.0",
// "1.1", "1.2", "1.3" and "1.4", to the byte; the answer to those is Null.
func ParseVersion(b []byte) (Version, bool) {
	for version := V10; version <= V14; version++ {
		if string(b) == versions[version].name {
			return version, true
		}
	}
	return 0, false
}

// String is the version as VER has it, such as "1.4".
func (v Version) String() string { return v.lookupTraits().name }

// LineEnd is what an HTTP answer ends in, behind the record: nothing in 1.0 to
// 1.3, CR LF in 1.4.
func (v Version) LineEnd() string { return v.lookupTraits().lineEnd }

// CommandName is how answers of this version spell the command of that name:
// 1.4 has SIMPLEINFO2, QUERY_STAT2 and GETINFO in capitals.
func (v Version) CommandName(name string) string {
	if spelt, ok := v.lookupTraits().commandNames[name]; ok {
		return spelt
	}
	return name
}

// ShownStatus is the status st as clients of this version are shown it: before 1.4
// busy (50) and do not disturb (70) are 30, "talk to me" (60) is 10.
func (v Version) ShownStatus(st uint8) uint8 {
	if shown, ok := v.lookupTraits().shownStatuses[st]; ok {
		return shown
	}
	return st
}

// MaxBatchBytes is how long a GetMsgEx answer of more than one message may
// become, in bytes.
func (v Version) MaxBatchBytes() int { return v.lookupTraits().maxBatchBytes }

// HasDevices reports whether a Login of this version can name a device with DV:
// since 1.4.
func (v Version) HasDevices() bool { return v.lookupTraits().hasDevices }
