package client

import (
	"github.com/rookery-im/rookery/wire"
)

// protocolTraits are the differences between clients of the protocol versions.
type protocolTraits struct {
	wire.Version
	// loginSetsStatus: Login carries the initial status. Before 1.4, Change_Stat sets it.
	loginSetsStatus bool
	// listFriends reads the friend list.
	listFriends friendLister
}

func (o *options) protocolTraits() protocolTraits {
	version, _ := wire.ParseVersion([]byte(o.version)) // validated in Dial
	if version < wire.V14 {
		return protocolTraits{Version: version, listFriends: (*Client).friendsByList}
	}
	return protocolTraits{Version: version, loginSetsStatus: true, listFriends: (*Client).friendsBySimpleInfo}
}
