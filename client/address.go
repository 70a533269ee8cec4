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

// serverAddress is a parsed address: the account and where its server is.
type serverAddress struct {
	uin         UIN
	scheme      string
	hostPort    string // host:port
	endpointURL string // the URL for HTTP and WebSocket, without the account
}

// The default ports of a server.
const (
	httpPort = "8000"
	linePort = "14000"
)

// schemeSettings describes the transport that an address scheme selects.
type schemeSettings struct {
	// defaultPorts are tried in order if the address has no port. Each listener of a
	// server accepts every protocol, and a server may have only one listener.
	defaultPorts []string
	defaultPath  string
	usesPolling  bool // otherwise the server pushes
	openConn     func(*Client, context.Context, serverAddress) (serverConn, error)
}

var schemes = map[string]schemeSettings{
	"qq":    {[]string{linePort, httpPort}, "", false, (*Client).openLine},
	"tcp":   {[]string{linePort, httpPort}, "", false, (*Client).openLine},
	"ws":    {[]string{httpPort, linePort}, "/ws", false, (*Client).openWebSocket},
	"wss":   {[]string{"443"}, "/ws", false, (*Client).openWebSocket},
	"http":  {[]string{httpPort, linePort}, "/", true, (*Client).openHTTP},
	"https": {[]string{"443"}, "/", true, (*Client).openHTTP},
}

// String returns scheme://UIN@host:port, without secrets.
func (a serverAddress) String() string { return fmt.Sprintf("%s://%v@%s", a.scheme, a.uin, a.hostPort) }

// parseAddresses parses the main address and its fallbacks, and returns all distinct
// server addresses in the order of attempts.
func parseAddresses(main string, fallbackTexts []string) ([]serverAddress, error) {
	addresses, err := parseAddress(main)
	if err != nil {
		return nil, err
	}
	for _, fallback := range fallbackTexts {
		fallbacks, err := parseAddress(fallback)
		if err != nil {
			return nil, err
		}
		switch {
		case fallbacks[0].uin != addresses[0].uin:
			return nil, fmt.Errorf("%w: client.Fallback is for another account, %v", ErrParameter, fallbacks[0].uin)
		case schemes[fallbacks[0].scheme].usesPolling != schemes[addresses[0].scheme].usesPolling:
			// The server does not push a batch that it has handed out to a poll.
			return nil, fmt.Errorf(
				"%w: client.Fallback cannot combine http or https with other schemes",
				ErrParameter)
		}
		for _, address := range fallbacks {
			if !slices.Contains(addresses, address) {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses, nil
}

// parseAddress parses scheme://UIN@host[:port][/path]. Without a port, it returns one
// address per default port. Its errors wrap ErrParameter and do not quote text, which
// may contain a password by mistake.
func parseAddress(text string) (addresses []serverAddress, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: the address %w; it must look like qq://10001@host", ErrParameter, err)
		}
	}()
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("cannot be parsed")
	}
	settings, ok := schemes[parsed.Scheme]
	if !ok {
		return nil, errors.New("has none of the schemes qq, tcp, http, https, ws, wss")
	}
	uin, ok := rookery.ParseUIN(parsed.User.Username())
	if !ok {
		return nil, errors.New("has no account number before the @")
	}
	if _, hasPassword := parsed.User.Password(); hasPassword {
		return nil, errors.New("contains a password; use client.Password instead")
	}
	if parsed.Hostname() == "" {
		return nil, errors.New("has no host")
	}
	path := parsed.Path
	if path == "" || path == "/" {
		path = settings.defaultPath
	}
	ports := settings.defaultPorts
	if parsed.Port() != "" {
		ports = []string{parsed.Port()}
	}
	for _, port := range ports {
		hostPort := net.JoinHostPort(parsed.Hostname(), port)
		endpoint := url.URL{Scheme: parsed.Scheme, Host: hostPort, Path: path, RawQuery: parsed.RawQuery}
		addresses = append(addresses, serverAddress{uin: uin, scheme: parsed.Scheme, hostPort: hostPort,
			endpointURL: endpoint.String()})
	}
	return addresses, nil
}
