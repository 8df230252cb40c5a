package network

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

func TestHosts(t *testing.T) {
	s := newState("10.0.0.0/24", "fd00::/64")
	for _, id := range []string{"web", "db"} {
		if _, err := s.add(id, map[string]string{"web": "front", "db": "db"}[id], nil); err != nil {
			t.Fatal(err)
		}
	}
	const local = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	for id, want := range map[string]string{
		"web": local + "10.0.0.3\tdb\nfd00::3\tdb\n10.0.0.2\tfront web\nfd00::2\tfront web\n",
		"db":  local + "10.0.0.3\tdb\nfd00::3\tdb\n10.0.0.2\tweb\nfd00::2\tweb\n",
	} {
		if got := string(s.hostsFile(id)); got != want {
			t.Errorf("hosts of %s: %q, want %q", id, got, want)
		}
	}
}

func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one\n", "one\ntwo\n", "1\n", ""} {
		if err := rewrite(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		after, serr := os.Stat(path)
		if string(got) != want || err != nil || serr != nil || !os.SameFile(before, after) {
			t.Errorf("%q, errors %v, %v; want %q in the same file", got, err, serr, want)
		}
	}
	link := path + "-link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(link, []byte("x")); err == nil {
		t.Error("a link was followed")
	}
}

func TestResolvConf(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stub := file("stub", "# by systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n")
	plain := file("plain", "domain old\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver nonsense\nsearch a b\noptions ndots:2\n")
	missing := filepath.Join(dir, "missing")
	v4, both := prefixes("10.0.0.0/24"), prefixes("10.0.0.0/24", "fd00::/64")
	for name, test := range map[string]struct {
		dns   DNS
		v6    bool
		files []string
		want  string
	}{
		"own":                 {DNS{Servers: addresses("198.51.100.1"), Search: []string{"x", "y"}, Options: []string{"rotate"}}, false, []string{plain}, "nameserver 198.51.100.1\nsearch x y\noptions rotate\n"},
		"host's":              {DNS{}, false, []string{plain, stub}, "nameserver 192.0.2.53\nsearch a b\noptions ndots:2\n"},
		"host's of IPv6":      {DNS{}, true, []string{plain}, "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch a b\noptions ndots:2\n"},
		"host's, own search":  {DNS{Search: []string{"x"}, Options: []string{"rotate"}}, false, []string{plain}, "nameserver 192.0.2.53\nsearch x\noptions ndots:2 rotate\n"},
		"behind a stub":       {DNS{}, false, []string{stub, plain}, "nameserver 192.0.2.53\nsearch a b\noptions ndots:2\n"},
		"a stub alone":        {DNS{}, false, []string{stub, missing}, "search lan\noptions edns0 trust-ad\n"},
		"nothing on the host": {DNS{}, false, []string{missing}, ""},
	} {
		subnets := v4
		if test.v6 {
			subnets = both
		}
		if got, err := resolvConf(test.dns, subnets, test.files); err != nil || string(got) != test.want {
			t.Errorf("%s: %q, error %v; want %q", name, got, err, test.want)
		}
	}
	if _, err := resolvConf(DNS{}, v4, []string{dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a directory: %v", err)
	}
}

// Whatever the host has in its file, containers get words of which each is on its line.
func FuzzParseResolv(f *testing.F) {
	f.Add("nameserver 192.0.2.53\nsearch a b\noptions ndots:2\n")
	f.Add("domain \v\nnameserver ::1%a b\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		d := parseResolv(text)
		for _, word := range slices.Concat(d.Search, d.Options) {
			if word == "" || strings.ContainsAny(word, " \t\n") {
				t.Errorf("word %q", word)
			}
		}
	})
}

func TestAddMounts(t *testing.T) {
	config := configs.Default()
	own := &configs.Mount{Source: "/srv/hosts", Destination: "etc//hosts", Device: "bind"}
	before := len(config.Mounts)
	config.Mounts = append(config.Mounts, own)
	addMounts(config, "/run/net/endpoints/web")
	var got []string
	for _, m := range config.Mounts[before:] {
		got = append(got, m.Source+" "+m.Destination)
	}
	want := []string{"/srv/hosts etc//hosts", "/run/net/endpoints/web/hostname /etc/hostname", "/run/net/endpoints/web/resolv.conf /etc/resolv.conf"}
	if !slices.Equal(got, want) {
		t.Errorf("mounts %q, want %q", got, want)
	}
}

