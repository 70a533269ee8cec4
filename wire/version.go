package wire

// MaxRecord is the maximum size of a record in bytes, in HTTP, on lines and on WebSockets.
const MaxRecord = 64 << 10

// Null is the whole answer to a record without a known version.
const Null = "NULL"

// Version is a version of the protocol. The zero Version is invalid.
type Version uint8

// Versions of the protocol.
const (
	V10 Version = iota + 1 // 1.0
	V11                    // 1.1
	V12                    // 1.2
	V13                    // 1.3
	V14                    // 1.4
)

// versionTraits are the properties in which versions differ.
type versionTraits struct {
	name string
	// lineEnd ends an HTTP answer. Clients of 1.4 take the last line but one of a response as the
	// record. Older clients take everything after the last comma as a list element. The two forms
	// are incompatible.
	lineEnd string
	// maxBatchBytes limits an answer with messages. Older clients read from a connection only once.
	maxBatchBytes int
	// commandNames maps command names to a different spelling in answers.
	commandNames map[string]string
	// shownStatuses maps statuses that the version lacks to others.
	shownStatuses map[uint8]uint8
	// hasDevices is set if Login accepts a device name.
	hasDevices bool
	// appendsAmpersand is set if some client programs end each record with '&'.
	appendsAmpersand bool
}

var (
	upperCaseNames = map[string]string{
		"SimpleInfo2": "SIMPLEINFO2",
		"Query_Stat2": "QUERY_STAT2",
		"GetInfo":     "GETINFO",
	}
	// basicStatuses replaces busy (50), "talk to me" (60) and do not disturb (70), which are new in
	// 1.4.
	basicStatuses = map[uint8]uint8{50: 30, 60: 10, 70: 30}
)

var versions = [...]versionTraits{
	V10: {name: "1.0", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V11: {name: "1.1", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V12: {name: "1.2", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V13: {name: "1.3", maxBatchBytes: 8 << 10, shownStatuses: basicStatuses, appendsAmpersand: true},
	V14: {name: "1.4", maxBatchBytes: 32 << 10, lineEnd: "\r\n", commandNames: upperCaseNames, hasDevices: true},
}

// lookupTraits returns the traits of v, or empty ones if v is invalid.
func (v Version) lookupTraits() *versionTraits {
	if int(v) >= len(versions) {
		v = 0
	}
	return &versions[v]
}

// ParseVersion parses the value of VER. It accepts exactly "1.0" to "1.4".
func ParseVersion(data []byte) (Version, bool) {
	for version := V10; version <= V14; version++ {
		if string(data) == versions[version].name {
			return version, true
		}
	}
	return 0, false
}

// String returns the version as in VER, such as "1.4".
func (v Version) String() string { return v.lookupTraits().name }

// LineEnd returns what follows the record in an HTTP answer: CR LF in 1.4, nothing before.
func (v Version) LineEnd() string { return v.lookupTraits().lineEnd }

// CommandName returns the spelling of a command in answers: in 1.4, SIMPLEINFO2, QUERY_STAT2 and
// GETINFO are in capitals.
func (v Version) CommandName(name string) string {
	if spelling, ok := v.lookupTraits().commandNames[name]; ok {
		return spelling
	}
	return name
}

// ShownStatus returns the status that clients of this version are shown for status: before 1.4, 30
// for busy (50) and do not disturb (70), and 10 for "talk to me" (60).
func (v Version) ShownStatus(status uint8) uint8 {
	if shown, ok := v.lookupTraits().shownStatuses[status]; ok {
		return shown
	}
	return status
}

// MaxBatchBytes returns the maximum size in bytes of a GetMsgEx answer with more than one message.
func (v Version) MaxBatchBytes() int { return v.lookupTraits().maxBatchBytes }

// HasDevices reports whether a Login can name a device with DV, as since 1.4.
func (v Version) HasDevices() bool { return v.lookupTraits().hasDevices }
