package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rookery-im/rookery/internal/service"
)

// PushConfig says what is measured of connections that stay. What has the
// number 0 is left out.
type PushConfig struct {
	Config
	// Idle connections are held, and get Trickle messages a second among them.
	Idle    int
	Trickle float64
	// Settle is how long everybody is silent before memory is read.
	Settle time.Duration
	// Window is how many sends each of Connections has unanswered at a time.
	Window int
	// Accounts, each on a line, send each other Rate messages a second.
	Accounts int
	Rate     float64
}

// Bounds of what is asked for. A session ends after 300 s in silence, so all
// that is done with the idle ones has to fit in.
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
		return errors.New("nothing is to be measured: ask for idle connections, a window of sends, or accounts that write to each other")
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
		return fmt.Errorf("the silence and the rounds take %v, after which the idle sessions would have ended: at most %v are possible", total, maxIdleDuration)
	}
	return nil
}

// PushReport is what connections that stay come to. Durable sends over them are rows
// of the report.
type PushReport struct {
	Idle *IdleReport `json:"idle,omitempty"`
	Chat *ChatReport `json:"chat,omitempty"`
}

// IdleReport is what connections cost that say nothing, and what came of messages to
// some of them.
type IdleReport struct {
	Connections int `json:"connections"`
	// Bare is the server that only accepts and holds, Ours is Rookery with
	// everybody logged in.
	Bare    MemoryChange `json:"bare"`
	Rookery MemoryChange `json:"rookery"`
	// Settle is how long everybody had been silent when memory was read.
	Settle time.Duration `json:"settle_ns"`
	// LoginDuration is how long it took until all were logged in.
	LoginDuration time.Duration `json:"log_in_ns"`
	Trickle       ChatResult    `json:"trickle"`
}

// MemoryChange is the resident memory of a server without connections and with them,
// in bytes.
type MemoryChange struct {
	Before int64 `json:"resident_before_bytes"`
	After  int64 `json:"resident_after_bytes"`
}

// perConnection is what one of so many connections weighs, in bytes.
func (mc MemoryChange) perConnection(connections int) float64 {
	return ratio(float64(mc.After-mc.Before), float64(connections))
}

// ChatReport is what messages between connected accounts came to.
type ChatReport struct {
	Accounts int `json:"accounts"`
	// Commit is how long the store took for as many messages, called directly.
	Commit Percentiles `json:"store_commit"`
	ChatResult
}

// ChatResult is what came of messages that were sent at a rate.
type ChatResult struct {
	// PerSecond is how many were acknowledged and pushed in a second.
	PerSecond float64 `json:"messages_per_second"`
	// Answer and Push are from the send's write to its answer, and to its
	// arrival at the receiver.
	Answer Percentiles `json:"answer"`
	Push   Percentiles `json:"push"`
	// CPU is the server's processor time for one message.
	CPU time.Duration `json:"server_cpu_ns_per_message"`

	messages uint64
}

// Percentiles is what half and 99 % of some times were at most.
type Percentiles struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

func percentilesOf(times *histogram) Percentiles {
	return Percentiles{times.quantile(0.50), times.quantile(0.99)}
}

// RunPush measures connections that stay: their memory, durable sends over
// them, and how fast messages arrive. It fails if an answer or a push is not
// the expected one, if a message that was acknowledged is not pushed exactly
// once, or is not in the store afterwards.
func RunPush(ctx context.Context, cfg PushConfig) (_ *Report, err error) {
	// What is measured are no cycles of requests, and each connection stays.
	cfg.Workloads, cfg.KeepAlive = []Workload{{Name: lineSend}}, []bool{true}
	// What a login costs is not measured here, and 19,000 dear hashes would take
	// longer than a session lives.
	cfg.cost = service.PasswordCost{MemoryKiB: 8, Passes: 1, Threads: 1}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	environment, err := cfg.newEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, environment.close()) }()
	report := &Report{System: describeSystem(), Push: &PushReport{}}
	for _, part := range []func(context.Context, PushConfig, *Report) error{environment.measureSends, environment.measureChat, environment.measureIdle} {
		if err := part(ctx, cfg, report); err != nil {
			return nil, err
		}
	}
	report.Targets = report.pushTargets(cfg)
	return report, nil
}

// pushTargets says which of the bounds are met that were set for what was
// measured.
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
		row := func(name string, weight MemoryChange, each float64) {
			fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.2f\t%.2f\t\n", name, mebibytes(weight.Before), mebibytes(weight.After), each/(1<<10), ratio(each, bare))
		}
		row("bare server", idle.Bare, bare)
		row("rookery, logged in", idle.Rookery, ours)
		fmt.Fprintf(table, "all logged in after %v, weighed after %v of silence\n\n", idle.LoginDuration.Round(time.Millisecond), idle.Settle)
	}
	if rep.Idle != nil || rep.Chat != nil {
		fmt.Fprintln(table, "messages\tper second\tanswer p50 ms\tp99\tpush p50 ms\tp99\tCPU us\t")
	}
	row := func(name string, talked ChatResult) {
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t\n", name, talked.PerSecond, milliseconds(talked.Answer.P50), milliseconds(talked.Answer.P99),
			milliseconds(talked.Push.P50), milliseconds(talked.Push.P99), microseconds(talked.CPU))
	}
	if rep.Idle != nil {
		row("to the idle", rep.Idle.Trickle)
	}
	if rep.Chat != nil {
		row(fmt.Sprintf("between %d accounts", rep.Chat.Accounts), rep.Chat.ChatResult)
		fmt.Fprintf(table, "the store alone\t%.0f\t%.2f\t%.2f\t\t\t\t\n", rep.Chat.PerSecond, milliseconds(rep.Chat.Commit.P50), milliseconds(rep.Chat.Commit.P99))
	}
	table.Flush() // to memory
	return text.String()
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
