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

// redis is a Redis server that syncs every command before it answers, the peer
// that durable sends are compared to. Each receiver is a stream.
type redis struct {
	server *child
	crowd  accountRange
	ledger *ledger
}

func startRedis(ctx context.Context, dir string, accounts accountRange) (*redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server to compare with: install the package redis-server, or leave it out with --redis=false")
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	command := func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
			"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	}
	server, err := startChild(ctx, "redis-server", command, func(line string) (string, bool) {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), strings.Contains(line, "Ready to accept connections")
	})
	if err != nil {
		return nil, err
	}
	return &redis{server: server, crowd: accounts, ledger: newLedger()}, nil
}

// freePort is a loopback port that nobody listens on: Redis does not tell which
// one it has chosen.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func streamOf(uin rookery.UIN) string { return "mailbox:" + uin.String() }

// command writes a command as Redis reads it.
func command(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b
}

// xadd stores the text that a durable send stores.
func xadd(worker int, accounts accountRange, l *ledger) *task {
	from, to := accounts.uin(worker, send.from), accounts.uin(worker, send.to)
	text := strings.Repeat("0", numberDigits) + filler
	b := command("XADD", streamOf(to), "*", "from", from.String(), "text", text)
	end := len(b) - len(lineEnd)
	return &task{request: b, text: b[end-textBytes : end], want: []byte("-"), stored: l.entry(from, to)}
}

// audit asks how long the streams are. Each acknowledged text must be there.
func (r *redis) audit() error {
	conn := newConn(r.server.addr, frameRedis, true, time.Now().Add(patience))
	defer conn.close()
	for pair, count := range r.ledger.counts {
		length, err := conn.exchange(command("XLEN", streamOf(pair.to)))
		if err != nil {
			return err
		}
		if string(length) != strconv.FormatUint(*count, 10) {
			return fmt.Errorf("redis-server has %s of %d acknowledged texts", length, *count)
		}
	}
	return nil
}

// candidate puts durable sends on the Redis server.
func (r *redis) contender() candidate {
	return candidate{
		name: redisSend, server: r.server, framing: frameRedis, keepsAlive: true,
		cycle: func(worker int, _ bool) []*task { return []*task{xadd(worker, r.crowd, r.ledger)} },
	}
}
