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
	sum := md5.Sum([]byte(seedPassword))
	if measured := hex.EncodeToString(sum[:]); measured != seedProof {
		t.Errorf("the proof of %q is %s", seedPassword, measured)
	}
}

func TestRequestsAreRecordsInHTTP(t *testing.T) {
	accounts := accountRange{first: 10001, stride: 10}
	workload := Workload{"all", []requestStep{pollStep, sendStep, sendToPartnerStep, collectStep, loginStep}}
	var measured []string
	for _, task := range newHTTPTasks(workload, 1, accounts, true, newLedger()) {
		head, record, _ := strings.Cut(string(task.requestBytes), "\r\n\r\n")
		if wanted := "POST / HTTP/1.1\r\n"; !strings.HasPrefix(head, wanted) {
			t.Errorf("a head without %q: %q", wanted, head)
		}
		measured = append(measured, record)
	}
	const zeros = "0000000000000000000"
	const text = "000000000000 a rookery is where penguins gather in the evening"
	wanted := []string{
		"VER=1.1&CMD=GetMsgEx&SEQ=" + zeros + "&UIN=10041",
		"VER=1.1&CMD=CLTMSG&SEQ=" + zeros + "&UIN=10051&UN=10061&MG=" + text,
		"VER=1.1&CMD=CLTMSG&SEQ=" + zeros + "&UIN=10051&UN=10071&MG=" + text,
		"VER=1.1&CMD=GetMsgEx&SEQ=" + zeros + "&UIN=10071",
		"VER=1.1&CMD=Login&SEQ=" + zeros + "&UIN=10041&PS=" + seedProof + "&M5=1&LC=9326B87B234E7235",
	}
	if !slices.Equal(measured, wanted) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(measured, "\n"), strings.Join(wanted, "\n"))
	}
}

func TestOnlyAConnectionPerRequestSaysThatItCloses(t *testing.T) {
	for _, keepAlive := range []bool{true, false} {
		task := newHTTPTask(pollStep, 0, accountRange{first: 10001}, keepAlive, nil)
		if measured := strings.Contains(string(task.requestBytes), "\r\nConnection: close\r\n"); measured == keepAlive {
			t.Errorf("kept alive: %v, closes: %v", keepAlive, measured)
		}
	}
}

func TestEachRequestHasAFreshSEQAndEachTextItsNumber(t *testing.T) {
	addr := serve(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	conn := newClientConn(addr, frameHTTPAnswer, false, time.Now().Add(answerTimeout))
	ledger := newLedger()
	task := newHTTPTask(sendStep, 0, accountRange{first: 10001, stride: 1}, false, ledger)
	task.wantAnswer = []byte("abc")
	seqs := newSEQSource()
	seen := map[string]bool{}
	for n := uint64(1); n <= 3; n++ {
		// The answer does not echo the SEQ, so the text is not acknowledged.
		if _, err := task.sendAndCheck(conn, seqs); err == nil {
			t.Fatal("an answer to another SEQ was taken")
		}
		if messageNumber(string(task.text)) != 1 {
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
	accounts := Population{Accounts: 100, Active: 40}.activeAccounts()
	seen := map[rookery.UIN]bool{}
	for worker := range 10 {
		for role := range roleCount {
			uin := accounts.accountFor(worker, role)
			if seen[uin] || uin < rookery.FirstUIN || uin >= rookery.FirstUIN+100 {
				t.Errorf("worker %d has %d as %d", worker, uin, role)
			}
			seen[uin] = true
		}
	}
}

func TestWorkloadsArePickedByTheBeginningOfTheirNames(t *testing.T) {
	measured, err := ParseWorkloads([]string{"mixed", "idle poll"})
	if err != nil || len(measured) != 2 || measured[0].Name != "mixed day" || measured[1].Name != "idle poll" {
		t.Errorf("got %v, %v", measured, err)
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
		if step == pollStep {
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
		for i, task := range newHTTPTasks(workload, 0, accountRange{first: 10001, stride: 1}, true, newLedger()) {
			if workload.cycle[i].wantsSentText {
				if len(text) == 0 || &task.wantText[0] != &text[0] {
					t.Errorf("%s: step %d awaits another text", workload.Name, i)
				}
			} else if task.wantText != nil {
				t.Errorf("%s: step %d awaits %q", workload.Name, i, task.wantText)
			}
			text = task.text
		}
	}
}

func TestAnXADDHoldsWhatADurableSendHolds(t *testing.T) {
	ledger := newLedger()
	task := newXAddTask(0, accountRange{first: 10001, stride: 1}, ledger)
	wanted := "*7\r\n$4\r\nXADD\r\n$13\r\nmailbox:10003\r\n$1\r\n*\r\n$4\r\nfrom\r\n$5\r\n10002\r\n$4\r\ntext\r\n" +
		"$62\r\n000000000000 a rookery is where penguins gather in the evening\r\n"
	if string(task.requestBytes) != wanted || string(task.text) != wanted[len(wanted)-64:len(wanted)-2] {
		t.Errorf("got %q with the text %q", task.requestBytes, task.text)
	}
}
