package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

// server is the address of a real server that the examples use. In a program it would be
// a host name.
var server string

func TestMain(m *testing.M) {
	var tb exampleTB
	h := newTestServer(&tb, 10001, 10002, 10003, 10004, 10005, 10006, 10007)
	for _, uin := range []rookery.UIN{10002, 10003} {
		h.befriend(10004, uin)
	}
	server = h.address
	code := m.Run()
	tb.cleanup()
	os.Exit(code)
}

// exampleTB is the part of testing.TB that testServer needs, for examples.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (*exampleTB) Helper()                  {}
func (*exampleTB) Context() context.Context { return context.Background() }
func (*exampleTB) Error(args ...any)        { log.Print(args...) }
func (*exampleTB) Fatal(args ...any)        { log.Fatal(args...) }
func (tb *exampleTB) Cleanup(f func())      { tb.cleanups = append(tb.cleanups, f) }

func (tb *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "rookery-examples-")
	if err != nil {
		log.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (tb *exampleTB) cleanup() {
	for i := len(tb.cleanups) - 1; i >= 0; i-- {
		tb.cleanups[i]()
	}
}

// A robot answers messages that begin with "robot,". Its own answers do not begin so, or
// two robots could answer each other for ever.
func Example() {
	ctx, enough := context.WithTimeout(context.Background(), 30*time.Second)
	defer enough()
	robot, err := client.Dial(ctx, "qq://10001@"+server, client.Password("correct horse"), client.Device("robot"))
	if err != nil {
		log.Fatal(err)
	}
	defer robot.Close()
	go func() {
		for message := range robot.Messages(ctx) {
			if question, asked := strings.CutPrefix(message.Text, "robot, "); asked {
				if err := robot.Send(ctx, message.Peer, "you said: "+question); err != nil {
					log.Print(err)
				}
			}
		}
	}()

	user, err := client.Dial(ctx, "qq://10007@"+server, client.Password("correct horse"), client.Device("laptop"))
	if err != nil {
		log.Fatal(err)
	}
	defer user.Close()
	if err := user.Send(ctx, 10001, "robot, fish & chips, 100%?"); err != nil {
		log.Fatal(err)
	}
	for message := range user.Messages(ctx) {
		fmt.Printf("%v: %s\n", message.Peer, message.Text)
		enough()
	}
	// Output:
	// 10001: you said: fish & chips, 100%?
}

// A job that only sends uses HTTP, and so leaves the account's messages to other programs.
func ExampleClient_Send() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	messenger, err := client.Dial(ctx, "http://10001@"+server, client.Password("correct horse"))
	if err != nil {
		log.Fatal(err)
	}
	defer messenger.Close()
	fmt.Println(messenger.Send(ctx, 10002, "backup done"))

	// errors.Is identifies the error.
	err = messenger.Send(ctx, 10999, "is anybody there?")
	fmt.Println(errors.Is(err, client.ErrNoAccount))
	// Output:
	// <nil>
	// true
}

// A program stores the device's token instead of the password.
func ExampleToken() {
	ctx := context.Background()
	messenger, err := client.Dial(ctx, "qq://10003@"+server, client.Password("correct horse"), client.Device("laptop"))
	if err != nil {
		log.Fatal(err)
	}
	token := messenger.Token() // a secret: store it where only its user can read it
	messenger.Close()

	messenger, err = client.Dial(ctx, "qq://10003@"+server, client.Token(token))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(messenger.State().Connected)
	fmt.Println(messenger.Logout(ctx)) // the token ends with the session

	_, err = client.Dial(ctx, "qq://10003@"+server, client.Token(token))
	fmt.Println(errors.Is(err, client.ErrNotLoggedIn))
	// Output:
	// true
	// <nil>
	// true
}

// One loop receives all events in order.
func ExampleClient_Events() {
	ctx, enough := context.WithTimeout(context.Background(), 30*time.Second)
	defer enough()
	dial := func(uin, device string) *client.Client {
		messenger, err := client.Dial(ctx, "qq://"+uin+"@"+server, client.Password("correct horse"),
			client.Device(device))
		if err != nil {
			log.Fatal(err)
		}
		return messenger
	}
	laptop, phone := dial("10005", "laptop"), dial("10005", "phone")
	defer laptop.Close()
	defer phone.Close()
	if err := phone.Send(ctx, 10006, "on my way"); err != nil {
		log.Fatal(err)
	}
	for event := range laptop.Events(ctx) {
		switch e := event.(type) {
		case client.Message:
			if e.IsOutgoing() {
				fmt.Printf("to %v, from another device: %s\n", e.Peer, e.Text)
				enough()
			}
		case client.Presence:
			fmt.Printf("%v is now %v\n", e.Friend, e.Status)
		case client.State:
			if !e.Connected {
				fmt.Println("disconnected:", e.Err)
			}
		}
	}
	// Output:
	// to 10006, from another device: on my way
}

func ExampleClient_Friends() {
	ctx := context.Background()
	messenger, err := client.Dial(ctx, "http://10004@"+server, client.Password("correct horse"))
	if err != nil {
		log.Fatal(err)
	}
	defer messenger.Close()
	friends, err := messenger.Friends(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, friend := range friends {
		fmt.Println(friend.UIN, friend.Nick, friend.Status == client.StatusOffline)
	}
	// Output:
	// 10002 nick 10002 true
	// 10003 nick 10003 true
}

// The history is read page by page, newest page first.
func ExampleClient_History() {
	ctx := context.Background()
	messenger, err := client.Dial(ctx, "http://10006@"+server, client.Password("correct horse"),
		client.Device("reader"))
	if err != nil {
		log.Fatal(err)
	}
	defer messenger.Close()
	for _, text := range []string{"one", "two", "three"} {
		if err := messenger.Send(ctx, 10002, text); err != nil {
			log.Fatal(err)
		}
	}
	for query := (client.HistoryQuery{Peer: 10002, Limit: 2}); ; {
		page, err := messenger.History(ctx, query)
		if err != nil {
			log.Fatal(err)
		}
		for _, message := range page.Messages {
			fmt.Println(message.Text)
		}
		fmt.Println("--")
		if page.IsLastPage {
			break
		}
		query.Before = page.Messages[0].Number
	}
	// Output:
	// two
	// three
	// --
	// one
	// --
}
