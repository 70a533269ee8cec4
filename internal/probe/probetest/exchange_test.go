package probetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// client sends scripted requests to one server. It records the answers, so that the same exchange
// with another server can be compared.
type client struct {
	t       *testing.T
	d       *Dialect
	peer    *fuzzClient
	url     string
	from    int    // index of the client's address
	seq     string // of the next request; a new one if empty
	charset string
	drawn   int
	log     []loggedExchange
}

type loggedExchange struct {
	command string // the HTTP QQ name, or "?" for an unknown command
	request string
	answer  string
}

// startClient starts a server.
func startClient(t *testing.T, config Config) *client {
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	dialect := config.Dialect
	if dialect == nil {
		dialect = httpQQ
	}
	x := &client{t: t, d: dialect, peer: newFuzzClient(), url: url, charset: "UTF-8"}
	t.Cleanup(x.peer.close)
	return x
}

// ask sends a request. The arguments are keys, each followed by its value.
func (x *client) ask(uin int, command commandID, args ...any) string {
	return x.send(command, x.d.formatPairs(x.question(uin, command, args...)))
}

func (x *client) question(uin int, command commandID, args ...any) fuzzRequest {
	x.drawn++
	request := fuzzRequest{version: 1, command: command, seq: x.seq, uin: strconv.Itoa(uin)}
	if request.seq == "" {
		request.seq = strconv.Itoa(700000 + x.drawn)
	}
	x.seq = ""
	for i := 0; i < len(args); i += 2 {
		request.arguments = append(request.arguments, fuzzArgument{args[i].(keyID), fmt.Sprint(args[i+1])})
	}
	return request
}

// send sends pairs, which need not be a valid request.
func (x *client) send(command commandID, pairs []string) string {
	body := x.d.joinPairs(pairs)
	status, answer, err := x.peer.post(context.Background(), x.from, x.url, "text/plain; charset="+x.charset, body)
	got := strconv.Itoa(status) + " " + string(answer)
	if err != nil {
		got = "no answer"
	}
	x.logExchange(command, string(body), got)
	return got
}

func (x *client) logExchange(command commandID, request, answer string) {
	name := "?"
	if command != cmdUnknown {
		name = httpQQ.Commands[command]
	}
	x.log = append(x.log, loggedExchange{name, request, answer})
}

// raw sends a request with its own method and headers, and records the response headers.
func (x *client) raw(method string, header http.Header) {
	fuzzRequest := x.question(10001, cmdList)
	request, err := http.NewRequest(method, x.url,
		strings.NewReader(string(x.d.joinPairs(x.d.formatPairs(fuzzRequest)))))
	if err != nil {
		x.t.Fatal(err)
	}
	request.Header, request.Close = header, header.Get("Connection") == "close"
	response, err := x.peer.clients[0].Do(request)
	if err != nil {
		x.logExchange(cmdList, method, "no answer")
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	x.logExchange(cmdList, method, fmt.Sprint(response.Status, response.Header["Content-Type"], response.ContentLength,
		response.Close, string(body)))
}

func (x *client) login(uins ...int) {
	for _, uin := range uins {
		x.ask(uin, cmdLogin, keyPassword, passwordMD5, keyProof, x.d.Proofs[proofMD5])
	}
}

func (x *client) wrongLogin(uin int) {
	x.ask(uin, cmdLogin, keyPassword, "wrong", keyProof, x.d.Proofs[proofPlain])
}

func (x *client) status(uin int, status statusID) {
	x.ask(uin, cmdChangeStat, keyStatus, x.d.Statuses[status])
}

func (x *client) ack(uin, whom int, c friendChoice) {
	x.ask(uin, cmdAckAddToList, keyTarget, whom, keyChoice, x.d.Choices[c], keyWords, "let me in")
}

func (x *client) wait(seconds int) {
	if err := x.peer.moveClock(context.Background(), x.url, seconds); err != nil {
		x.t.Fatal(err)
	}
}

func (x *client) reset() {
	if err := x.peer.reset(context.Background(), x.url); err != nil {
		x.t.Fatal(err)
	}
}

// each runs three commands, each after the same beginning.
func (x *client) each(uin int, begin func()) {
	for _, command := range []commandID{cmdList, cmdQueryStat, cmdCollect} {
		x.reset()
		begin()
		x.ask(uin, command)
		x.from = 0
	}
}

// differingCommands returns the commands with different answers, in the order in which they first differ.
func differingCommands(a, b []loggedExchange) []string {
	var values []string
	for i := range a {
		if a[i].answer != b[i].answer && !slices.Contains(values, a[i].command) {
			values = append(values, a[i].command)
		}
	}
	return values
}

// Every mutant must differ from its partner first at the command of its label, in any dialect.
func TestEachMutantDiffersAtTheCommandOfItsLabel(t *testing.T) {
	scripts := scripts()
	for _, dialect := range []*Dialect{httpQQ, MadeUp()} {
		for _, m := range append(Mutants(), MoreMutants()...) {
			if m.Equivalent {
				continue
			}
			t.Run(dialect.Name+" "+m.Name, func(t *testing.T) {
				script := scripts[m.Name]
				if script == nil {
					t.Fatal("the mutant has no script")
				}
				partner := m.PartnerConfig()
				partner.Dialect = dialect
				a, b := startClient(t, partner), startClient(t, Config{Mutant: m.Name, Dialect: dialect})
				script(a)
				script(b)
				got := differingCommands(a.log, b.log)
				if !labelFits(m, got) {
					t.Errorf("the answers to %v differ, the label says %s\n%s", got, m.Command,
						sideBySide(a.log, b.log))
				}
			})
		}
	}
}

// labelFits reports whether a label names the difference. Answers to unknown commands and to all
// requests belong to no command.
func labelFits(m Mutant, got []string) bool {
	switch {
	case len(got) == 0:
		return false
	case m.Command != "*":
		return got[0] == m.Command && len(got) < 3
	}
	return len(got) >= 3 || got[0] == "?" || m.Aspect == "transport"
}

func sideBySide(a, b []loggedExchange) string {
	var out strings.Builder
	for i := range a {
		mark := " "
		if a[i].answer != b[i].answer {
			mark = "!"
		}
		fmt.Fprintf(&out, "%s > %s\n  a %q\n  b %q\n", mark, a[i].request, a[i].answer, b[i].answer)
	}
	return out.String()
}

func TestEquivalentMutantsGiveTheSameAnswers(t *testing.T) {
	for _, m := range Mutants() {
		if !m.Equivalent {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			a, b := startClient(t, m.PartnerConfig()), startClient(t, Config{Mutant: m.Name})
			for name, script := range scripts() {
				if strings.HasPrefix(name, "lost") {
					continue
				}
				for _, x := range []*client{a, b} {
					x.log, x.drawn, x.from, x.charset = nil, 0, 0, "UTF-8"
					x.reset()
					script(x)
				}
				for i := range a.log {
					if m.Name == "lost-requests" {
						continue
					}
					if pa, pb := normalizeAnswer(a.log[i].answer), normalizeAnswer(b.log[i].answer); pa != pb {
						t.Errorf("%s: to %s\n  a %q\n  b %q", name, a.log[i].request, pa, pb)
					}
				}
			}
		})
	}
}

// normalizeAnswer returns the pairs of an answer in sorted order, without the wording of the reason and the
// time.
func normalizeAnswer(answer string) string {
	pairs := strings.Split(answer, "&")
	pairs = slices.DeleteFunc(pairs, func(p string) bool {
		return strings.HasPrefix(p, "RA=") || strings.HasPrefix(p, "TM=")
	})
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
