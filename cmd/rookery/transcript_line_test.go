package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery/internal/transcript"
)

// webSocketServer is a world whose lines are WebSockets.
type webSocketServer struct{ transcriptServer }

func (w *webSocketServer) OpenStream(ctx context.Context, from netip.Addr) (transcript.Stream, error) {
	var below net.Conn
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (_ net.Conn, err error) {
			below, err = transcript.DialFrom(ctx, from, addr)
			return below, err
		},
	}}
	conn, _, err := websocket.Dial(ctx, "ws://"+w.startedServer().addr()+"/ws",
		&websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"httpqq"}})
	if err != nil {
		return nil, err
	}
	return &webSocketStream{conn, below}, nil
}

type webSocketStream struct {
	conn  *websocket.Conn
	below net.Conn
}

func (l *webSocketStream) Send(record []byte) error {
	return l.conn.Write(context.Background(), websocket.MessageText, record)
}

func (l *webSocketStream) Receive(ctx context.Context) ([]byte, error) {
	kind, record, err := l.conn.Read(ctx)
	switch {
	case websocket.CloseStatus(err) >= 0:
		return nil, io.EOF
	case err == nil && kind != websocket.MessageText:
		return nil, errors.New("the message is none of text")
	}
	return record, err
}

func (l *webSocketStream) ReceivePending(ctx context.Context) ([]byte, error) {
	return transcript.ReceivePending(ctx, l)
}

// Close ends the connection below, and waits for the server to end it too: that
// it does once it has noticed.
func (l *webSocketStream) Close() error {
	defer l.conn.CloseNow()
	if err := l.below.(*net.TCPConn).CloseWrite(); err != nil {
		return nil // closed by the server
	}
	if err := l.below.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, l.below)
	return err
}
