package fault

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// PostFunc sends one request record and returns the answer record. After an error it is unknown whether the server
// has processed the request.
type PostFunc func(ctx context.Context, record string) (answer string, err error)

// DialFunc connects to the server. It is called for each connection, because the server's address may change with a
// restart.
type DialFunc func(ctx context.Context) (net.Conn, error)

// HTTPPost returns a PostFunc over HTTP. With keepAlive, requests share a connection as long as it lasts;
// otherwise each request has its own.
func HTTPPost(dial DialFunc, keepAlive bool) PostFunc {
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: !keepAlive,
	}}
	return func(ctx context.Context, record string) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rookery/", strings.NewReader(record))
		if err != nil {
			return "", err
		}
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%w: %s was answered with HTTP status %s", errInvalidAnswer, record, response.Status)
		}
		return string(answer), err
	}
}
