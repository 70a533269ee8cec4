package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/auth"
)

// PushConfig configures a measurement of persistent connections in three parts. Idle, Window or Accounts of 0 skips
// the part that the field belongs to.
type PushConfig struct {
	Config
	// Idle is the number of idle connections whose memory is measured. Then they receive Trickle messages per
	// second in all.
	Idle    int
	Trickle float64
	// Settle is the time without traffic before memory is measured.
	Settle time.Duration
	// Window is the number of durable sends that each connection keeps unanswered.
	Window int
	// Accounts is the number of connected accounts that send each other Rate messages per second in all.
	Accounts int
	Rate     float64
}

// Limits of the configuration. A session ends after 300 s without a request, so maxIdleDuration bounds the measurement
// of idle connections.
const (
	maxIdle         = 100_000
	maxSettle       = 3 * time.Minute
	maxRate         = 100_000
	maxWindow       = 128
	maxAccounts     = 10_000
	maxIdleDuration = 270 * time.Second
)

func (cfg *PushConfig) validate() error {
	if cfg.Idle == 0 && cfg.Window == 0 && cfg.Accounts == 0 {
		return errors.New(
			"nothing is to be measured: ask for idle connections, a window of sends, or accounts that write to " +
				"each other")
	}
	for _, bound := range []struct {
		what      string
		got, most float64
	}{
		{"idle connections", float64(cfg.Idle), maxIdle},
		{"messages a second to the idle", cfg.Trickle, maxRate},
		{"seconds of silence", cfg.Settle.Seconds(), maxSettle.Seconds()},
		{"sends at a time", float64(cfg.Window), maxWindow},
		{"accounts that write to each other", float64(cfg.Accounts), maxAccounts},
		{"messages a second between them", cfg.Rate, maxRate},
	} {
		if bound.got < 0 || bound.got > bound.most {
			return fmt.Errorf("0 to %g %s are possible, not %g", bound.most, bound.what, bound.got)
		}
	}
	switch total := cfg.Settle + time.Duration(cfg.Rounds)*cfg.Duration; {
	case cfg.Accounts == 1:
		return errors.New("one account has nobody to write to: at least 2 are needed")
	case cfg.Idle > 0 && total > maxIdleDuration:
		return fmt.Errorf(
			"the silence and the rounds take %v, after which the idle sessions would have ended: at most %v are "+
				"possible", total, maxIdleDuration)
	}
	return nil
}

// PushReport is the result for persistent connections. A part that was skipped is nil. The results of durable sends are
// in Report.Rows.
type PushReport struct {
	Idle *IdleReport `json:"idle,omitempty"`
	Chat *ChatReport `json:"chat,omitempty"`
}

// IdleReport is the memory of idle connections, and the latency of messages to some of them.
type IdleReport struct {
	Connections int `json:"connections"`
	// Bare is the memory of a server that only accepts and holds connections. Rookery is that of a Rookery server,
	// with all accounts logged in at the end.
	Bare    MemoryChange `json:"bare"`
	Rookery MemoryChange `json:"rookery"`
	// Settle is the time without traffic before memory was measured.
	Settle time.Duration `json:"settle_ns"`
	// LoginDuration is the time until all accounts were logged in.
	LoginDuration time.Duration `json:"log_in_ns"`
	Trickle       ChatResult    `json:"trickle"`
}

// MemoryChange is the resident memory of a server before and after connections were opened, in bytes.
type MemoryChange struct {
	Before int64 `json:"resident_before_bytes"`
	After  int64 `json:"resident_after_bytes"`
	// Invalid is the reason why the difference is no valid measurement; empty if it is one.
	Invalid string `json:"invalid,omitempty"`
}

func (mc *MemoryChange) findInvalid() { mc.Invalid = reasonNoGrowth(mc.Before, mc.After) }

// perConnection returns the memory of one connection in bytes.
func (mc MemoryChange) perConnection(connections int) float64 {
	return ratio(float64(mc.After-mc.Before), float64(connections))
}

