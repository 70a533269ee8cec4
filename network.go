package rookery

import "net/netip"

// Network is what an address counts as where addresses stand for people: for
// wrong passwords, and as one that an account has signed in from. Of IPv6 one
// customer has a network of 64 bits, and moves about in it; of IPv4 one address,
// also where it is written as one of IPv6.
func Network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().Addr()
}
