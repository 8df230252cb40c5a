#!/bin/sh
# Makes Debian's packages, just unpacked, a test machine. Run once, chrooted, while the image is built.
set -eu

echo test >/etc/hostname
echo '127.0.0.1 localhost test' >/etc/hosts
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
: >/etc/fstab

# A user whose containers are rootless.
useradd --uid 1000 --user-group --create-home --shell /bin/sh lctest
printf 'lctest:100000:65536\n' | tee /etc/subuid >/etc/subgid

# Nothing is started but what tests use: journald, D-Bus and, when it is called, logind.
for unit in timers.target paths.target apparmor.service getty.target remote-fs.target swap.target \
	systemd-update-done.service systemd-update-utmp.service systemd-hwdb-update.service \
	systemd-journal-catalog-update.service systemd-firstboot.service systemd-ask-password-wall.path \
	systemd-ask-password-console.path systemd-random-seed.service systemd-pcrphase.service \
	systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service \
	systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-machine-id-commit.service \
	systemd-network-generator.service systemd-binfmt.service systemd-modules-load.service \
	systemd-journal-flush.service systemd-remount-fs.service systemd-boot-random-seed.service; do
	ln -sf /dev/null "/etc/systemd/system/$unit"
done
mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/*; do
	ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}"
done
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\n' >/etc/systemd/journald.conf.d/vm.conf

cat >/etc/systemd/system/vm.service <<'END'
[Unit]
Description=The command that the host wants to be run

[Service]
Type=exec
ExecStart=/usr/local/sbin/vm-command
Delegate=yes
DelegateSubgroup=tests
TasksMax=infinity
END
cat >/etc/systemd/system/vm.target <<'END'
[Unit]
Description=A machine for one command
Requires=basic.target
After=basic.target
Wants=vm.service
END
ln -sf vm.target /etc/systemd/system/default.target
