package probetest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Fuzz looks for a difference between two servers with random requests. The benchmark of the prober
// uses it as the baseline. Fuzz sends the same sequences to both servers and compares the answers
// except for SEQ. If they differ, it repeats the sequence and reports found only if they differ
// again. command is the command of the request that was answered differently.
//
// requests limits the number of requests to each server. first and second are URLs of the form that
// [Server.Listen] returns. dialect is nil for HTTP QQ.
func Fuzz(
	ctx context.Context, first, second string, requests int, seed int64, dialect *Dialect,
) (found bool, command string, err error) {
	if dialect == nil {
		dialect = httpQQ
	}
	f := &fuzzer{dialect: dialect, client: newFuzzClient(), servers: [2]string{withSlash(first), withSlash(second)},
		remaining: requests,
		random:    rand.New(rand.NewPCG(uint64(seed), 0))}
	defer f.client.close()
	for f.remaining > 0 && ctx.Err() == nil {
		steps := f.drawSequence()
		difference, err := f.runSequence(ctx, steps)
		if err != nil {
			return false, "", err
		}
		if difference < 0 {
			continue
		}
		repeated, err := f.runSequence(ctx, steps[:difference+1])
		if err != nil {
			return false, "", err
		}
		if repeated == difference {
			return true, steps[difference].command, nil
		}
	}
	return false, "", ctx.Err()
}

func withSlash(url string) string { return strings.TrimSuffix(url, "/") + "/" }

// fuzzer sends random requests to two servers.
type fuzzer struct {
	dialect   *Dialect
	client    *fuzzClient
	servers   [2]string
	remaining int // requests that may still be sent
	random    *rand.Rand
}

// fuzzStep is a request or a wait.
type fuzzStep struct {
	waitSeconds int // 0 for a request
	clientIndex int // index into fuzzClient.clients
	contentType string
	command     string
	body        []byte
}

// runSequence sends a sequence to both servers after a reset. It returns the index of the first step
// that is answered differently, -1 if there is none or no requests remain.
func (f *fuzzer) runSequence(ctx context.Context, steps []fuzzStep) (int, error) {
	for _, url := range f.servers {
		if err := f.client.reset(ctx, url); err != nil {
			return -1, err
		}
	}
	for i, step := range steps {
		if step.waitSeconds == 0 {
			if f.remaining == 0 {
				return -1, nil
			}
			f.remaining--
		}
		var answers [2]string
		for j, url := range f.servers {
			var err error
			if answers[j], err = f.runStep(ctx, url, step); err != nil {
				return -1, err
			}
		}
		if answers[0] != answers[1] {
			return i, nil
		}
	}
	return -1, nil
}

// runStep runs one step on one server, and returns the part of the answer to compare. A request
// without an answer is not an error, because two servers may differ in that.
func (f *fuzzer) runStep(ctx context.Context, url string, step fuzzStep) (string, error) {
	if step.waitSeconds > 0 {
		return "", f.client.moveClock(ctx, url, step.waitSeconds)
	}
	status, answer, err := f.client.post(ctx, step.clientIndex, url, step.contentType, step.body)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "no answer", nil
	}
	return strconv.Itoa(status) + " " + string(f.dialect.maskSeq(answer)), nil
}

// maskSeq drops the value of SEQ.
func (d *Dialect) maskSeq(answer []byte) []byte {
	parts := bytes.Split(answer, []byte{d.Pair})
	for i, part := range parts {
		if key, _, ok := bytes.Cut(part, []byte{d.Assign}); ok && string(key) == d.Keys[keySeq] {
			parts[i] = key
		}
	}
	return bytes.Join(parts, []byte{d.Pair})
}

// Accounts that send requests, other targets, and waits in seconds.
var (
	fuzzRoles  = []string{"10001", "10002", "10003", "10004"}
	fuzzOthers = []string{"10005", "10020", "10021", "11001", "10000", "10999", "4294967296", "0", "1", "abc", "-1", ""}
	fuzzWaits  = []int{1, 5, 14, 16, 29, 31, 59, 61, 119, 121, 239, 299, 301, 600}
)

// drawSequence returns a random sequence: a few logins, and then requests and waits.
func (f *fuzzer) drawSequence() []fuzzStep {
	var steps []fuzzStep
	for _, role := range fuzzRoles {
		if f.chance(75) {
			steps = append(steps, f.varyRequest(f.baseRequest(cmdLogin, role)))
		}
	}
	for range 5 + f.random.IntN(25) {
		switch {
		case f.chance(8):
			steps = append(steps, fuzzStep{waitSeconds: pickOne(f, fuzzWaits)})
		case f.chance(6) && len(steps) > 0:
			steps = append(steps, pickOne(f, steps))
		default:
			steps = append(steps,
				f.varyRequest(f.baseRequest(commandID(f.random.IntN(int(commandCount))), pickOne(f, fuzzRoles))))
		}
	}
	return slices.DeleteFunc(steps, func(step fuzzStep) bool { return step.waitSeconds == 0 && step.body == nil })
}

func (f *fuzzer) chance(percent int) bool { return f.random.IntN(100) < percent }

func pickOne[T any](f *fuzzer, from []T) T { return from[f.random.IntN(len(from))] }

