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

// floor names the report's row for the floor.
const floor = "floor"

// floorAnswer is as long as the answer to an idle poll.
var floorAnswer = strings.Repeat("rookery", 10)

// ServeFloor serves the handler that all costs are compared with, until ctx ends: net/http on a loopback port,
// which reads the body and answers 70 bytes. It prints its address in the same form as the server.
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

// floorCommand returns the command that runs ServeFloor as its own process.
func (cfg *Config) floorCommand(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, cfg.Executable, "bench", "floor")
}

// floorTask returns the task that sends the request of an idle poll to the floor.
func floorTask(worker int, accounts accountRange, keepAlive bool) *requestTask {
	t := newHTTPTask(pollStep, worker, accounts, keepAlive, nil)
	return &requestTask{requestBytes: t.requestBytes, wantAnswer: []byte(floorAnswer)}
}
