package experiment

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ExpandTemplate replaces each placeholder of a template by the result of lookup, and {{
// by a brace. It fails for a placeholder that lookup does not know and for a brace that is
// not closed.
func ExpandTemplate(value string, lookup func(name string) (string, bool)) (string, error) {
	var result strings.Builder
	err := scanTemplate(value, func(literal string) { result.WriteString(literal) }, func(name string) error {
		text, ok := lookup(name)
		if !ok {
			return fmt.Errorf("there is no placeholder {%s}", name)
		}
		result.WriteString(text)
		return nil
	})
	if err != nil {
		return "", err
	}
	return result.String(), nil
}

// Placeholders returns the names of the placeholders in a template, in order and without
// braces.
func Placeholders(value string) ([]string, error) {
	var names []string
	err := scanTemplate(value, func(string) {}, func(name string) error {
		names = append(names, name)
		return nil
	})
	return names, err
}

// EscapeTemplate returns the template that expands to s.
func EscapeTemplate(text string) string { return strings.ReplaceAll(text, "{", "{{") }

// scanTemplate calls literal and placeholder for the parts of a template, in order.
func scanTemplate(value string, literal func(string), placeholder func(string) error) error {
	for {
		before, after, found := strings.Cut(value, "{")
		literal(before)
		if !found {
			return nil
		}
		if remaining, isDoubled := strings.CutPrefix(after, "{"); isDoubled {
			literal("{")
			value = remaining
			continue
		}
		name, remaining, closed := strings.Cut(after, "}")
		if !closed {
			return fmt.Errorf("the brace before %q is not closed; write {{ for a brace", after)
		}
		if err := placeholder(name); err != nil {
			return err
		}
		value = remaining
	}
}

// ComputeProof evaluates a placeholder such as md5(secret). ok is false if name is not a
// proof. The functions last, first and middle change one character of a proof and cut
// removes the last one, as in last(md5(secret)), to make proofs that are almost right.
func ComputeProof(name, secret string) (proof string, ok bool) {
	if name == "secret" {
		return secret, true
	}
	function, remaining, _ := strings.Cut(name, "(")
	argument, ok := strings.CutSuffix(remaining, ")")
	if !ok {
		return "", false
	}
	inner, ok := ComputeProof(argument, secret)
	if !ok {
		return "", false
	}
	switch strings.ToLower(function) {
	case "md5":
		sum := md5.Sum([]byte(inner))
		proof = hex.EncodeToString(sum[:])
	case "sha1":
		sum := sha1.Sum([]byte(inner))
		proof = hex.EncodeToString(sum[:])
	case "sha256":
		sum := sha256.Sum256([]byte(inner))
		proof = hex.EncodeToString(sum[:])
	default:
		return changeOneCharacter(function, inner)
	}
	if function == strings.ToUpper(function) {
		return strings.ToUpper(proof), true
	}
	return proof, function == strings.ToLower(function)
}

// changeOneCharacter applies one of nearFunctions to a proof.
func changeOneCharacter(function, proof string) (string, bool) {
	if proof == "" {
		return "", slices.Contains(nearFunctions, function)
	}
	index := len(proof) - 1
	switch function {
	case "last":
	case "first":
		index = 0
	case "middle":
		index = len(proof) / 2
	case "cut":
		return proof[:index], true
	default:
		return "", false
	}
	other := "0"
	if proof[index] == '0' {
		other = "1"
	}
	return proof[:index] + other + proof[index+1:], true
}

// nearFunctions are the functions that make a proof almost right.
var nearFunctions = []string{"last", "first", "middle", "cut"}

// placeholders are allowed in every template, as are roles. Steps also allow seq:N and
// text:N.
var placeholders = []string{
	"seq", "me", "to", "text", "command", "time",
	"secret", "md5(secret)", "MD5(secret)", "sha1(secret)", "sha256(secret)",
}

// checkTemplate fails for an unknown placeholder. Placeholders such as seq:N may refer to
// steps 1 to latestStep. With 0 they are not allowed.
func (f *File) checkTemplate(value string, latestStep int) error {
	names, err := Placeholders(value)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := f.checkPlaceholder(name, latestStep); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) checkPlaceholder(name string, latestStep int) error {
	if _, ok := f.Account(name); ok || slices.Contains(placeholders, name) {
		return nil
	}
	if _, ok := ComputeProof(name, ""); ok {
		return nil
	}
	allowed := slices.Clone(placeholders)
	if latestStep > 0 {
		allowed = append(allowed, "seq:N", "text:N")
	}
	kind, number, ok := strings.Cut(name, ":")
	if ok && latestStep > 0 && (kind == "seq" || kind == "text") {
		n, err := strconv.Atoi(number)
		switch {
		case err != nil || n < 1 || number != strconv.Itoa(n):
			return fmt.Errorf("{%s} names no step; steps are numbered from 1, write {%s:1} for the first", name, kind)
		case n > latestStep:
			return fmt.Errorf(
				"{%s} is of a step that comes later; this is step %d, and only steps up to it have a mark and words",
				name, latestStep)
		}
		return nil
	}
	return fmt.Errorf("there is no placeholder {%s}; %s; write {{ for a brace",
		name, suggestWord(name, append(allowed, f.roleNames()...)))
}
