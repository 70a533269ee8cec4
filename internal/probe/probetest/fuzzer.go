package probetest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Fuzz is the baseline that the prober has to beat: it sends the same random
// requests to two servers and compares their answers byte for byte, save for
// SEQ. A difference counts if the same sequence shows it once more. At most so
// many requests are sent to each server; a and b are URLs as Listen gives them.
// The command is that of the request whose answers differ.
func Fuzz(ctx context.Context, a, b string, requests int, seed int64, dialect *Dialect) (found bool, command string, err error) {
	if dialect == nil {
		dialect = httpQQ
	}
	f := &fuzzer{d: dialect, peer: newPeer(), servers: [2]string{slash(a), slash(b)}, left: requests,
		dice: rand.New(rand.NewPCG(uint64(seed), 0))}
	defer f.peer.close()
	for f.left > 0 && ctx.Err() == nil {
		steps := f.sequence()
		at, err := f.run(ctx, steps)
		if err != nil {
			return false, "", err
		}
		if at < 0 {
			continue
		}
		again, err := f.run(ctx, steps[:at+1])
		if err != nil {
			return false, "", err
		}
		if again == at {
			return true, steps[at].command, nil
		}
	}
	return false, "", ctx.Err()
}

func slash(url string) string { return strings.TrimSuffix(url, "/") + "/" }

type fuzzer struct {
	d       *Dialect
	peer    *fuzzPeer
	servers [2]string
	left    int // requests that may still be sent
	dice    *rand.Rand
}

// A step is a request, or a wait.
type fuzzStep struct {
	wait        int // seconds
	from        int
	contentType string
	command     string
	body        []byte
}

// run sends a sequence to both servers, from a reset on. It returns the place
// of the first difference, -1 if there is none.
func (f *fuzzer) run(ctx context.Context, steps []fuzzStep) (int, error) {
	for _, url := range f.servers {
		if err := f.peer.reset(ctx, url); err != nil {
			return -1, err
		}
	}
	for i, fuzzStep := range steps {
		if fuzzStep.wait == 0 {
			if f.left == 0 {
				return -1, nil
			}
			f.left--
		}
		var said [2]string
		for j, url := range f.servers {
			var err error
			if said[j], err = f.take(ctx, url, fuzzStep); err != nil {
				return -1, err
			}
		}
		if said[0] != said[1] {
			return i, nil
		}
	}
	return -1, nil
}

// take takes one step at one server, and returns what is compared of the
// answer.
func (f *fuzzer) take(ctx context.Context, url string, s fuzzStep) (string, error) {
	if s.wait > 0 {
		return "", f.peer.wait(ctx, url, s.wait)
	}
	status, answer, err := f.peer.post(ctx, s.from, url, s.contentType, s.body)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "no answer", nil
	}
	return strconv.Itoa(status) + " " + string(f.d.maskSeq(answer)), nil
}

// maskSeq drops the value of SEQ.
func (d *Dialect) maskSeq(answer []byte) []byte {
	parts := bytes.Split(answer, []byte{d.Pair})
	for i, p := range parts {
		if key, _, ok := bytes.Cut(p, []byte{d.Assign}); ok && string(key) == d.Keys[KeySeq] {
			parts[i] = key
		}
	}
	return bytes.Join(parts, []byte{d.Pair})
}

// The accounts that a sequence is about, and others that it may mention.
var (
	fuzzRoles  = []string{"10001", "10002", "10003", "10004"}
	fuzzOthers = []string{"10005", "10020", "10021", "11001", "10000", "10999", "4294967296", "0", "1", "abc", "-1", ""}
	fuzzWaits  = []int{1, 5, 14, 16, 29, 31, 59, 61, 119, 121, 239, 299, 301, 600}
)

// sequence draws a few logins, then requests and waits.
func (f *fuzzer) sequence() []fuzzStep {
	var steps []fuzzStep
	for _, role := range fuzzRoles {
		if f.chance(75) {
			steps = append(steps, f.send(f.base(CmdLogin, role)))
		}
	}
	for range 5 + f.dice.IntN(25) {
		switch {
		case f.chance(8):
			steps = append(steps, fuzzStep{wait: pick(f, fuzzWaits)})
		case f.chance(6) && len(steps) > 0:
			steps = append(steps, pick(f, steps))
		default:
			steps = append(steps, f.send(f.base(Command(f.dice.IntN(int(CommandCount))), pick(f, fuzzRoles))))
		}
	}
	return slices.DeleteFunc(steps, func(s fuzzStep) bool { return s.wait == 0 && s.body == nil })
}

func (f *fuzzer) chance(percent int) bool { return f.dice.IntN(100) < percent }

func pick[T any](f *fuzzer, from []T) T { return from[f.dice.IntN(len(from))] }

