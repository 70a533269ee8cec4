package httppost

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/rookery-im/rookery/internal/transport"
)

// newPages makes the server of whatever is no record.
//
// It serves exactly one request of a connection. Of the next one, net/http
// would decide where it ends, more leniently than we do; and a record among
// them would miss all that is checked here.
func newPages(h http.Handler, limits Limits, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: limits.HeaderTime,
		ReadTimeout:       limits.PageTime,
		WriteTimeout:      limits.PageTime,
		MaxHeaderBytes:    limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return transport.WithConn(ctx, conn.(*transport.Conn))
		},
		BaseContext: func(listener net.Listener) context.Context { return listener.(*upgradedListener).ctx },
	}
	s.SetKeepAlivesEnabled(false)
	return s
}

// checkName shows pages under the server's own names alone. With any other name
// a page of ours could be what somebody else's page has led the browser to, and
// would act for that one. A WebSocket says by its Origin what page it is of, and
// is checked by that. Without a name there is no browser.
func (w *Protocol) checkName(pages, wrongName http.Handler) http.Handler {
	if pages == nil {
		pages = http.NotFoundHandler()
	}
	if wrongName == nil {
		wrongName = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest)
		})
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host == "" || w.origins.Own(r.Host) || strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			pages.ServeHTTP(rw, r)
			return
		}
		w.warnings.UnknownName(transport.ConnOf(r.Context()).Addr, r.Host)
		wrongName.ServeHTTP(rw, r)
	})
}

// upgradedListener gives the connection to the pages, from the request on that has
// been looked at. They set deadlines of their own, and close it.
func (c *conn) handOver(ctx context.Context) {
	unread := bytes.Clone(c.in[c.r:c.w])
	c.release() // from now on the connection is another's
	c.net.Unread(unread)
	l := &upgradedListener{ctx: ctx, conn: c.net}
	// It ends at once, since there is nothing to accept after the first.
	_ = c.way.pages.Serve(l)
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// upgradedListener is a listener that accepts one connection.
type upgradedListener struct {
	ctx  context.Context
	conn *transport.Conn
}

func (l *upgradedListener) Accept() (net.Conn, error) {
	conn := l.conn
	if conn == nil {
		return nil, io.EOF
	}
	l.conn = nil
	return conn, nil
}

func (l *upgradedListener) Close() error   { return nil }
func (l *upgradedListener) Addr() net.Addr { return nil }
