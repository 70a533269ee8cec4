package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	if wanted := 4*(2+len(Workloads())) + 2; len(report.Rows) != wanted {
		t.Errorf("%d rows, want %d: two floors and the workloads in each of four ways, Redis in two", len(report.Rows),
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

// validFigures returns figures with enough samples for every target.
func validFigures(perSecond float64, p99, cpu time.Duration) Figures {
	return Figures{Requests: 1e6, PerSecond: perSecond, P99: p99, CPU: cpu}
}

// compareRows returns the rows with their ratios to the first, which is the floor, and to the durable floor.
func compareRows(rows ...Row) []Row {
	var all []Row
	for _, row := range rows {
		row.InFlight = max(row.InFlight, 1)
		all = append(all, newRow(row))
	}
	for i := range all {
		all[i].compareWithFloor(all[0])
		if j := slices.IndexFunc(all, func(row Row) bool { return row.Workload == durableFloor }); j >= 0 {
			all[i].compareWithDurableFloor(all[j])
		}
	}
	return all
}

// expectTargets compares the text of targets.
func expectTargets(t *testing.T, got []Target, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i].String() != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestTargetsAreJudgedByTheRowsOf64Connections(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	row := func(workload string, keepAlive bool, figures Figures) Row {
		return Row{Workload: workload, Connections: 64, KeepAlive: keepAlive, Figures: figures}
	}
	kept := compareRows(
		row(floor, true, validFigures(1, 0, 100*us)),
		Row{Workload: idlePoll, Connections: 1, KeepAlive: true, Figures: validFigures(1, 0, 900*us)},
		row(durableFloor, true, validFigures(1, 0, 80*us)),
		row(idlePoll, true, validFigures(1, 9*ms, 44*us)),
		row(durableSend, true, validFigures(500, 11*ms, 160*us)),
		row(redisSend, true, validFigures(1000, 0, us)))
	perRequest := compareRows(row(floor, false, validFigures(1, 0, 100*us)),
		row(idlePoll, false, validFigures(1, time.Second, 95*us)))
	const kept64, perRequest64 = "(64 connections kept alive, 1 in flight)", "(64 connections per request, 1 in flight)"
	expectTargets(t, judgeTargets(append(kept, perRequest...)),
		"met: server CPU, idle poll "+kept64+" to floor "+kept64+": 0.44 (at most 0.6, aim 0.45)",
		"met: p99 in ms, idle poll "+kept64+": 9 (at most 10)",
		"missed: server CPU, durable send "+kept64+" to floor "+kept64+": 1.6 (at most 1.5, aim 1.1)",
		"missed: p99 in ms, durable send "+kept64+": 11 (at most 10)",
		"met: server CPU, idle poll "+perRequest64+" to floor "+perRequest64+": 0.95 (at most 0.95)",
		"met: server CPU, durable send "+kept64+" to durable floor "+kept64+": 2 (at most 2, aim 1.5)",
		"met: requests/s, durable send "+kept64+" to redis XADD, synced "+kept64+": 0.5 (at least 0.5)")
}

func TestInvalidMeasurementsAreNeitherMetNorMissed(t *testing.T) {
	row := func(workload string, requests uint64, cpu time.Duration) Row {
		return Row{Workload: workload, Connections: 64, KeepAlive: true, Figures: Figures{Requests: requests,
			PerSecond: float64(requests), CPU: cpu, P99: time.Millisecond}}
	}
	report := Report{Rows: compareRows(row(floor, 10_000, time.Microsecond),
		row(durableFloor, 10_000, time.Millisecond), row(durableSend, 499, time.Millisecond), row(redisSend, 0, 0))}
	report.Targets = judgeTargets(report.Rows)
	const window = " (64 connections kept alive, 1 in flight)"
	const fewTicks = "the server used 10ms of processor time, which the kernel counts in steps of 10ms; at least " +
		"100ms are needed"
	expectTargets(t, report.Targets,
		"invalid: server CPU, durable send"+window+" to floor"+window+": floor"+window+": "+fewTicks+
			" (at most 1.5, aim 1.1)",
		"invalid: p99 in ms, durable send"+window+
			": the 99th percentile of 499 samples says nothing; at least 500 are needed (at most 10)",
		"met: server CPU, durable send"+window+" to durable floor"+window+": 1 (at most 2, aim 1.5)",
		"invalid: requests/s, durable send"+window+" to redis XADD, synced"+window+": redis XADD, synced"+window+
			": nothing was answered (at least 0.5)")

	var text, program bytes.Buffer
	if err := errors.Join(report.WriteText(&text), report.WriteJSON(&program)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"floor 10000 0.00 1.00 invalid invalid", "durable send 499 0.00 invalid 1000.0 invalid 1.00",
		"redis XADD, synced invalid invalid invalid invalid invalid invalid",
		"invalid: floor" + window + ": " + fewTicks,
	} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
	var decoded struct {
		Rows    []struct{ Invalid map[string]string }
		Targets []map[string]any
	}
	if err := json.Unmarshal(program.Bytes(), &decoded); err != nil {
		t.Fatal(err)
	}
	if got := decoded.Rows[0].Invalid["server_cpu_ns_per_request"]; got != fewTicks {
		t.Errorf("JSON gives the reason %q, want %q", got, fewTicks)
	}
	if target := decoded.Targets[3]; target["verdict"] != "invalid" || target["reason"] == nil || target["met"] != nil {
		t.Errorf("got target %v, want an invalid one with a reason", target)
	}
}

func TestTheReportIsReadByPeopleAndPrograms(t *testing.T) {
	report := Report{System: "2 processors", Messages: 7, Rows: []Row{{
		Workload: idlePoll, Connections: 64, InFlight: 1, KeepAlive: true, Ratio: 0.456,
		Figures: Figures{PerSecond: 12345.6, P50: 1500 * time.Microsecond, P99: 9 * time.Millisecond, CPU: 12345,
			Resident: 30 << 20},
	}}, Targets: []Target{atMost("x", 1, 2, 0, "")}}
	var text, program bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	line := strings.Fields(strings.Split(text.String(), "\n")[1])
	if measured, wanted := strings.Join(line, " "),
		"64 kept alive 1 idle poll 12346 1.50 9.00 12.3 0.46 30"; measured != wanted {
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
		!reflect.DeepEqual(back.Rows[0], report.Rows[0]) {
		t.Errorf("got %+v, %v", back, err)
	}
}
