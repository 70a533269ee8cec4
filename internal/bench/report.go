package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"
)

// Figures are the measurements of one run, or the medians of several. JSON has times in nanoseconds.
type Figures struct {
	// Requests is the number of answered requests, in the run that has the fewest.
	Requests uint64 `json:"requests"`
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
	if err := writeRows(w, rep.Rows); err != nil {
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

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}

func microseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}