// baseRequest returns a valid request of a command with random arguments and a long SEQ.
func (f *fuzzer) baseRequest(command commandID, role string) fuzzRequest {
	dialect := f.dialect
	request := fuzzRequest{version: 1, command: command, seq: strconv.Itoa(100000 + f.random.IntN(900000)), uin: role}
	set := func(key keyID, value string) { request.arguments = append(request.arguments, fuzzArgument{key, value}) }
	switch command {
	case cmdLogin:
		set(keyPassword, passwordMD5)
		set(keyProof, dialect.Proofs[proofMD5])
		set(keyClient, "9326B87B234E7235")
	case cmdChangeStat:
		set(keyStatus, pickOne(f, dialect.Statuses[:4]))
	case cmdList, cmdQueryStat:
		set(keyMaxCount, "50")
		set(keyAfter, "0")
	case cmdQueryStat2, cmdSimpleInfo2, cmdFinger:
		set(keyAfter, "0")
	case cmdGetInfo:
		set(keyTarget, pickOne(f, fuzzRoles))
		set(keyLevel, pickOne(f, dialect.Levels[:]))
	case cmdAddToList, cmdDelFromList:
		set(keyTarget, pickOne(f, fuzzRoles))
	case cmdAckAddToList:
		set(keyTarget, pickOne(f, fuzzRoles))
		set(keyChoice, pickOne(f, dialect.Choices[:]))
		set(keyWords, "let me in")
	case cmdMessage:
		set(keyTarget, pickOne(f, fuzzRoles))
		set(keyText, "hello "+strconv.Itoa(f.random.IntN(1000)))
	}
	return request
}

// varyRequest encodes a request as a step, mostly unchanged. Some requests get unusual values, lack a
// pair, or have pairs twice, in another case or in another order.
func (f *fuzzer) varyRequest(request fuzzRequest) fuzzStep {
	step := fuzzStep{command: f.dialect.Commands[request.command], contentType: contentType}
	for i := range request.arguments {
		if f.chance(15) {
			request.arguments[i].value = f.unusualValue(request.arguments[i].key)
		}
	}
	if f.chance(5) {
		request.seq = pickOne(f, []string{"", "1", "2", "12345", "123456", strings.Repeat("9", 32),
			strings.Repeat("9", 33), "a,b%41"})
	}
	pairs := f.dialect.formatPairs(request)
	switch {
	case f.chance(4):
		index := f.random.IntN(len(pairs))
		pairs = slices.Delete(pairs, index, index+1)
	case f.chance(4):
		index := f.random.IntN(len(pairs))
		pairs[index] = f.randomCase(pairs[index])
	case f.chance(4):
		key, _, _ := strings.Cut(pickOne(f, pairs), string(f.dialect.Assign))
		pairs = append(pairs, key+string(f.dialect.Assign)+pickOne(f, append(fuzzRoles, fuzzOthers...)))
	case f.chance(2):
		pairs[0] = f.dialect.Keys[keyVersion] + string(f.dialect.Assign) +
			pickOne(f, []string{"", "9.9", f.dialect.UnsupportedVersion, f.dialect.Versions[0].Name})
	case f.chance(2):
		pairs[1] = f.dialect.Keys[keyCommand] + string(f.dialect.Assign) + "Nonesuch"
	case f.chance(2):
		f.random.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	}
	step.body = f.dialect.joinPairs(pairs)
	if f.chance(3) {
		step.contentType = "text/plain; charset=gbk"
	}
	if f.chance(4) {
		step.clientIndex = 1
	}
	return step
}

func (f *fuzzer) randomCase(text string) string {
	if f.chance(50) {
		return strings.ToUpper(text)
	}
	return strings.ToLower(text)
}

// unusualValue draws an unusual value for a parameter.
func (f *fuzzer) unusualValue(key keyID) string {
	dialect := f.dialect
	escape := string(dialect.Escape)
	switch key {
	case keyPassword:
		return pickOne(f, []string{"", password, "wrong", strings.ToUpper(passwordMD5), passwordMD5[:31]})
	case keyProof:
		return pickOne(f, append([]string{"", "9"}, dialect.Proofs[:]...))
	case keyClient:
		return pickOne(f, []string{"", "0", "812822641C978097"})
	case keyStatus:
		return pickOne(f, append([]string{"", "99"}, dialect.Statuses[:]...))
	case keyMaxCount:
		return pickOne(f, []string{"", "0", "1", "2", "10", "40", "41", "119", "120", "121", "160", "1000", "1001",
			"-1", "x"})
	case keyAfter:
		return pickOne(f, []string{"", "0", "10001", "10002", "11001", "11050", "11120", "99999", "-1", "x"})
	case keyTarget:
		return pickOne(f, append(fuzzRoles, fuzzOthers...))
	case keyLevel:
		return pickOne(f, []string{"", "0", "4", "x"})
	case keyChoice:
		return pickOne(f, append([]string{"", "7"}, dialect.Choices[:]...))
	}
	return pickOne(f, []string{"", "a,b", "a+b", "a" + escape + "2cb", escape + "2541", escape, "100" + escape,
		"x=1&y=2", "two\nlines", " blank ",
		"\xe4\xbd\xa0\xe5\xa5\xbd", "\xc4\xe3\xba\xc3", strings.Repeat("long ", 100), strings.Repeat("x", 4001)})
}
