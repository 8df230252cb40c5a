// Image runs a command in a container whose root file system is an image: an OCI image layout, a
// tar archive of one, or what docker save writes. Each layer is unpacked once, and shared by all
// containers from then on, whose users are different ones of the host. What a container changes is
// kept in memory, or in a directory. Image exits with the command's status.
//
//	image [-store DIR] [-platform OS/ARCH] [-name REF] [-changes DIR] PATH [COMMAND [ARGUMENT...]]
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/platforms"
	signals "github.com/moby/sys/signal"
	ispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

// options are what the caller wants.
type options struct {
	store, platform, name, changes string
	path                           string
	command                        []string
}

func main() {
	var o options
	flag.StringVar(&o.store, "store", "/var/lib/libcontainer-image", "`directory` of the layers, and of the containers' state")
	flag.StringVar(&o.platform, "platform", platforms.DefaultString(), "`OS/ARCH[/VARIANT]` of an image of several")
	flag.StringVar(&o.name, "name", "", "`reference` of an image of several")
	flag.StringVar(&o.changes, "changes", "", "`directory` that keeps what the container changes; memory if empty")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	o.path, o.command = flag.Arg(0), flag.Args()[1:]
	code, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		code = 1
	}
	os.Exit(code)
}

func run(o options) (code int, err error) {
	syscall.Umask(0o022) // a layer need not say which mode the directories above its files have
	for _, dir := range []*string{&o.store, &o.changes} {
		if *dir == "" {
			continue
		}
		// Closed to others: what is in there may have set-user-ID bits.
		if err := os.MkdirAll(*dir, 0o700); err != nil {
			return 0, err
		}
		if *dir, err = utils.ResolveRootfs(*dir); err != nil {
			return 0, err
		}
	}
	img, lower, err := prepare(o)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", o.path, err)
	}
	stop, err := signals.ParseSignal(cmp.Or(img.Config.StopSignal, "SIGTERM"))
	if err != nil {
		return 0, err
	}
	// All containers have their state here, and so share out the ids.
	runtime, err := libcontainer.Open(filepath.Join(o.store, "containers"))
	if err != nil {
		return 0, err
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer release()
	id := "image-" + strings.ToLower(rand.Text())
	config, err := config(id, lower, o.changes)
	if err != nil {
		return 0, err
	}
	container, err := runtime.Create(ctx, id, config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()

	// A signal becomes the one that the image wants, and after a while the end of it.
	killed, kill := context.WithCancel(context.Background())
	defer kill()
	context.AfterFunc(ctx, func() {
		if container.Signal(stop) != nil { // it doesn't run yet
			kill()
		}
		time.AfterFunc(10*time.Second, kill)
	})
	result, err := container.Run(killed, process(img.Config, o.command))
	if err != nil {
		return 0, err
	}
	return result.ExitCode, nil
}

// prepare gives the image, and the directories of its layers.
func prepare(o options) (*image, []string, error) {
	platform, err := platforms.Parse(o.platform)
	if err != nil {
		return nil, nil, err
	}
	files, closer, err := open(o.path)
	if err != nil {
		return nil, nil, err
	}
	defer closer.Close()
	img, err := files.find(o.name, platform)
	if err != nil {
		return nil, nil, err
	}
	lower, err := files.layers(img, filepath.Join(o.store, "layers"))
	return img, lower, err
}

// bar shows how much of a layer has been unpacked, on a terminal, until it is closed.
func bar(size int64) io.WriteCloser {
	return progressbar.NewOptions64(size, progressbar.OptionSetDescription("unpack"), progressbar.OptionShowBytes(true),
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionClearOnFinish())
}

// config is the safe default on the layers, in a user namespace.
func config(id string, lower []string, changes string) (*configs.Config, error) {
	config := configs.Default()
	config.Hostname = id
	config.Cgroups.Name = id
	config.NoNewPrivileges = false // the image's set-user-ID programs can but make root of the container
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 1 << 20, Size: 65536, Count: 10000}
	config.RootIDMapping = configs.IDMapMount // on disk, all belongs to the image's own users
	config.Overlay = &configs.Overlay{Lower: lower}
	if changes == "" {
		config.Overlay.Memory = 256 << 20
		return config, nil
	}
	config.Overlay.Upper, config.Overlay.Work = filepath.Join(changes, "upper"), filepath.Join(changes, "work")
	return config, errors.Join(os.MkdirAll(config.Overlay.Upper, 0o755), os.MkdirAll(config.Overlay.Work, 0o755))
}

// process is what the image runs, with arguments of the caller's instead of its own.
func process(image ispec.ImageConfig, args []string) *libcontainer.Process {
	if len(args) == 0 {
		args = image.Cmd
	}
	return &libcontainer.Process{
		Args:    slices.Concat(image.Entrypoint, args),
		Env:     append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, image.Env...),
		User:    image.User,
		Cwd:     image.WorkingDir,
		MakeCwd: true,
		// It gets pipes, never our files: ours may be a terminal, or open for reading too.
		Stdin:  struct{ io.Reader }{os.Stdin},
		Stdout: struct{ io.Writer }{os.Stdout},
		Stderr: struct{ io.Writer }{os.Stderr},
	}
}
