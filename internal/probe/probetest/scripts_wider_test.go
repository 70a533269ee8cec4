package probetest

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"
)

// widerScripts returns the exchanges for the mutants in mutants_wider.go.
func widerScripts() map[string]func(x *client) {
	write := func(x *client, words string) { x.ask(10001, cmdMessage, keyTarget, 10002, keyText, words) }
	proof := func(kind proofKind, words string) func(x *client) {
		return func(x *client) { x.ask(10001, cmdLogin, keyPassword, words, keyProof, x.d.Proofs[kind]) }
	}
	text := func(words string) func(x *client) {
		return func(x *client) { x.login(10001, 10002); write(x, words); x.ask(10002, cmdCollect) }
	}
	messages := func(number int, to ...int) func(x *client) {
		return func(x *client) {
			x.login(append([]int{10001}, to...)...)
			for i := range number {
				write(x, "number "+formatUIN(uint32(i)))
			}
			x.login(10002)
			x.ask(10002, cmdCollect)
			x.ask(10002, cmdCollect)
		}
	}
	marks := func(first, second string) func(x *client) {
		return func(x *client) {
			x.login(10001, 10002)
			for _, x.seq = range []string{first, second} {
				write(x, "hello")
			}
			x.ask(10002, cmdCollect)
		}
	}
	again := func(number int, command commandID) func(x *client) {
		return func(x *client) {
			x.login(10001)
			for range number {
				x.ask(10001, command)
			}
		}
	}
	return map[string]func(x *client){
		"password-last-ignored":    proof(proofPlain, "12345x"),
		"md5-and-more-passes":      proof(proofMD5, passwordMD5+"0"),
		"password-zero-before":     proof(proofPlain, "0"+password),
		"list-tn-wraps":            lists(cmdList, keyMaxCount, 65537),
		"getinfo-un-wraps":         lists(cmdGetInfo, keyTarget, 1<<32+10001),
		"text-cut-at-200":          text(strings.Repeat("中", 67)),
		"text-limit-in-characters": text(strings.Repeat("中", 1334)),
		"query-stat-stale": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdQueryStat)
			x.login(10002)
			x.ask(10001, cmdQueryStat)
		},
		"list-stale": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdList)
			x.ask(10001, cmdDelFromList, keyTarget, 10002)
			x.ask(10001, cmdList)
		},
		"mailbox-of-64":          messages(70, 10002),
		"away-mailbox-of-20":     messages(25),
		"full-batch-loses-one":   messages(60, 10002),
		"order-wrong-beyond-30":  messages(35, 10002),
		"each-16th-message-lost": messages(16, 10002),
		"each-25th-list-refused": again(25, cmdList),
		"at-most-10-messages":    func(x *client) { messages(11, 10002)(x); x.log = x.log[:len(x.log)-2] },
		"at-most-30-lists":       again(31, cmdList),
		"mail-for-an-hour": func(x *client) {
			x.login(10001)
			write(x, "hello")
			x.wait(3600)
			x.login(10002)
			x.ask(10002, cmdCollect)
		},
		"request-until-midnight": func(x *client) {
			x.login(10001)
			x.ack(10001, 10003, choiceAsk)
			x.wait(86400)
			x.login(10003)
			x.ack(10003, 10001, choiceAccept)
		},
		"status-for-a-minute": func(x *client) {
			x.login(10001, 10002)
			x.status(10002, statusAway)
			x.wait(60)
			x.ask(10001, cmdQueryStat)
		},
		"two-at-once-swapped":    twoAtOnce,
		"two-at-once-one-answer": twoAtOnce,
		"seq-by-8":               marks("mark-one-1", "mark-one-2"),
		"seq-any-case":           marks("mark-one", "MARK-ONE"),
		"list-skips-65th":        lists(cmdList),
		"query-stat-unordered":   lists(cmdQueryStat),
		"first-list-empty":       again(1, cmdList),
		"first-collection-empty": text("hello"),
	}
}

// twoAtOnce sends two requests in one write and records the answers.
func twoAtOnce(x *client) {
	x.login(10001)
	conn, err := net.Dial("tcp", strings.Trim(x.url, "htp:/"))
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	var out strings.Builder
	for _, connection := range []string{"keep-alive", "close"} {
		body := x.d.joinPairs(x.d.formatPairs(x.question(10001, cmdList)))
		fmt.Fprintf(&out,
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: "+
				"%d\r\nConnection: %s\r\n\r\n%s",
			len(body), connection, body)
	}
	io.WriteString(conn, out.String())
	all, err := io.ReadAll(conn)
	if err != nil {
		x.t.Fatal(err)
	}
	answers := regexp.MustCompile(`70000\d`).FindAllString(string(all), -1) // the SEQs
	x.logExchange(cmdList, out.String(), strings.Join(answers, " "))
}
