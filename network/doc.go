// Package network connects the containers of one machine: a bridge with addresses, a pool from
// which containers get theirs, their hosts, hostname and resolv.conf, NAT towards other networks,
// and ports of the host that lead to a container. It knows no Runtime: it edits a configs.Config
// before the container is created, and it works on Linux alone.
//
//	net, err := network.Open(ctx, "/run/my-containers/net", network.Config{
//		Name:    "blue",
//		Subnets: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")},
//	})
//	config := configs.Default() // with Rootfs and so on
//	endpoint, err := net.Attach(ctx, "web", config, network.Port{HostPort: 8080, ContainerPort: 80})
//	container, err := runtime.Create(ctx, "web", config)
//	result, err := container.Run(ctx, process) // reached as 10.77.0.2, as "web" and as port 8080
//	err = container.Destroy()
//	err = net.Detach(ctx, "web")
//
// All that a Network does is done in the network namespace of the calling program, and is recorded
// in a directory before it is made. A program may die at any moment: the next one that opens the
// network completes what is there, and Collect frees what belonged to containers that are gone.
// Programs that know nothing of each other can use one network at the same time. There is no daemon.
//
// # What is made
//
// The bridge has the first address of each subnet, which is the containers' gateway, and a table of
// nftables of the family inet has all rules, see [Network.Table]. The table is replaced as a whole, in one
// transaction. Nothing is changed in other tables, and no rule of other programs is overruled: where
// another firewall drops what is forwarded, that has to allow the bridge.
//
// Containers of one network reach each other, the host, and what is behind the host, with its
// address as theirs. From outside, and from other networks, nobody reaches a container but through
// a port that is published, or in answer to what the container has sent.
//
// # Forwarding
//
// The kernel forwards packets by the setting of the interface that they come in on. That of the
// bridge is turned on. Answers from outside, and connections from there to published ports, come in
// on another interface, whose setting (net.ipv4.conf.NAME.forwarding, or net.ipv4.ip_forward for
// all) belongs to the host: it is not changed, since it may make the machine a router between networks
// that have nothing to do with containers. [Config.OnWarning] tells where it is off. For IPv6 the setting is
// net.ipv6.conf.all.forwarding, or from Linux 6.17 on net.ipv6.conf.NAME.force_forwarding.
package network
