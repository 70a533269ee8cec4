package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func pushConfig(t *testing.T) PushConfig {
	t.Helper()
	cfg := config(t)
	cfg.Connections, cfg.Duration, cfg.Rounds = []int{3}, 100*time.Millisecond, 2
	return PushConfig{Config: cfg, Idle: 20, Trickle: 200, Settle: time.Millisecond, Window: 8, Accounts: 4, Rate: 300}
}

func TestConnectionsThatStayAreMeasuredAndEveryMessageCounted(t *testing.T) {
	cfg := pushConfig(t)
	cfg.Redis = true
	withRedis(t)
	report, err := RunPush(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range report.Rows {
		names = append(names, fmt.Sprintf("%d x %s", row.InFlight, row.Workload))
		if row.PerSecond <= 0 || row.P50 <= 0 || row.P99 < row.P50 || row.Connections != 3 {
			t.Errorf("%+v cannot be", row)
		}
	}
	wanted := "1 x floor; 1 x durable send, line; 8 x durable send, line; 1 x redis XADD, synced; 8 x redis XADD, synced"
	if measured := strings.Join(names, "; "); measured != wanted {
		t.Errorf("measured %s, want %s", measured, wanted)
	}
	idle, chat := report.Push.Idle, report.Push.Chat
	for _, memory := range []MemoryChange{idle.Bare, idle.Rookery} {
		if memory.Before <= 0 || memory.After <= 0 {
			t.Errorf("%+v cannot be", memory)
		}
	}
	for name, result := range map[string]ChatResult{"idle": idle.Trickle, "chat": chat.ChatResult} {
		for _, percentiles := range []Percentiles{result.Answer, result.Push} {
			if percentiles.P50 <= 0 || percentiles.P99 < percentiles.P50 || result.PerSecond <= 0 {
				t.Errorf("%s: %+v cannot be", name, result)
			}
		}
	}
	if chat.Commit.P50 <= 0 || len(report.Targets) != 4 {
		t.Errorf("commits %+v, targets %v", chat.Commit, report.Targets)
	}
	if least := uint64(2*20 + 2*30); report.Messages <= least {
		t.Errorf("%d messages were counted, more than %d were sent", report.Messages, least)
	}
}

func TestPartsAreLeftOut(t *testing.T) {
	cfg := pushConfig(t)
	cfg.Idle, cfg.Window = 0, 0
	report, err := RunPush(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) > 0 || report.Push.Idle != nil || report.Push.Chat == nil || report.Messages != 60 {
		t.Errorf("got %+v", report)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil || strings.Contains(text.String(), "idle") ||
		strings.Contains(text.String(), "conns") {
		t.Errorf("%v; got:\n%s", err, &text)
	}
}

func TestAServerThatDoesNotPushWhatItAcknowledgedFailsTheRun(t *testing.T) {
	for fault, wanted := range map[string]string{
		"keeps back":     "was pushed where 2 follows",
		"pushes twice":   "was pushed twice",
		"pushes another": "message 3 from 10001 was pushed where 2 follows",
		"counts down":    "the number in the mailbox is not above",
		"loses":          "where 4 follows",
		"repeats":        "where 5 follows",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Setenv(faultVariable, fault)
			cfg := pushConfig(t)
			cfg.Idle, cfg.Window, cfg.Accounts, cfg.Rounds = 0, 0, 2, 1
			if _, err := RunPush(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), wanted) {
				t.Errorf("got %v, want an error with %q", err, wanted)
			}
		})
	}
}

