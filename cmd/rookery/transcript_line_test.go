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

// webSocketServer is a transcriptServer that opens WebSockets where a transcript has lines.
type webSocketServer struct{ transcriptServer }

func (s *webSocketServer) OpenStream(ctx context.Context, from netip.Addr) (transcript.Stream, error) {
	var below net.Conn
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (_ net.Conn, err error) {
			below, err = transcript.DialFrom(ctx, from, addr)
			return below, err
		},
	}}
	conn, _, err := websocket.Dial(ctx, "ws://"+s.startedServer().addr()+"/ws",
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

func (s *webSocketStream) Send(record []byte) error {
	return s.conn.Write(context.Background(), websocket.MessageText, record)
}

func (s *webSocketStream) Receive(ctx context.Context) ([]byte, error) {
	kind, record, err := s.conn.Read(ctx)
	switch {
	case websocket.CloseStatus(err) >= 0:
		return nil, io.EOF
	case err == nil && kind != websocket.MessageText:
		return nil, errors.New("got a binary message, want text")
	}
	return record, err
}

func (s *webSocketStream) ReceivePending(ctx context.Context) ([]byte, error) {
	return transcript.ReceivePending(ctx, s)
}

// Close closes the TCP connection for writing and waits until the server has closed it
// too, so that the server has noticed the end before the next step.
func (s *webSocketStream) Close() error {
	defer s.conn.CloseNow()
	if err := s.below.(*net.TCPConn).CloseWrite(); err != nil {
		return nil // closed by the server
	}
	if err := s.below.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, s.below)
	return err
}
