package probetest

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Noise describes faults that real servers and networks add. They are not part of the protocol, so a
// study must reach the same facts with them. The zero value adds none.
type Noise struct {
	// Seed seeds the random decisions.
	Seed uint64
	// Volatile is the content of the field of [Config.TimeField]: "" for the time of day, "id" for
	// a random number.
	Volatile string
	// LossRate is the share of requests without an answer, from 0 to 1. Half of them take effect.
	LossRate float64
	// MaxDelay is the longest delay of an answer.
	MaxDelay time.Duration
	// Limit is how many requests are served in any period of length Per; further ones are refused. The
	// period is measured by the clock that /control/clock moves. Resets do not clear the count. 0
	// means no limit.
	Limit int
	Per   time.Duration
	// Status is the HTTP status of refused requests, or 0 for a record with the code [LimitCode].
	Status int
	// RetryAfter adds a Retry-After header to refusals.
	RetryAfter bool
	// UsesRealClock adds the real time since the start to the clock of the limit. IgnoresClock makes
	// /control/clock not move that clock.
	UsesRealClock, IgnoresClock bool
}

// LimitCode is the code of a record that refuses a request beyond the limit.
const LimitCode = "77"

// noiseSource is the state of a server's noise. The server's lock guards it.
type noiseSource struct {
	Noise
	random      *rand.Rand
	startedAt   time.Time
	clockOffset time.Duration   // sum of all moves by /control/clock; not affected by resets
	servedAt    []time.Duration // times of the requests served in the last period
}

func newNoise(noise Noise) *noiseSource {
	return &noiseSource{Noise: noise, random: rand.New(rand.NewPCG(noise.Seed, 1)), startedAt: time.Now()}
}

// countAndLimit reports whether a request exceeds the limit. It counts the request if not.
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

// refusal returns the reply to a request beyond the limit.
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

// volatileValue returns the value of the field of [Config.TimeField].
func (n *noiseSource) volatileValue() string {
	if n.Volatile == "id" {
		var id [6]byte
		for i := range id {
			id[i] = byte(n.random.UintN(256))
		}
		return hex.EncodeToString(id[:])
	}
	return strconv.FormatInt(time.Now().Unix(), 10)
}
