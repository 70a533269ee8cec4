package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/client"
)

func TestATemporaryFailureIsRetriedWithTheSameSEQ(t *testing.T) {
	seqs := map[string]int{}
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		conn.answerUntilClosed(func(record *receivedRecord) {
			seqs[record.value("SEQ")]++
			if seqs[record.value("SEQ")] < 4 {
				conn.answer(record, "4&RA=the disk is full")
				return
			}
			conn.answer(record, "0")
		})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		began := time.Now()
		if err := messenger.Send(t.Context(), 10002, "hello"); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); len(seqs) != 1 || took < 1500*time.Millisecond || took > 4*time.Second {
			t.Errorf("asked with %v, for %v", seqs, took)
		}
		for seq := range seqs {
			if len(seq) < 16 {
				t.Errorf("SEQ=%s is easily drawn twice", seq)
			}
		}
	})
}

func TestAnExpiredSessionIsRenewed(t *testing.T) {
	seqs := map[string]int{}
	logins := 0
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		for record := conn.readRecord(); record != nil; record = conn.readRecord() {
			switch record.value("CMD") {
			case "Login":
				logins++
				conn.answerCommon(record)
			case "CLTMSG":
				seqs[record.value("SEQ")]++
				if logins == 1 {
					conn.answer(record, "20")
				} else {
					conn.answer(record, "0")
				}
			}
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		if err := messenger.Send(t.Context(), 10002, "hello"); err != nil || len(seqs) != 1 || logins != 2 {
			t.Errorf("%v; asked with %v, %d logins", err, seqs, logins)
		}
	})
}

func TestAChangedPasswordClosesTheClient(t *testing.T) {
	server := &scriptedServer{handleConn: func(n int, conn *scriptedConn) {
		for record := conn.readRecord(); record != nil; record = conn.readRecord() {
			switch {
			case record.value("CMD") == "Login" && n == 0:
				conn.answerCommon(record)
			case record.value("CMD") == "Login":
				conn.answer(record, "0&RS=1&RA=Password error")
			default:
				conn.answer(record, "20")
			}
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		if err := messenger.Send(t.Context(), 10002, "hello"); !errors.Is(err, client.ErrPassword) {
			t.Errorf("Send returns %v", err)
		}
		var events []client.Event
		for event := range messenger.Events(t.Context()) {
			events = append(events, event)
		}
		last, ok := events[len(events)-1].(client.State)
		if !ok || !errors.Is(last.Err, client.ErrPassword) || !last.RetryAt.IsZero() || last != messenger.State() {
			t.Errorf("the events are %+v", events)
		}
	})
}

// historyAnswer is an answer to History with one own message.
func historyAnswer(number, text string) string {
	return "0&FN=1&SN=1&ID=" + number + ",&TM=1218196800,&MT=19,&UN=10002,&MG=" + text + ","
}

func TestAMessageUnansweredForLongIsSearchedInTheHistory(t *testing.T) {
	for name, test := range map[string]struct {
		history string
		asked   int // how often the message is sent
	}{
		"it is there":                  {historyAnswer("8", "hello %26 bye"), 1},
		"it is not there":              {historyAnswer("8", "something else"), 2},
		"only an earlier one is there": {historyAnswer("7", "hello %26 bye"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			var seqs []string
			server := &scriptedServer{
				handleConn: func(n int, conn *scriptedConn) {
					for record := conn.readRecord(); record != nil; record = conn.readRecord() {
						switch {
						case record.value("CMD") == "CLTMSG":
							if seqs = append(seqs, record.value("SEQ")); n == 0 {
								return // closes the connection without an answer
							}
							conn.answer(record, "0")
						case record.value("CMD") == "History" && n > 0 && record.value("TN") != "1":
							conn.answer(record, test.history)
						case record.value("CMD") == "History":
							conn.answer(record, historyAnswer("7", "before"))
						default:
							conn.answerCommon(record)
						}
					}
				},
				refusesConn: func(n int) bool { return 0 < n && n < 15 }, // for more than 100 s
			}
			withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
				if err := messenger.Send(t.Context(), 10002, "hello & bye"); err != nil {
					t.Error(err)
				}
				if len(seqs) != test.asked || seqs[0] != seqs[len(seqs)-1] {
					t.Errorf("it was sent with %v", seqs)
				}
			}, client.Device("d"))
		})
	}
}

func TestAMessageWithUnknownOutcomeIsNotSentAgain(t *testing.T) {
	for name, opts := range map[string][]client.Option{
		"an address session has no history":                             nil,
		"the same words were sent before, so the history tells nothing": {client.Device("d")},
	} {
		t.Run(name, func(t *testing.T) {
			sent := 0
			server := &scriptedServer{
				handleConn: func(_ int, conn *scriptedConn) {
					for record := conn.readRecord(); record != nil; record = conn.readRecord() {
						if record.value("CMD") == "CLTMSG" {
							if sent++; sent == 2 {
								return
							}
							conn.answer(record, "0")
							continue
						}
						conn.answerCommon(record)
					}
				},
				refusesConn: func(n int) bool { return 0 < n && n < 15 },
			}
			withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
				if err := messenger.Send(t.Context(), 10002, "hello"); err != nil {
					t.Error(err)
				}
				if err := messenger.Send(t.Context(), 10002, "hello"); !errors.Is(err, client.ErrTemporary) ||
					sent != 2 {
					t.Errorf("sent %d times, with %v", sent, err)
				}
				if err := messenger.Send(t.Context(), 10002, "something else"); err != nil || sent != 3 {
					t.Errorf("after it, sent %d times, with %v", sent, err)
				}
			}, opts...)
		})
	}
}

func TestCancellingTheContextEndsARequest(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int,
		conn *scriptedConn) {
		conn.answerUntilClosed(func(*receivedRecord) {})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := messenger.Send(ctx, 10002, "hello")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrTemporary) ||
			time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if !messenger.State().Connected {
			t.Errorf("one request's end has ended the connection: %+v", messenger.State())
		}
	})
}

func TestCloseEndsRequestsAndLoops(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int,
		conn *scriptedConn) {
		conn.answerUntilClosed(func(*receivedRecord) {})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		sent, heard := make(chan error, 1), make(chan struct{})
		go func() { sent <- messenger.Send(t.Context(), 10002, "hello") }()
		go func() {
			for range messenger.Events(t.Context()) {
				t.Error("an event")
			}
			close(heard)
		}()
		synctest.Wait()
		messenger.Close()
		<-heard
		if err := <-sent; !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send returns %v", err)
		}
		if err := messenger.Send(t.Context(), 10002, "hello"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("afterwards Send returns %v", err)
		}
		for range messenger.Messages(t.Context()) {
			t.Error("a message")
		}
	})
}

func TestAnswersAreMatchedBySEQ(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		var first *receivedRecord
		conn.answerUntilClosed(func(record *receivedRecord) {
			if first == nil {
				first = record
				return
			}
			// An answer without a request, both answers out of order, and one repeated.
			conn.writeLine("VER=1.4&CMD=CLTMSG&SEQ=0&UIN=10001&RES=3")
			conn.answer(record, "0")
			conn.answer(record, "5&RA=again")
			conn.answer(first, "3&RA=refused")
		})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		first := make(chan error, 1)
		go func() { first <- messenger.Send(t.Context(), 10002, "one") }()
		synctest.Wait()
		if err := messenger.Send(t.Context(), 10003, "two"); err != nil {
			t.Error(err)
		}
		if err := <-first; !errors.Is(err, client.ErrRefused) {
			t.Error(err)
		}
	})
}
