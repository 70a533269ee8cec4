package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/rookery-im/rookery"
)

// serverAddress is where a server is, and who signs in there.
type serverAddress struct {
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
	// ports are tried in their order where the address names none: each listener
	// of a server speaks everything, and it may have one of the two only.
	ports []string
	path  string
	polls bool // what comes is asked for
	open  func(*Client, context.Context, serverAddress) (serverConn, error)
}

var schemes = map[string]scheme{
	"qq":    {[]string{linePort, httpPort}, "", false, (*Client).openLine},
	"tcp":   {[]string{linePort, httpPort}, "", false, (*Client).openLine},
	"ws":    {[]string{httpPort, linePort}, "/ws", false, (*Client).openWebSocket},
	"wss":   {[]string{"443"}, "/ws", false, (*Client).openWebSocket},
	"http":  {[]string{httpPort, linePort}, "/", true, (*Client).openPosts},
	"https": {[]string{"443"}, "/", true, (*Client).openPosts},
}

// String names the account and where it is, and no secrets.
func (a serverAddress) String() string { return fmt.Sprintf("%s://%v@%s", a.scheme, a.uin, a.host) }

// parseAddresses reads an address and those to fall back to. They are tried in
// their order.
func parseAddresses(first string, others []string) ([]serverAddress, error) {
	all, err := parseAddress(first)
	if err != nil {
		return nil, err
	}
	for _, text := range others {
		more, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		switch {
		case more[0].uin != all[0].uin:
			return nil, fmt.Errorf("%w: client.Fallback is for another account, %v", ErrParameter, more[0].uin)
		case schemes[more[0].scheme].polls != schemes[all[0].scheme].polls:
			// A batch that was asked for by a poll is not pushed.
			return nil, fmt.Errorf("%w: client.Fallback goes from http and https to no other scheme, or to them from one",
				ErrParameter)
		}
		for _, address := range more {
			if !slices.Contains(all, address) {
				all = append(all, address)
			}
		}
	}
	return all, nil
}

// parseAddress reads scheme://UIN@host[:port][/path]. It returns more than one
// serverAddress if no port is named. Its errors wrap ErrParameter and do not repeat the
// text, which may hold a password by mistake.
func parseAddress(text string) (all []serverAddress, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: the address %w; it must look like qq://10001@host", ErrParameter, err)
		}
	}()
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	scheme, ok := schemes[u.Scheme]
	if !ok {
		return nil, errors.New("has none of the schemes qq, tcp, http, https, ws, wss")
	}
	uin, ok := rookery.ParseUIN(u.User.Username())
	if !ok {
		return nil, errors.New("has no account number before the @")
	}
	if _, given := u.User.Password(); given {
		return nil, errors.New("holds a password, which belongs into client.Password")
	}
	if u.Hostname() == "" {
		return nil, errors.New("names no host")
	}
	path := u.Path
	if path == "" || path == "/" {
		path = scheme.path
	}
	ports := scheme.ports
	if u.Port() != "" {
		ports = []string{u.Port()}
	}
	for _, port := range ports {
		host := net.JoinHostPort(u.Hostname(), port)
		at := url.URL{Scheme: u.Scheme, Host: host, Path: path, RawQuery: u.RawQuery}
		all = append(all, serverAddress{uin: uin, scheme: u.Scheme, host: host, url: at.String()})
	}
	return all, nil
}
