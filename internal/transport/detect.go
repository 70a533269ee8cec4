package transport

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery/wire"
)

// ProtocolDetector is a Protocol that tells HTTP from lines by the first bytes of a connection
// (docs/protocol.md, 1.2) and passes the connection on.
type ProtocolDetector struct {
	// HTTP and Line serve the connection. They read its first bytes again.
	HTTP, Line Protocol
	// Timeout limits how long a new connection may be silent or undecidable; 10 s if zero.
	Timeout time.Duration
	// MaxBlankBytes limits blank lines at the start, in bytes; 8 KiB if zero. A connection with
	// more is passed to HTTP, which refuses it.
	MaxBlankBytes int

	buffers sync.Pool // of *detectBuffer
}

// detectBuffer holds the first bytes until they have been read again. Most requests fit, so that
// the socket is read only once.
type detectBuffer struct {
	bytes [1 << 10]byte
	pool  *sync.Pool
}

// ServeConn detects the protocol and passes the connection to it. A silent connection is closed.
func (d *ProtocolDetector) ServeConn(ctx context.Context, conn *Conn) {
	if protocol := d.detect(conn); protocol != nil {
		protocol.ServeConn(ctx, conn)
		return
	}
	_ = conn.Close()
}

// detect reads until the protocol is clear, and unreads everything but leading blank lines. It
// returns nil if the connection is to be closed.
func (d *ProtocolDetector) detect(conn *Conn) Protocol {
	timeout, maxBlank := d.Timeout, d.MaxBlankBytes
	setDefault(&timeout, 10*time.Second)
	setDefault(&maxBlank, 8<<10)
	_ = conn.SetReadDeadline(time.Now().Add(timeout))
	if !conn.BecomeIdle() {
		return nil
	}
	buffer, ok := d.buffers.Get().(*detectBuffer)
	if !ok {
		buffer = &detectBuffer{pool: &d.buffers}
	}
	for n := 0; ; {
		bytesRead, err := conn.Conn.Read(buffer.bytes[n:])
		n += bytesRead
		if blank := blankLinesLength(buffer.bytes[:n]); blank > 0 {
			conn.BlankBytes += blank
			n = copy(buffer.bytes[:], buffer.bytes[blank:n])
		}
		kind := detectKind(buffer.bytes[:n])
		if conn.BlankBytes > maxBlank {
			kind = kindHTTP
		}
		if kind == kindUndecided && n == len(buffer.bytes) {
			kind = kindHTTP // a method without an end; HTTP refuses it
		}
		if kind == kindUndecided {
			if err == nil {
				continue
			}
			d.buffers.Put(buffer)
			return nil
		}
		conn.unreadBytes, conn.detectBuffer = buffer.bytes[:n], buffer
		if kind == kindHTTP {
			return d.HTTP
		}
		return d.Line
	}
}

type protocolKind uint8

const (
	kindUndecided protocolKind = iota // more bytes are needed
	kindHTTP
	kindLine
)

// maxPrefixBytes is how many bytes a line may have before its VER=.
const maxPrefixBytes = 5

// detectKind classifies the first bytes of a connection, without leading blank lines. They are HTTP
// if they begin with a method and a space, and the method has at least three capital letters or '/'
// follows. A TLS ClientHello also counts as HTTP, which answers that TLS is not supported.
// Everything else is a line.
//
// A web page controls the method that its browser sends and what follows the '/'. If such a request
// were taken for lines, it would act for the browser's address, since lines carry no Origin.
//
// The bytes that some clients send before VER= may be letters, a space, or a line break. Every HTTP
// method has at least three letters, so one or two letters and a space belong to a line if VER=
// follows soon enough.
func detectKind(b []byte) protocolKind {
	if kind := detectTLS(b); kind != kindLine {
		return kind
	}
	method := 0
	for method < len(b) && IsTokenByte(b[method]) {
		method++
	}
	switch {
	case method == len(b), string(b) == "\r": // "\r" may be half of a blank line
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

// IsTokenByte reports whether b may occur in a method or a header name (RFC 9110, 5.6.2).
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

// detectShortMethod classifies b, which begins with a method of one or two letters: it is a line if
// VER= begins at from or later, but not after maxPrefixBytes.
func detectShortMethod(b []byte, from int) protocolKind {
	const begin = "VER="
	for n := from; n <= maxPrefixBytes; n++ {
		if n > len(b) {
			return kindUndecided
		}
		remaining := b[n:min(n+len(begin), len(b))]
		switch {
		case !wire.EqualFold(remaining, begin[:len(remaining)]):
		case len(remaining) < len(begin):
			return kindUndecided
		default:
			return kindLine
		}
	}
	return kindHTTP
}

// detectTLS recognises a TLS ClientHello: record type 22, major version 3, minor version, two bytes
// of length, message type 1. It returns kindLine if b is none.
func detectTLS(b []byte) protocolKind {
	for i, want := range [maxPrefixBytes + 1]int{0x16, 0x03, -1, -1, -1, 0x01} {
		switch {
		case i == len(b) && i > 0:
			return kindUndecided
		case i == len(b), want >= 0 && int(b[i]) != want:
			return kindLine
		}
	}
	return kindHTTP
}

// blankLinesLength returns the length of the blank lines at the start of b. A CR at the end of b is
// not counted, because its LF may still arrive.
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
