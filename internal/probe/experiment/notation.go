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

// changeSigns are the signs that begin a change. A change without one sets a value.
const changeSigns = "-+^~><"

// maxWait is the longest wait of a step, about 30 years. It fits a time.Duration.
const maxWait = 1_000_000_000 * time.Second

// ParseStep parses a step in the notation of the package documentation. Roles, places,
// commands and purposes must be declared in the file, keys need not be. The error lists
// all problems.
func (f *File) ParseStep(stepLine string) (Step, error) {
	step, err := f.parseStepSyntax(stepLine)
	if err != nil {
		return Step{}, err
	}
	if err := errors.Join(f.checkStep(step, math.MaxInt)...); err != nil {
		return Step{}, err
	}
	return step, nil
}

// FormatStep formats a step so that [File.ParseStep] returns the same step.
func (f *File) FormatStep(step Step) string {
	if step.Wait > 0 {
		return "wait " + formatSeconds(step.Wait)
	}
	formatted := step.Role
	if step.Place > 0 {
		formatted += "@" + strconv.Itoa(step.Place+1)
	}
	formatted += " " + f.formatCommand(step)
	if step.TargetRole != "" {
		formatted += " to " + step.TargetRole
	}
	if step.HTTPForm != "" {
		formatted += " via=" + formatValue(step.HTTPForm)
	}
	for _, change := range step.Changes {
		formatted += " " + formatChange(change)
	}
	return formatted
}

// parseStepSyntax parses a step without checking that its names are declared.
func (f *File) parseStepSyntax(stepLine string) (Step, error) {
	r := stepParser{file: f, remaining: stepLine}
	first, err := r.nextWord("a role", "@ \t")
	if err != nil {
		return Step{}, err
	}
	if first == "wait" {
		return r.parseWait()
	}
	step := Step{Role: first}
	if step.Place, err = r.parsePlace(); err != nil {
		return Step{}, err
	}
	if step.Command, step.Verb, err = r.parseCommand(); err != nil {
		return Step{}, err
	}
	if remaining, ok := strings.CutPrefix(r.skipSpaces(), "to"); ok &&
		(remaining == "" || remaining[0] == ' ' || remaining[0] == '\t') {
		r.remaining = remaining
		if step.TargetRole, err = r.nextWord("a role behind to", " \t"); err != nil {
			return Step{}, err
		}
		if err := r.expectWordEnd(); err != nil {
			return Step{}, err
		}
	}
	if remaining, ok := strings.CutPrefix(r.skipSpaces(), "via="); ok {
		r.remaining = remaining
		if step.HTTPForm, err = r.nextWordPart(" \t"); err != nil {
			return Step{}, err
		}
	}
	for r.skipSpaces() != "" {
		change, err := r.parseChange()
		if err != nil {
			return Step{}, err
		}
		step.Changes = append(step.Changes, change)
	}
	return step, nil
}

// stepParser parses a step's line from left to right.
type stepParser struct {
	file      *File
	remaining string
}

// skipSpaces drops leading spaces and returns the remaining line.
func (r *stepParser) skipSpaces() string {
	r.remaining = strings.TrimLeft(r.remaining, " \t")
	return r.remaining
}

// nextWord parses a word, which may be quoted, up to one of stopCharacters. If the word is
// empty, the error names what is missing.
func (r *stepParser) nextWord(description, stopCharacters string) (string, error) {
	r.skipSpaces()
	word, err := r.nextWordPart(stopCharacters)
	if err == nil && word == "" {
		err = fmt.Errorf("%s is missing; a step is wait SECONDS, or ROLE COMMAND with what differs from its request",
			description)
	}
	return word, err
}

// nextWordPart parses a quoted string, or characters up to one of stopCharacters. The
// result may be empty.
func (r *stepParser) nextWordPart(stopCharacters string) (string, error) {
	if strings.HasPrefix(r.remaining, `"`) {
		quoted, err := strconv.QuotedPrefix(r.remaining)
		if err != nil {
			return "", fmt.Errorf("the quote that begins at %s is not closed, or holds an escape that Go has not; "+
				"in YAML a step with a # or a colon must stand in single quotes as a whole", r.remaining)
		}
		r.remaining = r.remaining[len(quoted):]
		return strconv.Unquote(quoted)
	}
	end := strings.IndexAny(r.remaining, stopCharacters+`"`)
	if end < 0 {
		end = len(r.remaining)
	}
	unquoted := r.remaining[:end]
	if strings.HasPrefix(r.remaining[end:], `"`) {
		return "", fmt.Errorf("there is a quote within %s; put all of it in double quotes, with \\\" for the quote",
			r.remaining)
	}
	r.remaining = r.remaining[end:]
	return unquoted, nil
}

// expectWordEnd fails unless a space or the end of the line follows.
func (r *stepParser) expectWordEnd() error {
	if r.remaining != "" && r.remaining[0] != ' ' && r.remaining[0] != '\t' {
		return fmt.Errorf("%q stands where a word is over; put a space before it", r.remaining)
	}
	return nil
}

func (r *stepParser) parseWait() (Step, error) {
	text := strings.TrimSpace(r.remaining)
	duration, ok := parseSeconds(text)
	if !ok {
		return Step{},
			fmt.Errorf("%q is no time to wait; write seconds above 0 and up to %d, such as wait 300 or wait 0.5",
				text, maxWait/time.Second)
	}
	return Step{Wait: duration}, nil
}

// parsePlace parses an optional @PLACE. Places count from 1 in step notation.
func (r *stepParser) parsePlace() (int, error) {
	remaining, ok := strings.CutPrefix(r.remaining, "@")
	if !ok {
		return 0, r.expectWordEnd()
	}
	r.remaining = remaining
	text, err := r.nextWordPart(" \t")
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("@%s is no place; write @1 for the first of the file's places, @2 for the second", text)
	}
	return number - 1, r.expectWordEnd()
}

