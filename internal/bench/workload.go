package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery"
)

// accountRole is the purpose of one of a worker's accounts. Polls and sends use different accounts, so that one does
// not fill caches for the other.
type accountRole int

const (
	pollerRole  accountRole = iota // polls an empty mailbox
	senderRole                     // writes
	sinkRole                       // receives messages and never collects them
	partnerRole                    // receives messages and collects each immediately
	roleCount
)

// accountRange is a sequence of accounts with evenly spaced numbers. Each worker owns roleCount of them in a row, one
// per role.
type accountRange struct {
	first rookery.UIN
	// stride is the distance between two account numbers. A large stride keeps the accounts of a large store from
	// being neighbours on disk.
	stride rookery.UIN
}

func (ar accountRange) account(i int) rookery.UIN { return ar.first + ar.stride*rookery.UIN(i) }

func (ar accountRange) accountFor(worker int, r accountRole) rookery.UIN {
	return ar.account(worker*int(roleCount) + int(r))
}

// requestStep is one kind of request in a workload.
type requestStep struct {
	command  string
	fromRole accountRole
	// hasText is set if the request carries a text to the account with toRole.
	hasText bool
	toRole  accountRole
	// extraFields is the part of the record between UIN and the text, as "&KEY=VALUE".
	extraFields string
	// wantAnswer must occur in the answer. If wantsSentText is set, so must the text of the previous step.
	wantAnswer    string
	wantsSentText bool
}

// loginFields are the extra fields of a login of a seeded account.
const loginFields = "&PS=" + seedProof + "&M5=1&LC=9326B87B234E7235"

// Workload is a cycle of requests that each connection repeats.
type Workload struct {
	Name  string
	cycle []requestStep
}

// isDurable reports whether each request is a durable send.
func (w Workload) isDurable() bool {
	return !slices.ContainsFunc(w.cycle, func(step requestStep) bool { return !step.hasText })
}

var (
	pollStep = requestStep{command: "GetMsgEx", fromRole: pollerRole, wantAnswer: "&RES=0&MN=0&"}
	sendStep = requestStep{command: "CLTMSG", fromRole: senderRole, hasText: true, toRole: sinkRole,
		wantAnswer: "&RES=0"}
	sendToPartnerStep = requestStep{command: "CLTMSG", fromRole: senderRole, hasText: true, toRole: partnerRole,
		wantAnswer: "&RES=0"}
	collectStep = requestStep{command: "GetMsgEx", fromRole: partnerRole, wantAnswer: "&RES=0&MN=1&",
		wantsSentText: true}
	loginStep = requestStep{command: "Login", fromRole: pollerRole, extraFields: loginFields,
		wantAnswer: "&RES=0&RS=0&"}
)

// Names of the workloads that have targets.
const (
	idlePoll    = "idle poll"
	durableSend = "durable send"
)

// Workloads returns all workloads in the order of the report.
func Workloads() []Workload {
	return []Workload{
		{idlePoll, []requestStep{pollStep}},
		{durableSend, []requestStep{sendStep}},
		{"send then collect", []requestStep{sendToPartnerStep, collectStep}},
		{"login", []requestStep{loginStep}},
		{"mixed day", append([]requestStep{sendToPartnerStep, collectStep},
			slices.Repeat([]requestStep{pollStep}, 18)...)},
	}
}

// ParseWorkloads returns the workloads with the given names, in that order. A prefix of a name selects the first
// workload that begins with it. An unknown name is an error.
func ParseWorkloads(names []string) ([]Workload, error) {
	all := Workloads()
	var picked []Workload
	for _, name := range names {
		i := slices.IndexFunc(all, func(workload Workload) bool {
			return name != "" &&
				strings.HasPrefix(workload.Name, name)
		})
		if i < 0 {
			return nil, fmt.Errorf("no workload is called %q; there are: %s", name,
				strings.Join(workloadNames(all), "; "))
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}

func workloadNames(all []Workload) []string {
	var names []string
	for _, workload := range all {
		names = append(names, workload.Name)
	}
	return names
}

// seedPassword is the password of all seeded accounts. seedProof is its MD5 as clients send it.
const (
	seedPassword = "rookery bench"
	seedProof    = "bf3f3ae583e05cb6ea0c9e8b3990df53"
)

const (
	// seqDigits is the length of SEQs. It fits the nanoseconds of seqSource, and the server remembers SEQs of this
	// length for the maximum time.
	seqDigits = 19
	// numberDigits is the length of the number at the beginning of a text. The number counts the messages from
	// one sender to one receiver, from 1.
	numberDigits = 12
	textFiller   = " a rookery is where penguins gather in the evening"
	textBytes    = numberDigits + len(textFiller)
)

// requestTask is a step prepared for one worker. Only the SEQ and the text change between requests.
type requestTask struct {
	requestBytes []byte
	// seq and text are the parts of requestBytes that are overwritten before each request; nil if there are none.
	seq, text  []byte
	wantAnswer []byte
	// wantText, if not nil, must also occur in the answer. It is the text of another task of the same worker, so it
	// is always the text that was sent last.
	wantText []byte
	// acknowledged is the ledger's count of acknowledged texts; nil if the task sends none.
	acknowledged *uint64
}

// newHTTPTasks prepares a workload's cycle for one worker.
func newHTTPTasks(workload Workload, worker int, accounts accountRange, keepAlive bool, l *ledger) []*requestTask {
	tasks := map[requestStep]*requestTask{}
	var cycle []*requestTask
	var text []byte
	for _, step := range workload.cycle {
		task, known := tasks[step]
		if !known {
			task = newHTTPTask(step, worker, accounts, keepAlive, l)
			tasks[step] = task
		}
		if step.hasText {
			text = task.text
		}
		if step.wantsSentText {
			task.wantText = text
		}
		cycle = append(cycle, task)
	}
	return cycle
}

// newHTTPTask prepares a step as a complete HTTP request. l may be nil if the step has no text.
func newHTTPTask(s requestStep, worker int, accounts accountRange, keepAlive bool, l *ledger) *requestTask {
	sender, receiver := accounts.accountFor(worker, s.fromRole), accounts.accountFor(worker, s.toRole)
	seq := strings.Repeat("0", seqDigits)
	before := "VER=1.1&CMD=" + s.command + "&SEQ="
	after := "&UIN=" + sender.String() + s.extraFields
	if s.hasText {
		after += "&UN=" + receiver.String() + "&MG=" + strings.Repeat("0", numberDigits) + textFiller
	}
	length := len(before) + len(seq) + len(after)

	var data []byte
	data = append(data, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain; charset=UTF-8\r\n"...)
	data = fmt.Appendf(data, "Content-Length: %d\r\n", length)
	if !keepAlive {
		data = append(data, "Connection: close\r\n"...)
	}
	data = append(data, "\r\n"...)
	data = append(data, before...)
	seqOffset := len(data)
	data = append(data, seq...)
	data = append(data, after...)

	t := &requestTask{requestBytes: data, seq: data[seqOffset : seqOffset+seqDigits], wantAnswer: []byte(s.wantAnswer)}
	if s.hasText {
		t.text = data[len(data)-textBytes:]
		t.acknowledged = l.counterOf(sender, receiver)
	}
	return t
}

// writeDigits fills dst with the decimal digits of n and leading zeros.
func writeDigits(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}
