package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"
)

// openWebSocket opens a WebSocket, on which each text message is a record.
func (c *Client) openWebSocket(ctx context.Context, address serverAddress) (serverConn, error) {
	conn, response, err := websocket.Dial(ctx, address.url, &websocket.DialOptions{
		HTTPClient:      c.httpClient(),
		Subprotocols:    []string{"httpqq"},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, statusError(response)
		}
		return nil, unreachable(err)
	}
	conn.SetReadLimit(maxAnswer)
	return c.stream(webSocket{conn}), nil
}

// webSocket is a pipe over a WebSocket.
type webSocket struct{ conn *websocket.Conn }

func (w webSocket) send(record []byte) error {
	// Not the caller's context: one that ends in a write would end the connection.
	ctx, cancel := context.WithTimeout(context.Background(), sendTime)
	defer cancel()
	return w.conn.Write(ctx, websocket.MessageText, record)
}

func (w webSocket) receive() ([]byte, error) {
	kind, record, err := w.conn.Read(context.Background())
	switch {
	case websocket.CloseStatus(err) != -1:
		return nil, errEnded
	case err != nil:
		return nil, err
	case kind != websocket.MessageText:
		return nil, errors.New("the server sends a WebSocket message that is no text")
	}
	return record, nil
}

func (w webSocket) close() { _ = w.conn.CloseNow() } // nothing is to be done about it