// ChatReport is the latency of messages between connected accounts.
type ChatReport struct {
	Accounts int `json:"accounts"`
	// Commit is how long the store takes for a message when called directly, at the same rate.
	Commit Percentiles `json:"store_commit"`
	ChatResult
}

// ChatResult is the outcome of messages that are sent at a fixed rate.
type ChatResult struct {
	// Messages is the number of messages, in the run that has the fewest.
	Messages uint64 `json:"messages"`
	// PerSecond is the number of messages per second that were acknowledged and pushed.
	PerSecond float64 `json:"messages_per_second"`
	// Answer and Push are the times from writing a message to its answer and to its arrival at the receiver.
	Answer Percentiles `json:"answer"`
	Push   Percentiles `json:"push"`
	// CPU is the server's processor time per message.
	CPU     time.Duration `json:"server_cpu_ns_per_message"`
	Invalid reasons       `json:"invalid,omitempty"`
}

// JSON names of the figures of a ChatResult that can be invalid.
const (
	messageRateFigure = "messages_per_second"
	answerP99Figure   = "answer.p99_ns"
	pushP99Figure     = "push.p99_ns"
	messageCPUFigure  = "server_cpu_ns_per_message"
)

func (cr *ChatResult) findInvalid() {
	cr.Invalid.add(messageRateFigure, reasonNoSamples(cr.Messages))
	cr.Invalid.add(answerP99Figure, reasonFewSamples(cr.Messages))
	cr.Invalid.add(pushP99Figure, reasonFewSamples(cr.Messages))
	cr.Invalid.add(messageCPUFigure, reasonLittleCPU(cr.CPU, cr.Messages))
}

// Percentiles holds the 50th and 99th percentile of a set of times.
type Percentiles struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

func percentilesOf(times histogram) Percentiles {
	return Percentiles{times.quantile(0.50), times.quantile(0.99)}
}

// RunPush measures persistent connections: their memory, durable sends, and the latency of messages. It returns an
// error if an answer or a push is unexpected, or if an acknowledged message was not pushed exactly once or is
// missing in the store.
func RunPush(ctx context.Context, cfg PushConfig) (_ *Report, err error) {
	// Push workloads are not cycles of requests, and all connections are persistent.
	cfg.Workloads, cfg.KeepAlive = []Workload{{Name: lineSend}}, []bool{true}
	// The cost of logins is not measured here, so hashes are cheap: expensive ones for the default of 19,000
	// idle accounts would take longer than the lifetime of a session.
	cfg.cost = auth.TestCost
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	environment, err := cfg.newEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, environment.close()) }()
	report := &Report{System: describeSystem(), Push: &PushReport{}}
	for _, part := range []func(context.Context, PushConfig, *Report) error{environment.measureSends,
		environment.measureChat, environment.measureIdle} {
		if err := part(ctx, cfg, report); err != nil {
			return nil, err
		}
	}
	report.Targets = report.pushTargets()
	return report, nil
}

// pushTargets returns the targets of the parts that were measured.
func (rep *Report) pushTargets() (all []Target) {
	if idle := rep.Push.Idle; idle != nil {
		all = append(all,
			atMost("KiB of an idle connection", idle.Rookery.perConnection(idle.Connections)/(1<<10), 6, 4.5,
				idle.Rookery.Invalid),
			atMost("messages to some of the idle, p99 in ms", milliseconds(idle.Trickle.Push.P99), 25, 0,
				idle.Trickle.Invalid[pushP99Figure]))
	}
	for _, ours := range rep.Rows {
		for _, theirs := range rep.Rows {
			if ours.Workload != lineSend || theirs.Workload != redisSend || ours.Connections != theirs.Connections ||
				ours.InFlight != theirs.InFlight {
				continue
			}
			if ours.InFlight == 1 {
				all = append(all, rateTarget(ours, theirs, 0.5, 0))
			} else {
				all = append(all, rateTarget(ours, theirs, 0.2, 0.5))
			}
		}
	}
	return all
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
