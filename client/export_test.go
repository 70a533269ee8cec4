package client

import "time"

// ShortRetryDelays shortens the pauses between attempts, so that tests of many lost
// connections take no time.
func ShortRetryDelays() Option {
	return func(o *options) {
		o.timeouts.minRetryDelay, o.timeouts.maxRetryDelay = time.Millisecond, 4*time.Millisecond
	}
}

// MaxQueuedMessages is how many messages wait for a slow program.
const MaxQueuedMessages = maxQueuedMessages
