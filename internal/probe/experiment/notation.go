package experiment

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// kindSigns begin a change; = stands within one.
const kindSigns = "-+^~><"

// maxWait is the longest wait that a step can have, a good 30 years: far from what
// a time.Duration can hold, and from what anybody can want.
const maxWait = 1_000_000_000 * time.Second

// ParseStep reads a step as it is described in the package's documentation. What
// it names must be declared in the file; keys may be any. The error names all that
// is wrong.
func (f *File) ParseStep(line string) (Step, error) {
	step, err := f.readStep(line)
	if err != nil {
		return Step{}, err
	}
	if err := errors.Join(f.checkStep(step, math.MaxInt)...); err != nil {
		return Step{}, err
	}
	return step, nil
}

// FormatStep writes a step so that [File.ParseStep] reads the same again.
func (f *File) FormatStep(step Step) string {
	if step.Wait > 0 {
		return "wait " + formatSeconds(step.Wait)
	}
	out := step.Role
	if step.Place > 0 {
		out += "@" + strconv.Itoa(step.Place+1)
	}
	out += " " + f.formatCommand(step)
	if step.TargetRole != "" {
		out += " to " + step.TargetRole
	}
	if step.HTTPForm != "" {
		out += " via=" + formatValue(step.HTTPForm)
	}
	for _, change := range step.Changes {
		out += " " + formatChange(change)
	}
	return out
}

// readStep reads the notation, and leaves it open whether there is what it names.
func (f *File) readStep(line string) (Step, error) {
	r := stepParser{file: f, rest: line}
	first, err := r.word("a role", "@ \t")
	if err != nil {
		return Step{}, err
	}
	if first == "wait" {
		return r.wait()
	}
	step := Step{Role: first}
	if step.Place, err = r.place(); err != nil {
		return Step{}, err
	}
	if step.Command, step.Verb, err = r.command(); err != nil {
		return Step{}, err
	}
	if rest, ok := strings.CutPrefix(r.spaced(), "to"); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
		r.rest = rest
		if step.TargetRole, err = r.word("a role behind to", " \t"); err != nil {
			return Step{}, err
		}
		if err := r.end(); err != nil {
			return Step{}, err
		}
	}
	if rest, ok := strings.CutPrefix(r.spaced(), "via="); ok {
		r.rest = rest
		if step.HTTPForm, err = r.part(" \t"); err != nil {
			return Step{}, err
		}
	}
	for r.spaced() != "" {
		change, err := r.change()
		if err != nil {
			return Step{}, err
		}
		step.Changes = append(step.Changes, change)
	}
	return step, nil
}

// A stepReader holds what is left of a step's line.
type stepParser struct {
	file *File
	rest string
}

// spaced is what is left, behind spaces.
func (r *stepParser) spaced() string {
	r.rest = strings.TrimLeft(r.rest, " \t")
	return r.rest
}

// word takes a word up to one of the stops; it may be quoted. An empty one is an
// error that says what is missing.
func (r *stepParser) word(what, stops string) (string, error) {
	r.spaced()
	w, err := r.part(stops)
	if err == nil && w == "" {
		err = fmt.Errorf("%s is missing; a step is wait SECONDS, or ROLE COMMAND with what differs from its request", what)
	}
	return w, err
}

// fileSection takes a part of a word, which is quoted, or goes on to one of the stops,
// and may be empty.
func (r *stepParser) part(stops string) (string, error) {
	if strings.HasPrefix(r.rest, `"`) {
		quoted, err := strconv.QuotedPrefix(r.rest)
		if err != nil {
			return "", fmt.Errorf("the quote that begins at %s is not closed, or holds an escape that Go has not; "+
				"in YAML a step with a # or a colon must stand in single quotes as a whole", r.rest)
		}
		r.rest = r.rest[len(quoted):]
		return strconv.Unquote(quoted)
	}
	end := strings.IndexAny(r.rest, stops+`"`)
	if end < 0 {
		end = len(r.rest)
	}
	bare := r.rest[:end]
	if strings.HasPrefix(r.rest[end:], `"`) {
		return "", fmt.Errorf("there is a quote within %s; put all of it in double quotes, with \\\" for the quote", r.rest)
	}
	r.rest = r.rest[end:]
	return bare, nil
}

// end fails unless the word is over.
func (r *stepParser) end() error {
	if r.rest != "" && r.rest[0] != ' ' && r.rest[0] != '\t' {
		return fmt.Errorf("%q stands where a word is over; put a space before it", r.rest)
	}
	return nil
}

func (r *stepParser) wait() (Step, error) {
	text := strings.TrimSpace(r.rest)
	d, ok := parseSeconds(text)
	if !ok {
		return Step{}, fmt.Errorf("%q is no time to wait; write seconds above 0 and up to %d, such as wait 300 or wait 0.5",
			text, maxWait/time.Second)
	}
	return Step{Wait: d}, nil
}

// place takes what stands behind an @, which counts from 1.
func (r *stepParser) place() (int, error) {
	rest, ok := strings.CutPrefix(r.rest, "@")
	if !ok {
		return 0, r.end()
	}
	r.rest = rest
	text, err := r.part(" \t")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("@%s is no place; write @1 for the first of the file's places, @2 for the second", text)
	}
	return n - 1, r.end()
}

