package wire_test

import (
	"fmt"

	"github.com/rookery-im/rookery/wire"
)

// A message is parsed, and the answers to its sender and its receiver are written.
func Example() {
	var record wire.Record
	record.Parse([]byte("VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&UN=10002&MG=fish & chips, 100%?"))

	version, _ := record.Raw("VER")
	v, ok := wire.ParseVersion(version)
	if !ok {
		fmt.Println(wire.Null)
		return
	}
	raw, _ := record.Raw("mg")
	text, _, _ := wire.Decode(wire.Unescape(nil, raw), wire.CharsetUnknown, wire.CharsetUnknown)
	fmt.Println(text)

	answer := wire.AppendHead(nil, wire.FormHTTP, v, "CLTMSG", "4714", "10001", 0)
	fmt.Printf("%s%s\n", answer, v.LineEnd())

	batch := wire.AppendHead(nil, wire.FormHTTP, v, "GetMsgEx", "4715", "10002", 0)
	batch = wire.AppendNumber(batch, "MN", 1)
	batch = wire.AppendNumberElement(wire.AppendKey(batch, "MT"), 9)
	batch = wire.AppendNumberElement(wire.AppendKey(batch, "UN"), 10001)
	batch = wire.AppendElement(wire.AppendKey(batch, "MG"), wire.FormHTTP, text)
	fmt.Printf("%s%s\n", batch, v.LineEnd())
	// Output:
	// fish & chips, 100%?
	// VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&RES=0
	// VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=1&MT=9,&UN=10001,&MG=fish %26 chips%2c 100%25?,
}

func ExampleRecord_ParseAnswer() {
	var record wire.Record
	record.ParseAnswer([]byte("VER=1.1&CMD=Query_Stat&SEQ=1&UIN=10001&RES=0&NK=Pingu%2c Jr,Tom %26 Jerry,"))
	nicks, _ := record.Raw("NK")
	for _, nick := range wire.SplitList(nicks) {
		fmt.Printf("%s\n", wire.Unescape(nil, nick))
	}
	// Output:
	// Pingu, Jr
	// Tom & Jerry
}
