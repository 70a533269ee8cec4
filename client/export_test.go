package client

import "time"

// ShortRetryDelays shortens the pauses between connection attempts.
func ShortRetryDelays() Option {
	return func(o *options) {
		o.timeouts.minRetryDelay, o.timeouts.maxRetryDelay = time.Millisecond, 4*time.Millisecond
	}
}

// MaxQueuedMessages exports maxQueuedMessages.
const MaxQueuedMessages = maxQueuedMessages
