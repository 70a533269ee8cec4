package rookery

import "net/netip"

// Network returns the part of an address that identifies a customer: the /64 prefix of
// an IPv6 address, and the whole IPv4 address, also if it is IPv4-mapped. The login
// limiter counts by network, because IPv6 clients change addresses within their /64.
func Network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().Addr()
}
