package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// statusByCode maps error codes to HTTP statuses. Each status occurs once, so that the client can map it back.
var statusByCode = map[rookery.Code]int{
	rookery.CodeParameter:   http.StatusBadRequest,
	rookery.CodeNoAccount:   http.StatusNotFound,
	rookery.CodeNotSignedIn: http.StatusUnauthorized,
	rookery.CodePassword:    http.StatusUnprocessableEntity,
	rookery.CodeRefused:     http.StatusForbidden,
	rookery.CodeExists:      http.StatusConflict,
	rookery.CodeTemporary:   http.StatusServiceUnavailable,
	rookery.CodeConflict:    http.StatusPreconditionFailed,
}

func codeOfStatus(status int) (rookery.Code, bool) {
	for code, s := range statusByCode {
		if s == status {
			return code, true
		}
	}
	return 0, false
}

// errorBody is the body of an error response. Cause is included because only the operator reads it.
type errorBody struct {
	Text  string
	Cause string `json:",omitempty"`
}

const (
	// maxRequestBytes bounds a request body. The largest request, a notice to a page of accounts, has a few KiB.
	maxRequestBytes = 1 << 20
	jsonContentType = "application/json"
)

// RequestTimeout bounds the time in which a request's header must arrive, and again its body. A request that
// stays incomplete would otherwise delay the server's shutdown.
const RequestTimeout = 2 * time.Second

func registerAction[In, Out any](mux *http.ServeMux, messenger *service.Service, a action[In, Out]) {
	mux.HandleFunc("POST /"+a.name, func(w http.ResponseWriter, r *http.Request) {
		var input In
		conn := http.NewResponseController(w) // test recorders have no connection, so errors are ignored
		_ = conn.SetReadDeadline(time.Now().Add(RequestTimeout))
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBytes)).Decode(&input); err != nil {
			writeJSON(w, http.StatusBadRequest, errorBody{Text: "the request cannot be read", Cause: err.Error()})
			return
		}
		_ = conn.SetReadDeadline(time.Time{})
		// The action completes even if the client disconnects.
		output, err := a.perform(context.WithoutCancel(r.Context()), messenger, input)
		if err != nil {
			writeJSON(w, statusByCode[rookery.CodeOf(err)], newErrorBody(err))
			return
		}
		writeJSON(w, http.StatusOK, output)
	})
}

func newErrorBody(err error) errorBody {
	body := errorBody{Text: rookery.TextOf(err)}
	var rookeryErr *rookery.Error
	if !errors.As(err, &rookeryErr) {
		body.Cause = err.Error()
	} else if rookeryErr.Cause != nil {
		body.Cause = rookeryErr.Cause.Error()
	}
	return body
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", jsonContentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the connection is broken
}

// remoteServer sends actions to the server that uses a data directory.
type remoteServer struct{ client http.Client }

func newRemoteServer(dataDir string) *remoteServer {
	dialDir := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, dataDir) }
	return &remoteServer{client: http.Client{Transport: &http.Transport{DialContext: dialDir}}}
}

func (r *remoteServer) closeConnections() { r.client.CloseIdleConnections() }

func (r *remoteServer) call(ctx context.Context, name string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rookery/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", jsonContentType)
	response, err := r.client.Do(request)
	if err != nil {
		return connectionLostError(err)
	}
	defer response.Body.Close()
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != jsonContentType {
		return &rookery.Error{Code: rookery.CodeTemporary,
			Text: "the running server is of a version that cannot do this; restart it with this program"}
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return connectionLostError(err)
	}
	if response.StatusCode != http.StatusOK {
		return decodeError(response.StatusCode, answer)
	}
	return json.Unmarshal(answer, output)
}

// connectionLostError is the error for a request whose response did not arrive.
func connectionLostError(cause error) error {
	return &rookery.Error{Code: rookery.CodeTemporary,
		Text: "the server ended before it answered; see whether it was done before you try again", Cause: cause}
}

// decodeError rebuilds the server's error from a response.
func decodeError(status int, body []byte) error {
	var f errorBody
	if err := json.Unmarshal(body, &f); err != nil {
		return err
	}
	code, ok := codeOfStatus(status)
	if !ok {
		code = rookery.CodeTemporary
	}
	rookeryErr := &rookery.Error{Code: code, Text: f.Text}
	if f.Cause != "" {
		rookeryErr.Cause = errors.New(f.Cause)
	}
	return rookeryErr
}
