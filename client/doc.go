// Package client signs in to a Rookery server as one account. It sends messages,
// yields incoming events, and reconnects by itself when the connection is lost.
//
// This robot answers messages that begin with "robot,":
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
// The robot's own answers do not begin with "robot,". If they did, two such robots
// would answer each other for ever.
//
// # Addresses
//
// The scheme of the address selects the transport:
//
//   - qq, tcp: records on a TCP connection, port 14000. The server pushes messages.
//   - ws, wss: records on a WebSocket, path /ws, port 8000 or 443. The server pushes
//     messages, and proxies can forward the connection.
//   - http, https: one POST per record, port 8000 or 443. The client polls for
//     messages while a loop over Events runs.
//
// Without a port, qq, tcp, ws and http try both 8000 and 14000, because every listener
// of a server accepts every protocol. A port in the address is the only one tried.
// [Fallback] adds further addresses.
//
// Use http for a program that only sends. On the other transports the server pushes
// the account's messages whether or not the program reads them.
//
// # Sessions
//
// With [Device], the session belongs to that device of the account, from any network
// address. [Token] resumes it later without the password. Each device of an account
// receives every message. Without Device, the session belongs to the client's network
// address: all programs at that address share it, and a login from another address
// ends it.
//
// A session has one connection. If two programs use the same device, the later
// connection replaces the earlier one; the first program reconnects and replaces the
// second. The client cannot distinguish this from a bad network. After three
// connections in a row that the server closed within ten seconds, it waits 30 seconds
// before each attempt. Give each program its own device.
//
// # Delivery
//
// While the program runs, each [Client.Send] arrives once and each message is yielded
// once. The client reconnects after delays that grow from half a second to 30 seconds,
// and logs in again if necessary. It repeats an unanswered request with the same SEQ,
// so the server recognizes the repeat, and drops messages whose number it has already
// yielded.
//
// The server remembers a SEQ for two minutes. If a message stays unanswered for longer,
// a device session searches the history for it. Otherwise Send returns an error that
// wraps [ErrTemporary] and says that it is unknown whether the message arrived.
//
// If the program ends, the next one receives every message for which the loop did not
// come back, if it uses a TCP connection or a WebSocket. There is one exception: until
// a session confirms its first message, the server takes any record as confirmation of
// messages that it pushed at least five seconds earlier, because old clients never
// confirm. Over HTTP, the next poll, by any program, confirms a batch of up to 50
// messages. Programs that need more control use [Client.Collect].
package client
