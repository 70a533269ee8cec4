package oldclient

import (
	"bufio"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
)

// readRequest reads a request whatever its first line is. The head is in small
// letters.
func readRequest(br *bufio.Reader, w io.Writer) (header, body string, err error) {
	var lines strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		lines.WriteString(strings.ToLower(line))
	}
	header = lines.String()
	if strings.Contains(header, "expect: 100-continue") {
		io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\n")
	}
	var from io.Reader
	if strings.Contains(header, "transfer-encoding: chunked") {
		from = httputil.NewChunkedReader(br)
	} else {
		_, length, _ := strings.Cut(header, "content-length: ")
		length, _, _ = strings.Cut(length, "\n")
		n, err := strconv.ParseInt(strings.TrimSpace(length), 10, 64)
		if err != nil {
			return "", "", err
		}
		from = io.LimitReader(br, n)
	}
	bytes, err := io.ReadAll(from)
	if err == nil && strings.Contains(header, "transfer-encoding: chunked") {
		_, err = br.ReadString('\n') // behind the last chunk
	}
	return header, string(bytes), err
}
