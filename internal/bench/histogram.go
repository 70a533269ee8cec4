package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longestDuration is the longest duration that a histogram can count. Longer ones count as this long.
const longestDuration = time.Hour

// histogram counts durations, so that a quantile exceeds the exact value by less than 1 %. It is not safe for
// concurrent use.
type histogram struct{ counts *hdrhistogram.Histogram }

func newHistogram() histogram {
	return histogram{hdrhistogram.New(int64(time.Nanosecond), int64(longestDuration), 2)}
}

func (his histogram) record(duration time.Duration) {
	// A value within the histogram's range cannot fail.
	_ = his.counts.RecordValue(int64(min(max(duration, 0), longestDuration)))
}

func (his histogram) add(other histogram) { his.counts.Merge(other.counts) }

func (his histogram) total() uint64 { return uint64(his.counts.TotalCount()) }

// quantile returns a duration that a share q, from 0 to 1, of the recorded durations does not exceed. It returns 0 if
// nothing was recorded.
func (his histogram) quantile(q float64) time.Duration {
	return time.Duration(his.counts.ValueAtQuantile(100 * q))
}