// parseCommand parses the command and its verb. A quoted name is taken literally. An
// unquoted name is split at its last dot, unless a command has the whole name.
func (r *stepParser) parseCommand() (string, Verb, error) {
	quoted := strings.HasPrefix(r.skipSpaces(), `"`)
	name, err := r.nextWord("the command", " \t")
	if err != nil {
		return "", "", err
	}
	if !quoted {
		name, verb := r.file.splitVerb(name)
		return name, verb, nil
	}
	var verb string
	if remaining, ok := strings.CutPrefix(r.remaining, "."); ok {
		r.remaining = remaining
		if verb, err = r.nextWord("the verb behind the dot", " \t"); err != nil {
			return "", "", err
		}
	}
	return name, Verb(verb), r.expectWordEnd()
}

func (f *File) splitVerb(name string) (string, Verb) {
	dotIndex := strings.LastIndexByte(name, '.')
	if _, ok := f.Command(name); ok || dotIndex <= 0 || dotIndex == len(name)-1 {
		return name, ""
	}
	return name[:dotIndex], Verb(name[dotIndex+1:])
}

func (f *File) formatCommand(step Step) string {
	name := step.Command
	if step.Verb != "" {
		name += "." + string(step.Verb)
	}
	if command, verb := f.splitVerb(name); needsNoQuotes(name, "") && command == step.Command && verb == step.Verb {
		return name
	}
	name = strconv.Quote(step.Command)
	if step.Verb != "" {
		name += "." + string(step.Verb)
	}
	return name
}

func (r *stepParser) parseChange() (PairChange, error) {
	word := r.remaining
	change := PairChange{Kind: SetValue}
	if strings.IndexByte(changeSigns, r.remaining[0]) >= 0 {
		change.Kind = ChangeKind(r.remaining[:1])
		r.remaining = r.remaining[1:]
	}
	var err error
	if change.Key, err = r.nextWordPart("= \t"); err != nil {
		return change, err
	}
	isKeyOnly := change.Kind == DropKey || change.Kind == MoveLast || change.Kind == MoveFirst
	remaining, hasValue := strings.CutPrefix(r.remaining, "=")
	switch {
	case isKeyOnly && hasValue:
		return change, fmt.Errorf("%s: a change that begins with %s has no value; write %s%s", word, change.Kind,
			change.Kind, change.Key)
	case isKeyOnly:
		return change, r.expectWordEnd()
	case !hasValue && change.Kind == SetValue:
		return change,
			fmt.Errorf("%s is no change; write KEY=VALUE, -KEY, +KEY=VALUE, ^KEY=VALUE, ~KEY=SPELLING, >KEY or <KEY",
				word)
	case !hasValue:
		return change, fmt.Errorf("%s: a change that begins with %s has a value; write %s%s=VALUE", word, change.Kind,
			change.Kind, change.Key)
	}
	r.remaining = remaining
	if change.Value, err = r.nextWordPart(" \t"); err != nil {
		return change, err
	}
	return change, r.expectWordEnd()
}

func formatChange(change PairChange) string {
	key := change.Key
	if !needsNoQuotes(key, "=") || key == "" || key == "via" || strings.IndexByte(changeSigns, key[0]) >= 0 {
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
	if needsNoQuotes(value, "") {
		return value
	}
	return strconv.Quote(value)
}

// needsNoQuotes reports whether s can be written without quotes and contains none of the
// stop characters.
func needsNoQuotes(text, stopCharacters string) bool {
	return utf8.ValidString(text) && !strings.ContainsAny(text, ` "`+stopCharacters) &&
		strings.IndexFunc(text, func(character rune) bool { return !unicode.IsPrint(character) }) < 0
}

// parseSeconds parses seconds with at most nine decimals.
func parseSeconds(text string) (time.Duration, bool) {
	whole, fraction, hasFraction := strings.Cut(text, ".")
	digits := func(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
	if !digits(whole) || hasFraction && !digits(fraction) || len(fraction) > 9 {
		return 0, false
	}
	nanoseconds, err := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	duration := time.Duration(nanoseconds)
	return duration, err == nil && duration > 0 && duration <= maxWait
}

func formatSeconds(duration time.Duration) string {
	text := fmt.Sprintf("%d.%09d", duration/time.Second, duration%time.Second)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// checkStep lists the undeclared names in a step. Placeholders such as seq:N may refer to
// steps 1 to latestStep.
func (f *File) checkStep(step Step, latestStep int) []error {
	if step.Wait > 0 {
		return nil
	}
	var problems []error
	for _, role := range []string{step.Role, step.TargetRole} {
		if _, ok := f.Account(role); !ok && role != "" {
			problems = append(problems, fmt.Errorf("there is no role %s; %s", role, suggestWord(role, f.roleNames())))
		}
	}
	if step.Place >= len(f.Places) && step.Place > 0 {
		problems = append(problems, fmt.Errorf("there is no place %d; the file has %d, add an address to places",
			step.Place+1, len(f.Places)))
	}
	command, ok := f.Command(step.Command)
	if !ok {
		return append(problems, fmt.Errorf("there is no command %s; %s", step.Command,
			suggestWord(step.Command, f.commandNames())))
	}
	if _, ok := command.Purpose(step.Verb); !ok && step.Verb != "" {
		problems = append(problems, command.unknownPurposeError(step.Verb))
	}
	for _, change := range step.Changes {
		if change.Kind == SetValue || change.Kind == AppendPair || change.Kind == PrependPair {
			if err := f.checkTemplate(change.Value, latestStep); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", change.Key, err))
			}
		}
	}
	return problems
}