// command takes the command and its verb. A quoted name is meant as it stands; of
// others a verb is cut off, unless there is a command with a dot of that name.
func (r *stepParser) command() (string, Verb, error) {
	quoted := strings.HasPrefix(r.spaced(), `"`)
	name, err := r.word("the command", " \t")
	if err != nil {
		return "", "", err
	}
	if !quoted {
		name, verb := r.file.splitCommand(name)
		return name, verb, nil
	}
	var verb string
	if rest, ok := strings.CutPrefix(r.rest, "."); ok {
		r.rest = rest
		if verb, err = r.word("the verb behind the dot", " \t"); err != nil {
			return "", "", err
		}
	}
	return name, Verb(verb), r.end()
}

func (f *File) splitCommand(name string) (string, Verb) {
	dot := strings.LastIndexByte(name, '.')
	if _, ok := f.Command(name); ok || dot <= 0 || dot == len(name)-1 {
		return name, ""
	}
	return name[:dot], Verb(name[dot+1:])
}

func (f *File) formatCommand(step Step) string {
	name := step.Command
	if step.Verb != "" {
		name += "." + string(step.Verb)
	}
	if command, verb := f.splitCommand(name); plain(name, "") && command == step.Command && verb == step.Verb {
		return name
	}
	name = strconv.Quote(step.Command)
	if step.Verb != "" {
		name += "." + string(step.Verb)
	}
	return name
}

func (r *stepParser) change() (PairChange, error) {
	word := r.rest
	change := PairChange{Kind: SetValue}
	if strings.IndexByte(kindSigns, r.rest[0]) >= 0 {
		change.Kind = ChangeKind(r.rest[:1])
		r.rest = r.rest[1:]
	}
	var err error
	if change.Key, err = r.part("= \t"); err != nil {
		return change, err
	}
	alone := change.Kind == DropKey || change.Kind == MoveLast || change.Kind == MoveFirst
	rest, valued := strings.CutPrefix(r.rest, "=")
	switch {
	case alone && valued:
		return change, fmt.Errorf("%s: a change that begins with %s has no value; write %s%s", word, change.Kind, change.Kind, change.Key)
	case alone:
		return change, r.end()
	case !valued && change.Kind == SetValue:
		return change, fmt.Errorf("%s is no change; write KEY=VALUE, -KEY, +KEY=VALUE, ^KEY=VALUE, ~KEY=SPELLING, >KEY or <KEY", word)
	case !valued:
		return change, fmt.Errorf("%s: a change that begins with %s has a value; write %s%s=VALUE", word, change.Kind, change.Kind, change.Key)
	}
	r.rest = rest
	if change.Value, err = r.part(" \t"); err != nil {
		return change, err
	}
	return change, r.end()
}

func formatChange(change PairChange) string {
	key := change.Key
	if !plain(key, "=") || key == "" || key == "via" || strings.IndexByte(kindSigns, key[0]) >= 0 {
		key = strconv.Quote(key)
	}
	switch change.Kind {
	case DropKey, MoveLast, MoveFirst:
		return string(change.Kind) + key
	}
	if change.Kind == SetValue {
		return key + "=" + formatValue(change.Value)
	}
	return string(change.Kind) + key + "=" + formatValue(change.Value)
}

func formatValue(value string) string {
	if plain(value, "") {
		return value
	}
	return strconv.Quote(value)
}

// plain says that s can stand without quotes, with none of the stops in it.
func plain(s, stops string) bool {
	return utf8.ValidString(s) && !strings.ContainsAny(s, ` "`+stops) &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// parseSeconds reads seconds with up to nine digits behind the point.
func parseSeconds(text string) (time.Duration, bool) {
	whole, fraction, pointed := strings.Cut(text, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !digits(whole) || pointed && !digits(fraction) || len(fraction) > 9 {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	d := time.Duration(n)
	return d, err == nil && d > 0 && d <= maxWait
}

func formatSeconds(d time.Duration) string {
	text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// checkStep says what a step names that there is not. Marks and words that it
// takes from others are of the steps 1 to latest.
func (f *File) checkStep(step Step, latest int) []error {
	if step.Wait > 0 {
		return nil
	}
	var errs []error
	for _, role := range []string{step.Role, step.TargetRole} {
		if _, ok := f.Account(role); !ok && role != "" {
			errs = append(errs, fmt.Errorf("there is no role %s; %s", role, choose(role, f.roles())))
		}
	}
	if step.Place >= len(f.Places) && step.Place > 0 {
		errs = append(errs, fmt.Errorf("there is no place %d; the file has %d, add an address to places", step.Place+1, len(f.Places)))
	}
	command, ok := f.Command(step.Command)
	if !ok {
		return append(errs, fmt.Errorf("there is no command %s; %s", step.Command, choose(step.Command, f.commandNames())))
	}
	if _, ok := command.Purpose(step.Verb); !ok && step.Verb != "" {
		errs = append(errs, command.unknownPurposeError(step.Verb))
	}
	for _, change := range step.Changes {
		if change.Kind == SetValue || change.Kind == AppendPair || change.Kind == PrependPair {
			if err := f.checkTemplate(change.Value, latest); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", change.Key, err))
			}
		}
	}
	return errs
}
