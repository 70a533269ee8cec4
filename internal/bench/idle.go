package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// trickleSenders is the number of additional connections, which send messages to idle ones.
const trickleSenders = 8

// spareDescriptors is a generous number of file descriptors for everything but idle connections: the senders, the
// store and the listeners.
const spareDescriptors = 200

// measureIdle measures the memory of idle connections, and the latency of messages to some of them.
func (env *environment) measureIdle(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Idle == 0 {
		return nil
	}
	if limit := maxOpenFiles(); uint64(cfg.Idle+spareDescriptors) > limit {
		return fmt.Errorf(
			"%d idle connections need %d file descriptors, allowed are %d: raise the limit with ulimit -n, or "+
				"lower --idle",
			cfg.Idle, cfg.Idle+spareDescriptors, limit)
	}
	bare, err := env.measureBareServer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the bare server: %w", err)
	}
	server, err := env.startConnectedServer(ctx, "idle", cfg.Idle+trickleSenders)
	if err != nil {
		return err
	}
	report.Push.Idle = &IdleReport{Connections: cfg.Idle, Settle: cfg.Settle, Bare: bare}
	if err := server.measureIdleConnections(ctx, cfg, report.Push.Idle); err != nil {
		return err
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

// measureIdleConnections measures memory before and after all accounts log in, and then sends the messages.
func (srv *serverUnderTest) measureIdleConnections(ctx context.Context, cfg PushConfig, idle *IdleReport) (err error) {
	if idle.Rookery.Before, err = cfg.residentAfterSettling(ctx, srv.process); err != nil {
		return err
	}
	workload := newPushWorkload(ctx, srv.ledger, srv.seqs, srv.activeUINs())
	defer func() { err = cmp.Or(workload.closeAll(), err) }()
	start := time.Now()
	if err := workload.connectAll(srv.process.addr, cfg.Progress); err != nil {
		return err
	}
	idle.LoginDuration = time.Since(start)
	if idle.Rookery.After, err = cfg.residentAfterSettling(ctx, srv.process); err != nil {
		return err
	}
	idle.Rookery.findInvalid()
	senders, silent := workload.conns[:trickleSenders], workload.conns[trickleSenders:]
	idle.Trickle, err = srv.runRounds(workload, cfg, cfg.Trickle, doNothing, func(int) (sender, receiver *pushConn) {
		// The receiver determines the sender, so that few pairs need an audit at the end.
		receiver = silent[rand.IntN(len(silent))]
		return senders[int(receiver.uin)%trickleSenders], receiver
	})
	return err
}

func doNothing() error { return nil }

// measureBareServer measures the memory of the bare server with the same number of connections, each of which has
// sent a record as long as a login.
func (env *environment) measureBareServer(ctx context.Context, cfg PushConfig) (memory MemoryChange, err error) {
	server, err := startChildProcess(ctx, "bare server", cfg.idleServerCommand, listeningAddress)
	if err != nil {
		return memory, err
	}
	env.stopFuncs = append(env.stopFuncs, server.stop)
	if memory.Before, err = server.residentMemory(); err != nil {
		return memory, err
	}
	conns, err := cfg.openIdleConns(ctx, server.addr)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	if err != nil {
		return memory, err
	}
	memory.After, err = cfg.residentAfterSettling(ctx, server)
	memory.findInvalid()
	return memory, err
}

// openIdleConns opens cfg.Idle connections and sends a record on each. After an error the caller must close those
// connections that are not nil.
func (cfg *PushConfig) openIdleConns(ctx context.Context, addr string) ([]net.Conn, error) {
	var done atomic.Int64
	defer reportProgress(cfg.Progress, "connecting", "connections to the bare server", &done, int64(cfg.Idle))()
	conns := make([]net.Conn, cfg.Idle)
	record := []byte("VER=1.4&CMD=Login&SEQ=0000000000000000000&UIN=10000" + loginFields + "\n")
	var group errgroup.Group
	group.SetLimit(loginWorkers)
	for i := range conns {
		group.Go(func() (err error) {
			dialer := net.Dialer{KeepAlive: -1}
			if conns[i], err = dialer.DialContext(ctx, "tcp", addr); err != nil {
				return err
			}
			done.Add(1)
			_, err = conns[i].Write(record)
			return err
		})
	}
	return conns, group.Wait()
}

// residentAfterSettling returns a server's memory after cfg.Settle without traffic. Go collects garbage at least
// every two minutes and returns free memory to the system, so the figure contains no garbage of the logins,
// neither for Rookery nor for the bare server.
func (cfg *PushConfig) residentAfterSettling(ctx context.Context, server *childProcess) (int64, error) {
	fmt.Fprintf(cfg.Progress, "weighing: %s, after %v of silence\n", server.name, cfg.Settle)
	select {
	case <-time.After(cfg.Settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return server.residentMemory()
}
