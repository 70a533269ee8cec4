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
	// Timeout is how long a new connection may take until its first bytes say
	// what it is, and be silent; 10 s if zero.
	Timeout time.Duration
	// MaxBlankBytes is how many bytes of blank lines may come first until HTTP gets
	// the connection, to refuse it; 8 KiB if zero.
	MaxBlankBytes int

	buffers sync.Pool // of *firstBytes
}

// detectBuffer is lent to a connection until what was read to decide has been
// read again. Most requests fit, so that they are read from the socket once.
type detectBuffer struct {
	bytes [1 << 10]byte
	pool  *sync.Pool
}

// ServeConn reads the first bytes and hands the connection on. One that stays
// silent is closed.
func (d *ProtocolDetector) ServeConn(ctx context.Context, conn *Conn) {
	if way := d.detect(conn); way != nil {
		way.ServeConn(ctx, conn)
		return
	}
	_ = conn.Close()
}

// detect reads until the way in is clear, and puts back what was read, without
// the blank lines before it. It returns nil if the connection is done for.
func (d *ProtocolDetector) detect(conn *Conn) Protocol {
	patience, mostBlank := d.Timeout, d.MaxBlankBytes
	setDefault(&patience, 10*time.Second)
	setDefault(&mostBlank, 8<<10)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if !conn.BecomeIdle() {
		return nil
	}
	first, ok := d.buffers.Get().(*detectBuffer)
	if !ok {
		first = &detectBuffer{pool: &d.buffers}
	}
	for n := 0; ; {
		more, err := conn.Conn.Read(first.bytes[n:])
		n += more
		if blank := blankLinesLength(first.bytes[:n]); blank > 0 {
			conn.BlankBytes += blank
			n = copy(first.bytes[:], first.bytes[blank:n])
		}
		kind := detectKind(first.bytes[:n])
		if conn.BlankBytes > mostBlank {
			kind = kindHTTP
		}
		if kind == kindUndecided && n == len(first.bytes) {
			kind = kindHTTP // a method without end, to be refused
		}
		if kind == kindUndecided {
			if err == nil {
				continue
			}
			d.buffers.Put(first)
			return nil
		}
		conn.unreadBytes, conn.detectBuffer = first.bytes[:n], first
		if kind == kindHTTP {
			return d.HTTP
		}
		return d.Line
	}
}

type protocolKind uint8

const (
	kindUndecided protocolKind = iota // more bytes must come
	kindHTTP
	kindLine
)

// maxPrefixBytes is how many bytes may stand before the VER= of a line.
const maxPrefixBytes = 5

// detectKind tells what a connection's first bytes begin, behind blank lines. HTTP is
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
func detectKind(b []byte) protocolKind {
	if kind := detectTLS(b); kind != kindLine {
		return kind
	}
	method := 0
	for method < len(b) && IsTokenByte(b[method]) {
		method++
	}
	switch {
	case method == len(b), string(b) == "\r": // the end of a blank line, or not
		return kindUndecided
	case method == 0, b[method] != ' ':
		return kindLine
	}
	target := b[method+1:]
	switch {
	case bytes.HasPrefix(target, []byte("/")):
		return kindHTTP
	case !isUpperASCII(b[:method]) && len(target) > 0:
		return kindLine
	case !isUpperASCII(b[:method]):
		return kindUndecided
	case method > 2:
		return kindHTTP
	}
	return detectShortMethod(b, method+1)
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

func isUpperASCII(word []byte) bool {
	for _, b := range word {
		if b < 'A' || b > 'Z' {
			return false
		}
	}
	return true
}

// detectShortMethod decides by whether VER= stands where it can in a line, from
// the end of the short word on.
func detectShortMethod(b []byte, from int) protocolKind {
	const begin = "VER="
	for n := from; n <= maxPrefixBytes; n++ {
		if n > len(b) {
			return kindUndecided
		}
		rest := b[n:min(n+len(begin), len(b))]
		switch {
		case !wire.EqualFold(rest, begin[:len(rest)]):
		case len(rest) < len(begin):
			return kindUndecided
		default:
			return kindLine
		}
	}
	return kindHTTP
}

// detectTLS knows the beginning of a client's greeting: a record of type 22 and
// version 3, with its length, which holds a message of type 1. The latter
// stands where the VER of a line stands at the latest.
func detectTLS(b []byte) protocolKind {
	for i, is := range [maxPrefixBytes + 1]int{0x16, 0x03, -1, -1, -1, 0x01} {
		switch {
		case i == len(b) && i > 0:
			return kindUndecided
		case i == len(b), is >= 0 && int(b[i]) != is:
			return kindLine
		}
	}
	return kindHTTP
}

// blankLinesLength is the length of the blank lines that b begins with. Of a CR at
// its end it is not known whether it ends a line.
func blankLinesLength(b []byte) (n int) {
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
