package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func config(t *testing.T) Config {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Executable: executable, OpenStore: openFakeStore, Temporary: t.TempDir(),
		Workloads: Workloads(), Connections: []int{1, 3}, KeepAlive: []bool{true, false},
		Duration: 20 * time.Millisecond, Rounds: 2, Progress: io.Discard,
	}
}

func TestEveryWorkloadIsMeasuredAndEveryMessageCounted(t *testing.T) {
	cfg := config(t)
	cfg.Redis = true
	withRedis(t)
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if wanted := 4*(1+len(Workloads())) + 2; len(report.Rows) != wanted {
		t.Errorf("%d rows, want %d: a floor and the workloads in each of four ways, Redis in two", len(report.Rows),
			wanted)
	}
	for _, row := range report.Rows {
		if row.PerSecond <= 0 || row.P50 <= 0 || row.P99 < row.P50 || row.Resident <= 0 {
			t.Errorf("%+v cannot be", row)
		}
	}
	if report.Messages == 0 {
		t.Error("no message was counted")
	}
	left, err := os.ReadDir(cfg.Temporary)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// withRedis puts this test binary where redis-server is looked for.
func withRedis(t *testing.T) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(executable, filepath.Join(dir, "redis-server")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestAServerThatDoesNotKeepWhatItAcknowledgedFailsTheRun(t *testing.T) {
	for fault, wanted := range map[string]string{
		"loses":     "where 4 follows",
		"repeats":   "where 5 follows",
		"exchanges": "where 3 follows",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Setenv(faultVariable, fault)
			cfg := config(t)
			cfg.Workloads = []Workload{{durableSend, []requestStep{sendStep}}}
			_, err := Run(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), wanted) {
				t.Errorf("got %v, want an error with %q", err, wanted)
			}
		})
	}
}

func TestAnUnexpectedAnswerFailsTheRun(t *testing.T) {
	cfg := config(t)
	wrong := pollStep
	wrong.wantAnswer = "&RES=4&"
	cfg.Workloads = []Workload{{"wrong", []requestStep{wrong}}}
	_, err := Run(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), `expected an answer with "&RES=4&"`) {
		t.Errorf("got %v", err)
	}
}

func TestACancelledRunEndsItsServersAndRemovesTheirData(t *testing.T) {
	cfg := config(t)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = writerFunc(func(line []byte) {
		if bytes.HasPrefix(line, []byte("measuring")) {
			cancel()
		}
	})
	_, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "it said") {
		t.Errorf("got %v, want nothing but that it was cancelled", err)
	}
	left, err := os.ReadDir(cfg.Temporary)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

type writerFunc func(line []byte)

func (f writerFunc) Write(line []byte) (int, error) {
	f(line)
	return len(line), nil
}

func TestWithoutRedisTheErrorSaysHowToGoOn(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cfg := config(t)
	cfg.Redis = true
	_, err := Run(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "install the package redis-server") ||
		!strings.Contains(err.Error(), "--redis=false") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no time":              func(c *Config) { c.Duration = 0 },
		"a run of an hour":     func(c *Config) { c.Duration = time.Hour },
		"no rounds":            func(c *Config) { c.Rounds = 0 },
		"no workload":          func(c *Config) { c.Workloads = nil },
		"no connection":        func(c *Config) { c.Connections = []int{0} },
		"too many connections": func(c *Config) { c.Connections = []int{1, maxConnections + 1} },
	} {
		cfg := config(t)
		change(&cfg)
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestALargeStoreIsComparedWithASmallOneAndUsedAgain(t *testing.T) {
	cfg := GrowthConfig{
		Config: config(t), Data: t.TempDir(), Sessions: 5,
		Population: Population{Accounts: 50, Active: 12, Friends: 4, Mailbox: 1001},
	}
	cfg.Connections = []int{3}
	cfg.KeepAlive = []bool{true}
	var progress bytes.Buffer
	cfg.Progress = &progress
	for round, seeds := range []bool{true, false} {
		progress.Reset()
		report, err := RunGrowth(t.Context(), cfg)
		if err != nil {
			t.Fatalf("run %d: %v", round+1, err)
		}
		if measured := strings.Contains(progress.String(), "seeding: 12 mailboxes"); measured != seeds {
			t.Errorf("run %d: seeded: %v, want %v:\n%s", round+1, measured, seeds, &progress)
		}
		growth := report.Growth
		if len(growth.Costs) != len(cfg.Workloads) || growth.StartDuration <= 0 || growth.RestartDuration <= 0 ||
			growth.ResidentWithoutSessions <= 0 || growth.ResidentWithSessions <= 0 {
			t.Errorf("run %d: %+v cannot be", round+1, growth)
		}
	}
	m, err := readFakeStore(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	crowd := cfg.activeAccounts()
	if len(m.Accounts) != 50 || len(m.Friends[crowd.account(0)]) != 4 ||
		len(m.Boxes[crowd.accountFor(0, pollerRole)]) != 1001 {
		t.Errorf("seeded %d accounts, %d friends, %d entries", len(m.Accounts), len(m.Friends[crowd.account(0)]),
			len(m.Boxes[crowd.accountFor(0, pollerRole)]))
	}
	cfg.Mailbox = 7
	if _, err := RunGrowth(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "was seeded with") {
		t.Errorf("another population in the same directory: got %v", err)
	}
}

func TestADirectoryOfSomebodyElseIsNotSeeded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	err := cfg.seedDir(t.Context(), dir, Population{Accounts: 1, Active: 1})
	if err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("got %v", err)
	}
}

