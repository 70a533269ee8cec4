package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// Figures are the measurements of one run, or the medians of several. JSON has times in nanoseconds.
type Figures struct {
	// PerSecond is the number of answered requests per second.
	PerSecond float64 `json:"requests_per_second"`
	// P50 and P99 are percentiles of the response time.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
	// CPU is the server's processor time per request.
	CPU time.Duration `json:"server_cpu_ns_per_request"`
	// Resident is the server's resident memory after the run, in bytes.
	Resident int64 `json:"resident_bytes"`
}

// Row is the result of one workload on one server.
type Row struct {
	Workload string `json:"workload"`
	// Store distinguishes the servers of a growth run; empty in other runs.
	Store       string `json:"store,omitempty"`
	Connections int    `json:"connections"`
	// KeepAlive is false if every request had its own connection.
	KeepAlive bool `json:"keep_alive"`
	Figures
	// Ratio is CPU divided by the floor's CPU, for the same number and use of connections.
	Ratio float64 `json:"cpu_to_floor"`
}

// Target compares a figure with its bound.
type Target struct {
	Description string  `json:"what"`
	Measured    float64 `json:"got"`
	// AtLeast, if not 0, is the lower bound of Measured. Otherwise AtMost is the upper bound.
	AtMost  float64 `json:"most,omitempty"`
	AtLeast float64 `json:"least,omitempty"`
	// Goal is a stricter value to work towards, which does not affect Met; 0 if there is none.
	Goal float64 `json:"aim,omitempty"`
	Met  bool    `json:"met"`
}

// atMost returns a target that is met if measured is at most maximum.
func atMost(what string, measured, maximum, goal float64) Target {
	return Target{Description: what, Measured: measured, AtMost: maximum, Goal: goal, Met: measured <= maximum}
}

// atLeast returns a target that is met if measured is at least minimum.
func atLeast(what string, measured, minimum float64) Target {
	return Target{Description: what, Measured: measured, AtLeast: minimum, Met: measured >= minimum}
}

func (tgt Target) String() string {
	verdict, bound := "missed", fmt.Sprintf("at most %.4g", tgt.AtMost)
	if tgt.Met {
		verdict = "met"
	}
	if tgt.AtLeast != 0 {
		bound = fmt.Sprintf("at least %.4g", tgt.AtLeast)
	}
	if tgt.Goal != 0 {
		bound += fmt.Sprintf(", aim %.4g", tgt.Goal)
	}
	return fmt.Sprintf("%s: %s: %.4g (%s)", verdict, tgt.Description, tgt.Measured, bound)
}

// Report is the result of a bench.
type Report struct {
	System  string      `json:"system"`
	Rows    []Row       `json:"rows"`
	Growth  *Growth     `json:"growth,omitempty"`
	Push    *PushReport `json:"push,omitempty"`
	Targets []Target    `json:"targets"`
	// Messages is the number of acknowledged messages. All of them were found in the stores.
	Messages uint64 `json:"messages_counted"`
}

func describeSystem() string {
	return fmt.Sprintf("%d processors, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// WriteJSON writes the report as JSON.
func (rep *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rep)
}

// WriteText writes the report as tables.
func (rep *Report) WriteText(w io.Writer) error {
	if err := rep.writeRows(w); err != nil {
		return err
	}
	if rep.Growth != nil {
		fmt.Fprintf(w, "\n%s", rep.Growth)
	}
	if rep.Push != nil {
		fmt.Fprintf(w, "\n%s", rep.Push)
	}
	fmt.Fprintln(w)
	for _, target := range rep.Targets {
		fmt.Fprintln(w, target)
	}
	_, err := fmt.Fprintf(w, "\n%s; all %d acknowledged messages were found in the stores, once and in order.\n",
		rep.System, rep.Messages)
	return err
}

func (rep *Report) writeRows(w io.Writer) error {
	if len(rep.Rows) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "conns\tconnection\tstore\tworkload\trequests/s\tp50 ms\tp99 ms\tCPU us\tto floor\tMiB\t")
	for _, row := range rep.Rows {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.1f\t%.2f\t%.0f\t\n",
			row.Connections, connectionUse(row.KeepAlive), row.Store, row.Workload, row.PerSecond,
			milliseconds(row.P50), milliseconds(row.P99), microseconds(row.CPU), row.Ratio,
			float64(row.Resident)/(1<<20))
	}
	return table.Flush()
}

func connectionUse(keepAlive bool) string {
	if keepAlive {
		return "kept alive"
	}
	return "per request"
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}

func microseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}
