// Package httppost is the way in over HTTP: records as POSTs, read by hand,
// and everything else handed to net/http.
//
// Old clients send a request line without a target, no Host, lines without CR,
// and they poll: net/http refuses the former and spends more than twice the
// work on the latter. What is read leniently here is what the protocol lists
// (docs/protocol.md, 1.1). Where a message ends is read strictly, always, and
// before a request is handed on: two programs that disagree about it let a
// client smuggle requests past one of them.
package httppost

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// Config is what a Way needs.
type Config struct {
	// Handler answers the records.
	Handler transport.RecordHandler
	// Pages answers GETs, upgrades, and POSTs to other paths than "/". nil
	// answers 404.
	Pages  http.Handler
	Limits Limits
	// TrustedProxies are those whose X-Forwarded-For, Forwarded and X-Real-IP
	// are believed.
	TrustedProxies []netip.Prefix
	// Origins says which web pages may post records, and under which names there
	// are pages. The zero Origins knows IP addresses and localhost.
	Origins transport.OriginPolicy
	// WrongHost answers what is asked for pages under a name that is not the
	// server's; nil answers 421 alone.
	WrongHost http.Handler
	Log       *slog.Logger
	// Warnings logs what clients do wrong; nil is made of Log.
	Warnings *transport.WarningLog
}

// Limits bound one connection. A zero stands for its default.
type Limits struct {
	// HeaderBytes is how long a request line and header may be together, and
	// the blank lines before them; 8 KiB.
	HeaderBytes int
	// BodyBytes is how long a record may be; wire.MaxRecord, 64 KiB.
	BodyBytes int
	// HeaderTime is how long a header may take from its first byte on, and a
	// new connection, or one a quarter longer, until that first byte; 10 s.
	HeaderTime time.Duration
	// BodyTime is how long the body may take from the header's end on; 20 s.
	BodyTime time.Duration
	// IdleTime is how long a connection is kept, at least, for a next request;
	// 75 s: clients call every 60 s. It can be a quarter more.
	IdleTime time.Duration
	// WriteTime is how long a client may take, at least, to make room for an
	// answer; 20 s. It can be a quarter more.
	WriteTime time.Duration
	// PageTime is how long a page may take, from the hand-over to the last
	// byte of its answer; 60 s. It does not bind upgraded connections.
	PageTime time.Duration
}

// withDefaults returns the limits with defaults in the place of zeros.
func (l Limits) withDefaults() Limits {
	for _, n := range []struct {
		field *int
		value int
	}{{&l.HeaderBytes, 8 << 10}, {&l.BodyBytes, wire.MaxRecord}} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.HeaderTime, 10 * time.Second}, {&l.BodyTime, 20 * time.Second}, {&l.IdleTime, 75 * time.Second},
		{&l.WriteTime, 20 * time.Second}, {&l.PageTime, 60 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Protocol is the way in over HTTP. It is a transport.Protocol.
type Protocol struct {
	handler      transport.RecordHandler
	limits       Limits
	proxies      transport.TrustedProxies
	originPolicy transport.OriginPolicy
	warnings     *transport.WarningLog
	pageServer   *http.Server
	buffers      bufferPool
}

// New makes a way in.
func New(cfg Config) *Protocol {
	protocol := &Protocol{
		handler:      cfg.Handler,
		limits:       cfg.Limits.withDefaults(),
		proxies:      cfg.TrustedProxies,
		originPolicy: cfg.Origins,
		warnings:     cmp.Or(cfg.Warnings, transport.NewWarningLog(cfg.Log, time.Now)),
	}
	protocol.pageServer = newPageServer(protocol.requireOwnHost(cfg.Pages, cfg.WrongHost), protocol.limits, cfg.Log)
	return protocol
}

// ServeConn answers the requests that come on nc, one after another, until the
// client leaves, breaks a rule, or asks for a page; then net/http has it.
func (w *Protocol) ServeConn(ctx context.Context, nc *transport.Conn) {
	c := newHTTPConn(w, nc)
	if c.serve(ctx) == errPageRequest {
		c.handOverToPages(ctx)
	} else {
		// Whoever breaks a rule is told so in refuse; any other error of the
		// connection has nobody to be told to.
		_ = nc.Close()
		c.releaseBuffers()
	}
}
