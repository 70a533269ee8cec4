// Package client speaks HTTP QQ to a Rookery server, for Go programs.
//
// A robot, which answers what begins with "robot,":
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"strings"
//
//		"github.com/rookery-im/rookery/client"
//	)
//
//	func main() {
//		ctx := context.Background()
//		c, err := client.Dial(ctx, "qq://10001@127.0.0.1", client.Password("change-this"), client.Device("robot"))
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer c.Close()
//		for m := range c.Messages(ctx) {
//			if question, asked := strings.CutPrefix(m.Text, "robot, "); asked {
//				if err := c.Send(ctx, m.Peer, "you said: "+question); err != nil {
//					log.Print(err)
//				}
//			}
//		}
//		log.Fatal(c.State().Err)
//	}
//
// Its answers do not begin so. If they did, two robots that meet would talk for
// ever: a robot needs a rule by which its words are no question to another.
//
// # Ways to a server
//
// The scheme of the address chooses the way:
//
//   - qq, tcp: a line, port 14000. Messages come at once.
//   - ws, wss: a WebSocket, port 8000 or 443, path /ws. The same through proxies.
//   - http, https: a POST for each record, port 8000 or 443. Messages are polled
//     for, while an Events loop runs.
//
// Where the address names no port, qq, tcp, ws and http try the other of 8000 and
// 14000 too: each listener of a server speaks everything. A port that is named is the
// only one; [Fallback] adds others.
//
// A program that only sends is best off with http: on a line the server hands out
// whatever waits, wanted or not.
//
// # Sessions
//
// With [Device] the session belongs to that device of the account, wherever it
// is, and [Token] goes on with it later without the password. Devices of one
// account live side by side, and each gets every message. Without a device the
// session belongs to the client's address: all programs there share it, and a
// login at another address ends it.
//
// One session is for one connection: of two programs that use the same device
// over a line, the later takes over from the earlier, which then comes back and
// takes over in its turn. The client cannot tell this from a bad network. So, when
// three connections in a row ended within ten seconds, it waits 30 seconds
// between attempts. Give each program a device of its own.
//
// # What is lost when
//
// Nothing, if the program goes on running. A lost connection is opened again, after
// pauses that grow from half a second to 30 seconds; the client logs in again if
// it must; a request that was not answered is repeated with the same SEQ, by which
// the server knows it; messages that come twice are dropped by their numbers. So
// each [Client.Send] arrives once, and each message is seen once.
//
// The server remembers a SEQ for two minutes. A message that has been on its way,
// unanswered, for longer is looked for in the history if the session is a
// device's. Otherwise Send gives up with an error that wraps [ErrTemporary] and
// says that it is not known whether the message arrived.
//
// If the program ends, messages that its loop did not come back from are handed
// out again the next time on a line or WebSocket. (Until its session has taken a
// first message: unless they had been there for five seconds and another record
// was sent since. By this the server knows old clients to be alive.)
// Over HTTP a batch of up to 50 counts as received when the next one is asked for,
// by whatever program; [Client.Collect] is for programs that must do better there.
package client
