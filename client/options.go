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

// Option configures a Client in Dial.
type Option func(*options)

type options struct {
	fallbacks     []string
	passwordProof string // MD5 of the password in hex, empty without a password
	token         string
	deviceName    string
	version       string
	program       string
	initialStatus Status
	pollInterval  time.Duration
	tlsConfig     *tls.Config
	dialContext   func(ctx context.Context, network, address string) (net.Conn, error)
	logger        *slog.Logger
	timeouts      timeouts
}

// timeouts are the durations that tests shorten.
type timeouts struct {
	minRetryDelay, maxRetryDelay time.Duration // between connection attempts
	stableAfter                  time.Duration // a connection of this age resets the retry delay
	answerTimeout                time.Duration // limit for one answer
	repeatWindow                 time.Duration // the server recognizes a repeat at least this long
}

var defaultTimeouts = timeouts{
	minRetryDelay: 500 * time.Millisecond,
	maxRetryDelay: 30 * time.Second,
	stableAfter:   10 * time.Second,
	answerTimeout: 20 * time.Second,
	// The server remembers a SEQ for 120 s (section 2.1 of the protocol), and the
	// repeated request may take up to answerTimeout to arrive.
	repeatWindow: 100 * time.Second,
}

// Password signs in with the account's password. The client stores and sends only its
// MD5.
func Password(password string) Option {
	return func(o *options) {
		// MD5 is the proof that the protocol defines. An eavesdropper can guess a weak
		// password from it: use https or wss on untrusted networks.
		sum := md5.Sum([]byte(password))
		o.passwordProof = hex.EncodeToString(sum[:])
	}
}

// Token resumes the device session of a token from Client.Token, without a password.
// With a Password as well, Device is required: the client logs in as that device when
// the token has expired.
func Token(token string) Option { return func(o *options) { o.token = token } }

// Fallback adds addresses of the same account. The client tries them in order if the
// previous address is unreachable or is not a Rookery server. If the server refuses
// the login, the client does not try the next address.
func Fallback(addresses ...string) Option {
	return func(o *options) { o.fallbacks = append(o.fallbacks, addresses...) }
}

// Device sets the name of the device to sign in as, at most 64 bytes. It requires
// protocol version 1.4. Without it, the session belongs to the client's network address.
func Device(name string) Option { return func(o *options) { o.deviceName = name } }

// Version selects the protocol version: "1.0", "1.1", "1.2", "1.3" or "1.4", the default.
func Version(version string) Option { return func(o *options) { o.version = version } }

// Program sets the client identification (LC of the protocol), usually 16 hex digits.
func Program(lc string) Option { return func(o *options) { o.program = lc } }

// InitialStatus sets the status at sign-in. Without it, the account keeps the status of
// its other sessions, or is online if it has none.
func InitialStatus(status Status) Option { return func(o *options) { o.initialStatus = status } }

// PollInterval sets the pause between polls over HTTP, 2 s by default. After a batch
// with messages the client polls again at once.
func PollInterval(interval time.Duration) Option {
	return func(o *options) { o.pollInterval = interval }
}

// TLS configures https and wss.
func TLS(config *tls.Config) Option { return func(o *options) { o.tlsConfig = config } }

// Dialer replaces the function that opens every network connection, for example to use
// a tunnel. network is "tcp". The default, also for nil, is net.Dialer.DialContext.
func Dialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) {
		if dial != nil {
			o.dialContext = dial
		}
	}
}

// Logger receives one line per change of the connection and, at level debug, the
// command, SEQ and result of each request, never its contents. The default, also for
// nil, discards everything.
func Logger(logger *slog.Logger) Option {
	return func(o *options) {
		if logger != nil {
			o.logger = logger
		}
	}
}

// defaultProgram is "Rookery1" in hex.
const defaultProgram = "526F6F6B65727931"

func newOptions(opts []Option) options {
	o := options{
		version:      wire.V14.String(),
		program:      defaultProgram,
		pollInterval: 2 * time.Second,
		dialContext:  (&net.Dialer{}).DialContext,
		logger:       slog.New(slog.DiscardHandler),
		timeouts:     defaultTimeouts,
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// validate reports invalid options and combinations. The error wraps ErrParameter.
func (o *options) validate() error {
	version, validVersion := wire.ParseVersion([]byte(o.version))
	_, validToken := rookery.ParseToken(o.token)
	var err error
	switch {
	// The server checks other rules for names, because existing devices may break them.
	case len(o.deviceName) > rookery.MaxDeviceName:
		err = fmt.Errorf("the device name has %d bytes; the limit is %d", len(o.deviceName), rookery.MaxDeviceName)
	case !validVersion:
		err = fmt.Errorf("version %q is not one of 1.0, 1.1, 1.2, 1.3, 1.4", o.version)
	case o.passwordProof == "" && o.token == "":
		err = errors.New("there is neither a password nor a token: use client.Password or client.Token")
	case o.token != "" && !validToken:
		err = errors.New("the token is invalid: tokens are rk_ followed by 43 characters")
	case (o.deviceName != "" || o.token != "") && version < wire.V14:
		err = fmt.Errorf("devices need version 1.4, not %s", o.version)
	case o.deviceName == "" && o.token != "" && o.passwordProof != "":
		err = errors.New("a token with a password also requires client.Device")
	case o.initialStatus != 0 && !o.initialStatus.Valid():
		err = fmt.Errorf("status %d cannot be chosen", o.initialStatus)
	case o.pollInterval <= 0:
		err = fmt.Errorf("the poll interval is %v; it must be positive", o.pollInterval)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrParameter, err)
	}
	return nil
}
