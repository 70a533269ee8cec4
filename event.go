package rookery

// Event is what a client is told, by collecting or by a push: an *Entry of the mailbox, a StatusNotice
// or a ReadMark.
type Event interface{ isEvent() }

func (*Entry) isEvent()       {}
func (StatusNotice) isEvent() {}
func (ReadMark) isEvent()     {}

// StatusNotice is a friend's new visible status. Notices are not stored.
type StatusNotice struct {
	Friend UIN
	Status Status
}
