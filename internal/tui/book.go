package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/client"
)

// person is what is known of somebody.
type person struct {
	uin     client.UIN
	nick    string // clean; empty as long as it is not known
	status  client.Status
	friend  bool
	blocked bool
	asked   bool // who it is has been asked for
}

// name is what a person is called here.
func (p *person) name() string {
	if p.nick != "" {
		return p.nick
	}
	return p.uin.String()
}

// sign says in a character how somebody stands: colours are not for everybody.
// The legend is on the page of keys.
func (p *person) sign() string {
	switch {
	case p.uin == client.System:
		return "!"
	case p.blocked:
		return "x"
	case !p.friend:
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

// of is a person's page in the book, a new one if need be.
func (b contactList) of(uin client.UIN) *person {
	p := b[uin]
	if p == nil {
		p = &person{uin: uin, status: client.StatusOffline}
		b[uin] = p
	}
	return p
}

// befriended takes over the list of friends.
func (b contactList) befriended(friends []client.Friend) {
	for _, person := range b {
		person.friend = false
	}
	for _, friend := range friends {
		person := b.of(friend.UIN)
		person.nick, person.status, person.friend = cleanLine(friend.Nick), friend.Status, true
	}
}

// listed are friends and those in with whom there is a conversation: who can
// be talked to first, then by name.
func (b contactList) listed(talks map[client.UIN]*conversation) []*person {
	var all []*person
	for _, person := range b {
		if talk := talks[person.uin]; person.friend || talk != nil && len(talk.entries) > 0 {
			all = append(all, person)
		}
	}
	slices.SortFunc(all, func(a, b *person) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			strings.Compare(strings.ToLower(a.name()), strings.ToLower(b.name())),
			cmp.Compare(a.uin, b.uin))
	})
	return all
}

// rank orders people: those online, those who are off, those who are none of
// the friends.
func (p *person) rank() int {
	switch {
	case p.friend && p.status != client.StatusOffline:
		return 0
	case p.friend:
		return 1
	case p.blocked:
		return 3
	}
	return 2
}
