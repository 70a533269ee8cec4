package client

import "time"

// Hasty shortens the pauses between attempts, so that tests of many lost
// connections take no time.
func Hasty() Option {
	return func(o *options) { o.times.firstPause, o.times.lastPause = time.Millisecond, 4*time.Millisecond }
}

// MaxWaiting is how many messages wait for a slow program.
const MaxWaiting = maxWaiting
