package oldclient

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const serverHost = "tqq.tencent.com:8000"

// An exchangeFunc sends one record and returns the response: everything up to the end of the connection,
// headers included, or only the body, depending on the program.
type exchangeFunc func(ctx context.Context, client *Client, record string) (response string, err error)

// postUntilEOF writes a handmade request on a new connection and reads until the server closes it. In format,
// %d stands for the length of the record.
func postUntilEOF(format string) exchangeFunc {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		conn, err := client.dial(ctx)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		defer interruptWhenDone(ctx, conn)()
		if _, err := io.WriteString(conn, fmt.Sprintf(format, len(record))+record); err != nil {
			return "", err
		}
		response, err := io.ReadAll(conn)
		return string(response), err
	}
}

// postKeepAlive keeps its connection and reads the body by Content-Length. It writes head and body together.
func postKeepAlive(format string) exchangeFunc {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		if err := client.connect(ctx); err != nil {
			return "", err
		}
		defer interruptWhenDone(ctx, client.conn)()
		if _, err := io.WriteString(client.conn, fmt.Sprintf(format, len(record))+record); err != nil {
			return "", err
		}
		return client.readResponse()
	}
}

// postExpectContinue is like postKeepAlive but sends the head first and waits for status 100.
func postExpectContinue(format string) exchangeFunc {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		if err := client.connect(ctx); err != nil {
			return "", err
		}
		defer interruptWhenDone(ctx, client.conn)()
		if _, err := io.WriteString(client.conn, fmt.Sprintf(format, len(record))); err != nil {
			return "", err
		}
		goOn, err := http.ReadResponse(client.reader, nil)
		if err != nil {
			return "", err
		}
		if goOn.StatusCode != http.StatusContinue {
			return "", fmt.Errorf("status %s before the body", goOn.Status)
		}
		if _, err := io.WriteString(client.conn, record); err != nil {
			return "", err
		}
		return client.readResponse()
	}
}

// postChunked is like postKeepAlive but sends the record in chunks of 32 bytes, each in its own write.
func postChunked(header string) exchangeFunc {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		if err := client.connect(ctx); err != nil {
			return "", err
		}
		defer interruptWhenDone(ctx, client.conn)()
		if _, err := io.WriteString(client.conn, header); err != nil {
			return "", err
		}
		for part := range slices.Chunk([]byte(record), 32) {
			if _, err := fmt.Fprintf(client.conn, "%x\r\n%s\r\n", len(part), part); err != nil {
				return "", err
			}
		}
		if _, err := io.WriteString(client.conn, "0\r\n\r\n"); err != nil {
			return "", err
		}
		return client.readResponse()
	}
}

// postNetHTTP uses Go's net/http.
func postNetHTTP(ctx context.Context, client *Client, record string) (string, error) {
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return client.dial(ctx) },
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+serverHost, strings.NewReader(record))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "text/plain")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	return readBody(response)
}

// connect opens the persistent connection if necessary.
func (c *Client) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	c.conn, c.reader = conn, bufio.NewReader(conn)
	return nil
}

// readResponse reads the next response on the persistent connection and returns its body.
func (c *Client) readResponse() (string, error) {
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return "", err
	}
	body, err := readBody(response)
	if err == nil && response.Close {
		err = c.Close()
	}
	return body, err
}

func readBody(response *http.Response) (string, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s: %q", response.Status, body)
	}
	return string(body), nil
}

// interruptWhenDone makes reads and writes fail once ctx ends, until release is called.
func interruptWhenDone(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}
