// Package httppost serves records that arrive as HTTP POST requests. It parses these itself, and
// passes all other requests to net/http.
//
// Old clients send a request line without a target, no Host header and lines without CR, which
// net/http rejects, and they poll, which costs net/http more than twice the work. The deviations
// accepted here are listed in docs/protocol.md, 1.1. The end of a message is always parsed
// strictly, also before a request is passed on. If two programs disagree about it, a client can
// smuggle a request past one of them.
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

// Config configures a Protocol.
type Config struct {
	// Handler answers the records.
	Handler transport.RecordHandler
	// Pages serves GET requests, upgrades, and POSTs to paths other than "/". If nil, these get
	// 404.
	Pages  http.Handler
	Limits Limits
	// TrustedProxies are the networks whose X-Forwarded-For, Forwarded and X-Real-IP headers are
	// believed.
	TrustedProxies []netip.Prefix
	// Origins decides which web pages may post records, and under which host names pages are
	// served.
	Origins transport.OriginPolicy
	// WrongHost answers page requests for a host name that is not the server's. If nil, they get a
	// plain 421.
	WrongHost http.Handler
	Log       *slog.Logger
	// Warnings logs mistakes of clients. If nil, New makes one that writes to Log.
	Warnings *transport.WarningLog
}

// Limits are the limits of one connection. Zero fields mean their defaults.
type Limits struct {
	// HeaderBytes is the maximum length of the request line and header together, and of the blank
	// lines before them; 8 KiB.
	HeaderBytes int
	// BodyBytes is the maximum length of a record; wire.MaxRecord, 64 KiB.
	BodyBytes int
	// HeaderTime is how long a header may take from its first byte. It also limits, plus up to a
	// quarter, how long a new connection may wait before that byte; 10 s.
	HeaderTime time.Duration
	// BodyTime is how long a body may take after the header; 20 s.
	BodyTime time.Duration
	// IdleTime is how long a connection is kept for the next request, plus up to a quarter; 75 s,
	// because clients call every 60 s.
	IdleTime time.Duration
	// WriteTime is how long a client may take to accept an answer, plus up to a quarter; 20 s.
	WriteTime time.Duration
	// PageTime is how long net/http may take for a page, including its answer; 60 s. It does not
	// apply to upgraded connections.
	PageTime time.Duration
}

// withDefaults returns l with zero fields replaced by their defaults.
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

// Protocol is a transport.Protocol for HTTP.
type Protocol struct {
	handler      transport.RecordHandler
	limits       Limits
	proxies      transport.TrustedProxies
	originPolicy transport.OriginPolicy
	warnings     *transport.WarningLog
	pageServer   *http.Server
	buffers      bufferPool
}

// New returns a Protocol.
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

// ServeConn answers the requests on transportConn one after another, until the connection ends or a
// request is for a page. Then it passes the connection to net/http.
func (p *Protocol) ServeConn(ctx context.Context, transportConn *transport.Conn) {
	c := newHTTPConn(p, transportConn)
	if c.serve(ctx) == errPageRequest {
		c.handOverToPages(ctx)
	} else {
		// serve has answered a malformed request already. For other errors nobody is left to tell.
		_ = transportConn.Close()
		c.releaseBuffers()
	}
}
