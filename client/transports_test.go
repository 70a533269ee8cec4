package client_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/client"
)

// startTLSProxy starts a TLS proxy for a server. It returns the proxy's address and a
// configuration that trusts its certificate.
func startTLSProxy(t *testing.T, server *testServer) (addr string, trust *tls.Config) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server.address)
			if err != nil {
				near.Close()
				continue
			}
			carry := func(dst, src net.Conn) {
				_, _ = io.Copy(dst, src)
				dst.Close()
			}
			go carry(near, far)
			go carry(far, near)
		}
	}()
	pool := x509.NewCertPool()
	pool.AddCert(certified.Certificate())
	return listener.Addr().String(), &tls.Config{RootCAs: pool}
}

func TestTLSProtectsHTTPAndWebSocket(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	addr, trust := startTLSProxy(t, server)
	for _, scheme := range []string{"https", "wss"} {
		messenger := server.dialAt(scheme, addr, 10001, client.TLS(trust), client.Device(scheme))
		server.sendDirectly(10002, 10001, "over "+scheme)
		for _, message := range receive(t, messenger, 1) {
			if !strings.HasPrefix(message.Text, "over ") {
				t.Errorf("%s: %+v", scheme, message)
			}
		}
		_, err := client.Dial(t.Context(), scheme+"://10001@"+addr, client.Password(password))
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &unknown) {
			t.Errorf("%s: a certificate of nobody: %v", scheme, err)
		}
	}
}

func TestOtherServersAreRecognized(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	for _, scheme := range []string{"http", "ws"} {
		_, err := client.Dial(t.Context(), scheme+"://10001@"+elsewhere.Listener.Addr().String(),
			client.Password(password))
		if !errors.Is(err, client.ErrTemporary) || !strings.Contains(err.Error(), "404") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	null := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		io.WriteString(w, "NULL")
	}))
	defer null.Close()
	if _, err := client.Dial(t.Context(), "http://10001@"+null.Listener.Addr().String(),
		client.Password(password)); !errors.Is(err, client.ErrParameter) {
		t.Errorf("a version that is not spoken: %v", err)
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	var strangers int
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
	defer stranger.Close()
	for _, scheme := range []string{"http", "ws"} {
		here := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
		if _, err := client.Dial(t.Context(), scheme+"://10001@"+here.Listener.Addr().String(),
			client.Password(password)); err == nil {
			t.Errorf("%s: somebody has answered", scheme)
		}
		here.Close()
	}
	if strangers > 0 {
		t.Errorf("%d records went to a stranger", strangers)
	}
}

func TestATemporaryProxyFailureIsRetried(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	failing := 0
	messenger := server.dial("http", 10001,
		client.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			if failing++; failing%2 == 0 {
				near, far := net.Pipe()
				go func() {
					_, _ = http.ReadRequest(bufio.NewReader(far))
					io.WriteString(far, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					far.Close()
				}()
				return near, nil
			}
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		}))
	for _, text := range []string{"one", "two", "three"} {
		if err := messenger.Send(t.Context(), 10002, text); err != nil {
			t.Error(err)
		}
		server.restart() // forces a new connection
	}
	expectEqual(t, "sent", server.storedTexts(10002), []string{"one", "two", "three"})
	if failing < 3 {
		t.Errorf("%d connections were made", failing)
	}
}

// A program keeps its SEQ until it has processed the messages.
func TestCollectReturnsTheSameBatchForTheSameSEQ(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	messenger := server.dial("http", 10001)
	server.sendDirectly(10002, 10001, "one", "two")
	for _, seq := range []string{"seq-number-1", "seq-number-1"} {
		events, err := messenger.Collect(t.Context(), seq)
		if err != nil || len(events) != 2 || events[1].(client.Message).Text != "two" {
			t.Errorf("%+v, %v", events, err)
		}
	}
	if events, err := messenger.Collect(t.Context(), "seq-number-2"); err != nil || len(events) != 0 {
		t.Errorf("%+v, %v", events, err)
	}
}
