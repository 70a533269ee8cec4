package fault

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

// wantRES sends a request once and checks its RES.
func wantRES(t *testing.T, client *Client, request Request, res int) Answer {
	t.Helper()
	answer, err := client.SendOnce(t.Context(), request)
	if err != nil || answer.RES != res {
		t.Fatalf("%s is answered %s, %v; want RES=%d", request.Record, answer.Text, err, res)
	}
	return answer
}

// mustSucceed repeats a request until it is done.
func mustSucceed(t *testing.T, client *Client, request Request) Answer {
	t.Helper()
	answer, err := client.SendUntilDone(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// signedInClients are the first sender and receiver of a crowd, and the onlooker.
func signedInClients(t *testing.T, s *server, c accountSet) (sender, receiver, other *Client) {
	t.Helper()
	var all []*Client
	for _, uin := range []rookery.UIN{c.senders[0], c.receivers[0], onlooker} {
		client := &Client{UIN: uin, Post: HTTPPost(s.dial, true)}
		if err := client.Login(t.Context(), password); err != nil {
			t.Fatal(err)
		}
		all = append(all, client)
	}
	return all[0], all[1], all[2]
}

// collectedTexts are the texts that an answer to GetMsgEx has.
func collectedTexts(t *testing.T, answer Answer) (elements []string) {
	t.Helper()
	messages, err := answer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages {
		elements = append(elements, message.Text)
	}
	return elements
}

func wantTexts(t *testing.T, answer Answer, want ...string) {
	t.Helper()
	if got := collectedTexts(t, answer); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Fatalf("the texts are %q, want %q", got, want)
	}
}

// With the disk full to the last byte, messages are refused with a reason, and
// whoever collects, signs in and out goes on with the reserve, after a kill too.
func TestWithTheReserveReadersGoOnWhenTheDiskIsFull(t *testing.T) {
	small, crowd := newSmallDisk(t), newCrowd(1, 1)
	s := small.serve(t, crowd)
	sender, receiver, other := signedInClients(t, s, crowd)
	say := func(text string) Request {
		return sender.NewRequest("CLTMSG", formatTextFields(receiver.UIN, "MG", text))
	}
	long := strings.Repeat("~", 3000)
	for i := range 100 {
		mustSucceed(t, sender, say(fmt.Sprint(i, long)))
	}
	reserve := small.path("rookery.reserve")
	if _, err := os.Stat(reserve); err != nil {
		t.Fatal(err)
	}

	small.fill(t, smallDiskSize)
	refused := say("too much")
	for deadline := time.Now().Add(requestTimeout); ; { // there may be room in the log
		answer, err := sender.SendOnce(t.Context(), refused)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%s, %v", answer.Text, err)
		}
		if answer.RES == resTemporary {
			if !strings.Contains(answer.Text, "disk is nearly full") {
				t.Errorf("the reason is not given: %s", answer.Text)
			}
			break
		}
		refused = say("too much " + long)
	}
	if _, err := os.Stat(reserve); !os.IsNotExist(err) {
		t.Errorf("the reserve was not given up: %v", err)
	}
	wantRES(t, other, other.NewRequest("Ack_AddToList", "&CD=2"+formatTextFields(crowd.senders[0], "RS", "hello")),
		resTemporary)
	collected := 0
	for range 100 { // 2 messages fit an answer
		collected += len(collectedTexts(t, wantRES(t, receiver, receiver.NewRequest("GetMsgEx", ""), resDone)))
		wantRES(t, other, other.NewRequest("Logout", ""), resDone)
		wantRES(t, other, other.NewRequest("List", ""), 20)
		if _, err := other.loginWith(t.Context(), password, other.SendOnce); err != nil {
			t.Fatal(err)
		}
	}
	if collected < 100 {
		t.Errorf("%d messages were collected", collected)
	}
	s.process.kill()
	small.fill(t, smallDiskSize) // what it had given up, and what its log took
	s.start()
	wantRES(t, sender, say("still too much"), resTemporary)
	wantRES(t, receiver, receiver.NewRequest("GetMsgEx", ""), resDone)

	small.free(t)
	mustSucceed(t, sender, refused)
	mustSucceed(t, receiver, receiver.NewRequest("GetMsgEx", ""))
	if _, err := os.Stat(reserve); err != nil {
		t.Errorf("the reserve was not taken back: %v", err)
	}
	if said := string(s.process.outputText()); !strings.Contains(said, "the disk has space again") {
		t.Errorf("the log does not say so: %s", said)
	}
	s.stop()
}

// Where nothing at all can be written, nothing is handed out, and a Logout holds
// until the server is killed.
func TestWithNoRoomAtAllNothingIsHandedOut(t *testing.T) {
	crowd := newCrowd(1, 1)
	s := serveOnDisk(t, crowd)
	sender, receiver, other := signedInClients(t, s, crowd)
	say := func(text string) Request {
		return sender.NewRequest("CLTMSG", formatTextFields(receiver.UIN, "MG", text))
	}
	mustSucceed(t, sender, say("hello"))

	limitFiles(t, s, 1)
	for range 3 {
		answer := wantRES(t, receiver, receiver.NewRequest("GetMsgEx", ""), resTemporary)
		if strings.Contains(answer.Text, "hello") {
			t.Errorf("it was handed out: %s", answer.Text)
		}
	}
	for range 2 {
		wantRES(t, other, other.NewRequest("Logout", ""), resDone)
		wantRES(t, other, other.NewRequest("List", ""), 20)
	}
	wantRES(t, sender, sender.NewRequest("Logout", ""), resDone)
	limitFiles(t, s, 1<<40)
	wantTexts(t, mustSucceed(t, receiver, receiver.NewRequest("GetMsgEx", "")), "hello")
	awaitStoredSignOut(t, s, other)
	wantRES(t, sender, sender.NewRequest("List", ""), 20)

	if err := sender.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	limitFiles(t, s, 1)
	wantRES(t, sender, sender.NewRequest("Logout", ""), resDone)
	wantRES(t, sender, sender.NewRequest("List", ""), 20)
	s.process.kill()
	s.start()
	wantRES(t, sender, sender.NewRequest("List", ""), resDone) // it is back
	wantRES(t, other, other.NewRequest("List", ""), 20)
	s.stop()
}

// awaitStoredSignOut waits until a client's session is gone from the files of a
// server.
func awaitStoredSignOut(t *testing.T, s *server, client *Client) {
	t.Helper()
	for deadline := time.Now().Add(requestTimeout); time.Now().Before(deadline); {
		<-time.After(100 * time.Millisecond)
		image := t.TempDir()
		copyFiles(t, image, s.program.dir)
		received, err := openLocalServer(t.Context(), image, neverSyncs)
		if err != nil {
			continue // copied in the middle of something
		}
		signedIn := false
		err = received.store.ForEachSession(t.Context(), func(session rookery.Session) bool {
			signedIn = signedIn || session.Account == client.UIN
			return true
		})
		if received.store.Close(); err == nil && !signedIn {
			return
		}
	}
	t.Fatal("a Logout is not stored though there is room")
}
