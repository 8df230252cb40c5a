package resctrl

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// put makes files, by their path below a directory.
func put(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func get(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPlan(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"gold/tasks": "", "taken/tasks": "", "gold/mon_groups/watched/tasks": ""})
	for name, tt := range map[string]struct {
		id     string
		config configs.IntelRdt
		known  *Groups
		want   Groups
		err    string
	}{
		"own":            {"c", configs.IntelRdt{}, nil, Groups{root + "/c", "", true}, ""},
		"own, monitored": {"c", configs.IntelRdt{EnableMonitoring: true}, nil, Groups{root + "/c", root + "/c/mon_groups/c", true}, ""},
		"named":          {"c", configs.IntelRdt{ClosID: "gold"}, nil, Groups{root + "/gold", "", false}, ""},
		"named, monitored": {"c", configs.IntelRdt{ClosID: "gold", EnableMonitoring: true}, nil,
			Groups{root + "/gold", root + "/gold/mon_groups/c", false}, ""},
		"default":            {"c", configs.IntelRdt{ClosID: "/"}, nil, Groups{root, "", false}, ""},
		"default, monitored": {"c", configs.IntelRdt{ClosID: "/", EnableMonitoring: true}, nil, Groups{root, root + "/mon_groups/c", false}, ""},
		"of somebody else":   {"taken", configs.IntelRdt{}, nil, Groups{}, root + "/taken"},
		"known":              {"taken", configs.IntelRdt{}, &Groups{root + "/taken", "", true}, Groups{root + "/taken", "", true}, ""},
		"monitor of somebody else": {"watched", configs.IntelRdt{ClosID: "gold", EnableMonitoring: true}, nil,
			Groups{}, root + "/gold/mon_groups/watched"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Plan(root, tt.id, &tt.config, tt.known)
			if tt.err != "" {
				if !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want that %s exists", err, tt.err)
				}
				return
			}
			if err != nil || *got != tt.want {
				t.Errorf("%+v, error %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestMake(t *testing.T) {
	const schemata = "    MB:0=100;1=100\n    L3:0=000ff;1=FFFFF\n"
	tree := func(t *testing.T) string {
		root := t.TempDir()
		put(t, root, map[string]string{
			"info/last_cmd_status": "ok\n", "gold/schemata": schemata, "gold/tasks": "", "gold/mon_groups/other/tasks": "",
			"again/schemata": "", "bare/tasks": "",
		})
		return root
	}
	for name, tt := range map[string]struct {
		groups   func(root string) *Groups
		schemata []string
		err      string // "" for none
		config   bool   // it is who has written the configuration that is told
	}{
		"the default class":          {func(r string) *Groups { return &Groups{r, "", false} }, nil, "", false},
		"a class that is there":      {func(r string) *Groups { return &Groups{r + "/gold", "", false} }, nil, "", false},
		"with its schemata":          {func(r string) *Groups { return &Groups{r + "/gold", "", false} }, []string{"L3:0=ff;1=fffff", "MB:1=100"}, "", false},
		"with other schemata":        {func(r string) *Groups { return &Groups{r + "/gold", "", false} }, []string{"L3:1=ffff"}, "L3:1=fffff, not ffff", true},
		"with an unknown domain":     {func(r string) *Groups { return &Groups{r + "/gold", "", false} }, []string{"L3:2=f"}, "L3:2=, not f", true},
		"monitored":                  {func(r string) *Groups { return &Groups{r + "/gold", r + "/gold/mon_groups/c", false} }, nil, "", false},
		"no monitoring":              {func(r string) *Groups { return &Groups{r + "/bare", r + "/bare/mon_groups/c", false} }, nil, "no monitoring", false},
		"a class that is not there":  {func(r string) *Groups { return &Groups{r + "/none", "", false} }, nil, "there is no class of service", true},
		"of a start before":          {func(r string) *Groups { return &Groups{r + "/again", "", true} }, []string{"MB:0=50"}, "", false},
		"without a tree":             {func(r string) *Groups { return &Groups{r + "/no/tree", "", true} }, nil, "no such file", true},
		"schemata that are not took": {func(r string) *Groups { return &Groups{r + "/own", "", true} }, []string{"MB:0=1"}, "(ok)", false},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t)
			g := tt.groups(root)
			err := g.Make(tt.schemata)
			var config *ConfigError
			if errors.As(err, &config) != tt.config {
				t.Errorf("error %v is a ConfigError: %v", err, !tt.config)
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				for _, left := range []string{"none", "own", "bare/mon_groups/c"} {
					if _, err := os.Lstat(filepath.Join(root, left)); !errors.Is(err, os.ErrNotExist) {
						t.Errorf("left behind: %s", left)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if g.Made && get(t, g.Control, "schemata") != strings.Join(tt.schemata, "\n")+"\n" {
				t.Errorf("the schemata are %q", get(t, g.Control, "schemata"))
			}
			if !g.Made && get(t, root, "gold/schemata") != schemata {
				t.Error("a class of others was changed")
			}
			if g.Monitor != "" {
				if err := os.WriteFile(g.Monitor+"/tasks", nil, 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestEnterAndRemove(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"c/tasks": "", "c/mon_groups/c/tasks": ""})
	g := &Groups{root + "/c", root + "/c/mon_groups/c", true}
	for _, pid := range []int{12, 34} {
		if err := g.Enter(pid); err != nil {
			t.Error(err)
		}
	}
	for _, dir := range []string{g.Control, g.Monitor} {
		if got := get(t, dir, "tasks"); got != "12\n34\n" {
			t.Errorf("%s has the tasks %q", dir, got)
		}
	}
	if err := (&Groups{Control: root + "/none"}).Enter(1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a group that is not there: %v", err)
	}
	// resctrl removes a group with the files in it.
	if err := g.Remove(); err == nil || !strings.Contains(err.Error(), g.Monitor) {
		t.Errorf("one that cannot be removed: %v", err)
	}
	for _, name := range []string{"c/mon_groups/c/tasks", "c/tasks"} {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	named := &Groups{root + "/c", root + "/c/mon_groups/c", false}
	for range 2 {
		if err := named.Remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(g.Monitor); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the monitoring group is there: %v", err)
	}
	if _, err := os.Lstat(g.Control); err != nil {
		t.Errorf("a class of others is gone: %v", err)
	}
	if err := os.Remove(root + "/c/mon_groups"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestStats(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{
		"gold/schemata": "    MB:0=100\n    L3:0=ff\n",
		"gold/mon_groups/c/mon_data/mon_L3_00/llc_occupancy":   "4096\n",
		"gold/mon_groups/c/mon_data/mon_L3_00/mbm_total_bytes": "18446744073709551615\n",
		"gold/mon_groups/c/mon_data/mon_L3_00/mbm_local_bytes": "Unavailable\n",
		"gold/mon_groups/c/mon_data/mon_L3_01/llc_occupancy":   "0\n",
	})
	g := &Groups{root + "/gold", root + "/gold/mon_groups/c", false}
	if lines, err := g.Schemata(); err != nil || !slices.Equal(lines, []string{"MB:0=100", "L3:0=ff"}) {
		t.Errorf("schemata %q, error %v", lines, err)
	}
	list, err := g.Counters()
	if err != nil || len(list) != 2 {
		t.Fatalf("counters %+v, error %v", list, err)
	}
	if c := list[0]; c.Domain != "L3_00" || c.Occupancy == nil || *c.Occupancy != 4096 || c.TotalBytes == nil ||
		*c.TotalBytes != 1<<64-1 || c.LocalBytes != nil {
		t.Errorf("counters %+v", c)
	}
	if c := list[1]; c.Domain != "L3_01" || c.Occupancy == nil || *c.Occupancy != 0 || c.TotalBytes != nil {
		t.Errorf("counters %+v", c)
	}
	put(t, root, map[string]string{"gold/mon_groups/c/mon_data/mon_L3_01/llc_occupancy": "many"})
	if _, err := g.Counters(); err == nil || !strings.Contains(err.Error(), "mon_L3_01/llc_occupancy") {
		t.Errorf("no number: %v", err)
	}
	if list, err := (&Groups{Control: root}).Counters(); list != nil || err != nil {
		t.Errorf("without a group: %v, %v", list, err)
	}
	if _, err := (&Groups{Control: root + "/none"}).Schemata(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("schemata of nothing: %v", err)
	}
}
