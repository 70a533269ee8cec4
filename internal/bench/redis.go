package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// redisServer is a Redis server with which Rookery's durable sends are compared. It syncs every command to the disk
// before it answers. Each receiver has a Redis stream in place of a mailbox.
type redisServer struct {
	process  *childProcess
	accounts accountRange
	ledger   *ledger
}

func startRedis(ctx context.Context, dir string, accounts accountRange) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New(
			"there is no redis-server to compare with: install the package redis-server, or leave it out with " +
				"--redis=false")
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	command := func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
			"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	}
	server, err := startChildProcess(ctx, "redis-server", command, func(line string) (string, bool) {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), strings.Contains(line, "Ready to accept connections")
	})
	if err != nil {
		return nil, err
	}
	return &redisServer{process: server, accounts: accounts, ledger: newLedger()}, nil
}

// freePort returns a loopback port that is not in use. Redis does not print a port that it chooses itself.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// streamName returns the key of a receiver's stream.
func streamName(uin rookery.UIN) string { return "mailbox:" + uin.String() }

// redisCommand encodes a command in the Redis protocol.
func redisCommand(words ...string) []byte {
	data := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		data = fmt.Appendf(data, "$%d\r\n%s\r\n", len(word), word)
	}
	return data
}

// newXAddTask returns a task that appends the text of a durable send to the receiver's stream. The answer is the ID of
// the new entry, which contains a dash.
func newXAddTask(worker int, accounts accountRange, l *ledger) *requestTask {
	sender, receiver := accounts.accountFor(worker, sendStep.fromRole), accounts.accountFor(worker, sendStep.toRole)
	text := strings.Repeat("0", numberDigits) + textFiller
	data := redisCommand("XADD", streamName(receiver), "*", "from", sender.String(), "text", text)
	end := len(data) - len(lineEnd)
	return &requestTask{requestBytes: data, text: data[end-textBytes : end], wantAnswer: []byte("-"),
		acknowledged: l.counterOf(sender, receiver)}
}

// auditStreams compares the length of each stream with the number of acknowledged texts.
func (rs *redisServer) auditStreams() error {
	conn := newClientConn(rs.process.addr, frameRedisReply, true, time.Now().Add(answerTimeout))
	defer conn.close()
	for pair, count := range rs.ledger.counts {
		length, err := conn.exchange(redisCommand("XLEN", streamName(pair.to)))
		if err != nil {
			return err
		}
		if string(length) != strconv.FormatUint(*count, 10) {
			return fmt.Errorf("redis-server has %s of %d acknowledged texts", length, *count)
		}
	}
	return nil
}

// newCandidate returns a candidate that sends durably to the Redis server.
func (rs *redisServer) newCandidate() candidate {
	return candidate{
		name: redisSend, server: rs.process, framing: frameRedisReply, durable: true, onlyKeepAlive: true,
		cycle: func(worker int, _ bool) []*requestTask {
			return []*requestTask{newXAddTask(worker, rs.accounts, rs.ledger)}
		},
	}
}
