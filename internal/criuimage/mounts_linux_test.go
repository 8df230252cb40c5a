package criuimage

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// mountEntry encodes mnt_entry.
func mountEntry(point, root, key string, peers, master uint64) []byte {
	text := func(out []byte, field protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), value)
	}
	out := text(text(number(nil, 2, 77), mountRoot, root), mountPoint, point)
	out = number(number(out, mountPeers, peers), mountMaster, master)
	if key != "" {
		out = text(out, mountKey, key)
	}
	return out
}

func TestDivideHostGroups(t *testing.T) {
	for name, tt := range map[string]struct {
		mounts []string // point, root, key, peer group, master
		others []string // of another namespace
		want   []string // peer groups and masters
		same   bool     // the image is not written again
	}{
		"of the container's": {mounts: []string{"./ /r - 50 0", "./a / - 51 50", "./b / - 0 51"}, want: []string{"50 0", "51 50", "0 51"}, same: true},
		"root and volumes": {
			mounts: []string{"./ /r - 0 1", "./a /v k1 0 1", "./b /w k2 0 1", "./c /v k3 0 1", "./d /z k4 0 2"},
			want:   []string{"0 3", "0 4", "0 5", "0 4", "0 6"},
		},
		"bound in the container": {mounts: []string{"./ /r - 0 1", "./a /r/a - 0 1", "./b /rest k1 0 1"}, want: []string{"0 3", "0 3", "0 4"}},
		"whole file system":      {mounts: []string{"./ /r - 0 1", "./a / k1 0 1", "./b /x - 0 1"}, want: []string{"0 3", "0 4", "0 4"}},
		"peers":                  {mounts: []string{"./ /r - 60 1", "./a /v k1 1 2", "./b /w k2 1 2", "./c /w k3 0 1"}, want: []string{"60 61", "62 0", "63 0", "0 64"}},
		"peers in the container": {mounts: []string{"./ /r - 60 1", "./a /v k1 61 1", "./b /r/b - 60 1"}, want: []string{"60 62", "61 63", "60 62"}},
		"of nothing known":       {mounts: []string{"./ /r - 60 0", "./b /x - 0 1"}, want: []string{"60 0", "0 1"}, same: true},
		"another namespace": {
			mounts: []string{"./ /r - 0 1", "./a /v k1 0 1"}, others: []string{"./ /r - 0 1", "./a /v k1 0 1", "./b /v/x - 0 1"},
			want: []string{"0 3", "0 4", "0 3", "0 4", "0 4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := newImages(t)
			encode := func(list []string) (out [][]byte) {
				for _, line := range list {
					var point, root, key string
					var peers, master uint64
					if _, err := fmt.Sscan(line, &point, &root, &key, &peers, &master); err != nil {
						t.Fatal(err)
					}
					if key == "-" {
						key = ""
					}
					out = append(out, mountEntry(point, root, key, peers, master))
				}
				return out
			}
			names := []string{"mountpoints-2.img", "mountpoints-3.img"} // the first process has all ids 2
			magic := []uint32{magicCommon, magicMounts}
			lists := [][][]byte{encode(tt.mounts), encode(tt.others)}
			for i, name := range names {
				write(t, dir, name, image(magic, lists[i]...))
			}
			if err := f.DivideHostGroups(map[int]bool{1: true, 2: true}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, name := range names {
				list, err := f.messages(name, magic...)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range list {
					got = append(got, fmt.Sprint(m.numbers[mountPeers], m.numbers[mountMaster]))
					if m.numbers[2] != 77 {
						t.Errorf("another field has become %d", m.numbers[2])
					}
				}
				data, err := f.read(name, maxImage)
				if err != nil || tt.same && !slices.Equal(data, image(magic, lists[i]...)) {
					t.Errorf("%s is %q, error %v", name, data, err)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDivideHostGroupsOfBadImages(t *testing.T) {
	for name, data := range map[string][]byte{
		"truncated":    image([]uint32{magicCommon, magicMounts}, mountEntry("./", "/", "", 0, 1))[:12],
		"another kind": image([]uint32{magicCommon, magicIDs}),
		"malformed":    image([]uint32{magicCommon, magicMounts}, []byte{0xff}),
	} {
		f, dir := newImages(t)
		write(t, dir, "mountpoints-2.img", data)
		if err := f.DivideHostGroups(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
