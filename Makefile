# libcontainer: `make help` lists the targets. As root on Debian each one installs what it misses.

GO ?= $(or $(shell command -v go),/usr/local/go/bin/go)
CACHE := $(CURDIR)/.cache

# make run. A dollar sign in the command is the shell's, not make's.
ROOTFS ?=
CMD ?=
override ROOTFS := $(value ROOTFS)
override CMD := $(value CMD)

# make bench
LIVES ?= 60
TABLES ?= life,exec,user,hosts,throughput,beside,command,checkpoint,scale
BENCHFLAGS ?=

# make fuzz
FUZZTIME ?= 600s

# make vmtest. A dollar sign in the pattern is the shell's, not make's.
WORLD ?= all
MANAGER ?= all
RUN ?=
override RUN := $(value RUN)

# make chaos. Without a SEED there is a new one each time.
KILLS ?= 500
SEED ?=

BUILD_NEEDS := gcc=gcc /usr/include/stdlib.h=libc6-dev
CRIU_NEEDS := debian-archive-keyring tar=tar gzip=gzip ip=iproute2
UNIT_NEEDS := $(BUILD_NEEDS) qemu-aarch64-static=qemu-user-static $(CRIU_NEEDS)
TEST_NEEDS := $(UNIT_NEEDS) busybox-static newuidmap=uidmap /usr/lib/cni/bridge=containernetworking-plugins iptables
ENGINE_NEEDS := podman conmon catatonit containerd containernetworking-plugins iptables busybox-static newuidmap=uidmap \
	script=bsdutils pgrep=procps perl=perl-base findmnt=util-linux $(CRIU_NEEDS)
VM_NEEDS := $(BUILD_NEEDS) qemu-system-x86_64=qemu-system-x86 mmdebstrap mkfs.ext4=e2fsprogs modprobe=kmod xz=xz-utils zstd \
	debian-archive-keyring

BENCH = $(CACHE)/bench -nsinit $(NSINIT) -floor $(CACHE)/floor -floor-exec $(CACHE)/floor-exec -hosts $(CACHE)/hosts -rootfs $(CACHE)/rootfs

# The criu of the tests. Another one than this is not fetched.
LIBCONTAINER_CRIU ?= $(CACHE)/criu/criu
export LIBCONTAINER_CRIU

# make nsinit, make install
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
PREFIX ?= /usr/local
DESTDIR ?=
NSINIT := $(CACHE)/nsinit

# make engines: another runtime, for comparison
RUNTIME ?= $(NSINIT)

export GO ROOTFS CMD FUZZTIME WORLD MANAGER RUN KILLS SEED RUNTIME
export CGO_ENABLED := 1

.DEFAULT_GOAL := help
.PHONY: help run test unit integration vmtest chaos lint bench bench-smoke nsinit install engines fuzz clean go root

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

run: go root ## run a container: ROOTFS=/path and CMD='...' choose another root file system and command
	@scripts/need.sh $(BUILD_NEEDS)
	@[ -n "$$ROOTFS" ] || scripts/mkrootfs.sh $(CACHE)/rootfs
	$(GO) build -buildvcs=false -o $(CACHE)/quickstart ./examples/quickstart
	@$(CACHE)/quickstart -rootfs "$${ROOTFS:-$(CACHE)/rootfs}" -cmd "$$CMD"

test: unit integration ## unit and integration tests, with the race detector (integration as root)

unit: go criu
	@scripts/need.sh $(UNIT_NEEDS)
	$(GO) test -race $$($(GO) list ./... | grep -v /integration)

integration: go root criu
	@scripts/need.sh $(TEST_NEEDS)
	$(GO) test -race -count=1 -timeout 30m ./integration/...

.PHONY: criu
criu: go
	@[ "$$LIBCONTAINER_CRIU" != $(CACHE)/criu/criu ] || { \
		scripts/need.sh $(CRIU_NEEDS) && $(GO) run -buildvcs=false ./integration/criu -dir $(CACHE)/criu; }

vmtest: go root ## the integration tests in virtual machines: WORLD=v2|v1|hybrid, MANAGER=cgroupfs|systemd, RUN=pattern
	@scripts/need.sh $(VM_NEEDS)
	$(GO) build -buildvcs=false -o $(CACHE)/vmtest ./integration/vm
	@PATH="$$($(GO) env GOROOT)/bin:$$PATH" $(CACHE)/vmtest -world "$$WORLD" -manager "$$MANAGER" -run "$$RUN"

