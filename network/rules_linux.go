package network

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tablePrefix begins the names of the tables of all networks of this library.
const tablePrefix = "libcontainer-"

// Table is the name of the network's table of nftables, which is of the family inet: "libcontainer-",
// the name of the network and a hash of its directory, as two programs may name networks alike.
func (n *Network) Table() string {
	return tablePrefix + n.config.Name + "-" + hex.EncodeToString(n.hash()[:4])
}

// openNftables gives a connection whose messages are sent as one.
func openNftables() (*nftables.Conn, error) {
	// A transaction is sent at once, and has to fit into the socket's buffer.
	buffer := nftables.WithSockOptions(func(c *mdnetlink.Conn) error { return c.SetWriteBuffer(4 << 20) })
	return nftables.New(buffer)
}

// rules is a transaction that makes a network's table.
type rules struct {
	*nftables.Conn
	table  *nftables.Table
	bridge string
	maps   uint32 // how many there are
	err    error
}

// setRules replaces the table by one of the state, in one transaction: at no moment is there a part.
func (n *Network) setRules(s *state) error {
	conn, err := openNftables()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	r := &rules{Conn: conn, table: &nftables.Table{Name: n.Table(), Family: nftables.TableFamilyINet}, bridge: n.config.Bridge}
	// To remove a table that is not there would fail.
	r.AddTable(r.table)
	r.DelTable(r.table)
	r.AddTable(r.table)
	r.forward()
	for _, subnet := range s.Subnets {
		r.protect(subnet)
	}
	r.masquerade(s.Subnets)
	r.publish(s)
	if r.err == nil {
		r.err = r.Flush()
	}
	if r.err != nil {
		return fmt.Errorf("replace table inet %s of nftables: %w", n.Table(), r.err)
	}
	return nil
}

// removeRules removes the table, if there is one.
func (n *Network) removeRules() error {
	conn, err := openNftables()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := &nftables.Table{Name: n.Table(), Family: nftables.TableFamilyINet}
	conn.AddTable(table)
	conn.DelTable(table)
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("remove table inet %s of nftables: %w", n.Table(), err)
	}
	return nil
}

func (r *rules) chain(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return r.AddChain(&nftables.Chain{Name: name, Table: r.table, Type: kind, Hooknum: hook, Priority: priority})
}

func (r *rules) add(chain *nftables.Chain, parts ...[]expr.Any) {
	rule := &nftables.Rule{Table: r.table, Chain: chain}
	for _, p := range parts {
		rule.Exprs = append(rule.Exprs, p...)
	}
	r.AddRule(rule)
}

