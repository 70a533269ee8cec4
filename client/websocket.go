package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"
)

// openWebSocket opens a WebSocket on which each text message is a record.
func (c *Client) openWebSocket(ctx context.Context, address serverAddress) (serverConn, error) {
	conn, response, err := websocket.Dial(ctx, address.endpointURL, &websocket.DialOptions{
		HTTPClient:      c.newHTTPClient(),
		Subprotocols:    []string{"httpqq"},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, statusError(response)
		}
		return nil, newTemporaryError(err)
	}
	conn.SetReadLimit(maxAnswerBytes)
	return c.newStreamConn(webSocketConn{conn}), nil
}

// webSocketConn is a recordConn over a WebSocket.
type webSocketConn struct{ conn *websocket.Conn }

func (w webSocketConn) writeRecord(record []byte) error {
	// A context that ends during a write closes the WebSocket, so the caller's context
	// is not used.
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return w.conn.Write(ctx, websocket.MessageText, record)
}

func (w webSocketConn) readRecord() ([]byte, error) {
	kind, record, err := w.conn.Read(context.Background())
	switch {
	case websocket.CloseStatus(err) != -1:
		return nil, errClosedByServer
	case err != nil:
		return nil, err
	case kind != websocket.MessageText:
		return nil, errors.New("the server sends a binary WebSocket message")
	}
	return record, nil
}

func (w webSocketConn) close() { _ = w.conn.CloseNow() }
