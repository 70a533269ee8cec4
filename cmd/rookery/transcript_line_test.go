package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery/internal/transcript"
)

// webSocketWorld is a world whose lines are WebSockets.
type webSocketWorld struct{ world }

func (w *webSocketWorld) Line(ctx context.Context, from netip.Addr) (transcript.Line, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return transcript.DialFrom(ctx, from, addr)
		},
	}}
	conn, _, err := websocket.Dial(ctx, "ws://"+w.running().addr()+"/ws",
		&websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"httpqq"}})
	if err != nil {
		return nil, err
	}
	return &webSocketLine{conn}, nil
}

type webSocketLine struct{ conn *websocket.Conn }

func (l *webSocketLine) Send(record []byte) error {
	return l.conn.Write(context.Background(), websocket.MessageText, record)
}

func (l *webSocketLine) Receive(ctx context.Context) ([]byte, error) {
	kind, record, err := l.conn.Read(ctx)
	switch {
	case websocket.CloseStatus(err) >= 0:
		return nil, io.EOF
	case err == nil && kind != websocket.MessageText:
		return nil, errors.New("the message is none of text")
	}
	return record, err
}

func (l *webSocketLine) Waiting(ctx context.Context) ([]byte, error) { return transcript.Probe(ctx, l) }

func (l *webSocketLine) Close() error {
	_ = l.conn.Close(websocket.StatusNormalClosure, "")
	return nil
}