// forward lets containers out, and lets in what answers them or is for a published port.
func (r *rules) forward() {
	c := r.chain("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	r.add(c, from(r.bridge), verdict(expr.VerdictAccept))
	r.add(c, to(r.bridge), ctHas(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), verdict(expr.VerdictAccept))
	r.add(c, to(r.bridge), ctHas(expr.CtKeySTATUS, statusDNAT), verdict(expr.VerdictAccept))
	r.add(c, to(r.bridge), verdict(expr.VerdictDrop))
}

// protect keeps containers from the host's own 127.0.0.0/8: route_localnet alone lets them in
// (CVE-2020-8558).
func (r *rules) protect(subnet netip.Prefix) {
	if !subnet.Addr().Is4() {
		return
	}
	c := r.chain("raw", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw)
	r.add(c, from(r.bridge), source(loopback4), verdict(expr.VerdictDrop))
	r.add(c, from(r.bridge), destination(loopback4), verdict(expr.VerdictDrop))
}

var loopback4 = netip.MustParsePrefix("127.0.0.0/8")

// masquerade gives what leaves the bridge the host's address; and so that the answer comes back by the
// host, what a container sends to a container by a port of the host, and what the host sends from
// its loopback.
func (r *rules) masquerade(subnets []netip.Prefix) {
	c := r.chain("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	for _, subnet := range subnets {
		r.add(c, source(subnet), notTo(r.bridge), []expr.Any{&expr.Masq{}})
		r.add(c, source(subnet), to(r.bridge), ctHas(expr.CtKeySTATUS, statusDNAT), []expr.Any{&expr.Masq{}})
		if subnet.Addr().Is4() {
			r.add(c, source(loopback4), to(r.bridge), []expr.Any{&expr.Masq{}})
		}
	}
}

// publish sends what is for published ports of the host to the containers.
func (r *rules) publish(s *state) {
	ports := r.AddChain(&nftables.Chain{Name: "ports", Table: r.table})
	for _, m := range s.portMaps() {
		r.lookUp(ports, m)
	}
	pre := r.chain("prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest)
	r.add(pre, toHost(), jump(ports))
	out := r.chain("output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest)
	r.add(out, destination(netip.PrefixFrom(netip.IPv6Loopback(), 128)), verdict(expr.VerdictReturn))
	r.add(out, toHost(), jump(ports))
}

// portMap is a map from ports of the host to those of containers.
type portMap struct {
	name     string
	v4, at   bool // of IPv4; of single addresses of the host
	elements []nftables.SetElement
}

// portMaps are those of single addresses first, which are sought first.
func (s *state) portMaps() (list []portMap) {
	for _, m := range []portMap{
		{name: "ports4-at", v4: true, at: true}, {name: "ports6-at", at: true}, {name: "ports4", v4: true}, {name: "ports6"},
	} {
		for _, id := range s.ids() {
			e := s.Endpoints[id]
			target := e.address(m.v4)
			for _, p := range e.Ports {
				if target.IsValid() && p.HostAddress.IsValid() == m.at && (!m.at || p.HostAddress.Is4() == m.v4) {
					m.elements = append(m.elements, nftables.SetElement{Key: p.key(), Val: concat(target.AsSlice(), port(p.ContainerPort))})
				}
			}
		}
		if len(m.elements) > 0 {
			list = append(list, m)
		}
	}
	return list
}

// key is what lookUp loads.
func (p Port) key() []byte {
	proto := byte(unix.IPPROTO_TCP)
	if p.Protocol == "udp" {
		proto = unix.IPPROTO_UDP
	}
	return concat([]byte{proto}, port(p.HostPort), p.HostAddress.AsSlice())
}

func port(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// concat puts values one after the other, each into registers of its own of 4 bytes.
func concat(values ...[]byte) (out []byte) {
	for _, v := range values {
		out = append(out, v...)
		out = append(out, make([]byte, -len(v)&3)...)
	}
	return out
}

// elementsAtOnce keeps the attribute with the elements below its 64 kB.
const elementsAtOnce = 256

// lookUp adds a map, and the rule that uses it.
func (r *rules) lookUp(chain *nftables.Chain, m portMap) {
	r.maps++ // the library's own numbers would be a data race of two connections
	address, family, offset, length := nftables.TypeIPAddr, byte(unix.NFPROTO_IPV4), uint32(16), uint32(4)
	if !m.v4 {
		address, family, offset, length = nftables.TypeIP6Addr, unix.NFPROTO_IPV6, 24, 16
	}
	key := []nftables.SetDatatype{nftables.TypeInetProto, nftables.TypeInetService}
	load := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
		&expr.Payload{DestRegister: unix.NFT_REG32_01, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
	if m.at {
		key = append(key, address)
		load = append(load, &expr.Payload{DestRegister: unix.NFT_REG32_02, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length})
	}
	set := &nftables.Set{
		Table: r.table, ID: r.maps, Name: m.name, IsMap: true, Concatenation: true,
		KeyType: nftables.MustConcatSetType(key...), DataType: nftables.MustConcatSetType(address, nftables.TypeInetService),
	}
	r.err = errors.Join(r.err, r.AddSet(set, nil))
	for rest := m.elements; len(rest) > 0; {
		count := min(len(rest), elementsAtOnce)
		r.err = errors.Join(r.err, r.SetAddElements(set, rest[:count]))
		rest = rest[count:]
	}
	r.add(chain, isFamily(family), load, []expr.Any{
		&expr.Lookup{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, IsDestRegSet: true, SetName: set.Name, SetID: set.ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(family), RegAddrMin: unix.NFT_REG_1, RegProtoMin: unix.NFT_REG32_00 + length/4},
	})
}

// checkOthers refuses ports that another network of this library has published. It is called when
// they are in the table: of two networks that publish one at the same moment, the later one to have
// its table made sees the other, or both do.
func (n *Network) checkOthers(e *endpoint) error {
	conn, err := openNftables()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	tables, err := retryEINTR(func() ([]*nftables.Table, error) { return conn.ListTablesOfFamily(nftables.TableFamilyINet) })
	if err != nil {
		return fmt.Errorf("list tables of nftables: %w", err)
	}
	for _, t := range tables {
		if !strings.HasPrefix(t.Name, tablePrefix) || t.Name == n.Table() {
			continue
		}
		t.Family = nftables.TableFamilyINet
		keys, err := publishedBy(conn, t)
		if err != nil {
			return fmt.Errorf("list table inet %s of nftables: %w", t.Name, err)
		}
		for _, p := range e.Ports {
			for _, key := range keys {
				if p.clashesWith(key) {
					return fmt.Errorf("%v: %w by the network of table inet %s", p, ErrPortInUse, t.Name)
				}
			}
		}
	}
	return nil
}

// clashesWith is clashes for the key of another map.
func (p Port) clashesWith(key []byte) bool {
	own := p.key()
	if len(key) < 8 || string(own[:8]) != string(key[:8]) {
		return false
	}
	a, b := own[8:], key[8:]
	return len(a) == 0 || len(b) == 0 || string(a) == string(b)
}

// publishedBy gives the keys of all maps of a table. One that has gone has none.
func publishedBy(conn *nftables.Conn, t *nftables.Table) (keys [][]byte, err error) {
	sets, err := retryEINTR(func() ([]*nftables.Set, error) { return conn.GetSets(t) })
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		elements, err := retryEINTR(func() ([]nftables.SetElement, error) { return conn.GetSetElements(set) })
		if err != nil && !isGone(err) {
			return nil, err
		}
		for _, e := range elements {
			keys = append(keys, e.Key)
		}
	}
	return keys, nil
}

// isGone looks at the text, for the library does not wrap all errors.
func isGone(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOENT) || strings.Contains(err.Error(), unix.ENOENT.Error()))
}

// retryEINTR lists something until nobody has changed the tables meanwhile.
func retryEINTR[T any](list func() (T, error)) (T, error) {
	for {
		all, err := list()
		if err == nil || !errors.Is(err, unix.EINTR) && !strings.Contains(err.Error(), unix.EINTR.Error()) {
			return all, err
		}
	}
}

// The parts of rules.

// statusDNAT is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const statusDNAT = 1 << 5

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

func jump(c *nftables.Chain) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: c.Name}}
}

