package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// minPercentileSamples is the number of samples of which five are above the 99th percentile.
	minPercentileSamples = 500
	// minCPUTime is the processor time of which one step of the kernel's clock is a tenth.
	minCPUTime = 100 * time.Millisecond
)

// reasons has, for the JSON name of each figure that is no valid measurement, the reason why.
type reasons map[string]string

// add adds a figure, unless reason is empty.
func (r *reasons) add(figure, reason string) {
	if reason == "" {
		return
	}
	if *r == nil {
		*r = reasons{}
	}
	(*r)[figure] = reason
}

// String returns each different reason once.
func (r reasons) String() string {
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(r))), "; ")
}

// cell formats a figure for a table, or says that it is invalid.
func (r reasons) cell(figure, format string, value float64) string {
	return cellText(r[figure], format, value)
}

// cellText formats a value for a table, or says that it is invalid if there is a reason.
func cellText(reason, format string, value float64) string {
	if reason != "" {
		return string(Invalid)
	}
	return fmt.Sprintf(format, value)
}

// The following functions return why a measurement is invalid, or "" if it is valid.

func reasonNoSamples(count uint64) string {
	if count > 0 {
		return ""
	}
	return "nothing was answered"
}

func reasonFewSamples(count uint64) string {
	if count >= minPercentileSamples {
		return ""
	}
	return fmt.Sprintf("the 99th percentile of %d samples says nothing; at least %d are needed", count,
		minPercentileSamples)
}

func reasonLittleCPU(each time.Duration, count uint64) string {
	used := each * time.Duration(count)
	if used >= minCPUTime {
		return ""
	}
	return fmt.Sprintf("the server used %v of processor time, which the kernel counts in steps of 10ms; at least %v "+
		"are needed", used.Round(10*time.Millisecond), minCPUTime)
}

func reasonNoGrowth(before, after int64) string {
	if after > before {
		return ""
	}
	return fmt.Sprintf("the memory did not grow: %.1f MiB before, %.1f MiB after", mebibytes(before), mebibytes(after))
}
