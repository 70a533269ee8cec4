package experiment

import (
	"fmt"
	"slices"
	"strings"
)

// Source is the text that the file was parsed from. Secrets that came from the
// environment are not in it, so that it can stand in a transcript. To parse it
// where those variables are not set, give [Parse] a getenv that makes them up.
func (f *File) Source() []byte { return slices.Clone(f.sourceText) }

// Account returns an account by its role.
func (f *File) Account(role string) (Account, bool) {
	for _, account := range f.Accounts {
		if account.Role == role {
			return account, true
		}
	}
	return Account{}, false
}

// Peer is the role that a step of role is directed at if the step names none: the
// second for the first, the first for all others.
func (f *File) Peer(role string) string {
	switch {
	case len(f.Accounts) < 2:
		return ""
	case f.Accounts[0].Role == role:
		return f.Accounts[1].Role
	}
	return f.Accounts[0].Role
}

// Purpose is the command's purpose of that verb.
func (c *Command) Purpose(verb Verb) (Purpose, bool) {
	for _, purpose := range c.Purposes {
		if purpose.Verb == verb {
			return purpose, true
		}
	}
	return Purpose{}, false
}

// Pairs are those of a step's request: the command's own, with those of the
// purpose set, then changed in the order of the step's changes. The values are
// still templates. It fails if there is no such command or purpose, or if a change
// concerns a pair that is not there.
func (f *File) Pairs(step Step) ([]Pair, error) {
	command, ok := f.Command(step.Command)
	if !ok {
		return nil, fmt.Errorf("there is no command %s; %s", step.Command, suggestWord(step.Command, f.commandNames()))
	}
	pairs := slices.Clone(command.Request)
	if step.Verb != "" {
		purpose, ok := command.Purpose(step.Verb)
		if !ok {
			return nil, command.unknownPurposeError(step.Verb)
		}
		for _, pair := range purpose.Pairs {
			pairs = setPairValue(pairs, pair)
		}
	}
	for _, change := range step.Changes {
		var ok bool
		if pairs, ok = change.applyTo(pairs); !ok {
			return nil, fmt.Errorf("the request of %s has no %s to change with %s; it has %s",
				command.Name, change.Key, formatChange(change), joinKeys(pairs))
		}
	}
	return pairs, nil
}

// Encode joins pairs, whose values are expanded, to a request.
func (f *File) Encode(pairs []Pair) []byte { return f.Syntax.Encode(pairs) }

// applyTo makes the change, to pairs that are the caller's own; ok is false if the
// pair that it concerns is not there.
func (c PairChange) applyTo(pairs []Pair) (_ []Pair, ok bool) {
	pair := Pair{c.Key, c.Value}
	switch c.Kind {
	case SetValue:
		return setPairValue(pairs, pair), true
	case AppendPair:
		return append(pairs, pair), true
	case PrependPair:
		return slices.Insert(pairs, 0, pair), true
	}
	index := slices.IndexFunc(pairs, func(pair Pair) bool { return pair.Key == c.Key })
	if index < 0 {
		return pairs, false
	}
	movedPair := pairs[index]
	switch c.Kind {
	case DropKey:
		return slices.DeleteFunc(pairs, func(pair Pair) bool { return pair.Key == c.Key }), true
	case RenameKey:
		pairs[index].Key = c.Value
	case MoveLast:
		pairs = append(slices.Delete(pairs, index, index+1), movedPair)
	case MoveFirst:
		pairs = slices.Insert(slices.Delete(pairs, index, index+1), 0, movedPair)
	default:
		return pairs, false
	}
	return pairs, true
}

// setPairValue gives the first pair of that key another value, or adds the pair.
func setPairValue(pairs []Pair, pair Pair) []Pair {
	for i := range pairs {
		if pairs[i].Key == pair.Key {
			pairs[i].Value = pair.Value
			return pairs
		}
	}
	return append(pairs, pair)
}

func (f *File) commandNames() []string {
	var names []string
	for _, command := range f.Commands {
		names = append(names, command.Name)
	}
	return names
}

func (f *File) roleNames() []string {
	var roles []string
	for _, account := range f.Accounts {
		roles = append(roles, account.Role)
	}
	return roles
}

func (c *Command) unknownPurposeError(verb Verb) error {
	if len(c.Purposes) == 0 {
		return fmt.Errorf("%s has no purpose %s: nothing is said of what it does; add does: to the command", c.Name, verb)
	}
	var verbs []string
	for _, purpose := range c.Purposes {
		verbs = append(verbs, string(purpose.Verb))
	}
	return fmt.Errorf("%s has no purpose %s; %s", c.Name, verb, suggestWord(string(verb), verbs))
}

// joinKeys lists the keys of pairs for people.
func joinKeys(pairs []Pair) string {
	if len(pairs) == 0 {
		return "none"
	}
	var keys []string
	for _, pair := range pairs {
		keys = append(keys, pair.Key)
	}
	return strings.Join(keys, ", ")
}
