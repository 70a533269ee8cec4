package lab

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// addMarks computes the marks and texts of the steps up to number, if they do not exist yet.
func (t *attempt) addMarks(number int) {
	for len(t.marks) <= number {
		i := len(t.marks)
		t.marks = append(t.marks, t.lab.computeMark(t.nonce, t.number, i))
		t.texts = append(t.texts, fmt.Sprintf("hello %d", i))
	}
}

// MarkLength is the number of characters that {seq} expands to.
const MarkLength = 10

// computeMark derives the mark of a step. With a reset URL the mark does not depend on the attempt
// number, so that equal experiments send equal bytes. Otherwise each attempt has its own marks,
// because the server may remember earlier ones. Marks fit a signed 32-bit number, because some
// servers parse them as one.
func (l *Lab) computeMark(nonce uint64, number, step int) string {
	if l.File.Reset.Kind == experiment.ResetURL {
		number = 0
	}
	var seed [32]byte
	for i, n := range []uint64{l.Salt, nonce, uint64(number), uint64(step)} {
		binary.BigEndian.PutUint64(seed[8*i:], n)
	}
	sum := sha256.Sum256(seed[:])
	const lowest = 1_000_000_000 // MarkLength digits
	return strconv.FormatUint(lowest+binary.BigEndian.Uint64(sum[:])%(math.MaxInt32-lowest), 10)
}

// buildRecord returns the record of a step to send, and in hidden the record for the transcript,
// where placeholders such as {secret} stand for hidden secrets.
func (t *attempt) buildRecord(step experiment.Step) (record, hidden []byte, err error) {
	pairs, err := t.lab.File.Pairs(step)
	if err != nil {
		return nil, nil, err
	}
	shown := make([]experiment.Pair, len(pairs))
	for i, pair := range pairs {
		value, hide, err := t.expandValue(step, pair.Value)
		if err != nil {
			return nil, nil, err
		}
		shown[i] = experiment.Pair{Key: pair.Key, Value: value}
		if hide {
			shown[i].Value = pair.Value
		}
		pairs[i].Value = value
	}
	return t.lab.File.Encode(pairs), t.lab.File.Encode(shown), nil
}

// expandValue replaces the placeholders of a value. hide reports whether the result contains a
// secret that must not be written to the transcript.
func (t *attempt) expandValue(step experiment.Step, value string) (expanded string, hide bool, err error) {
	account := t.accountOf(step.Role)
	expanded, err = experiment.ExpandTemplate(value, func(name string) (string, bool) {
		if strings.Contains(name, "secret") {
			hide = hide || account.SecretHidden
		}
		return t.lookupPlaceholder(step, account, name)
	})
	return expanded, hide, err
}

// lookupPlaceholder returns the value of a placeholder in a request of step s. A number after a
// colon, as in {seq:2}, refers to an earlier step. ok is false for an unknown placeholder or a
// step that has not begun.
func (t *attempt) lookupPlaceholder(s experiment.Step, account experiment.Account, name string) (string, bool) {
	description, number, numbered := strings.Cut(name, ":")
	step := len(t.marks) - 1
	if numbered {
		count, err := strconv.Atoi(number)
		if err != nil || count < 1 || count >= len(t.marks) {
			return "", false
		}
		step = count
	}
	switch description {
	case "seq":
		return t.marks[step], true
	case "text":
		return t.texts[step], true
	case "me":
		return account.Number, true
	case "to":
		return t.accountOf(t.targetRole(s)).Number, true
	case "command":
		return s.Command, true
	case "time":
		return strconv.FormatInt(
			t.lab.StartedAt.Add(time.Duration(t.lab.elapsedSeconds()*float64(time.Second))+t.lab.clockOffset).Unix(),
			10,
		), true
	case "secret":
		return t.lab.File.Syntax.EscapeValue(account.Secret), true
	}
	if proof, ok := experiment.ComputeProof(description, account.Secret); ok {
		return proof, true
	}
	if account := t.accountOf(description); account.Number != "" {
		return account.Number, true
	}
	return "", false
}

// targetRole returns the role that a step is directed at: the one that it names, or the peer of
// the acting role.
func (t *attempt) targetRole(step experiment.Step) string {
	if step.TargetRole != "" {
		return step.TargetRole
	}
	return t.lab.File.Peer(step.Role)
}

// accountOf returns the account that plays a role, or the zero Account.
func (t *attempt) accountOf(role string) experiment.Account {
	for _, account := range t.accounts {
		if account.Role == role {
			return account
		}
	}
	return experiment.Account{}
}

// compositeMarkNames returns placeholders for the values of a step that consist of a mark and
// further characters. Values with hidden secrets are left out.
func (t *attempt) compositeMarkNames(step experiment.Step) (names placeholderNames) {
	pairs, err := t.lab.File.Pairs(step)
	if err != nil {
		return nil
	}
	for _, pair := range pairs {
		if !strings.Contains(pair.Value, "{seq") ||
			strings.HasPrefix(pair.Value, "{") && strings.Index(pair.Value, "}") == len(pair.Value)-1 {
			continue // no mark, or exactly a mark
		}
		if value, hidden, err := t.expandValue(step, pair.Value); err == nil && !hidden {
			names = append(names, experiment.Pair{Key: value, Value: pair.Value})
		}
	}
	return names
}

// sentValueNames returns placeholders for the marks, texts and account numbers of the attempt up
// to the current step s. They replace echoes in its answer, so that answers of different attempts
// compare equal.
func (t *attempt) sentValueNames(s experiment.Step) placeholderNames {
	step := len(t.marks) - 1
	names := append(t.compositeMarkNames(s), experiment.Pair{Key: t.marks[step], Value: "{seq}"})
	for i, mark := range t.marks[:step] {
		if i > 0 {
			names = append(names, experiment.Pair{Key: mark, Value: fmt.Sprintf("{seq:%d}", i)})
		}
	}
	for i, text := range t.texts {
		if i > 0 {
			names = append(names, experiment.Pair{Key: text, Value: fmt.Sprintf("{text:%d}", i)})
		}
	}
	for _, account := range t.accounts {
		names = append(names, experiment.Pair{Key: account.Number, Value: "{" + account.Role + "}"})
	}
	return names
}