chaos: go root ## kill a host program at random instants and collect what it leaves: KILLS=500, SEED=n
	@scripts/need.sh $(BUILD_NEEDS)
	@scripts/mkrootfs.sh $(CACHE)/rootfs
	$(GO) build -buildvcs=false -o $(CACHE)/chaos ./integration/chaos
	@$(CACHE)/chaos -rootfs $(CACHE)/rootfs -kills "$$KILLS"

lint: go ## gofmt, go vet, staticcheck
	@scripts/need.sh $(BUILD_NEEDS)
	@unformatted=$$($$($(GO) env GOROOT)/bin/gofmt -l .); \
		[ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -C bench/hosts/big .
	$(GO) vet -C examples/image .
	$(GO) vet -C examples/metrics .
	$(GO) vet -C examples/cni .
	$(GO) build -C internal/tools -o $(CACHE)/staticcheck honnef.co/go/tools/cmd/staticcheck
	$(CACHE)/staticcheck ./...
	cd examples/cni && $(CACHE)/staticcheck .

bench: go root bench-programs ## measure against floor.c, runc and crun: TABLES=life,exec LIVES=60
	$(BENCH) -n $(LIVES) -tables $(TABLES) -out bench/results $(BENCHFLAGS)

bench-smoke: go root bench-programs
	$(BENCH) -n 3 -warmup 1 -beside 0,3 -parallel 1,4 -scale 2,10 -out $(CACHE)/bench-smoke

.PHONY: bench-programs floor
bench-programs: go floor criu nsinit
	@scripts/mkrootfs.sh $(CACHE)/rootfs
	$(GO) build -buildvcs=false -o $(CACHE)/bench ./bench
	$(GO) build -buildvcs=false -o $(CACHE)/hosts/ ./bench/hosts/...
	$(GO) build -C bench/hosts/big -buildvcs=false -o $(CACHE)/hosts/ .

floor:
	@scripts/need.sh $(BUILD_NEEDS)
	@mkdir -p $(CACHE)
	$(CC) -O2 -Wall -Wextra -Werror -static -o $(CACHE)/floor bench/floor.c
	$(CC) -O2 -Wall -Wextra -Werror -static -o $(CACHE)/floor-exec bench/floor-exec.c

# Static: nsinit needs nothing of cgo, which only programs that are their own containers' init do.
nsinit: go ## build the OCI runtime command, as .cache/nsinit
	CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '-s -w -X main.release=$(VERSION)' -o $(NSINIT) ./cmd/nsinit

install: nsinit ## install nsinit, its manual page and completions: PREFIX=/usr/local, DESTDIR=
	install -D -m 755 $(NSINIT) $(DESTDIR)$(PREFIX)/bin/nsinit
	$(NSINIT) man >$(NSINIT).8
	install -D -m 644 $(NSINIT).8 $(DESTDIR)$(PREFIX)/share/man/man8/nsinit.8
	$(NSINIT) completion bash >$(NSINIT).bash
	install -D -m 644 $(NSINIT).bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/nsinit
	$(NSINIT) completion zsh >$(NSINIT).zsh
	install -D -m 644 $(NSINIT).zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_nsinit
	$(NSINIT) completion fish >$(NSINIT).fish
	install -D -m 644 $(NSINIT).fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/nsinit.fish

# docker is not installed for it: the package's daemon starts at once, and changes the machine's firewall.
engines: go root criu nsinit ## podman, containerd, docker if it is there, the specification's validation programs and Kubernetes' critest, on nsinit: RUNTIME=runc compares, RUN=pattern chooses cases
	@scripts/need.sh $(ENGINE_NEEDS)
	@integration/engines/podman.sh "$$RUNTIME" "$$RUN"
	@integration/engines/podman.sh --user "$$RUNTIME" "$$RUN"
	@integration/engines/containerd.sh "$$RUNTIME" "$$RUN"
	@! command -v dockerd >/dev/null || integration/engines/docker.sh "$$RUNTIME" "$$RUN"
	@integration/engines/validation.sh "$$RUNTIME" "$$RUN"
	@integration/engines/critest.sh "$$RUNTIME" "$$RUN"

fuzz: go ## fuzz the C parser for FUZZTIME=600s, then all Go fuzz targets as long
	@scripts/need.sh $(BUILD_NEEDS)
	scripts/fuzz.sh

clean: ## remove what the other targets made
	rm -rf $(CACHE)

go:
	@command -v $(GO) >/dev/null || { echo "this needs Go: install it and put it on the PATH" >&2; exit 1; }

root:
	@[ "$$(id -u)" = 0 ] || { echo "containers need root here: run make as root" >&2; exit 1; }
