package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/client"
)

// person is an account as far as it is known here.
type person struct {
	uin           client.UIN
	nick          string // sanitized; empty while unknown
	status        client.Status
	isFriend      bool
	isBlocked     bool
	infoRequested bool // the nick has been requested
}

// displayName is the nick, or the number while the nick is unknown.
func (p *person) displayName() string {
	if p.nick != "" {
		return p.nick
	}
	return p.uin.String()
}

// statusSign shows the relation or status as one character, for terminals without
// colours. The help page explains the signs.
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

// contactList holds every account that this one has to do with.
type contactList map[client.UIN]*person

// getOrAdd returns the person with a number and adds an entry if necessary.
func (l contactList) getOrAdd(uin client.UIN) *person {
	p := l[uin]
	if p == nil {
		p = &person{uin: uin, status: client.StatusOffline}
		l[uin] = p
	}
	return p
}

// updateFriends replaces the friend list.
func (l contactList) updateFriends(friends []client.Friend) {
	for _, person := range l {
		person.isFriend = false
	}
	for _, friend := range friends {
		person := l.getOrAdd(friend.UIN)
		person.nick, person.status, person.isFriend = sanitizeLine(friend.Nick), friend.Status, true
	}
}

// sortedContacts returns the friends and everybody with a non-empty conversation, by
// sortRank and then by name.
func (l contactList) sortedContacts(conversations map[client.UIN]*conversation) []*person {
	var people []*person
	for _, person := range l {
		if conv := conversations[person.uin]; person.isFriend || conv != nil && len(conv.entries) > 0 {
			people = append(people, person)
		}
	}
	slices.SortFunc(people, func(a, b *person) int {
		return cmp.Or(
			cmp.Compare(a.sortRank(), b.sortRank()),
			strings.Compare(strings.ToLower(a.displayName()), strings.ToLower(b.displayName())),
			cmp.Compare(a.uin, b.uin))
	})
	return people
}

// sortRank puts online friends first, then offline friends, others, and blocked people.
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
