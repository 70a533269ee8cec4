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

// newPageServer makes the server of whatever is no record.
//
// It serves exactly one request of a connection. Of the next one, net/http
// would decide where it ends, more leniently than we do; and a record among
// them would miss all that is checked here.
func newPageServer(h http.Handler, limits Limits, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: limits.HeaderTime,
		ReadTimeout:       limits.PageTime,
		WriteTimeout:      limits.PageTime,
		MaxHeaderBytes:    limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return transport.ContextWithConn(ctx, conn.(*transport.Conn))
		},
		BaseContext: func(listener net.Listener) context.Context { return listener.(*singleConnListener).ctx },
	}
	s.SetKeepAlivesEnabled(false)
	return s
}

// requireOwnHost shows pages under the server's own names alone. With any other name
// a page of ours could be what somebody else's page has led the browser to, and
// would act for that one. A WebSocket says by its Origin what page it is of, and
// is checked by that. Without a name there is no browser.
func (w *Protocol) requireOwnHost(pages, wrongName http.Handler) http.Handler {
	if pages == nil {
		pages = http.NotFoundHandler()
	}
	if wrongName == nil {
		wrongName = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest)
		})
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host == "" || w.originPolicy.IsOwnHost(r.Host) || strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			pages.ServeHTTP(rw, r)
			return
		}
		w.warnings.WarnUnknownHost(transport.ConnFromContext(r.Context()).Addr, r.Host)
		wrongName.ServeHTTP(rw, r)
	})
}

// singleConnListener gives the connection to the pages, from the request on that has
// been looked at. They set deadlines of their own, and close it.
func (c *httpConn) handOverToPages(ctx context.Context) {
	unread := bytes.Clone(c.input[c.readPos:c.writePos])
	c.releaseBuffers() // from now on the connection is another's
	c.transportConn.Unread(unread)
	l := &singleConnListener{ctx: ctx, conn: c.transportConn}
	// It ends at once, since there is nothing to accept after the first.
	_ = c.protocol.pageServer.Serve(l)
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// singleConnListener is a listener that accepts one connection.
type singleConnListener struct {
	ctx  context.Context
	conn *transport.Conn
}

func (l *singleConnListener) Accept() (net.Conn, error) {
	conn := l.conn
	if conn == nil {
		return nil, io.EOF
	}
	l.conn = nil
	return conn, nil
}

func (l *singleConnListener) Close() error   { return nil }
func (l *singleConnListener) Addr() net.Addr { return nil }
