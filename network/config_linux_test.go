package network

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addresses(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestConfig(t *testing.T) {
	good := Config{Name: "blue", Subnets: prefixes("10.1.0.0/16", "fd00::/64")}
	done, err := good.complete()
	if err != nil || done.Bridge != "br-blue" {
		t.Errorf("%+v, error %v", done, err)
	}
	for name, test := range map[string]struct {
		edit func(*Config)
		text string
	}{
		"no name":           {func(c *Config) { c.Name = "" }, `name ""`},
		"name of a path":    {func(c *Config) { c.Name = "a/b" }, `"a/b"`},
		"long name":         {func(c *Config) { c.Name, c.Bridge = strings.Repeat("n", 33), "b" }, "1 to 32"},
		"name up":           {func(c *Config) { c.Name = ".." }, `".."`},
		"long bridge":       {func(c *Config) { c.Name = "thirteen-long" }, `"br-thirteen-long" of the bridge`},
		"bridge of a path":  {func(c *Config) { c.Bridge = "../all" }, `"../all"`},
		"bridge template":   {func(c *Config) { c.Bridge = "br%d" }, `"br%d"`},
		"no subnet":         {func(c *Config) { c.Subnets = nil }, "no subnet"},
		"zero subnet":       {func(c *Config) { c.Subnets = []netip.Prefix{{}} }, "not a network"},
		"mapped subnet":     {func(c *Config) { c.Subnets = prefixes("::ffff:10.0.0.0/112") }, "not a network"},
		"bits beyond":       {func(c *Config) { c.Subnets = prefixes("10.0.0.1/24") }, "10.0.0.0/24"},
		"no room":           {func(c *Config) { c.Subnets = prefixes("10.0.0.0/31") }, "4 to 30"},
		"no room of IPv6":   {func(c *Config) { c.Subnets = prefixes("fd00::/127") }, "4 to 126"},
		"loopback":          {func(c *Config) { c.Subnets = prefixes("127.1.0.0/16") }, "cannot have"},
		"multicast":         {func(c *Config) { c.Subnets = prefixes("ff05::/64") }, "cannot have"},
		"link-local":        {func(c *Config) { c.Subnets = prefixes("fe80::/64") }, "cannot have"},
		"everything":        {func(c *Config) { c.Subnets = prefixes("0.0.0.0/4") }, "cannot have"},
		"two of a family":   {func(c *Config) { c.Subnets = prefixes("10.0.0.0/24", "10.0.1.0/24") }, "at most one"},
		"small MTU of IPv6": {func(c *Config) { c.MTU = 1279 }, "1280"},
		"negative MTU":      {func(c *Config) { c.Subnets, c.MTU = c.Subnets[:1], -1 }, "68"},
		"DNS server":        {func(c *Config) { c.DNS.Servers = []netip.Addr{{}} }, "DNS server"},
		"DNS zone":          {func(c *Config) { c.DNS.Servers = addresses("fe80::1%eth0") }, "DNS server"},
		"DNS search":        {func(c *Config) { c.DNS.Search = []string{"a\nnameserver 1.2.3.4"} }, "search domain"},
		"DNS option":        {func(c *Config) { c.DNS.Options = []string{""} }, "option"},
	} {
		c := good
		test.edit(&c)
		if _, err := c.complete(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: error %v, want %q", name, err, test.text)
		}
	}
}

func TestPorts(t *testing.T) {
	both := prefixes("10.1.0.0/16", "fd00::/64")
	got, err := checkPorts([]Port{
		{HostPort: 80}, {Protocol: "udp", HostPort: 80, ContainerPort: 8080},
		{HostPort: 81, HostAddress: netip.MustParseAddr("::ffff:192.0.2.1")}, {HostPort: 81, HostAddress: netip.MustParseAddr("192.0.2.2")},
	}, both)
	if err != nil || len(got) != 4 || got[0] != (Port{Protocol: "tcp", HostPort: 80, ContainerPort: 80}) ||
		got[1].ContainerPort != 8080 || !got[2].HostAddress.Is4() {
		t.Errorf("%+v, error %v", got, err)
	}
	at := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	for name, test := range map[string]struct {
		ports   []Port
		subnets []netip.Prefix
		text    string
	}{
		"protocol":         {[]Port{{Protocol: "sctp", HostPort: 80}}, both, "tcp or udp"},
		"no port":          {[]Port{{ContainerPort: 80}}, both, "tcp port 0"},
		"twice":            {[]Port{{HostPort: 80}, {HostPort: 80, ContainerPort: 81}}, both, "twice"},
		"all and one":      {[]Port{{HostPort: 80}, {HostPort: 80, HostAddress: at("192.0.2.1")}}, both, "twice"},
		"unspecified":      {[]Port{{HostPort: 80, HostAddress: at("0.0.0.0")}}, both, "leave HostAddress away"},
		"loopback of IPv6": {[]Port{{HostPort: 80, HostAddress: at("::1")}}, both, "[::1]:80"},
		"multicast":        {[]Port{{HostPort: 80, HostAddress: at("224.0.0.1")}}, both, "224.0.0.1:80"},
		"other family":     {[]Port{{HostPort: 80, HostAddress: at("2001:db8::1")}}, both[:1], "no subnet of that family"},
	} {
		if _, err := checkPorts(test.ports, test.subnets); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: error %v, want %q", name, err, test.text)
		}
	}
}

// What clashes in one network clashes with the key of another one's map.
func TestClashes(t *testing.T) {
	list := []Port{
		{Protocol: "tcp", HostPort: 80}, {Protocol: "udp", HostPort: 80}, {Protocol: "tcp", HostPort: 81},
		{Protocol: "tcp", HostPort: 80, HostAddress: netip.MustParseAddr("192.0.2.1")},
		{Protocol: "tcp", HostPort: 80, HostAddress: netip.MustParseAddr("192.0.2.2")},
		{Protocol: "tcp", HostPort: 80, HostAddress: netip.MustParseAddr("2001:db8::1")},
	}
	for i, a := range list {
		for j, b := range list {
			want := i == j || a.Protocol == b.Protocol && a.HostPort == b.HostPort && (i == 0 || j == 0)
			if a.clashes(b) != want || a.clashesWith(b.key()) != want {
				t.Errorf("%v and %v: %v, %v; want %v", a, b, a.clashes(b), a.clashesWith(b.key()), want)
			}
		}
	}
}

func TestParsePorts(t *testing.T) {
	at := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	for text, want := range map[string][]Port{
		"":                             nil,
		"80":                           {{Protocol: "tcp", HostPort: 80, ContainerPort: 80}},
		"8080:80,53/udp":               {{Protocol: "tcp", HostPort: 8080, ContainerPort: 80}, {Protocol: "udp", HostPort: 53, ContainerPort: 53}},
		"192.0.2.1:8080:80/tcp":        {{Protocol: "tcp", HostAddress: at("192.0.2.1"), HostPort: 8080, ContainerPort: 80}},
		"[2001:db8::1]:8080:65535/udp": {{Protocol: "udp", HostAddress: at("2001:db8::1"), HostPort: 8080, ContainerPort: 65535}},
	} {
		if got, err := ParsePorts(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %+v, error %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{",", "80,", "0", "65536", "-1", "80:", ":80", "80:0", "a:80:80", "80/", "80/sctp", "80/tcp/udp", "192.0.2.1::80", "[::1]", "1:2:3:4"} {
		if got, err := ParsePorts(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
}
