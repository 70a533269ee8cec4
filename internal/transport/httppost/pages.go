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

// newPageServer returns the server for everything but records.
//
// It serves one request per connection. net/http parses the end of a request less strictly, so it
// must not decide where a following record begins.
func newPageServer(handler http.Handler, limits Limits, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           handler,
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
	server.SetKeepAlivesEnabled(false)
	return server
}

// requireOwnHost serves pages only under the server's own host names. Under another name, a
// stranger's page could control ours in the browser (DNS rebinding). WebSockets are exempt, because
// they are checked by their Origin header, and so are requests without a Host, which no browser
// sends.
func (p *Protocol) requireOwnHost(pages, wrongName http.Handler) http.Handler {
	if pages == nil {
		pages = http.NotFoundHandler()
	}
	if wrongName == nil {
		wrongName = http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
			http.Error(response, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest)
		})
	}
	return http.HandlerFunc(func(response http.ResponseWriter, r *http.Request) {
		if r.Host == "" || p.originPolicy.IsOwnHost(r.Host) || strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			pages.ServeHTTP(response, r)
			return
		}
		p.warnings.WarnUnknownHost(transport.ConnFromContext(r.Context()).Addr, r.Host)
		wrongName.ServeHTTP(response, r)
	})
}

// handOverToPages passes the connection, beginning with the current request, to net/http. net/http
// sets its own deadlines and closes the connection.
func (c *httpConn) handOverToPages(ctx context.Context) {
	unread := bytes.Clone(c.input[c.readPos:c.writePos])
	c.releaseBuffers() // net/http uses the connection from here on
	c.transportConn.Unread(unread)
	listener := &singleConnListener{ctx: ctx, conn: c.transportConn}
	// Serve returns at once, because the second Accept fails.
	_ = c.protocol.pageServer.Serve(listener)
	if listener.conn != nil {
		_ = listener.conn.Close()
	}
}

// singleConnListener accepts one connection, then returns io.EOF.
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
