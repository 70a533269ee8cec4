package rookery

import "strconv"

// Status is what a user chose to be, and what others see of it.
type Status uint8

const (
	StatusOnline       Status = 10
	StatusOffline      Status = 20
	StatusAway         Status = 30 // or busy
	StatusInvisible    Status = 40
	StatusBusy         Status = 50 // since 1.4
	StatusTalkToMe     Status = 60 // since 1.4
	StatusDoNotDisturb Status = 70 // since 1.4
)

// Valid reports whether a user can choose the status.
func (s Status) Valid() bool {
	return s >= StatusOnline && s <= StatusDoNotDisturb && s%10 == 0
}

// Visible is what others see: invisible and offline look the same.
func (s Status) Visible() Status {
	if s == StatusInvisible {
		return StatusOffline
	}
	return s
}

// Basic is the nearest status that every version knows: online, offline or
// away.
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
