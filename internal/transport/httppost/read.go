package httppost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"os"
	"slices"
	"time"
)

// await returns when a request has begun to arrive, which must be within
// patience, or a quarter more. Until then the connection idles: its answers are
// written, what it has borrowed is given back.
func (c *conn) await(patience time.Duration) error {
	c.req.head = false
	if c.begun() {
		if c.out != nil && len(c.out.b) > pendingBytes {
			return c.flush()
		}
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.release()
	// To move a deadline costs as much as to parse a header, so one that is far
	// enough away stays.
	if now := time.Now(); c.readBy.Sub(now) < patience {
		c.setReadDeadline(now, patience+patience/4)
	}
	if !c.net.Wait() {
		return errDone
	}
	// Blank lines do not end the waiting, and do not prolong it.
	for !c.begun() {
		if c.fill() != nil {
			return errDone
		}
	}
	if !c.net.Begin() {
		return errDone
	}
	return nil
}

// begun drops blank lines and reports whether a request has begun: anything
// else has arrived, or more blank lines than are allowed. A CR alone is not yet
// anything.
func (c *conn) begun() bool {
	for c.r < c.w {
		rest := c.in[c.r:c.w]
		switch {
		case rest[0] == '\n':
			c.dropBlank(1)
		case rest[0] != '\r':
			return true
		case len(rest) == 1:
			return c.tooBlank()
		case rest[1] == '\n':
			c.dropBlank(2)
		default:
			return true
		}
	}
	return c.tooBlank()
}

func (c *conn) dropBlank(n int) { c.r, c.blank = c.r+n, c.blank+n }

func (c *conn) tooBlank() bool { return c.blank > c.way.limits.HeaderBytes }

// readHeader reads on until the whole header is there, and returns its length.
func (c *conn) readHeader() (int, error) {
	if c.tooBlank() {
		return 0, faultBlank
	}
	c.blank = 0
	if _, ok := lowerToken(nil, c.in[c.r:c.r+1]); !ok {
		return 0, faultNotHTTP
	}
	most := c.way.limits.HeaderBytes
	for from := 0; ; {
		head := c.in[c.r:c.w]
		n := headerEnd(head, from)
		switch {
		case n > most, n == 0 && len(head) >= most:
			return 0, faultHeader
		case n > 0:
			return n, nil
		}
		if from == 0 {
			c.setReadDeadline(time.Now(), c.way.limits.HeaderTime)
		}
		// The end may be LF CR LF, of which two bytes have come.
		from = max(1, len(head)-2)
		if err := c.fill(); err != nil {
			return 0, c.whileReading(err, faultSlow)
		}
	}
}

// readBody returns the request's body, which is valid until the next read. Of
// a request without a length it is empty.
func (c *conn) readBody(r *request) ([]byte, error) {
	n := int(max(r.length, 0))
	chunked := r.encodings > 0
	if chunked || c.w-c.r < n {
		if r.expect && r.minor != '0' {
			out := c.answers() // written by the next fill
			out.b = append(out.b, "HTTP/1.1 100 Continue\r\n\r\n"...)
		}
		c.setReadDeadline(time.Now(), c.way.limits.BodyTime)
	}
	if chunked {
		return c.readChunked()
	}
	for c.w-c.r < n {
		if err := c.fill(); err != nil {
			return nil, c.whileReading(err, faultSlowBody)
		}
	}
	body := c.in[c.r : c.r+n]
	c.r += n
	return body, nil
}

// readChunked reads a chunked body and its trailer, which says nothing that
// matters here.
func (c *conn) readChunked() ([]byte, error) {
	br := bufio.NewReader(chunkSource{c})
	body, err := c.joinChunks(httputil.NewChunkedReader(br))
	if err == nil {
		err = skipTrailer(br, c.way.limits.HeaderBytes)
	}
	var f *requestError
	switch {
	case errors.As(err, &f), errors.Is(err, errDone):
		return nil, err
	case err != nil:
		return nil, faultChunk
	}
	// What br has read too much belongs to the next request. It is of br's
	// latest read, since br reads only when it has used up what it had; so it is
	// what was consumed last of in.
	c.r -= br.Buffered()
	return body, nil
}

// joinChunks reads a body to its end, up to the limit.
func (c *conn) joinChunks(chunks io.Reader) ([]byte, error) {
	most := c.way.limits.BodyBytes
	c.chunks = make([]byte, 0, 512)
	for {
		if len(c.chunks) == cap(c.chunks) {
			c.chunks = slices.Grow(c.chunks, len(c.chunks))
		}
		n, err := chunks.Read(c.chunks[len(c.chunks):cap(c.chunks)])
		c.chunks = c.chunks[:len(c.chunks)+n]
		switch {
		case len(c.chunks) > most:
			return nil, faultTooBig
		case errors.Is(err, io.EOF):
			return c.chunks, nil
		case err != nil:
			return nil, err
		}
	}
}

// skipTrailer reads the lines after the last chunk up to the empty one.
func skipTrailer(br *bufio.Reader, most int) error {
	for read := 0; ; {
		line, err := br.ReadSlice('\n')
		if read += len(line); read > most || errors.Is(err, bufio.ErrBufferFull) {
			return faultHeader
		}
		switch {
		case err != nil:
			return err
		case len(line) < 2 || bytes.IndexByte(line, '\r') != len(line)-2:
			return faultChunk
		case len(line) == 2:
			return nil
		}
	}
}

// chunkSource reads a connection's bytes, the ones that have arrived first. Its
// errors are never io.EOF, which the chunked reader would give a meaning.
type chunkSource struct{ *conn }

func (s chunkSource) Read(p []byte) (int, error) {
	if s.r == s.w {
		if err := s.fill(); err != nil {
			return 0, s.whileReading(err, faultSlowBody)
		}
	}
	n := copy(p, s.in[s.r:s.w])
	s.r += n
	return n, nil
}

// fill reads what has arrived, at least a byte, behind what is there. Slices of
// in are invalid afterwards. Answers do not wait for a client to send more.
func (c *conn) fill() error {
	if err := c.flush(); err != nil {
		return err
	}
	switch {
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w < len(c.in):
	case c.r > 0:
		c.r, c.w = 0, copy(c.in, c.in[c.r:c.w])
	default:
		larger := c.way.buffers.larger(len(c.in))
		c.w = copy(larger.b, c.in)
		c.way.buffers.putIn(c.lent)
		c.in, c.lent = larger.b, larger
	}
	if held := c.lentBytes(); held > 0 && !c.net.Hold(held) {
		return errGaveWay
	}
	n, err := c.net.Read(c.in[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}

// lentBytes is what the connection holds of a request beyond its own buffer.
func (c *conn) lentBytes() int {
	if c.lent == nil {
		return cap(c.chunks)
	}
	return len(c.in) + cap(c.chunks)
}

// setReadDeadline bounds all reads from now on together.
func (c *conn) setReadDeadline(now time.Time, d time.Duration) {
	c.readBy = now.Add(d)
	_ = c.net.SetReadDeadline(c.readBy)
}

// whileReading is what an error of fill means in the middle of a request.
func (c *conn) whileReading(err error, slow *requestError) error {
	switch {
	case errors.Is(err, errGaveWay), c.net.GaveWay():
		return faultGaveWay
	case errors.Is(err, os.ErrDeadlineExceeded) && c.net.Draining():
		return faultEnding
	case errors.Is(err, os.ErrDeadlineExceeded):
		return slow
	case errors.Is(err, io.EOF):
		return faultEnded
	}
	return errDone
}
