package client_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/client"
)

// collectEventsUntil returns the events up to the first one for which last is true.
func collectEventsUntil(t testing.TB, messenger *client.Client, last func(client.Event) bool) []client.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var events []client.Event
	for event := range messenger.Events(ctx) {
		if events = append(events, event); last(event) {
			return events
		}
	}
	t.Fatalf("what is waited for does not come; there are %+v", events)
	return nil
}

func TestFriendsStatusesArrive(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		server.befriend(10001, 10002)
		alice, bob := server.dial(scheme, 10001), server.dial("http", 10002)
		for _, status := range []client.Status{client.StatusAway, client.StatusTalkToMe, client.StatusInvisible} {
			if err := bob.SetStatus(t.Context(), status); err != nil {
				t.Fatal(err)
			}
		}
		collectEventsUntil(t, alice, func(event client.Event) bool {
			return event == client.Presence{Friend: 10002, Status: client.StatusOffline}
		})
	})
}

func TestSentMessagesAndReadMarksReachOtherDevices(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	phone := server.dial("qq", 10001, client.Device("phone"))
	tablet := server.dial("ws", 10001, client.Device("tablet"))
	desk := server.dial("http", 10001, client.Device("desk"))
	if err := phone.Send(t.Context(), 10002, "from my phone"); err != nil {
		t.Fatal(err)
	}
	for _, messenger := range []*client.Client{tablet, desk} {
		message := receive(t, messenger, 1)[0]
		if !message.IsOutgoing() || message.Peer != 10002 || message.Text != "from my phone" || message.Number == 0 {
			t.Errorf("%v: the own words are %+v", messenger, message)
		}
	}
	history, err := desk.History(t.Context(), client.HistoryQuery{Peer: 10002})
	if err != nil || len(history.Messages) != 1 || !history.IsLastPage || history.ReadUpTo != 0 {
		t.Fatalf("the history is %+v, %v", history, err)
	}
	number := history.Messages[0].Number
	if err := desk.MarkRead(t.Context(), 10002, number); err != nil {
		t.Fatal(err)
	}
	for _, messenger := range []*client.Client{phone, tablet} {
		collectEventsUntil(t, messenger,
			func(event client.Event) bool { return event == client.ReadMark{Peer: 10002, Number: number} })
	}
	if history, err = phone.History(t.Context(), client.HistoryQuery{Peer: 10002, Text: "PHONE"}); err != nil ||
		history.ReadUpTo != number || len(history.Messages) != 1 {
		t.Errorf("the history is %+v, %v", history, err)
	}
}

