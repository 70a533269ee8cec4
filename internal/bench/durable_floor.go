package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// durableFloor names the report's row for the durable floor.
const durableFloor = "durable floor"

// durableFloorAnswer is what the durable floor sends for each request that is on the disk.
var durableFloorAnswer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(floorAnswer),
	floorAnswer)

// maxFloorRequestBytes bounds a request to the durable floor, header included.
const maxFloorRequestBytes = 4 << 10

// connectionClose is the header line of a request that has its own connection.
var connectionClose = []byte("\r\nConnection: close\r\n")

// ServeDurableFloor serves what durable sends are compared with, until ctx ends: it appends the body of each request
// to a new file at path, and answers when the body is synced to the disk. Requests that wait at the same time share a
// sync. It reads HTTP itself and understands no more than the bench sends, so that it shows the least that durability
// over HTTP costs. It prints its address in the same form as the server.
func ServeDurableFloor(ctx context.Context, out io.Writer, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	commits := newGroupCommit(file)
	go commits.run(ctx)
	return acceptConns(ctx, out, func(conn net.Conn) { serveDurableFloorConn(conn, commits) })
}

// serveDurableFloorConn answers the requests of one connection, in order, until either side closes it.
func serveDurableFloorConn(conn net.Conn, commits *groupCommit) {
	defer conn.Close()
	var buffer [maxFloorRequestBytes]byte
	for bufferedBytes := 0; ; {
		body, size, err := frameHTTPMessage(buffer[:bufferedBytes])
		if err != nil {
			return
		}
		if size == 0 { // incomplete; the read fails if the buffer is full
			n, err := conn.Read(buffer[bufferedBytes:])
			if n == 0 || err != nil {
				return
			}
			bufferedBytes += n
			continue
		}
		if err := commits.append(body); err != nil {
			fmt.Fprintf(conn, "HTTP/1.1 500 %v\r\n\r\n", err)
			return
		}
		closes := bytes.Contains(buffer[:size-len(body)], connectionClose)
		if _, err := conn.Write(durableFloorAnswer); err != nil || closes {
			return
		}
		bufferedBytes = copy(buffer[:], buffer[size:bufferedBytes])
	}
}

// durableFloorServer is a process that runs ServeDurableFloor, with the ledger of what was sent to it.
type durableFloorServer struct {
	process  *childProcess
	path     string
	accounts accountRange
	ledger   *ledger
}

// startDurableFloor starts the durable floor with temporary data. It gets the same requests as a server with these
// accounts.
func (env *environment) startDurableFloor(ctx context.Context, accounts accountRange) (*durableFloorServer, error) {
	dir, err := env.makeSubdir("floor")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "records")
	process, err := startChildProcess(ctx, durableFloor, func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, env.cfg.Executable, "bench", "durable-floor", path)
	}, listeningAddress)
	if err != nil {
		return nil, err
	}
	env.stopFuncs = append(env.stopFuncs, process.stop)
	return &durableFloorServer{process: process, path: path, accounts: accounts, ledger: newLedger()}, nil
}

// newCandidate returns a candidate that sends the requests of a durable send to the durable floor.
func (df *durableFloorServer) newCandidate() candidate {
	return candidate{
		name: durableFloor, server: df.process, framing: frameHTTPAnswer, durable: true,
		cycle: func(worker int, keepAlive bool) []*requestTask {
			task := newHTTPTask(sendStep, worker, df.accounts, keepAlive, df.ledger)
			// The answer does not repeat the SEQ.
			task.seq, task.wantAnswer = nil, []byte(floorAnswer)
			return []*requestTask{task}
		},
	}
}

// auditFile compares the number of records in the file with the number of acknowledged texts.
func (df *durableFloorServer) auditFile() error {
	file, err := os.Open(df.path)
	if err != nil {
		return err
	}
	defer file.Close()
	var found uint64
	for chunk := make([]byte, 64<<10); ; {
		n, err := file.Read(chunk)
		found += uint64(bytes.Count(chunk[:n], []byte{'\n'}))
		switch {
		case errors.Is(err, io.EOF) && found != df.ledger.total():
			return fmt.Errorf("the durable floor has %d of %d acknowledged texts", found, df.ledger.total())
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
