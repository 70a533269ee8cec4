package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
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
}

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
	// PerSecond is the number of messages per second that were acknowledged and pushed.
	PerSecond float64 `json:"messages_per_second"`
	// Answer and Push are the times from writing a message to its answer and to its arrival at the receiver.
	Answer Percentiles `json:"answer"`
	Push   Percentiles `json:"push"`
	// CPU is the server's processor time per message.
	CPU time.Duration `json:"server_cpu_ns_per_message"`

	messages uint64
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
	report.Targets = report.pushTargets(cfg)
	return report, nil
}

// pushTargets returns the targets of the parts that were measured.
func (rep *Report) pushTargets(cfg PushConfig) (all []Target) {
	if idle := rep.Push.Idle; idle != nil {
		all = append(all,
			atMost("KiB of an idle connection", idle.Rookery.perConnection(idle.Connections)/(1<<10), 6, 4.5),
			atMost("messages to some of the idle, p99 in ms", milliseconds(idle.Trickle.Push.P99), 25, 0))
	}
	perSecond := func(workload string) float64 {
		for _, row := range rep.Rows {
			if row.Workload == workload {
				return row.PerSecond
			}
		}
		return 0
	}
	if theirs := perSecond(redisSend); theirs > 0 {
		all = append(all, atLeast("durable sends over lines, requests/s to those of Redis Streams",
			ratio(perSecond(inFlightName(lineSend, cfg.Window)), theirs), 1))
	}
	return all
}

func (rep *PushReport) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	if idle := rep.Idle; idle != nil {
		fmt.Fprintf(table, "%d idle connections\tMiB before\tafter\tKiB each\tratio\t\n", idle.Connections)
		bare, ours := idle.Bare.perConnection(idle.Connections), idle.Rookery.perConnection(idle.Connections)
		row := func(name string, memory MemoryChange, each float64) {
			fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.2f\t%.2f\t\n", name, mebibytes(memory.Before),
				mebibytes(memory.After), each/(1<<10), ratio(each, bare))
		}
		row("bare server", idle.Bare, bare)
		row("rookery, logged in", idle.Rookery, ours)
		fmt.Fprintf(table, "all logged in after %v, weighed after %v of silence\n\n",
			idle.LoginDuration.Round(time.Millisecond), idle.Settle)
	}
	if rep.Idle != nil || rep.Chat != nil {
		fmt.Fprintln(table, "messages\tper second\tanswer p50 ms\tp99\tpush p50 ms\tp99\tCPU us\t")
	}
	row := func(name string, result ChatResult) {
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t\n", name, result.PerSecond,
			milliseconds(result.Answer.P50), milliseconds(result.Answer.P99),
			milliseconds(result.Push.P50), milliseconds(result.Push.P99), microseconds(result.CPU))
	}
	if rep.Idle != nil {
		row("to the idle", rep.Idle.Trickle)
	}
	if rep.Chat != nil {
		row(fmt.Sprintf("between %d accounts", rep.Chat.Accounts), rep.Chat.ChatResult)
		fmt.Fprintf(table, "the store alone\t%.0f\t%.2f\t%.2f\t\t\t\t\n", rep.Chat.PerSecond,
			milliseconds(rep.Chat.Commit.P50), milliseconds(rep.Chat.Commit.P99))
	}
	table.Flush() // to memory
	return text.String()
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
