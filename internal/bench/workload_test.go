package bench

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

func TestTheProofIsThatOfThePassword(t *testing.T) {
	sum := md5.Sum([]byte(password))
	if got := hex.EncodeToString(sum[:]); got != proof {
		t.Errorf("the proof of %q is %s", password, got)
	}
}

func TestRequestsAreRecordsInHTTP(t *testing.T) {
	people := accountRange{first: 10001, stride: 10}
	workload := Workload{"all", []step{poll, send, pass, collect, login}}
	var got []string
	for _, task := range httpTasks(workload, 1, people, true, newLedger()) {
		head, record, _ := strings.Cut(string(task.request), "\r\n\r\n")
		if want := "POST / HTTP/1.1\r\n"; !strings.HasPrefix(head, want) {
			t.Errorf("a head without %q: %q", want, head)
		}
		got = append(got, record)
	}
	const zeros = "0000000000000000000"
	const text = "000000000000 a rookery is where penguins gather in the evening"
	want := []string{
		"VER=1.1&CMD=GetMsgEx&SEQ=" + zeros + "&UIN=10041",
		"VER=1.1&CMD=CLTMSG&SEQ=" + zeros + "&UIN=10051&UN=10061&MG=" + text,
		"VER=1.1&CMD=CLTMSG&SEQ=" + zeros + "&UIN=10051&UN=10071&MG=" + text,
		"VER=1.1&CMD=GetMsgEx&SEQ=" + zeros + "&UIN=10071",
		"VER=1.1&CMD=Login&SEQ=" + zeros + "&UIN=10041&PS=" + proof + "&M5=1&LC=9326B87B234E7235",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOnlyAConnectionPerRequestSaysThatItCloses(t *testing.T) {
	for _, keepAlive := range []bool{true, false} {
		task := httpTask(poll, 0, accountRange{first: 10001}, keepAlive, nil)
		if got := strings.Contains(string(task.request), "\r\nConnection: close\r\n"); got == keepAlive {
			t.Errorf("kept alive: %v, closes: %v", keepAlive, got)
		}
	}
}

func TestEachRequestHasAFreshSEQAndEachTextItsNumber(t *testing.T) {
	addr := serve(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	conn := newConn(addr, frameHTTP, false, time.Now().Add(patience))
	ledger := newLedger()
	task := httpTask(send, 0, accountRange{first: 10001, stride: 1}, false, ledger)
	task.want = []byte("abc")
	seqs := newClock()
	seen := map[string]bool{}
	for n := uint64(1); n <= 3; n++ {
		// The answer does not echo the SEQ, so the text is not acknowledged.
		if _, err := task.ask(conn, seqs); err == nil {
			t.Fatal("an answer to another SEQ was taken")
		}
		if numberOf(string(task.text)) != 1 {
			t.Errorf("text %q after none was acknowledged", task.text)
		}
		seen[string(task.seq)] = true
	}
	if len(seen) != 3 {
		t.Errorf("SEQs %v, want three different ones", seen)
	}
	for seq := range seen {
		if len(seq) != seqDigits || seq[0] == '0' {
			t.Errorf("SEQ %q is not long", seq)
		}
	}
	if ledger.total() != 0 {
		t.Errorf("%d were counted as acknowledged", ledger.total())
	}
}

func TestNobodyHasTwoRoles(t *testing.T) {
	people := Population{Accounts: 100, Active: 40}.crowd()
	seen := map[rookery.UIN]bool{}
	for worker := range 10 {
		for role := range roles {
			uin := people.uin(worker, role)
			if seen[uin] || uin < rookery.FirstUIN || uin >= rookery.FirstUIN+100 {
				t.Errorf("worker %d has %d as %d", worker, uin, role)
			}
			seen[uin] = true
		}
	}
}

func TestWorkloadsArePickedByTheBeginningOfTheirNames(t *testing.T) {
	got, err := ParseWorkloads([]string{"mixed", "idle poll"})
	if err != nil || len(got) != 2 || got[0].Name != "mixed day" || got[1].Name != "idle poll" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, name := range []string{"", "busy"} {
		if _, err := ParseWorkloads([]string{name}); err == nil || !strings.Contains(err.Error(), "durable send") {
			t.Errorf("%q: got %v, want an error that names them all", name, err)
		}
	}
}

func TestNineOfTenRequestsOfAMixedDayAreIdlePolls(t *testing.T) {
	w, err := ParseWorkloads([]string{"mixed day"})
	if err != nil {
		t.Fatal(err)
	}
	polls := 0
	for _, step := range w[0].cycle {
		if step == poll {
			polls++
		}
	}
	if polls*10 != len(w[0].cycle)*9 {
		t.Errorf("%d of %d", polls, len(w[0].cycle))
	}
}

func TestACollectionAwaitsTheTextBeforeIt(t *testing.T) {
	for _, workload := range Workloads() {
		var text []byte
		for i, task := range httpTasks(workload, 0, accountRange{first: 10001, stride: 1}, true, newLedger()) {
			if workload.cycle[i].collects {
				if len(text) == 0 || &task.awaits[0] != &text[0] {
					t.Errorf("%s: step %d awaits another text", workload.Name, i)
				}
			} else if task.awaits != nil {
				t.Errorf("%s: step %d awaits %q", workload.Name, i, task.awaits)
			}
			text = task.text
		}
	}
}

func TestAnXADDHoldsWhatADurableSendHolds(t *testing.T) {
	ledger := newLedger()
	task := xadd(0, accountRange{first: 10001, stride: 1}, ledger)
	want := "*7\r\n$4\r\nXADD\r\n$13\r\nmailbox:10003\r\n$1\r\n*\r\n$4\r\nfrom\r\n$5\r\n10002\r\n$4\r\ntext\r\n" +
		"$62\r\n000000000000 a rookery is where penguins gather in the evening\r\n"
	if string(task.request) != want || string(task.text) != want[len(want)-64:len(want)-2] {
		t.Errorf("got %q with the text %q", task.request, task.text)
	}
}
