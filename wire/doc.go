// Package wire parses records of HTTP QQ 1.0 to 1.4 and formats answers. It does no I/O, and knows
// accounts and commands only as far as parsing requires.
//
// # Reading
//
// A record consists of KEY=VALUE pairs joined by '&'. Users' texts are sent unescaped, so the
// command must be known to tell a pair from a text that looks like one. The encoding of a value
// depends on the sender and is itself revealed by values. A request is therefore read in three
// steps, which the caller takes when it is ready:
//
//	var record wire.Record
//	record.Parse(body)                                       // pairs, as sent
//	raw, ok := record.Raw("MG")
//	value := wire.Unescape(buf[:0], raw)                     // bytes
//	text, detected, ok := wire.Decode(value, declared, preferred) // a string
//
// Parse accepts any input; the caller checks what is missing. A Record copies nothing: its pairs
// are slices of the input. The next Parse reuses its storage.
//
// # Writing
//
// Answers are appended to a buffer in the order in which clients expect the fields: first
// AppendHead, then AppendText and AppendNumber, and for a list AppendKey followed by its elements.
// Answers are always UTF-8.
//
// Version contains the differences between the versions of the protocol, LineBreakForm the
// differences between HTTP, lines and WebSocket.
package wire