// Only Events yields the account's own messages and the notices about friendships, so a
// program that answers every message from Messages answers none of those.
func TestMessagesYieldsOnlyMessagesOfOthers(t *testing.T) {
	for _, scheme := range []string{"qq", "ws", "http"} {
		t.Run(scheme, func(t *testing.T) {
			server := newTestServer(t, 10001, 10002, 10003)
			messenger := server.dial(scheme, 10001, client.Device("here"))
			other, friend := server.dial("http", 10001, client.Device("there")), server.dial("http", 10003)
			for _, err := range []error{
				other.Send(t.Context(), 10002, "own words from another device"),
				other.Send(t.Context(), 10001, "a note from another device"),
				messenger.Send(t.Context(), 10001, "a note"),
				friend.RequestFriendship(t.Context(), 10001, "a friend request"),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			server.sendDirectly(10002, 10001, "a message")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for message := range messenger.Messages(ctx) {
				if message.Text != "a message" || message.Peer != 10002 {
					t.Errorf("a message of others is %+v", message)
				}
				break
			}
			if ctx.Err() != nil {
				t.Error("no message came")
			}
			// The message is not consumed yet. Everything before it is.
			for event := range messenger.Events(ctx) {
				if message, ok := event.(client.Message); ok {
					if message.Text != "a message" {
						t.Errorf("%+v comes again", message)
					}
					break
				}
			}
		})
	}
}

func TestAnUnconsumedMessageIsDeliveredAgain(t *testing.T) {
	for _, scheme := range []string{"qq", "ws"} {
		t.Run(scheme, func(t *testing.T) {
			server := newTestServer(t, 10001, 10002)
			server.sendDirectly(10002, 10001, "one", "two", "three")
			messenger := server.dial(scheme, 10001, client.Device("d"))
			leaveAt := func(messenger *client.Client, text string) (got []string) {
				for message := range messenger.Messages(t.Context()) {
					if got = append(got, message.Text); message.Text == text {
						break
					}
				}
				return got
			}
			expectEqual(t, "the first loop", leaveAt(messenger, "one"), []string{"one"})
			expectEqual(t, "the second loop", leaveAt(messenger, "two"), []string{"one", "two"})
			messenger.Close()
			messenger = server.dial(scheme, 10001, client.Device("d"))
			expectEqual(t, "another program", textsOf(receive(t, messenger, 2)), []string{"two", "three"})
			messenger.Close()
			server.sendDirectly(10002, 10001, "four")
			messenger = server.dial(scheme, 10001, client.Device("d"))
			expectEqual(t, "and one more", textsOf(receive(t, messenger, 1)), []string{"four"})
		})
	}
}

func TestAMessageIsConfirmedAfterItIsConsumed(t *testing.T) {
	var confirmed []string
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		for i := range 3 {
			conn.writeLine(pushedText, i+7, fmt.Sprintf("message %%25 %d", i))
		}
		conn.answerUntilClosed(func(record *receivedRecord) { confirmed = append(confirmed, record.line) })
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		taken := 0
		confirmation := func() string {
			return fmt.Sprintf("VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=10001&RES=0", taken+6)
		}
		for message := range messenger.Messages(ctx) {
			synctest.Wait()
			if taken > 0 && !slices.Contains(confirmed, confirmation()) {
				t.Errorf("message %d was taken, confirmed are %q", taken, confirmed)
			}
			if message.Text != fmt.Sprintf("message %% %d", taken) || message.Number != uint64(taken+7) {
				t.Errorf("message %d is %+v", taken, message)
			}
			if taken++; slices.Contains(confirmed, confirmation()) {
				t.Errorf("message %d is not taken, confirmed are %q", taken, confirmed)
			}
			if taken == 3 {
				cancel()
			}
		}
		synctest.Wait()
		if len(confirmed) == 0 || confirmed[len(confirmed)-1] != confirmation() {
			t.Errorf("confirmed are %q", confirmed)
		}
	})
}

// If a confirmation is lost, the server pushes the message again. It pushes slowly until
// it knows that the client confirms.
func TestARepeatedPushIsConfirmedAgain(t *testing.T) {
	var confirmed []string
	server := &scriptedServer{handleConn: func(n int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		if n == 0 {
			conn.writeLine(pushedText, 7, "message")
			conn.readRecord() // the lost confirmation
			return
		}
		conn.readRecord() // the confirmation on the new connection
		conn.writeLine(pushedText, 7, "message")
		conn.answerUntilClosed(func(record *receivedRecord) { confirmed = append(confirmed, record.value("SEQ")) })
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		seen := 0
		for range messenger.Messages(ctx) {
			seen++
		}
		synctest.Wait()
		if seen != 1 || !slices.Equal(confirmed, []string{"7"}) {
			t.Errorf("seen %d times, confirmed again are %q", seen, confirmed)
		}
	})
}

// Each client consumes its message just before it closes.
func TestConsumedMessagesAreConfirmedBeforeClose(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	for i := range 20 {
		messenger := server.dial("qq", 10001, client.Device("d"))
		text := fmt.Sprintf("message %d", i)
		server.sendDirectly(10002, 10001, text)
		expectEqual(t, "arrived", textsOf(receive(t, messenger, 1)), []string{text})
		messenger.Close()
	}
}

func TestCloseEndsTheLoopAndConfirmsConsumedMessages(t *testing.T) {
	var said []string
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		for i := range 3 {
			conn.writeLine(pushedText, i+1, "message")
		}
		for record := conn.readRecord(); record != nil; record = conn.readRecord() {
			said = append(said, record.value("CMD")+" "+record.value("SEQ")[:1])
			conn.answerCommon(record)
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		synctest.Wait()
		taken := 0
		for range messenger.Messages(t.Context()) {
			if taken++; taken == 2 {
				messenger.Close()
			}
		}
		server.goroutines.Wait()
		// The answer to List proves that the confirmation has arrived.
		if n := len(said); taken != 2 || n < 2 || said[n-2] != "Server_Msg 1" || !strings.HasPrefix(said[n-1], "List") {
			t.Errorf("%d were taken, the server has heard %q", taken, said)
		}
	})
}

