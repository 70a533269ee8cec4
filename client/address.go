package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/rookery-im/rookery"
)

// address is where a server is, and who signs in there.
type address struct {
	uin    UIN
	scheme string
	host   string // with port
	url    string // for HTTP and WebSocket, without the account
}

// The ports that servers listen on if nobody changes it.
const (
	httpPort = "8000"
	linePort = "14000"
)

// scheme is what an address's scheme stands for.
type scheme struct {
	port, path string
	open       func(*Client) opener
}

var schemes = map[string]scheme{
	"qq":    {linePort, "", (*Client).lines},
	"tcp":   {linePort, "", (*Client).lines},
	"ws":    {httpPort, "/ws", (*Client).webSockets},
	"wss":   {"443", "/ws", (*Client).webSockets},
	"http":  {httpPort, "/", (*Client).posts},
	"https": {"443", "/", (*Client).posts},
}

// parseAddress reads scheme://UIN@host[:port][/path]. Its errors wrap
// ErrParameter and do not repeat the text, which may hold a password by mistake.
func parseAddress(text string) (a address, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: the address %w; it must look like qq://10001@host", ErrParameter, err)
		}
	}()
	u, err := url.Parse(text)
	if err != nil {
		return a, errors.New("cannot be read")
	}
	s, ok := schemes[u.Scheme]
	if !ok {
		return a, errors.New("has none of the schemes qq, tcp, http, https, ws, wss")
	}
	if a.uin, ok = rookery.ParseUIN(u.User.Username()); !ok {
		return a, errors.New("has no account number before the @")
	}
	if _, given := u.User.Password(); given {
		return a, errors.New("holds a password, which belongs into client.Password")
	}
	if u.Hostname() == "" {
		return a, errors.New("names no host")
	}
	port := u.Port()
	if port == "" {
		port = s.port
	}
	a.scheme, a.host = u.Scheme, net.JoinHostPort(u.Hostname(), port)
	path := u.Path
	if path == "" || path == "/" {
		path = s.path
	}
	a.url = (&url.URL{Scheme: u.Scheme, Host: a.host, Path: path, RawQuery: u.RawQuery}).String()
	return a, nil
}
