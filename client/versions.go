package client

import (
	"github.com/rookery-im/rookery/wire"
)

// protocolTraits is how clients of a version behave.
type protocolTraits struct {
	wire.Version
	// firstStatus: Login takes the first status; before, Change_Stat follows.
	firstStatus bool
	// friends is how they read the friend list.
	friends friendLister
}

func (o *options) traits() protocolTraits {
	version, _ := wire.ParseVersion([]byte(o.version)) // check has seen it
	if version < wire.V14 {
		return protocolTraits{Version: version, friends: (*Client).friendsByList}
	}
	return protocolTraits{Version: version, firstStatus: true, friends: (*Client).friendsBySimpleInfo}
}
