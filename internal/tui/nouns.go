package tui

import (
	"github.com/rookery-im/rookery/client"
)

// The nouns' values, by their numbers in the protocol.
const (
	system = client.UIN(10000)

	statusOnline       = client.Status(10)
	statusOffline      = client.Status(20)
	statusAway         = client.Status(30)
	statusInvisible    = client.Status(40)
	statusBusy         = client.Status(50)
	statusTalkToMe     = client.Status(60)
	statusDoNotDisturb = client.Status(70)

	kindAdded    = client.Kind(1)
	kindAsks     = client.Kind(2)
	kindAccepted = client.Kind(3)
	kindRejected = client.Kind(4)
	kindMessage  = client.Kind(9)
	kindSent     = client.Kind(19)

	ruleOpen   = client.Rule(0)
	ruleAsk    = client.Rule(1)
	ruleClosed = client.Rule(3)

	// maxText is how long a message may be, in bytes.
	maxText = 4000
	// lowest and highest are the numbers that an account can have.
	lowest, highest = 10000, 1<<32 - 1
)
