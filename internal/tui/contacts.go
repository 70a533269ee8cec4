package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/client"
)

// person is what is known of somebody.
type person struct {
	uin           client.UIN
	nick          string // clean; empty as long as it is not known
	status        client.Status
	isFriend      bool
	isBlocked     bool
	infoRequested bool // who it is has been asked for
}

// displayName is what a person is called here.
func (p *person) displayName() string {
	if p.nick != "" {
		return p.nick
	}
	return p.uin.String()
}

// statusSign says in a character how somebody stands: colours are not for everybody.
// The legend is on the page of keys.
func (p *person) statusSign() string {
	switch {
	case p.uin == client.System:
		return "!"
	case p.isBlocked:
		return "x"
	case !p.isFriend:
		return "?"
	}
	return statusSigns[p.status]
}

var statusSigns = map[client.Status]string{
	client.StatusOnline:       "+",
	client.StatusTalkToMe:     "t",
	client.StatusAway:         "a",
	client.StatusBusy:         "b",
	client.StatusDoNotDisturb: "d",
	client.StatusInvisible:    "i",
	client.StatusOffline:      "-",
}

// contactList is everybody whom the account has to do with.
type contactList map[client.UIN]*person

// getOrAdd is a person's page in the book, a new one if need be.
func (b contactList) getOrAdd(uin client.UIN) *person {
	p := b[uin]
	if p == nil {
		p = &person{uin: uin, status: client.StatusOffline}
		b[uin] = p
	}
	return p
}

// updateFriends takes over the list of friends.
func (b contactList) updateFriends(friends []client.Friend) {
	for _, person := range b {
		person.isFriend = false
	}
	for _, friend := range friends {
		person := b.getOrAdd(friend.UIN)
		person.nick, person.status, person.isFriend = sanitizeLine(friend.Nick), friend.Status, true
	}
}

// sortedContacts are friends and those in with whom there is a conversation: who can
// be talked to first, then by name.
func (b contactList) sortedContacts(talks map[client.UIN]*conversation) []*person {
	var all []*person
	for _, person := range b {
		if talk := talks[person.uin]; person.isFriend || talk != nil && len(talk.entries) > 0 {
			all = append(all, person)
		}
	}
	slices.SortFunc(all, func(a, b *person) int {
		return cmp.Or(
			cmp.Compare(a.sortRank(), b.sortRank()),
			strings.Compare(strings.ToLower(a.displayName()), strings.ToLower(b.displayName())),
			cmp.Compare(a.uin, b.uin))
	})
	return all
}

// sortRank orders people: those online, those who are off, those who are none of
// the friends.
func (p *person) sortRank() int {
	switch {
	case p.isFriend && p.status != client.StatusOffline:
		return 0
	case p.isFriend:
		return 1
	case p.isBlocked:
		return 3
	}
	return 2
}
