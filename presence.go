package rookery

import "strconv"

// Status is the online status that a user has chosen. Its values are those of the
// protocol.
type Status uint8

// The statuses. Versions before 1.4 know only the first four.
const (
	StatusOnline       Status = 10
	StatusOffline      Status = 20
	StatusAway         Status = 30 // means busy as well before 1.4
	StatusInvisible    Status = 40
	StatusBusy         Status = 50 // since 1.4
	StatusTalkToMe     Status = 60 // since 1.4
	StatusDoNotDisturb Status = 70 // since 1.4
)

// Valid reports whether a user can choose the status.
func (s Status) Valid() bool {
	return s >= StatusOnline && s <= StatusDoNotDisturb && s%10 == 0
}

// Visible returns the status that others see. It is offline for an invisible user.
func (s Status) Visible() Status {
	if s == StatusInvisible {
		return StatusOffline
	}
	return s
}

// Basic returns the nearest status that every version knows: online, offline or away.
// StatusInvisible stays as it is.
func (s Status) Basic() Status {
	switch s {
	case StatusBusy, StatusDoNotDisturb:
		return StatusAway
	case StatusTalkToMe:
		return StatusOnline
	}
	return s
}

func (s Status) String() string { return strconv.Itoa(int(s)) }
