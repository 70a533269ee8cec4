package transport

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery/wire"
)

// ProtocolDetector is the way in that leads to the others: by a connection's first bytes
// it tells who speaks HTTP and who sends lines (docs/protocol.md, 1.2).
type ProtocolDetector struct {
	// HTTP and Line get the connection, with its first bytes still to be read.
	HTTP, Line Protocol
	// Patience is how long a new connection may take until its first bytes say
	// what it is, and be silent; 10 s if zero.
	Patience time.Duration
	// BlankBytes is how many bytes of blank lines may come first until HTTP gets
	// the connection, to refuse it; 8 KiB if zero.
	BlankBytes int

	buffers sync.Pool // of *firstBytes
}

// bytePool is lent to a connection until what was read to decide has been
// read again. Most requests fit, so that they are read from the socket once.
type bytePool struct {
	b    [1 << 10]byte
	pool *sync.Pool
}

// Serve reads the first bytes and hands the connection on. One that stays
// silent is closed.
func (d *ProtocolDetector) Serve(ctx context.Context, conn *Conn) {
	if way := d.choose(conn); way != nil {
		way.Serve(ctx, conn)
		return
	}
	_ = conn.Close()
}

// choose reads until the way in is clear, and puts back what was read, without
// the blank lines before it. It returns nil if the connection is done for.
func (d *ProtocolDetector) choose(conn *Conn) Protocol {
	patience, mostBlank := d.Patience, d.BlankBytes
	defaultTo(&patience, 10*time.Second)
	defaultTo(&mostBlank, 8<<10)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if !conn.Wait() {
		return nil
	}
	first, ok := d.buffers.Get().(*bytePool)
	if !ok {
		first = &bytePool{pool: &d.buffers}
	}
	for n := 0; ; {
		more, err := conn.Conn.Read(first.b[n:])
		n += more
		if blank := blankLines(first.b[:n]); blank > 0 {
			conn.BlankBytes += blank
			n = copy(first.b[:], first.b[blank:n])
		}
		kind := kindOf(first.b[:n])
		if conn.BlankBytes > mostBlank {
			kind = isHTTP
		}
		if kind == undecided && n == len(first.b) {
			kind = isHTTP // a method without end, to be refused
		}
		if kind == undecided {
			if err == nil {
				continue
			}
			d.buffers.Put(first)
			return nil
		}
		conn.unread, conn.first = first.b[:n], first
		if kind == isHTTP {
			return d.HTTP
		}
		return d.Line
	}
}

type kind uint8

const (
	undecided kind = iota // more bytes must come
	isHTTP
	isLine
)

// skippedBytes is how many bytes may stand before the VER= of a line.
const skippedBytes = 5

// kindOf tells what a connection's first bytes begin, behind blank lines. HTTP is
// a method and a space, if the method has three capital letters or more, or a '/'
// follows. So is a greeting of TLS, to be told that there is none. All else is a
// line.
//
// A web page chooses the method that its browser sends, and what stands behind the
// '/'. Taken for lines, its requests would act for the browser's address: lines
// have no Origin.
//
// The bytes that some clients send before VER= can be letters, a space, or the
// end of a line. No method has less than three letters, so one or two with a
// space are such bytes if VER= follows soon enough.
func kindOf(b []byte) kind {
	if kind := kindOfTLS(b); kind != isLine {
		return kind
	}
	method := 0
	for method < len(b) && IsTokenByte(b[method]) {
		method++
	}
	switch {
	case method == len(b), string(b) == "\r": // the end of a blank line, or not
		return undecided
	case method == 0, b[method] != ' ':
		return isLine
	}
	target := b[method+1:]
	switch {
	case bytes.HasPrefix(target, []byte("/")):
		return isHTTP
	case !isCapital(b[:method]) && len(target) > 0:
		return isLine
	case !isCapital(b[:method]):
		return undecided
	case method > 2:
		return isHTTP
	}
	return kindOfShortWord(b, method+1)
}

// IsTokenByte reports whether a byte may be in a method or in the name of a header
// (RFC 9110, 5.6.2).
func IsTokenByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

func isCapital(word []byte) bool {
	for _, b := range word {
		if b < 'A' || b > 'Z' {
			return false
		}
	}
	return true
}

// kindOfShortWord decides by whether VER= stands where it can in a line, from
// the end of the short word on.
func kindOfShortWord(b []byte, from int) kind {
	const begin = "VER="
	for n := from; n <= skippedBytes; n++ {
		if n > len(b) {
			return undecided
		}
		rest := b[n:min(n+len(begin), len(b))]
		switch {
		case !wire.EqualFold(rest, begin[:len(rest)]):
		case len(rest) < len(begin):
			return undecided
		default:
			return isLine
		}
	}
	return isHTTP
}

// kindOfTLS knows the beginning of a client's greeting: a record of type 22 and
// version 3, with its length, which holds a message of type 1. The latter
// stands where the VER of a line stands at the latest.
func kindOfTLS(b []byte) kind {
	for i, is := range [skippedBytes + 1]int{0x16, 0x03, -1, -1, -1, 0x01} {
		switch {
		case i == len(b) && i > 0:
			return undecided
		case i == len(b), is >= 0 && int(b[i]) != is:
			return isLine
		}
	}
	return isHTTP
}

// blankLines is the length of the blank lines that b begins with. Of a CR at
// its end it is not known whether it ends a line.
func blankLines(b []byte) (n int) {
	for n < len(b) {
		switch {
		case b[n] == '\n':
			n++
		case b[n] == '\r' && n+1 < len(b) && b[n+1] == '\n':
			n += 2
		default:
			return n
		}
	}
	return n
}
