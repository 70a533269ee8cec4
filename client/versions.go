package client

import (
	"github.com/rookery-im/rookery/wire"
)

// traits is how clients of a version behave.
type traits struct {
	wire.Version
	// firstStatus: Login takes the first status; before, Change_Stat follows.
	firstStatus bool
	// friends is how they read the friend list.
	friends friendLister
}

func (o *options) traits() traits {
	v, _ := wire.ParseVersion([]byte(o.version)) // check has seen it
	if v < wire.V14 {
		return traits{Version: v, friends: (*Client).friendsByList}
	}
	return traits{Version: v, firstStatus: true, friends: (*Client).friendsBySimpleInfo}
}
