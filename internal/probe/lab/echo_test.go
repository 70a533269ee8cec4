package lab_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// serveRaw answers each request with the responses that answer returns for its record and the
// earlier records of the connection.
func serveRaw(t *testing.T, answer func(record string, earlier []string) []string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				var earlier []string
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, _ := io.ReadAll(r.Body)
					if r.URL.Path != "/" {
						fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // a control URL
						continue
					}
					for _, text := range answer(string(body), earlier) {
						fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
					}
					earlier = append(earlier, string(body))
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// echoRecord returns an answer that repeats the record.
func echoRecord(record string) string { return strings.ReplaceAll(record, "= ", "=") + "&RES=0&RS=0" }

// echoesItsRequest reports whether an answer repeats the record that it answers.
func echoesItsRequest(answer *lab.Answer) bool {
	return !answer.Lost && strings.HasPrefix(answer.Text(), string(answer.Request))
}

func TestRunRejectsTheAnswerToAnEarlierRequest(t *testing.T) {
	late := true
	url := serveRaw(t, func(record string, earlier []string) []string {
		if late && strings.Contains(record, "CMD=GetMsgEx") {
			late = false
			return []string{echoRecord(earlier[len(earlier)-1]), echoRecord(record)}
		}
		return []string{echoRecord(record)}
	})
	b := newTestLab(t, parseFile(t, controlURLs), url)
	trace := b.mustRun("a Login", "a List", "a GetMsgEx", "a List")
	for i := range trace.Answers {
		if !echoesItsRequest(&trace.Answers[i]) {
			t.Errorf("step %d, %s: got the answer %q, want its echo", i+1, trace.Answers[i].Request,
				trace.Answers[i].Text())
		}
	}
	if b.TransportFaults() != 1 {
		t.Errorf("got %d transport faults, want 1", b.TransportFaults())
	}
	recorded := false
	for _, entry := range b.entries() {
		recorded = recorded || entry.Fault == "the answer of another request" && entry.Response != nil
	}
	if !recorded {
		t.Error("the transcript omits the rejected answer")
	}
}

func TestRunDiscardsBytesReceivedBeforeTheRequest(t *testing.T) {
	url := serveRaw(t, func(record string, _ []string) []string {
		return []string{echoRecord(record), "NULL"} // NULL does not show which request it answers
	})
	b := newTestLab(t, parseFile(t, controlURLs), url)
	trace := b.mustRun("a Login", "a List", "a GetMsgEx")
	for i := range trace.Answers {
		if !echoesItsRequest(&trace.Answers[i]) {
			t.Errorf("step %d, %s: got the answer %q, want its echo", i+1, trace.Answers[i].Request,
				trace.Answers[i].Text())
		}
	}
}

func TestRepeatedMarkMayGetAnotherCommandsAnswer(t *testing.T) {
	url := serveRaw(t, func(record string, earlier []string) []string {
		if strings.Contains(record, "SEQ=7") && len(earlier) > 1 {
			return []string{echoRecord(earlier[1])}
		}
		return []string{echoRecord(record)}
	})
	b := newTestLab(t, parseFile(t, controlURLs), url)
	trace := b.mustRun("a Login", "a CLTMSG SEQ=7", "a GetMsgEx SEQ=7")
	if got := trace.Answers[2]; got.Lost || !strings.Contains(got.Text(), "CMD=CLTMSG") {
		t.Errorf("got %+v, want the answer to the CLTMSG", got)
	}
}

func TestAnswerMayEchoAnyMarkOfItsRequest(t *testing.T) {
	url := serveRaw(t, func(record string, _ []string) []string { return []string{echoRecord(record)} })
	b := newTestLab(t, parseFile(t, controlURLs), url)
	// Both experiments have the same marks, so the first one makes each of them an earlier mark.
	b.mustRun("a Login", "a List", "a List", "a List", "a List")
	b.mustRun("a Login", "a List SEQ=7", "a List +SEQ=7", "a List ^SEQ=7", `a List SEQ=" {seq}"`)
	if b.TransportFaults() > 0 {
		t.Errorf("Run rejected %d answers, want 0", b.TransportFaults())
	}
}

func TestRunForbidsAnUndefinedPlace(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs+"\nplaces: [127.0.0.1]"), s.URL)
	steps := b.parseSteps("a Login")
	steps[0].Place = 1
	if _, err := b.Run(t.Context(), steps, 0); !errors.Is(err, lab.ErrForbidden) ||
		!strings.Contains(err.Error(), "place 2") {
		t.Errorf("got the error %v, want one about place 2", err)
	}
}

func TestRunStopsAfterTwoUnansweredRequests(t *testing.T) {
	url := serveRaw(t, func(string, []string) []string { return nil })
	b := newTestLab(t, parseFile(t, controlURLs), url,
		func(config *lab.Config) { config.AnswerTimeout = 50 * time.Millisecond })
	_, err := b.Run(t.Context(), b.parseSteps("a Login", "a List", "a Logout"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) || !strings.Contains(err.Error(), "answers nothing") || b.Sent() != 2 {
		t.Errorf("got %v after %d requests, want a StoppedError after 2", err, b.Sent())
	}
}
