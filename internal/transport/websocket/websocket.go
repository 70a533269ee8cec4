// Package websocket is the way in for browsers and other modern clients: one
// record in each text message, both ways (docs/protocol.md, 1.3).
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

// subprotocol is what clients call the protocol. One that names others only is
// refused; one that names none is taken for ours.
const subprotocol = "httpqq"

// Config is what a Handler needs.
type Config struct {
	// Handler answers the records.
	Handler transport.StreamHandler
	Limits  Limits
	// TrustedProxies are those whose X-Forwarded-For, Forwarded and X-Real-IP
	// are believed.
	TrustedProxies transport.TrustedProxies
	// Origins says which web pages may connect. The zero Origins knows IP
	// addresses and localhost.
	Origins transport.OriginPolicy
	Log     *slog.Logger
	// Warnings logs what clients do wrong; nil is made of Log.
	Warnings *transport.WarningLog
}

// Limits bound one connection. A zero stands for its default.
type Limits struct {
	// MessageBytes is how long a message may be; wire.MaxRecord, 64 KiB. A
	// longer one ends the connection with code 1009.
	MessageBytes int
	// IdleTime is how long a connection is kept without a record; 300 s, as long
	// as a session lives without one (LI). The setting is --line-idle-timeout.
	IdleTime time.Duration
	// PingTime is how often a client is pinged, so that proxies between keep the
	// connection, and how long it may take to answer; 30 s.
	PingTime time.Duration
	// WriteTime is how long a client may take to make room for an answer or a
	// push; 20 s.
	WriteTime time.Duration
	// CloseTime is how long a client may take to say goodbye; 1 s.
	CloseTime time.Duration
	// RecordsPerSecond is how many records a connection may bring in one second;
	// 0, the default, is any number. The setting is --max-records-per-second.
	RecordsPerSecond int
}

// withDefaults returns the limits with defaults in the place of zeros.
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

// Handler upgrades requests to WebSockets and answers the records on them. It
// must be among the pages of package httppost, which says what connection a
// request came on.
type Handler struct {
	streamHandler transport.StreamHandler
	limits        Limits
	proxies       transport.TrustedProxies
	originPolicy  transport.OriginPolicy
	warnings      *transport.WarningLog
}

// New makes a handler.
func New(cfg Config) *Handler {
	return &Handler{
		streamHandler: cfg.Handler,
		limits:        cfg.Limits.withDefaults(),
		proxies:       cfg.TrustedProxies,
		originPolicy:  cfg.Origins,
		warnings:      cmp.Or(cfg.Warnings, transport.NewWarningLog(cfg.Log, time.Now)),
	}
}

// ServeHTTP serves one WebSocket, until it has ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	nc := transport.ConnFromContext(r.Context())
	peer := transport.Peer{Form: wire.FormLine}
	h.proxies.IdentifyPeer(&peer, nc.Addr, forwardedFields(r.Header))
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
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // page says whether the origin may
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // and the client is told
	}
	ws.SetReadLimit(int64(h.limits.MessageBytes))
	c := &webSocketConn{handler: h, webSocket: ws, transportConn: nc, peer: peer, answerLock: make(chan struct{}, 1)}
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

// forwardedFields are the header lines in which proxies say for whom they ask.
func forwardedFields(h http.Header) (fields []transport.ForwardedField) {
	for kind, name := range map[transport.ForwardedKind]string{
		transport.XForwardedFor: "X-Forwarded-For",
		transport.Forwarded:     "Forwarded",
		transport.XRealIP:       "X-Real-Ip",
	} {
		for _, value := range h.Values(name) {
			fields = append(fields, transport.ForwardedField{Kind: kind, Value: []byte(value)})
		}
	}
	return fields
}