func TestTargetsAreJudgedByTheRowsOf64Connections(t *testing.T) {
	row := func(workload string, keepAlive bool, ratio, perSecond float64, p99 time.Duration) Row {
		return Row{Workload: workload, Connections: 64, KeepAlive: keepAlive, Ratio: ratio,
			Figures: Figures{PerSecond: perSecond, P99: p99}}
	}
	measured := judgeTargets([]Row{
		{Workload: idlePoll, Connections: 1, KeepAlive: true, Ratio: 9},
		row(idlePoll, true, 0.44, 1, 9*time.Millisecond),
		row(durableSend, true, 1.6, 500, 11*time.Millisecond),
		row(idlePoll, false, 0.95, 1, time.Second),
		row(redisSend, true, 0, 1000, 0),
	})
	wanted := []string{
		"met: idle poll, 64 connections, kept alive, server CPU to the floor's: 0.44 (at most 0.6, aim 0.45)",
		"met: idle poll, 64 connections, kept alive, p99 in ms: 9 (at most 10)",
		"missed: durable send, 64 connections, kept alive, server CPU to the floor's: 1.6 (at most 1.5, aim 1.1)",
		"missed: durable send, 64 connections, kept alive, p99 in ms: 11 (at most 10)",
		"met: idle poll, 64 connections, per request, server CPU to the floor's: 0.95 (at most 0.95)",
		"met: durable send, requests/s to those of Redis Streams: 0.5 (at least 0.5)",
	}
	for i := range max(len(measured), len(wanted)) {
		if i >= len(measured) || i >= len(wanted) || measured[i].String() != wanted[i] {
			t.Fatalf("got %v, want %v", measured, wanted)
		}
	}
}

func TestTheReportIsReadByPeopleAndPrograms(t *testing.T) {
	report := Report{System: "2 processors", Messages: 7, Rows: []Row{{
		Workload: idlePoll, Connections: 64, KeepAlive: true, Ratio: 0.456,
		Figures: Figures{PerSecond: 12345.6, P50: 1500 * time.Microsecond, P99: 9 * time.Millisecond, CPU: 12345,
			Resident: 30 << 20},
	}}, Targets: []Target{atMost("x", 1, 2, 0)}}
	var text, program bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	line := strings.Fields(strings.Split(text.String(), "\n")[1])
	if measured, wanted := strings.Join(line, " "),
		"64 kept alive idle poll 12346 1.50 9.00 12.3 0.46 30"; measured != wanted {
		t.Errorf("got %q, want %q", measured, wanted)
	}
	if !strings.Contains(text.String(), "met: x: 1 (at most 2)") ||
		!strings.Contains(text.String(), "all 7 acknowledged messages") {
		t.Errorf("got:\n%s", &text)
	}
	if err := report.WriteJSON(&program); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(program.Bytes(), &back); err != nil || len(back.Rows) != 1 ||
		back.Rows[0] != report.Rows[0] {
		t.Errorf("got %+v, %v", back, err)
	}
}
