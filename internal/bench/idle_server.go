package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
)

// idleReadBufferSize is the size of the read buffer of each connection.
const idleReadBufferSize = 1 << 10

// ServeIdle serves as the baseline for the memory of idle connections, until ctx ends. It runs one goroutine with a
// buffered reader per connection, and discards the lines it reads.
func ServeIdle(ctx context.Context, out io.Writer) error { return acceptConns(ctx, out, discardLines) }

// acceptConns listens on a loopback port, prints its address in the same form as the server, and calls serve with each
// connection in a goroutine of its own, until ctx ends.
func acceptConns(ctx context.Context, out io.Writer, serve func(net.Conn)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	fmt.Fprintf(out, "listening addr=%s\n", listener.Addr())
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		go serve(conn)
	}
}

func discardLines(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, idleReadBufferSize)
	for {
		if _, err := in.ReadSlice('\n'); err != nil {
			return
		}
	}
}

func (cfg *Config) idleServerCommand(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, cfg.Executable, "bench", "hold")
}
