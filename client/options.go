package client

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// Option changes how a Client behaves.
type Option func(*options)

type options struct {
	fallback []string
	proof    string // the password's MD5 in hex, empty for no password
	token    string
	device   string
	version  string
	program  string
	status   Status
	poll     time.Duration
	tls      *tls.Config
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	log      *slog.Logger
	times    timeouts
}

// timeouts are the durations that tests shorten.
type timeouts struct {
	firstPause, lastPause time.Duration // between attempts to connect
	settled               time.Duration // a connection that lasts so long was no failure
	answer                time.Duration // how long an answer is waited for
	safe                  time.Duration // how long the server is sure to know a repeat
}

var usualTimes = timeouts{
	firstPause: 500 * time.Millisecond,
	lastPause:  30 * time.Second,
	settled:    10 * time.Second,
	answer:     20 * time.Second,
	// The server remembers for 120 s (section 2.1 of the protocol), and the
	// repeat may need as long as an answer is waited for to get there.
	safe: 100 * time.Second,
}

// Password signs in with the account's password. Only its MD5 is kept and sent.
func Password(password string) Option {
	return func(o *options) {
		// The protocol's own proof. It is no protection of a weak password from
		// who can read along: use https or wss on networks that you do not trust.
		sum := md5.Sum([]byte(password))
		o.proof = hex.EncodeToString(sum[:])
	}
}

// Token goes on with the device session that the token proves, as Client.Token
// returned it; a password is not needed then. If a password is given all the same,
// name the Device too: the client signs in anew as it when the token has ended.
func Token(token string) Option { return func(o *options) { o.token = token } }

// Fallback adds addresses of the same account to be tried where the one before
// cannot be reached, or something else than a Rookery server answers there. A
// refusal of the server is no reason to try the next.
func Fallback(addresses ...string) Option {
	return func(o *options) { o.fallback = append(o.fallback, addresses...) }
}

// Device names the device to sign in as, in at most 64 bytes; it needs protocol
// version 1.4. Without one the session belongs to the client's address.
func Device(name string) Option { return func(o *options) { o.device = name } }

// Version makes the client behave as those of a protocol version do: "1.0",
// "1.1", "1.2", "1.3", or "1.4", the default.
func Version(version string) Option { return func(o *options) { o.version = version } }

// Program is what the client calls itself to the server (the protocol's LC):
// usually 16 hex digits.
func Program(lc string) Option { return func(o *options) { o.program = lc } }

// FirstStatus signs in with a status. Without it, it stays as it is while
// another session of the account lives, and is online otherwise.
func FirstStatus(status Status) Option { return func(o *options) { o.status = status } }

// PollInterval is the time between questions for messages over HTTP; 2 s if not
// given. After a batch of messages the next question follows at once.
func PollInterval(d time.Duration) Option { return func(o *options) { o.poll = d } }

// TLS configures https and wss.
func TLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// Dialer opens the connections, all that there are: through a tunnel, say.
// network is "tcp". net.Dialer's DialContext is the default.
func Dialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) {
		if dial != nil { // nil is the usual one
			o.dial = dial
		}
	}
}

// Logger gets a line at each change of the connection, and at level debug for
// each request: its command, SEQ and result, never what it says.
// nil is none.
func Logger(log *slog.Logger) Option {
	return func(o *options) {
		if log != nil {
			o.log = log
		}
	}
}

// defaultProgram is "Rookery1" in hex.
const defaultProgram = "526F6F6B65727931"

func newOptions(opts []Option) options {
	o := options{
		version: wire.V14.String(),
		program: defaultProgram,
		poll:    2 * time.Second,
		dial:    (&net.Dialer{}).DialContext,
		log:     slog.New(slog.DiscardHandler),
		times:   usualTimes,
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// check reports options that do not go together, as an error that wraps
// ErrParameter.
func (o *options) check() error {
	version, ok := wire.ParseVersion([]byte(o.version))
	_, token := rookery.ParseToken(o.token)
	var err error
	switch {
	case len(o.device) > rookery.MaxDeviceName: // what else a name must be is the server's to say: it knows the old ones
		err = fmt.Errorf("the device's name has %d bytes, allowed are %d", len(o.device), rookery.MaxDeviceName)
	case !ok:
		err = fmt.Errorf("version %q is none of 1.0, 1.1, 1.2, 1.3, 1.4", o.version)
	case o.proof == "" && o.token == "":
		err = errors.New("neither a password nor a token: give one with client.Password or client.Token")
	case o.token != "" && !token:
		err = errors.New("that is no token: it begins with rk_ and 43 characters follow")
	case (o.device != "" || o.token != "") && version < wire.V14:
		err = fmt.Errorf("devices need version 1.4, not %s", o.version)
	case o.device == "" && o.token != "" && o.proof != "":
		err = errors.New("a token and a password: name the device to sign in as too, with client.Device")
	case o.status != 0 && !o.status.Valid():
		err = fmt.Errorf("status %d is none that can be chosen", o.status)
	case o.poll <= 0:
		err = fmt.Errorf("the poll interval is %v, it must be more than 0", o.poll)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrParameter, err)
	}
	return nil
}
