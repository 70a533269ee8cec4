package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
)

// floorAnswer has as many bytes as the answer to an idle poll.
var floorAnswer = strings.Repeat("rookery", 10)

// ServeFloor serves what everything else is compared to, until ctx ends: a bare
// net/http handler on a loopback port that reads the body and answers 70 bytes.
// It tells its address like the server does.
func ServeFloor(ctx context.Context, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(handleFloorRequest)}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	fmt.Fprintf(out, "listening addr=%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handleFloorRequest(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	io.WriteString(w, floorAnswer)
}

func (cfg *Config) floorCommand(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, cfg.Executable, "bench", "floor")
}

// floorTask asks the floor what a poller asks the server.
func floorTask(worker int, accounts accountRange, keepAlive bool) *requestTask {
	t := newHTTPTask(pollStep, worker, accounts, keepAlive, nil)
	return &requestTask{record: t.record, wantAnswer: []byte(floorAnswer)}
}
