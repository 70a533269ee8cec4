// Package wire turns bytes into records of HTTP QQ 1.0 to 1.4 and answers into
// bytes. It does no I/O and knows nothing of accounts or commands beyond what
// reading a record takes.
//
// # Reading
//
// A record is KEY=VALUE pairs joined by '&'. Users' texts are sent raw, so a
// pair cannot be told from a text that looks like one without knowing the
// command; and a value's encoding depends on who sent it, which is itself said
// by values. So a request is read in three steps, each when its caller is
// ready for it:
//
//	var r wire.Record
//	r.Parse(body)                                    // pairs, as sent
//	raw, ok := r.Raw("MG")
//	value := wire.Unescape(buf[:0], raw)             // bytes
//	text, said, ok := wire.Decode(value, declared, preferred) // a string
//
// Parse accepts everything: what a record lacks is for its reader to say.
// A Record copies nothing, its pairs are slices of the input, and its storage
// is reused by the next Parse.
//
// # Writing
//
// Answers are appended to a buffer, in the order in which their clients expect
// the fields: AppendHead, then AppendText, AppendNumber, and for a list
// AppendKey followed by its elements. Answers are always UTF-8.
//
// What differs between the versions of the protocol is a table behind Version;
// what differs between ways in (HTTP, lines, WebSocket) is Form.
package wire
