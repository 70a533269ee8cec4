package line

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

// slices reads text in pieces; the bytes of cuts are their lengths.
type slices struct {
	text, cuts []byte
}

func (s *slices) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := len(s.text)
	if len(s.cuts) > 0 {
		n = int(s.cuts[0])*int(s.cuts[0]) + 1
		s.cuts = s.cuts[1:]
	}
	n = copy(p[:min(len(p), n)], s.text)
	s.text = s.text[n:]
	return n, nil
}

// records returns the records that a lineFramer finds, and whether a line was too long.
func records(text, cuts []byte) (found [][]byte, long bool) {
	protocol := New(Config{})
	var f lineFramer
	f.init(&protocol.buffers, protocol.limits.LineBytes)
	for in := (&slices{text, cuts}); ; {
		switch f.scanLine() {
		case scanRecord:
			batch := protocol.borrowBatch()
			f.fillBatch(batch)
			for _, r := range batch.records {
				found = append(found, bytes.Clone(r))
			}
			protocol.returnBatch(batch)
			continue
		case scanTooLong:
			return found, true
		}
		if !f.hasPartialLine() {
			f.releaseInput()
		}
		if f.readMore(in) != nil {
			return found, false
		}
	}
}

// FuzzFramer splits lines in any way: the records are the same as those of the complete lines,
// parsed one by one.
func FuzzFramer(f *testing.F) {
	long := strings.Repeat("a", wire.MaxRecord)
	for _, text := range []string{
		"VER=1.4&CMD=List\r\n", "\x01\nVER=1.4\nPVER=1\n", "x\n\r\nver=2\r\r\nVER", strings.Repeat("VER=1\n", 500),
		"VER=" + long[4:] + "\n", "VER=" + long[3:] + "\n", "12345VER=" + long[4:] + "\r\n", long +
			"\nVER=1\n", "123456" + long + "\n",
	} {
		f.Add([]byte(text), []byte{})
		f.Add([]byte(text), []byte{0, 3, 15, 60, 0, 255})
	}
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		got, long := records(text, cuts)
		unconsumed := text
		for _, record := range got {
			var want []byte
			for want == nil {
				line, after, ended := bytes.Cut(unconsumed, []byte("\n"))
				if !ended {
					t.Fatalf("%.40q is no record", record)
				}
				unconsumed, want = after, recordInLine(line)
			}
			if !bytes.Equal(record, want) || len(record) > wire.MaxRecord {
				t.Fatalf("got %.40q, want %.40q", record, want)
			}
		}
		for line, after, ended := bytes.Cut(unconsumed, []byte("\n")); ended; line, after, ended = bytes.Cut(after,
			[]byte("\n")) {
			record := recordInLine(line)
			tooLong := len(bytes.TrimSuffix(line, []byte("\r"))) > wire.MaxRecord && len(record) != wire.MaxRecord
			if tooLong {
				break
			}
			if record != nil {
				t.Fatalf("%.40q was not found", record)
			}
		}
		if long && len(unconsumed) <= wire.MaxRecord {
			t.Errorf("%d bytes are too long", len(unconsumed))
		}
	})
}
