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
	// Volatile is what the field of [Config.Time] holds: "" for the time of day, id for
	// a random number of the request.
	Volatile string
	// Lost is how many of all requests get no answer; half of these took effect.
	Lost float64
	// Late is how long answers take at most.
	Late time.Duration
	// Limit is how many requests are served in Per, on the server's own clock, which a
	// reset leaves alone. 0 is no limit.
	Limit int
	Per   time.Duration
	// Status is what the others get: a status of HTTP, or 0 for a record with the code
	// [LimitCode].
	Status int
	// RetryAfter says when to come back in the answer's head.
	RetryAfter bool
	// Real makes the limit follow the real clock as well, and NotMoved that alone.
	Real, NotMoved bool
}

// LimitCode is the code of a record that says that there were too many requests.
const LimitCode = "77"

// noiseSource is the state of a server's noise. Whoever uses it holds the server's lock.
type noiseSource struct {
	Noise
	dice   *rand.Rand
	began  time.Time
	moved  time.Duration // by /control/clock; a reset leaves it alone
	served []time.Duration
}

func newNoise(noise Noise) *noiseSource {
	return &noiseSource{Noise: noise, dice: rand.New(rand.NewPCG(noise.Seed, 1)), began: time.Now()}
}

// tooMany reports whether a request is beyond the limit, and counts it if it is not.
func (n *noiseSource) tooMany() bool {
	if n.Limit == 0 {
		return false
	}
	now := n.moved
	if n.NotMoved {
		now = 0
	}
	if n.Real {
		now += time.Since(n.began)
	}
	n.served = slices.DeleteFunc(n.served, func(t time.Duration) bool { return t <= now-n.Per })
	if len(n.served) >= n.Limit {
		return true
	}
	n.served = append(n.served, now)
	return false
}

// refuse is the answer beyond the limit.
func (n *noiseSource) refuse(dialect *Dialect) reply {
	rep := reply{status: n.Status, header: make(http.Header)}
	if n.RetryAfter {
		rep.header.Set("Retry-After", strconv.Itoa(int(n.Per.Seconds())))
	}
	if rep.status == 0 {
		rep.status = http.StatusOK
		rep.body = []byte(dialect.Keys[KeyCode] + string(dialect.Assign) + LimitCode)
		return rep
	}
	rep.body = []byte("too many requests\n")
	return rep
}

// volatile is what the field holds that no two answers have alike.
func (n *noiseSource) volatile() string {
	if n.Volatile == "id" {
		var id [6]byte
		for i := range id {
			id[i] = byte(n.dice.UintN(256))
		}
		return hex.EncodeToString(id[:])
	}
	return strconv.FormatInt(time.Now().Unix(), 10)
}
