package bench

import (
	"math"
	"math/bits"
	"time"
)

// Each power of two is divided into 32 buckets, so a quantile exceeds the exact value by at
// most 1/32.
const (
	bucketBits = 5
	buckets    = (64 - bucketBits) << bucketBits
)

// histogram counts durations in exponential buckets. It covers all durations and never allocates.
type histogram struct {
	counts [buckets]uint64
	total  uint64
}

func bucketOf(duration time.Duration) int {
	v := uint64(max(duration, 0))
	if v < 1<<bucketBits {
		return int(v)
	}
	shift := bits.Len64(v) - bucketBits - 1
	return shift<<bucketBits + int(v>>shift)
}

// bucketMax returns the longest duration of a bucket.
func bucketMax(bucket int) time.Duration {
	if bucket < 2<<bucketBits {
		return time.Duration(bucket)
	}
	shift := bucket>>bucketBits - 1
	first := uint64(bucket-shift<<bucketBits) << shift
	return time.Duration(first + 1<<shift - 1)
}

func (his *histogram) record(duration time.Duration) {
	his.counts[bucketOf(duration)]++
	his.total++
}

func (his *histogram) add(other *histogram) {
	for i, n := range other.counts {
		his.counts[i] += n
	}
	his.total += other.total
}

// quantile is a duration that the share q of all recorded ones does not exceed,
// 0 if there are none.
func (his *histogram) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(his.total)))
	var seen uint64
	for i, n := range his.counts {
		seen += n
		if n > 0 && seen >= rank {
			return bucketMax(i)
		}
	}
	return 0
}
