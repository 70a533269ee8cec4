package fault

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

// sendExpecting sends a request once and expects an answer with this RES.
func sendExpecting(t *testing.T, client *Client, request Request, res int) Answer {
	t.Helper()
	answer, err := client.SendOnce(t.Context(), request)
	if err != nil || answer.RES != res {
		t.Fatalf("the answer to %s is %s, %v, want RES=%d", request.Record, answer.Text, err, res)
	}
	return answer
}

// sendUntilDone repeats a request until it is done, and fails the test if it is refused.
func sendUntilDone(t *testing.T, client *Client, request Request) Answer {
	t.Helper()
	answer, err := client.SendUntilDone(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// signInClients signs in the first sender, the first receiver and the onlooker.
func signInClients(t *testing.T, s *server, c accountSet) (sender, receiver, other *Client) {
	t.Helper()
	var clients []*Client
	for _, uin := range []rookery.UIN{c.senders[0], c.receivers[0], onlooker} {
		client := &Client{UIN: uin, Post: HTTPPost(s.dial, true)}
		if err := client.Login(t.Context(), password); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	return clients[0], clients[1], clients[2]
}

// collectedTexts returns the texts of an answer to GetMsgEx.
func collectedTexts(t *testing.T, answer Answer) (texts []string) {
	t.Helper()
	messages, err := answer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages {
		texts = append(texts, message.Text)
	}
	return texts
}

func checkTexts(t *testing.T, answer Answer, want ...string) {
	t.Helper()
	if got := collectedTexts(t, answer); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Fatalf("texts = %q, want %q", got, want)
	}
}

// On a full disk, the server refuses messages and says why. Clients can still collect, log in and log out with the
// reserved space, also after a kill.
func TestReserveKeepsReadersWorkingOnAFullDisk(t *testing.T) {
	small, accounts := newSmallDisk(t), newAccountSet(1, 1)
	s := small.serve(t, accounts)
	sender, receiver, other := signInClients(t, s, accounts)
	newMessage := func(text string) Request {
		return sender.NewRequest("CLTMSG", formatTextFields(receiver.UIN, "MG", text))
	}
	long := strings.Repeat("~", 3000)
	for i := range 100 {
		sendUntilDone(t, sender, newMessage(fmt.Sprint(i, long)))
	}
	reserve := small.path("rookery.reserve")
	if _, err := os.Stat(reserve); err != nil {
		t.Fatal(err)
	}

	small.fill(t, smallDiskSize)
	refused := newMessage("too much")
	for deadline := time.Now().Add(requestTimeout); ; { // the database's log may still have space
		answer, err := sender.SendOnce(t.Context(), refused)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("got the answer %s, %v, want RES=%d", answer.Text, err, resTemporary)
		}
		if answer.RES == resTemporary {
			if !strings.Contains(answer.Text, "disk is nearly full") {
				t.Errorf("the answer does not name the full disk: %s", answer.Text)
			}
			break
		}
		refused = newMessage("too much " + long)
	}
	if _, err := os.Stat(reserve); !os.IsNotExist(err) {
		t.Errorf("the reserve was not released (error %v)", err)
	}
	sendExpecting(t, other, other.NewRequest("Ack_AddToList", "&CD=2"+formatTextFields(sender.UIN, "RS", "hello")),
		resTemporary)
	collected := 0
	for range 100 { // an answer has room for 2 messages
		collected += len(collectedTexts(t, sendExpecting(t, receiver, receiver.NewRequest("GetMsgEx", ""), resDone)))
		sendExpecting(t, other, other.NewRequest("Logout", ""), resDone)
		sendExpecting(t, other, other.NewRequest("List", ""), 20)
		if _, err := other.loginWith(t.Context(), password, other.SendOnce); err != nil {
			t.Fatal(err)
		}
	}
	if collected < 100 {
		t.Errorf("collected %d messages, want at least 100", collected)
	}
	s.process.kill()
	small.fill(t, smallDiskSize) // also takes the space of the reserve and of the log
	s.start()
	sendExpecting(t, sender, newMessage("still too much"), resTemporary)
	sendExpecting(t, receiver, receiver.NewRequest("GetMsgEx", ""), resDone)

	small.free(t)
	sendUntilDone(t, sender, refused)
	sendUntilDone(t, receiver, receiver.NewRequest("GetMsgEx", ""))
	if _, err := os.Stat(reserve); err != nil {
		t.Errorf("the space was not reserved again: %v", err)
	}
	if log := string(s.process.outputText()); !strings.Contains(log, "the disk has space again") {
		t.Errorf("the log does not report the free space: %s", log)
	}
	s.stop()
}

// If the server can write nothing, it returns no messages, because it could not store the cursor. A Logout takes
// effect, but only until the server is killed.
func TestCollectionFailsWhenNothingCanBeWritten(t *testing.T) {
	accounts := newAccountSet(1, 1)
	s := serveOnDisk(t, accounts)
	sender, receiver, other := signInClients(t, s, accounts)
	newMessage := func(text string) Request {
		return sender.NewRequest("CLTMSG", formatTextFields(receiver.UIN, "MG", text))
	}
	sendUntilDone(t, sender, newMessage("hello"))

	limitFiles(t, s, 1)
	for range 3 {
		answer := sendExpecting(t, receiver, receiver.NewRequest("GetMsgEx", ""), resTemporary)
		if strings.Contains(answer.Text, "hello") {
			t.Errorf("the answer has a message: %s", answer.Text)
		}
	}
	for range 2 {
		sendExpecting(t, other, other.NewRequest("Logout", ""), resDone)
		sendExpecting(t, other, other.NewRequest("List", ""), 20)
	}
	sendExpecting(t, sender, sender.NewRequest("Logout", ""), resDone)
	limitFiles(t, s, 1<<40)
	checkTexts(t, sendUntilDone(t, receiver, receiver.NewRequest("GetMsgEx", "")), "hello")
	awaitStoredLogout(t, s, other)
	sendExpecting(t, sender, sender.NewRequest("List", ""), 20)

	if err := sender.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	limitFiles(t, s, 1)
	sendExpecting(t, sender, sender.NewRequest("Logout", ""), resDone)
	sendExpecting(t, sender, sender.NewRequest("List", ""), 20)
	s.process.kill()
	s.start()
	sendExpecting(t, sender, sender.NewRequest("List", ""), resDone) // the session is back
	sendExpecting(t, other, other.NewRequest("List", ""), 20)
	s.stop()
}

// awaitStoredLogout waits until the server's store has no session of a client.
func awaitStoredLogout(t *testing.T, s *server, client *Client) {
	t.Helper()
	for deadline := time.Now().Add(requestTimeout); time.Now().Before(deadline); {
		<-time.After(100 * time.Millisecond)
		dir := t.TempDir()
		copyFiles(t, dir, s.program.dir)
		local, err := openLocalServer(t.Context(), dir, neverSyncs)
		if err != nil {
			continue // the server wrote during the copy
		}
		signedIn := false
		err = local.store.ForEachSession(t.Context(), func(session rookery.Session) bool {
			signedIn = signedIn || session.Account == client.UIN
			return true
		})
		if local.store.Close(); err == nil && !signedIn {
			return
		}
	}
	t.Fatalf("the Logout is not stored within %v although the disk has space", requestTimeout)
}