func TestAPushThatCannotBeMeasuredIsRefused(t *testing.T) {
	for name, change := range map[string]func(*PushConfig){
		"nothing at all":        func(c *PushConfig) { c.Idle, c.Window, c.Accounts = 0, 0, 0 },
		"one account":           func(c *PushConfig) { c.Accounts = 1 },
		"a negative rate":       func(c *PushConfig) { c.Rate = -1 },
		"more than is possible": func(c *PushConfig) { c.Idle = maxIdle + 1 },
		"a window without end":  func(c *PushConfig) { c.Window = maxWindow + 1 },
		"a silence of an hour":  func(c *PushConfig) { c.Settle = time.Hour },
		"longer than a session is": func(c *PushConfig) {
			c.Settle, c.Duration, c.Rounds = 2*time.Minute, time.Minute,
				3
		},
		"no time": func(c *PushConfig) { c.Duration = 0 },
	} {
		cfg := pushConfig(t)
		change(&cfg)
		if _, err := RunPush(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAPushReportIsReadByPeopleAndPrograms(t *testing.T) {
	ms := time.Millisecond
	send := func(workload string, inFlight int, perSecond float64) Row {
		return newRow(Row{Workload: workload, Connections: 64, InFlight: inFlight, KeepAlive: true,
			Figures: Figures{Requests: 1e6, PerSecond: perSecond}})
	}
	report := Report{Rows: []Row{
		send(lineSend, 1, 150), send(lineSend, 32, 300), send(redisSend, 1, 200), send(redisSend, 32, 2000),
	}, Push: &PushReport{
		Idle: &IdleReport{Connections: 1024, Bare: MemoryChange{Before: 10 << 20, After: 14 << 20},
			Rookery: MemoryChange{Before: 20 << 20, After: 26 << 20},
			Trickle: ChatResult{PerSecond: 500, Messages: 5000, Answer: Percentiles{ms, 2 * ms},
				Push: Percentiles{3 * ms, 30 * ms}, CPU: 250 * time.Microsecond}},
		Chat: &ChatReport{Accounts: 100, Commit: Percentiles{ms, 5 * ms}, ChatResult: ChatResult{PerSecond: 1000,
			Messages: 10_000}},
	}}
	report.Targets = report.pushTargets()
	var text, program bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{
		"bare server 10.0 14.0 4.00 1.00", "rookery, logged in 20.0 26.0 6.00 1.50",
		"to the idle 500 1.00 2.00 3.00 30.00 250", "between 100 accounts 1000", "the store alone 1000 1.00 5.00",
		"met: KiB of an idle connection: 6 (at most 6, aim 4.5)",
		"missed: messages to some of the idle, p99 in ms: 30 (at most 25)",
		"met: requests/s, durable send, line (64 connections kept alive, 1 in flight) to " +
			"redis XADD, synced (64 connections kept alive, 1 in flight): 0.75 (at least 0.5)",
		"missed: requests/s, durable send, line (64 connections kept alive, 32 in flight) to " +
			"redis XADD, synced (64 connections kept alive, 32 in flight): 0.15 (at least 0.2, aim 0.5)",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), wanted) {
			t.Errorf("no %q in:\n%s", wanted, &text)
		}
	}
	if err := report.WriteJSON(&program); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(program.Bytes(), &back); err != nil || !reflect.DeepEqual(back.Push, report.Push) {
		t.Errorf("got %+v, %v", back, err)
	}
}

func TestInvalidPushMeasurementsAreNeitherMetNorMissed(t *testing.T) {
	idle := &IdleReport{Connections: 1024, Bare: MemoryChange{Before: 14 << 20, After: 14 << 20},
		Rookery: MemoryChange{Before: 26 << 20, After: 20 << 20},
		Trickle: medianChatResult([]ChatResult{{Messages: 0, PerSecond: 0}, {Messages: 5000, PerSecond: 500}})}
	idle.Bare.findInvalid()
	idle.Rookery.findInvalid()
	report := Report{Push: &PushReport{Idle: idle}}
	report.Targets = report.pushTargets()
	const shrank = "the memory did not grow: 26.0 MiB before, 20.0 MiB after"
	const few = "the 99th percentile of 0 samples says nothing; at least 500 are needed"
	expectTargets(t, report.Targets,
		"invalid: KiB of an idle connection: "+shrank+" (at most 6, aim 4.5)",
		"invalid: messages to some of the idle, p99 in ms: "+few+" (at most 25)")
	var text, program bytes.Buffer
	if err := errors.Join(report.WriteText(&text), report.WriteJSON(&program)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"bare server 14.0 14.0 invalid invalid", "rookery, logged in 26.0 20.0 invalid invalid",
		"invalid: memory of rookery: " + shrank, "to the idle invalid invalid invalid invalid invalid invalid",
		"nothing was answered",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
	for _, want := range []string{`"invalid": "` + shrank, `"push.p99_ns": "` + few, `"verdict": "invalid"`} {
		if !strings.Contains(program.String(), want) {
			t.Errorf("no %q in:\n%s", want, &program)
		}
	}
}

func TestInvalidGrowthIsNeitherMetNorMissed(t *testing.T) {
	row := func(store string, requests uint64) Row {
		return newRow(Row{Workload: idlePoll, Store: store, Connections: 64, InFlight: 1, KeepAlive: true,
			Figures: Figures{Requests: requests, PerSecond: 1, CPU: time.Millisecond}})
	}
	growth := &Growth{Costs: compareGrowth([]Row{row("small", 300), row("large", 3)}, "small", "large"), Sessions: 10,
		SessionsInvalid: reasonNoGrowth(2<<20, 1<<20)}
	expectTargets(t, growth.judgeTargets()[:1],
		"invalid: idle poll, CPU large to small (both 64 connections kept alive, 1 in flight): "+
			"the server used 0s of processor time, which the kernel counts in steps of 10ms; at least 100ms are needed "+
			"(at most 1.2)")
	if text := growth.String(); !strings.Contains(text, "10 live sessions: invalid KiB each") {
		t.Errorf("a negative weight is printed as:\n%s", text)
	}
}

func TestWhatIsPacedKeepsItsRate(t *testing.T) {
	start := time.Now()
	count := 0
	if err := runPaced(t.Context(), 1000, 50*time.Millisecond, func(i int) error {
		if i != count {
			t.Errorf("number %d came after %d", i, count-1)
		}
		if early := time.Duration(i)*time.Millisecond - time.Since(start); early > 0 {
			t.Errorf("number %d came %v early", i, early)
		}
		count++
		return nil
	}); err != nil || count != 50 {
		t.Errorf("%d were done, %v", count, err)
	}
	if err := runPaced(t.Context(), 1000, time.Second, func(int) error { return io.EOF }); err != io.EOF {
		t.Errorf("got %v", err)
	}
}
