package probetest

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Noise is what real servers do to whoever studies them. None of it is behaviour of the
// protocol, so none of it may change what is found out.
type Noise struct {
	Seed uint64
	// Volatile is what the field of [Config.TimeField] holds: "" for the time of day, id for
	// a random number of the request.
	Volatile string
	// LossRate is how many of all requests get no answer; half of these took effect.
	LossRate float64
	// MaxDelay is how long answers take at most.
	MaxDelay time.Duration
	// Limit is how many requests are served in Per, on the server's own clock, which a
	// reset leaves alone. 0 is no limit.
	Limit int
	Per   time.Duration
	// Status is what the others get: a status of HTTP, or 0 for a record with the code
	// [LimitCode].
	Status int
	// RetryAfter says when to come back in the answer's head.
	RetryAfter bool
	// UsesRealClock makes the limit follow the real clock as well, and NotMoved that alone.
	UsesRealClock, IgnoresClock bool
}

// LimitCode is the code of a record that says that there were too many requests.
const LimitCode = "77"

// noiseSource is the state of a server's noise. Whoever uses it holds the server's lock.
type noiseSource struct {
	Noise
	random      *rand.Rand
	startedAt   time.Time
	clockOffset time.Duration // by /control/clock; a reset leaves it alone
	servedAt    []time.Duration
}

func newNoise(noise Noise) *noiseSource {
	return &noiseSource{Noise: noise, random: rand.New(rand.NewPCG(noise.Seed, 1)), startedAt: time.Now()}
}

// countAndLimit reports whether a request is beyond the limit, and counts it if it is not.
func (n *noiseSource) countAndLimit() bool {
	if n.Limit == 0 {
		return false
	}
	now := n.clockOffset
	if n.IgnoresClock {
		now = 0
	}
	if n.UsesRealClock {
		now += time.Since(n.startedAt)
	}
	n.servedAt = slices.DeleteFunc(n.servedAt, func(servedAt time.Duration) bool { return servedAt <= now-n.Per })
	if len(n.servedAt) >= n.Limit {
		return true
	}
	n.servedAt = append(n.servedAt, now)
	return false
}

// refusal is the answer beyond the limit.
func (n *noiseSource) refusal(dialect *Dialect) reply {
	rep := reply{status: n.Status, header: make(http.Header)}
	if n.RetryAfter {
		rep.header.Set("Retry-After", strconv.Itoa(int(n.Per.Seconds())))
	}
	if rep.status == 0 {
		rep.status = http.StatusOK
		rep.body = []byte(dialect.Keys[keyCode] + string(dialect.Assign) + LimitCode)
		return rep
	}
	rep.body = []byte("too many requests\n")
	return rep
}

// volatileValue is what the field holds that no two answers have alike.
func (n *noiseSource) volatileValue() string {
	if n.Volatile == "id" {
		var id [6]byte
		for index := range id {
			id[index] = byte(n.random.UintN(256))
		}
		return hex.EncodeToString(id[:])
	}
	return strconv.FormatInt(time.Now().Unix(), 10)
}