// base is the usual request of a command.
func (f *fuzzer) base(cmd Command, role string) fuzzRequest {
	dialect := f.d
	q := fuzzRequest{version: 1, cmd: cmd, seq: strconv.Itoa(100000 + f.dice.IntN(900000)), uin: role}
	set := func(key Key, value string) { q.args = append(q.args, arg{key, value}) }
	switch cmd {
	case CmdLogin:
		set(KeyPassword, passwordMD5)
		set(KeyProof, dialect.Proofs[ProofMD5])
		set(KeyClient, "9326B87B234E7235")
	case CmdChangeStat:
		set(KeyStatus, pick(f, dialect.Statuses[:4]))
	case CmdList, CmdQueryStat:
		set(KeyMost, "50")
		set(KeyAfter, "0")
	case CmdQueryStat2, CmdSimpleInfo2, CmdFinger:
		set(KeyAfter, "0")
	case CmdGetInfo:
		set(KeyTarget, pick(f, fuzzRoles))
		set(KeyLevel, pick(f, dialect.Levels[:]))
	case CmdAddToList, CmdDelFromList:
		set(KeyTarget, pick(f, fuzzRoles))
	case CmdAckAddToList:
		set(KeyTarget, pick(f, fuzzRoles))
		set(KeyChoice, pick(f, dialect.Choices[:]))
		set(KeyWords, "let me in")
	case CmdMessage:
		set(KeyTarget, pick(f, fuzzRoles))
		set(KeyText, "hello "+strconv.Itoa(f.dice.IntN(1000)))
	}
	return q
}

// send varies a request and makes a step of it.
func (f *fuzzer) send(q fuzzRequest) fuzzStep {
	s := fuzzStep{command: f.d.Commands[q.cmd], contentType: contentType}
	for i := range q.args {
		if f.chance(15) {
			q.args[i].value = f.value(q.args[i].key)
		}
	}
	if f.chance(5) {
		q.seq = pick(f, []string{"", "1", "2", "12345", "123456", strings.Repeat("9", 32), strings.Repeat("9", 33), "a,b%41"})
	}
	pairs := f.d.pairs(q)
	switch {
	case f.chance(4):
		i := f.dice.IntN(len(pairs))
		pairs = slices.Delete(pairs, i, i+1)
	case f.chance(4):
		i := f.dice.IntN(len(pairs))
		pairs[i] = f.otherCase(pairs[i])
	case f.chance(4):
		key, _, _ := strings.Cut(pick(f, pairs), string(f.d.Assign))
		pairs = append(pairs, key+string(f.d.Assign)+pick(f, append(fuzzRoles, fuzzOthers...)))
	case f.chance(2):
		pairs[0] = f.d.Keys[KeyVersion] + string(f.d.Assign) + pick(f, []string{"", "9.9", f.d.Unspoken, f.d.Versions[0].Name})
	case f.chance(2):
		pairs[1] = f.d.Keys[KeyCommand] + string(f.d.Assign) + "Nonesuch"
	case f.chance(2):
		f.dice.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	}
	s.body = f.d.join(pairs)
	if f.chance(3) {
		s.contentType = "text/plain; charset=gbk"
	}
	if f.chance(4) {
		s.from = 1
	}
	return s
}

func (f *fuzzer) otherCase(s string) string {
	if f.chance(50) {
		return strings.ToUpper(s)
	}
	return strings.ToLower(s)
}

// value draws an unusual value for a parameter.
func (f *fuzzer) value(key Key) string {
	dialect := f.d
	esc := string(dialect.Escape)
	switch key {
	case KeyPassword:
		return pick(f, []string{"", password, "wrong", strings.ToUpper(passwordMD5), passwordMD5[:31]})
	case KeyProof:
		return pick(f, append([]string{"", "9"}, dialect.Proofs[:]...))
	case KeyClient:
		return pick(f, []string{"", "0", "812822641C978097"})
	case KeyStatus:
		return pick(f, append([]string{"", "99"}, dialect.Statuses[:]...))
	case KeyMost:
		return pick(f, []string{"", "0", "1", "2", "10", "40", "41", "119", "120", "121", "160", "1000", "1001", "-1", "x"})
	case KeyAfter:
		return pick(f, []string{"", "0", "10001", "10002", "11001", "11050", "11120", "99999", "-1", "x"})
	case KeyTarget:
		return pick(f, append(fuzzRoles, fuzzOthers...))
	case KeyLevel:
		return pick(f, []string{"", "0", "4", "x"})
	case KeyChoice:
		return pick(f, append([]string{"", "7"}, dialect.Choices[:]...))
	}
	return pick(f, []string{"", "a,b", "a+b", "a" + esc + "2cb", esc + "2541", esc, "100" + esc, "x=1&y=2", "two\nlines", " blank ",
		"\xe4\xbd\xa0\xe5\xa5\xbd", "\xc4\xe3\xba\xc3", strings.Repeat("long ", 100), strings.Repeat("x", 4001)})
}
