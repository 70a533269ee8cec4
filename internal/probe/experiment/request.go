package experiment

import (
	"fmt"
	"slices"
	"strings"
)

// Source returns the text that the file was parsed from. It does not contain secrets from
// the environment, so transcripts can store it. To parse it where those variables are not
// set, pass [Parse] a getenv that invents values.
func (f *File) Source() []byte { return slices.Clone(f.sourceText) }

// Account returns the account with the given role.
func (f *File) Account(role string) (Account, bool) {
	for _, account := range f.Accounts {
		if account.Role == role {
			return account, true
		}
	}
	return Account{}, false
}

// Peer returns the default target of a role's steps: the second role for the first, and
// the first role for all others.
func (f *File) Peer(role string) string {
	switch {
	case len(f.Accounts) < 2:
		return ""
	case f.Accounts[0].Role == role:
		return f.Accounts[1].Role
	}
	return f.Accounts[0].Role
}

// Purpose returns the command's purpose with the given verb.
func (c *Command) Purpose(verb Verb) (Purpose, bool) {
	for _, purpose := range c.Purposes {
		if purpose.Verb == verb {
			return purpose, true
		}
	}
	return Purpose{}, false
}

// Pairs returns the pairs of a step's request: the base request, with the pairs of the
// purpose, then with the step's changes in order. Values are still templates. It fails if
// the command or purpose is unknown, or if a change names a missing key.
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

// Encode joins pairs with expanded values to a request.
func (f *File) Encode(pairs []Pair) []byte { return f.Syntax.Encode(pairs) }

// applyTo applies the change to pairs, which it may modify. ok is false if the key of the
// change is missing.
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

// setPairValue sets the value of the first pair with the key, or appends the pair.
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
		return fmt.Errorf("%s has no purpose %s: nothing is said of what it does; add does: to the command", c.Name,
			verb)
	}
	var verbs []string
	for _, purpose := range c.Purposes {
		verbs = append(verbs, string(purpose.Verb))
	}
	return fmt.Errorf("%s has no purpose %s; %s", c.Name, verb, suggestWord(string(verb), verbs))
}

// joinKeys lists the keys of pairs in an error message.
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
