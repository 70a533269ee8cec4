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

// statuses says which HTTP status stands for which code; both ways, so no
// status is there twice.
var statuses = map[rookery.Code]int{
	rookery.CodeParameter:   http.StatusBadRequest,
	rookery.CodeNoAccount:   http.StatusNotFound,
	rookery.CodeNotSignedIn: http.StatusUnauthorized,
	rookery.CodePassword:    http.StatusUnprocessableEntity,
	rookery.CodeRefused:     http.StatusForbidden,
	rookery.CodeExists:      http.StatusConflict,
	rookery.CodeTemporary:   http.StatusServiceUnavailable,
	rookery.CodeConflict:    http.StatusPreconditionFailed,
}

func codeOf(status int) (rookery.Code, bool) {
	for code, s := range statuses {
		if s == status {
			return code, true
		}
	}
	return 0, false
}

// failure is the body of an answer that is no success. The cause is for the
// operator, who is the only one that reads it.
type failure struct {
	Text  string
	Cause string `json:",omitempty"`
}

const (
	// maxRequest bounds a request, in bytes: a notice to a page of accounts is
	// a few KiB.
	maxRequest = 1 << 20
	jsonType   = "application/json"
)

// RequestTime is how long a request may take to arrive: header and body each. A
// command sends it at once, and one that never ends would hold up the server's
// end.
const RequestTime = 2 * time.Second

func handle[In, Out any](mux *http.ServeMux, svc *service.Service, a action[In, Out]) {
	mux.HandleFunc("POST /"+a.name, func(w http.ResponseWriter, r *http.Request) {
		var in In
		conn := http.NewResponseController(w) // in tests there may be none
		_ = conn.SetReadDeadline(time.Now().Add(RequestTime))
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&in); err != nil {
			answer(w, http.StatusBadRequest, failure{Text: "the request cannot be read", Cause: err.Error()})
			return
		}
		_ = conn.SetReadDeadline(time.Time{})
		// What was asked for is finished even if the command goes away.
		out, err := a.do(context.WithoutCancel(r.Context()), svc, in)
		if err != nil {
			answer(w, statuses[rookery.CodeOf(err)], failureOf(err))
			return
		}
		answer(w, http.StatusOK, out)
	})
}

func failureOf(err error) failure {
	f := failure{Text: rookery.TextOf(err)}
	var e *rookery.Error
	if !errors.As(err, &e) {
		f.Cause = err.Error()
	} else if e.Cause != nil {
		f.Cause = e.Cause.Error()
	}
	return f
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails with the connection only
}

// remote calls the server that has a data directory.
type remote struct{ client http.Client }

func newRemote(dir string) *remote {
	dialDir := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) }
	return &remote{client: http.Client{Transport: &http.Transport{DialContext: dialDir}}}
}

func (r *remote) close() { r.client.CloseIdleConnections() }

func (r *remote) call(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rookery/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", jsonType)
	response, err := r.client.Do(request)
	if err != nil {
		return lost(err)
	}
	defer response.Body.Close()
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != jsonType {
		return &rookery.Error{Code: rookery.CodeTemporary, Text: "the server that runs there is of a version that cannot do this; restart it with this program"}
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return lost(err)
	}
	if response.StatusCode != http.StatusOK {
		return errorOf(response.StatusCode, answer)
	}
	return json.Unmarshal(answer, out)
}

// lost is the error for an answer that did not come.
func lost(cause error) error {
	return &rookery.Error{Code: rookery.CodeTemporary, Text: "the server ended before it answered; see whether it was done before you try again", Cause: cause}
}

// errorOf is the error that the other side had.
func errorOf(status int, body []byte) error {
	var f failure
	if err := json.Unmarshal(body, &f); err != nil {
		return err
	}
	code, ok := codeOf(status)
	if !ok {
		code = rookery.CodeTemporary
	}
	e := &rookery.Error{Code: code, Text: f.Text}
	if f.Cause != "" {
		e.Cause = errors.New(f.Cause)
	}
	return e
}
