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

// awaitRequest waits until the first byte of a request has arrived, for at least timeout and at
// most a quarter longer. Meanwhile all answers are written and all buffers returned.
func (c *httpConn) awaitRequest(timeout time.Duration) error {
	c.header.isHEAD = false
	if c.skipBlankLines() {
		if c.output != nil && len(c.output.bytes) > maxPendingOutput {
			return c.flush()
		}
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.releaseBuffers()
	// Setting a deadline costs as much as parsing a header. One that is late enough is kept.
	if now := time.Now(); c.readDeadline.Sub(now) < timeout {
		c.setReadDeadline(now, timeout+timeout/4)
	}
	if !c.transportConn.BecomeIdle() {
		return errCloseConn
	}
	// Blank lines neither end nor prolong the wait.
	for !c.skipBlankLines() {
		if c.readMore() != nil {
			return errCloseConn
		}
	}
	if !c.transportConn.BecomeActive() {
		return errCloseConn
	}
	return nil
}

// skipBlankLines drops leading blank lines. It reports whether a request has begun, or there are
// too many blank lines. A CR alone may be half of a blank line.
func (c *httpConn) skipBlankLines() bool {
	for c.readPos < c.writePos {
		remaining := c.input[c.readPos:c.writePos]
		switch {
		case remaining[0] == '\n':
			c.skipBlankBytes(1)
		case remaining[0] != '\r':
			return true
		case len(remaining) == 1:
			return c.hasTooManyBlanks()
		case remaining[1] == '\n':
			c.skipBlankBytes(2)
		default:
			return true
		}
	}
	return c.hasTooManyBlanks()
}

func (c *httpConn) skipBlankBytes(n int) { c.readPos, c.blankBytes = c.readPos+n, c.blankBytes+n }

func (c *httpConn) hasTooManyBlanks() bool { return c.blankBytes > c.protocol.limits.HeaderBytes }

// readHeader reads the whole header and returns its length.
func (c *httpConn) readHeader() (int, error) {
	if c.hasTooManyBlanks() {
		return 0, errTooManyBlankLines
	}
	c.blankBytes = 0
	if _, ok := lowerToken(nil, c.input[c.readPos:c.readPos+1]); !ok {
		return 0, errNotHTTP
	}
	maxBytes := c.protocol.limits.HeaderBytes
	for from := 0; ; {
		header := c.input[c.readPos:c.writePos]
		n := headerLength(header, from)
		switch {
		case n > maxBytes, n == 0 && len(header) >= maxBytes:
			return 0, errHeaderTooLong
		case n > 0:
			return n, nil
		}
		if from == 0 {
			c.setReadDeadline(time.Now(), c.protocol.limits.HeaderTime)
		}
		// The last two bytes may be the start of a final LF CR LF.
		from = max(1, len(header)-2)
		if err := c.readMore(); err != nil {
			return 0, c.classifyReadError(err, errHeaderTimeout)
		}
	}
}

// readBody returns the request's body, which is valid until the next read. Without a length, the
// body is empty.
func (c *httpConn) readBody(r *requestHeader) ([]byte, error) {
	n := int(max(r.contentLength, 0))
	chunked := r.transferEncodings > 0
	if chunked || c.writePos-c.readPos < n {
		if r.expectsContinue && r.minorVersion != '0' {
			out := c.outputBuffer() // the next readMore flushes it
			out.bytes = append(out.bytes, "HTTP/1.1 100 Continue\r\n\r\n"...)
		}
		c.setReadDeadline(time.Now(), c.protocol.limits.BodyTime)
	}
	if chunked {
		return c.readChunkedBody()
	}
	for c.writePos-c.readPos < n {
		if err := c.readMore(); err != nil {
			return nil, c.classifyReadError(err, errBodyTimeout)
		}
	}
	body := c.input[c.readPos : c.readPos+n]
	c.readPos += n
	return body, nil
}

// readChunkedBody reads a chunked body and skips its trailer.
func (c *httpConn) readChunkedBody() ([]byte, error) {
	reader := bufio.NewReader(connReader{c})
	body, err := c.readChunks(httputil.NewChunkedReader(reader))
	if err == nil {
		err = skipTrailer(reader, c.protocol.limits.HeaderBytes)
	}
	var httpErr *httpError
	switch {
	case errors.As(err, &httpErr), errors.Is(err, errCloseConn):
		return nil, err
	case err != nil:
		return nil, errChunkedBody
	}
	// Give back what reader has buffered beyond the body: it is the start of the next request. It
	// is at the end of the consumed input, because reader reads only when its buffer is empty.
	c.readPos -= reader.Buffered()
	return body, nil
}

// readChunks decodes chunks up to the body limit.
func (c *httpConn) readChunks(chunks io.Reader) ([]byte, error) {
	maxBytes := c.protocol.limits.BodyBytes
	c.chunkedBody = make([]byte, 0, 512)
	for {
		if len(c.chunkedBody) == cap(c.chunkedBody) {
			c.chunkedBody = slices.Grow(c.chunkedBody, len(c.chunkedBody))
		}
		n, err := chunks.Read(c.chunkedBody[len(c.chunkedBody):cap(c.chunkedBody)])
		c.chunkedBody = c.chunkedBody[:len(c.chunkedBody)+n]
		switch {
		case len(c.chunkedBody) > maxBytes:
			return nil, errBodyTooLong
		case errors.Is(err, io.EOF):
			return c.chunkedBody, nil
		case err != nil:
			return nil, err
		}
	}
}

// skipTrailer reads the lines after the last chunk, up to the empty one.
func skipTrailer(reader *bufio.Reader, maxBytes int) error {
	for read := 0; ; {
		line, err := reader.ReadSlice('\n')
		if read += len(line); read > maxBytes || errors.Is(err, bufio.ErrBufferFull) {
			return errHeaderTooLong
		}
		switch {
		case err != nil:
			return err
		case len(line) < 2 || bytes.IndexByte(line, '\r') != len(line)-2:
			return errChunkedBody
		case len(line) == 2:
			return nil
		}
	}
}

// connReader reads the connection's input, buffered bytes first. It never returns io.EOF, which the
// chunked reader would misinterpret.
type connReader struct{ *httpConn }

func (s connReader) Read(p []byte) (int, error) {
	if s.readPos == s.writePos {
		if err := s.readMore(); err != nil {
			return 0, s.classifyReadError(err, errBodyTimeout)
		}
	}
	n := copy(p, s.input[s.readPos:s.writePos])
	s.readPos += n
	return n, nil
}

// readMore reads at least one byte and appends it to input. It invalidates slices of input. It
// first writes pending answers, since the client may wait for these before it sends more.
func (c *httpConn) readMore() error {
	if err := c.flush(); err != nil {
		return err
	}
	switch {
	case c.readPos == c.writePos:
		c.readPos, c.writePos = 0, 0
	case c.writePos < len(c.input):
	case c.readPos > 0:
		c.readPos, c.writePos = 0, copy(c.input, c.input[c.readPos:c.writePos])
	default:
		larger := c.protocol.buffers.borrowLarger(len(c.input))
		c.writePos = copy(larger.bytes, c.input)
		c.protocol.buffers.returnInput(c.borrowed)
		c.input, c.borrowed = larger.bytes, larger
	}
	if reserved := c.bytesToReserve(); reserved > 0 && !c.transportConn.ReserveMemory(reserved) {
		return errMemoryRevoked
	}
	n, err := c.transportConn.Read(c.input[c.writePos:])
	c.writePos += n
	if n > 0 {
		return nil
	}
	return err
}

// bytesToReserve returns how many bytes the connection holds beyond its idle buffer.
func (c *httpConn) bytesToReserve() int {
	if c.borrowed == nil {
		return cap(c.chunkedBody)
	}
	return len(c.input) + cap(c.chunkedBody)
}

// setReadDeadline limits all further reads together.
func (c *httpConn) setReadDeadline(now time.Time, timeout time.Duration) {
	c.readDeadline = now.Add(timeout)
	_ = c.transportConn.SetReadDeadline(c.readDeadline)
}

// classifyReadError converts an error of readMore within a request; timeout is the response to a
// missed deadline.
func (c *httpConn) classifyReadError(err error, timeout *httpError) error {
	switch {
	case errors.Is(err, errMemoryRevoked), c.transportConn.ReservationRevoked():
		return errTooManyPartialRequests
	case errors.Is(err, os.ErrDeadlineExceeded) && c.transportConn.ShuttingDown():
		return errServerShutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return timeout
	case errors.Is(err, io.EOF):
		return errRequestTruncated
	}
	return errCloseConn
}
