package network

import (
	"fmt"
	"net/netip"
)

// gateway is the address that the bridge has of a subnet.
func gateway(subnet netip.Prefix) netip.Addr { return subnet.Addr().Next() }

// nextAddress finds an address of a subnet that nobody has, in turn from the one after last: one that has
// just been given up is given again as late as possible, for others may still send to it.
func nextAddress(subnet netip.Prefix, last netip.Addr, used map[netip.Addr]bool) (netip.Addr, error) {
	first := gateway(subnet).Next()
	if !last.IsValid() || !usable(subnet, last) {
		last = gateway(subnet)
	}
	a := last
	for range len(used) + 1 { // one of these many is free
		if a = a.Next(); !usable(subnet, a) {
			a = first
		}
		if !used[a] {
			return a, nil
		}
		if a == last {
			break
		}
	}
	return netip.Addr{}, fmt.Errorf("subnet %v: %w", subnet, ErrExhausted)
}

// usable tells whether a container can have an address. The last one of a network of IPv4 is for
// broadcasts.
func usable(subnet netip.Prefix, a netip.Addr) bool {
	return subnet.Contains(a) && gateway(subnet).Less(a) && (a.Is6() || subnet.Contains(a.Next()))
}
