package fault

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// PostFunc sends one record and returns the answer to it. An error says that it is
// not known what became of the record.
type PostFunc func(ctx context.Context, record string) (answer string, err error)

// DialFunc opens a connection to the server, wherever it is now.
type DialFunc func(ctx context.Context) (net.Conn, error)

// HTTPPost posts over HTTPPost, on one connection after another: a new one for each
// request, or with keepAlive each for as long as it lives.
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