// A state that is another network's, or leads out of the directory, is refused.
func TestLoadRefuses(t *testing.T) {
	config := Config{Name: "blue", Bridge: "br", Subnets: prefixes("10.0.0.0/24")}
	for name, test := range map[string]struct{ data, text string }{
		"no JSON":        {"{", "decode"},
		"another name":   {`{"name":"green","bridge":"br","subnets":["10.0.0.0/24"]}`, `"green"`},
		"another subnet": {`{"name":"blue","bridge":"br","subnets":["10.0.1.0/24"]}`, "10.0.1.0/24"},
		"path as id":     {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"../x":{"hostname":"x","addresses":["10.0.0.2"]}}}`, `"../x"`},
		"hostname":       {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":{"hostname":"x\n1.2.3.4 y","addresses":["10.0.0.2"]}}}`, `"x"`},
		"no endpoint":    {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":null}}`, `"x"`},
		"no address":     {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":{"hostname":"x","addresses":[]}}}`, `"x"`},
		"gateway":        {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":{"hostname":"x","addresses":["10.0.0.1"]}}}`, "10.0.0.1"},
		"foreign":        {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":{"hostname":"x","addresses":["10.0.1.2"]}}}`, "10.0.1.2"},
		"IPv6 for IPv4":  {`{"name":"blue","bridge":"br","subnets":["10.0.0.0/24"],"endpoints":{"x":{"hostname":"x","addresses":["fd00::2"]}}}`, "fd00::2"},
	} {
		d, err := statedir.Create(filepath.Join(t.TempDir(), "net"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Save([]byte(test.data)); err != nil {
			t.Fatal(err)
		}
		if _, err := load(d, config); err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), d.Path()) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}

func TestStateComesBack(t *testing.T) {
	d, err := statedir.Create(filepath.Join(t.TempDir(), "net"))
	if err != nil {
		t.Fatal(err)
	}
	s := newState("10.0.0.0/24", "fd00::/64")
	ports := []Port{{Protocol: "udp", HostPort: 53, ContainerPort: 5353, HostAddress: addresses("192.0.2.1")[0]}, {Protocol: "tcp", HostPort: 80, ContainerPort: 80}}
	e, err := s.add("web", "front", ports)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.save(d); err != nil {
		t.Fatal(err)
	}
	back, err := load(d, Config{Name: "blue", Bridge: "br", Subnets: s.Subnets})
	if err != nil {
		t.Fatal(err)
	}
	got := back.Endpoints["web"]
	if got == nil || got.Hostname != "front" || !slices.Equal(got.Ports, ports) || !slices.Equal(got.Addresses, e.Addresses) ||
		got.PID != os.Getpid() || got.Start != e.Start || !slices.Equal(back.Last, s.Last) {
		t.Errorf("%+v, last %v", got, back.Last)
	}
}

func TestAttachRefuses(t *testing.T) {
	n := &Network{config: Config{Name: "blue", Subnets: prefixes("10.0.0.0/24")}}
	for name, test := range map[string]struct {
		id   string
		edit func(*configs.Config)
		text string
	}{
		"path":            {"../a", func(*configs.Config) {}, `"../a"`},
		"no id":           {"", func(*configs.Config) {}, `""`},
		"no network":      {"a", func(c *configs.Config) { c.Namespaces.Remove(configs.NEWNET) }, "NEWNET"},
		"no mounts":       {"a", func(c *configs.Config) { c.Namespaces.Remove(configs.NEWNS) }, "NEWNS"},
		"long id":         {strings.Repeat("a", 65), func(*configs.Config) {}, "Hostname"},
		"hostile":         {"a", func(c *configs.Config) { c.Hostname = "a\n1.2.3.4" }, "Hostname"},
		"hostname spaces": {"a", func(c *configs.Config) { c.Hostname = "a b" }, "Hostname"},
	} {
		config := configs.Default()
		test.edit(config)
		if _, err := n.Attach(t.Context(), test.id, config); err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), `"blue"`) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}