func TestASlowProgramReceivesEveryMessageWithBoundedMemory(t *testing.T) {
	const messages = 2*client.MaxQueuedMessages + 500
	var confirmed atomic.Int64
	server := &scriptedServer{handleConn: func(n int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		for i := int(confirmed.Load()) + 1; i < messages; i++ {
			conn.writeLine(pushedText, i, fmt.Sprint(i))
		}
		if n > 0 {
			conn.writeLine(pushedText, messages, "the last")
		}
		conn.answerUntilClosed(func(record *receivedRecord) {
			if n, err := strconv.ParseInt(record.value("SEQ"), 10, 64); err == nil &&
				record.value("CMD") == "Server_Msg" {
				if confirmed.Swap(n) == 0 {
					// The queue has room now, but earlier messages were dropped.
					conn.writeLine(pushedText, messages, "the last")
				}
			}
		})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		synctest.Wait() // everything was pushed, nothing is consumed
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		taken := 0
		for message := range messenger.Messages(ctx) {
			if taken++; message.Number != uint64(taken) {
				t.Fatalf("message %d has the number %d", taken, message.Number)
			}
			if taken == messages {
				cancel()
			}
		}
		if len(server.dialedAt) < 2 {
			t.Error("all came over one connection, and nobody took it")
		}
	})
}

func TestOnlyTheLatestPendingStatusIsYielded(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		for i := range 100 {
			conn.writeLine("VER=1.4&CMD=update_stat&SEQ=%d&UIN=10001&RES=0&ST=%d&UN=%d", i, 10+20*(i%2), 10002+i%3)
			conn.writeLine("VER=1.4&CMD=read_mark&SEQ=%d&UIN=10001&RES=0&UN=10002&ID=%d", i, i)
		}
		// Invalid pushes.
		conn.writeLine("VER=1.4&CMD=update_stat&SEQ=1&UIN=10009&RES=0&ST=10&UN=10002")
		conn.writeLine("VER=1.4&CMD=update_stat&SEQ=1&UIN=10001&RES=0&ST=x&UN=10002")
		conn.writeLine("VER=1.4&CMD=Server_Msg&SEQ=x&UIN=10001&RES=0&MN=1&MT=9&UN=10002&MG=x")
		conn.writeLine("VER=1.4&CMD=unheard_of&SEQ=1&UIN=10001&RES=0")
		conn.writeLine("what is this?")
		conn.answerUntilClosed(func(*receivedRecord) {})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var events []string
		for event := range messenger.Events(ctx) {
			events = append(events, fmt.Sprintf("%+v", event))
		}
		expectEqual(t, "the events", events, []string{
			"{Friend:10003 Status:30}", "{Friend:10004 Status:10}", "{Friend:10002 Status:30}",
			"{Peer:10002 Number:99}"})
	})
}

func TestEventsYieldsConnectionStates(t *testing.T) {
	server := &scriptedServer{handleConn: func(n int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		if n == 0 {
			return
		}
		conn.answerUntilClosed(func(*receivedRecord) {})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		var states []client.State
		for event := range messenger.Events(t.Context()) {
			if states = append(states, event.(client.State)); len(states) == 2 {
				break
			}
		}
		if states[0].Connected || states[0].Err == nil || !states[0].RetryAt.After(time.Now().Add(-time.Second)) ||
			states[1] != (client.State{Connected: true}) {
			t.Errorf("the states are %+v", states)
		}
	})
}

func TestASecondLoopWaitsForTheFirst(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		conn.answerCommon(conn.readRecord())
		conn.writeLine(pushedText, 1, "one")
		conn.writeLine(pushedText, 2, "two")
		conn.answerUntilClosed(func(*receivedRecord) {})
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		for range messenger.Messages(t.Context()) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			for message := range messenger.Messages(ctx) {
				t.Errorf("a second loop gets %+v", message)
			}
			if ctx.Err() == nil {
				t.Error("a second loop ended before its context")
			}
			cancel()
			break
		}
		got := 0
		for message := range messenger.Messages(t.Context()) {
			if got++; message.Number != uint64(got) {
				t.Errorf("message %d is %+v", got, message)
			}
			if got == 2 {
				break
			}
		}
	})
}

// An unanswered poll is repeated with the same SEQ. The next poll confirms a batch, after
// the program has consumed all of it.
func TestHTTPPollsConfirmOnlyConsumedBatches(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	server.sendDirectly(10002, 10001, strings.Split(strings.Repeat("x", 120), "")...)
	messenger := server.dial("http", 10001)
	if got := receive(t, messenger, 120); len(got) != 120 {
		t.Error(got)
	}
	server.sendDirectly(10002, 10001, "the last")
	expectEqual(t, "then", textsOf(receive(t, messenger, 1)), []string{"the last"})
}