func from(link string) []expr.Any  { return isLink(expr.MetaKeyIIFNAME, expr.CmpOpEq, link) }
func to(link string) []expr.Any    { return isLink(expr.MetaKeyOIFNAME, expr.CmpOpEq, link) }
func notTo(link string) []expr.Any { return isLink(expr.MetaKeyOIFNAME, expr.CmpOpNeq, link) }

func isLink(key expr.MetaKey, op expr.CmpOp, link string) []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, link)
	return []expr.Any{
		&expr.Meta{Key: key, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: op, Register: unix.NFT_REG_1, Data: name},
	}
}

func isFamily(family byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{family}},
	}
}

func source(p netip.Prefix) []expr.Any      { return address(p, 12, 8) }
func destination(p netip.Prefix) []expr.Any { return address(p, 16, 24) }

// address compares one of a packet; where it is in the headers of IPv4 and of IPv6.
func address(p netip.Prefix, offset4, offset6 uint32) []expr.Any {
	family, offset := byte(unix.NFPROTO_IPV4), offset4
	if p.Addr().Is6() {
		family, offset = unix.NFPROTO_IPV6, offset6
	}
	length := uint32(p.Addr().BitLen() / 8)
	return append(isFamily(family),
		&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: length, Mask: ipNet(p).Mask, Xor: make([]byte, length)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: p.Addr().AsSlice()},
	)
}

// ctHas tells whether the connection has one of the bits.
func ctHas(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: unix.NFT_REG_1},
		&expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: unix.NFT_REG_1, Data: make([]byte, 4)},
	}
}

// toHost tells whether the packet is for an address of the host.
func toHost() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: unix.NFT_REG_1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}
