// Package websocket serves records over WebSockets, for browsers and other modern clients. Each
// text message, in either direction, is one record (docs/protocol.md, 1.3).
package websocket

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// subprotocol is the name of the protocol. A client that offers only others is refused. One that
// offers none is accepted.
const subprotocol = "httpqq"

// Config configures a Handler.
type Config struct {
	// Handler answers the records.
	Handler transport.StreamHandler
	Limits  Limits
	// TrustedProxies are the networks whose X-Forwarded-For, Forwarded and X-Real-IP headers are
	// believed.
	TrustedProxies transport.TrustedProxies
	// Origins decides which web pages may connect.
	Origins transport.OriginPolicy
	Log     *slog.Logger
	// Warnings logs mistakes of clients. If nil, New makes one that writes to Log.
	Warnings *transport.WarningLog
}

// Limits are the limits of one connection. Zero fields mean their defaults.
type Limits struct {
	// MessageBytes is the maximum length of a message; wire.MaxRecord, 64 KiB. A longer one ends
	// the connection with code 1009.
	MessageBytes int
	// IdleTime is how long a connection is kept without a record; 300 s, the lifetime of a session
	// (LI). The flag is --line-idle-timeout.
	IdleTime time.Duration
	// PingTime is the interval of pings, which keep the connection alive in proxies, and the time
	// limit for each pong; 30 s.
	PingTime time.Duration
	// WriteTime is how long a client may take to accept an answer or a push; 20 s.
	WriteTime time.Duration
	// CloseTime is how long a client may take to confirm a close; 1 s.
	CloseTime time.Duration
	// RecordsPerSecond is the maximum number of records in one second; 0, the default, means no
	// limit. The flag is --max-records-per-second.
	RecordsPerSecond int
}

// withDefaults returns l with zero fields replaced by their defaults.
func (l Limits) withDefaults() Limits {
	if l.MessageBytes == 0 {
		l.MessageBytes = wire.MaxRecord
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.IdleTime, 300 * time.Second}, {&l.PingTime, 30 * time.Second},
		{&l.WriteTime, 20 * time.Second}, {&l.CloseTime, time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Handler upgrades requests to WebSockets and answers the records on them. It must be served by
// Config.Pages of package httppost, which puts the connection into the request's context.
type Handler struct {
	streamHandler transport.StreamHandler
	limits        Limits
	proxies       transport.TrustedProxies
	originPolicy  transport.OriginPolicy
	warnings      *transport.WarningLog
}

// New returns a Handler.
func New(cfg Config) *Handler {
	return &Handler{
		streamHandler: cfg.Handler,
		limits:        cfg.Limits.withDefaults(),
		proxies:       cfg.TrustedProxies,
		originPolicy:  cfg.Origins,
		warnings:      cmp.Or(cfg.Warnings, transport.NewWarningLog(cfg.Log, time.Now)),
	}
}

// ServeHTTP serves one WebSocket until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	transportConn := transport.ConnFromContext(r.Context())
	peer := transport.Peer{Form: wire.FormLine}
	h.proxies.IdentifyPeer(&peer, transportConn.Addr, forwardedFields(r.Header))
	origins := r.Header.Values("Origin")
	page := h.originPolicy.ClassifyPage(r.Host, origins, len(r.Header.Values("Sec-Fetch-Site")) > 0)
	peer.FromWebPage = page != transport.NoPage
	switch {
	case page.RefusalText() != "":
		h.warnings.WarnRefusedPage(page, peer.Addr, r.Host, origins)
		http.Error(w, page.RefusalText(), http.StatusForbidden)
		return
	case !acceptsSubprotocol(r):
		http.Error(w, "None of the subprotocols is spoken here. Offer "+subprotocol+", or none", http.StatusBadRequest)
		return
	}
	webSocket, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // ClassifyPage has checked the origin
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered the request
	}
	webSocket.SetReadLimit(int64(h.limits.MessageBytes))
	c := &webSocketConn{handler: h, webSocket: webSocket, transportConn: transportConn, peer: peer,
		answerLock: make(chan struct{}, 1)}
	c.serve(r.Context())
}

// acceptsSubprotocol reports whether the client offers our subprotocol, or none at all.
func acceptsSubprotocol(r *http.Request) bool {
	offers := r.Header.Values("Sec-WebSocket-Protocol")
	for offer := range strings.SplitSeq(strings.Join(offers, ","), ",") {
		if wire.EqualFold([]byte(strings.TrimSpace(offer)), subprotocol) {
			return true
		}
	}
	return len(offers) == 0
}

// forwardedFields returns the header lines in which proxies name the client.
func forwardedFields(header http.Header) (fields []transport.ForwardedField) {
	for kind, name := range map[transport.ForwardedKind]string{
		transport.XForwardedFor: "X-Forwarded-For",
		transport.Forwarded:     "Forwarded",
		transport.XRealIP:       "X-Real-Ip",
	} {
		for _, value := range header.Values(name) {
			fields = append(fields, transport.ForwardedField{Kind: kind, Value: []byte(value)})
		}
	}
	return fields
}
