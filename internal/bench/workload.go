package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery"
)

// role says what an account of a worker is for. Pollers and senders are
// different accounts: what one does must not warm anything for the other.
type role int

const (
	poller  role = iota // asks and never has anything waiting
	sender              // writes
	sink                // is written to and never collects
	partner             // is written to and collects at once
	roles
)

// accountRange gives every worker its accounts, one for each role.
type accountRange struct {
	first rookery.UIN
	// stride is the distance between two of them, so that in a large store
	// they are no neighbours on the disk.
	stride rookery.UIN
}

func (c accountRange) member(i int) rookery.UIN { return c.first + c.stride*rookery.UIN(i) }

func (c accountRange) uin(worker int, r role) rookery.UIN {
	return c.member(worker*int(roles) + int(r))
}

// step is one kind of request.
type step struct {
	command string
	from    role
	// writes: it carries a text to the account of the role to.
	writes bool
	to     role
	// fields are those between UIN and the text.
	fields string
	// want is what its answer holds. If it collects, the answer also holds the
	// text of the step before.
	want     string
	collects bool
}

const loginFields = "&PS=" + proof + "&M5=1&LC=9326B87B234E7235"

// Workload is what each connection does, over and over.
type Workload struct {
	Name  string
	cycle []step
}

var (
	poll    = step{command: "GetMsgEx", from: poller, want: "&RES=0&MN=0&"}
	send    = step{command: "CLTMSG", from: sender, writes: true, to: sink, want: "&RES=0"}
	pass    = step{command: "CLTMSG", from: sender, writes: true, to: partner, want: "&RES=0"}
	collect = step{command: "GetMsgEx", from: partner, want: "&RES=0&MN=1&", collects: true}
	login   = step{command: "Login", from: poller, fields: loginFields, want: "&RES=0&RS=0&"}
)

// Names of the workloads that targets are about.
const (
	idlePoll    = "idle poll"
	durableSend = "durable send"
)

// Workloads are all that there are, in the order of the table.
func Workloads() []Workload {
	return []Workload{
		{idlePoll, []step{poll}},
		{durableSend, []step{send}},
		{"send then collect", []step{pass, collect}},
		{"login", []step{login}},
		{"mixed day", append([]step{pass, collect}, slices.Repeat([]step{poll}, 18)...)},
	}
}

// ParseWorkloads picks workloads by the beginnings of their names.
func ParseWorkloads(names []string) ([]Workload, error) {
	all := Workloads()
	var picked []Workload
	for _, name := range names {
		i := slices.IndexFunc(all, func(workload Workload) bool { return name != "" && strings.HasPrefix(workload.Name, name) })
		if i < 0 {
			return nil, fmt.Errorf("no workload is called %q; there are: %s", name, strings.Join(workloadNames(all), "; "))
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

// password is that of every account that is seeded, proof its MD5 as clients
// send it.
const (
	password = "rookery bench"
	proof    = "bf3f3ae583e05cb6ea0c9e8b3990df53"
)

const (
	// seqDigits make a SEQ long: one that is remembered for its full time.
	seqDigits = 19
	// numberDigits begin a text: how many the sender had sent to this receiver,
	// with it.
	numberDigits = 12
	filler       = " a rookery is where penguins gather in the evening"
	textBytes    = numberDigits + len(filler)
)

// task is a step made ready for one worker: bytes of which only SEQ and text
// change from one sending to the next.
type task struct {
	request []byte
	// seq and text are parts of request, nil where the request has none.
	seq, text []byte
	want      []byte
	// awaits is what the answer must hold too: a part of another task's request.
	awaits []byte
	// stored counts what was acknowledged of the texts sent, nil if it sends
	// none.
	stored *uint64
}

// httpTasks makes a workload's cycle ready for one worker.
func httpTasks(workload Workload, worker int, accounts accountRange, keepAlive bool, l *ledger) []*task {
	made := map[step]*task{}
	var cycle []*task
	var text []byte
	for _, step := range workload.cycle {
		task, known := made[step]
		if !known {
			task = httpTask(step, worker, accounts, keepAlive, l)
			made[step] = task
		}
		if step.writes {
			text = task.text
		}
		if step.collects {
			task.awaits = text
		}
		cycle = append(cycle, task)
	}
	return cycle
}

func httpTask(s step, worker int, accounts accountRange, keepAlive bool, l *ledger) *task {
	from, to := accounts.uin(worker, s.from), accounts.uin(worker, s.to)
	seq := strings.Repeat("0", seqDigits)
	before := "VER=1.1&CMD=" + s.command + "&SEQ="
	after := "&UIN=" + from.String() + s.fields
	if s.writes {
		after += "&UN=" + to.String() + "&MG=" + strings.Repeat("0", numberDigits) + filler
	}
	length := len(before) + len(seq) + len(after)

	var b []byte
	b = append(b, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain; charset=UTF-8\r\n"...)
	b = fmt.Appendf(b, "Content-Length: %d\r\n", length)
	if !keepAlive {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, before...)
	at := len(b)
	b = append(b, seq...)
	b = append(b, after...)

	t := &task{request: b, seq: b[at : at+seqDigits], want: []byte(s.want)}
	if s.writes {
		t.text = b[len(b)-textBytes:]
		t.stored = l.entry(from, to)
	}
	return t
}

// putDigits writes a number over dst, in all of its places.
func putDigits(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}
