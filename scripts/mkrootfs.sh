#!/usr/bin/env bash
# Makes a small, complete root file system out of Debian's busybox-static.
#
#   scripts/mkrootfs.sh DEST
#
# DEST appears whole or not at all, and is left alone when it already has what this version of the
# script makes. No container, chroot or network is involved beyond installing the package.
set -euo pipefail

dest=${1:?usage: mkrootfs.sh DEST}
here=$(cd "$(dirname "$0")" && pwd)
busybox=${BUSYBOX:-/bin/busybox}

[ -n "${BUSYBOX:-}" ] || "$here/need.sh" busybox-static

# The stamp changes with the busybox and with this script.
stamp=$(cat "$busybox" "$0" | sha256sum | cut -d' ' -f1)
[ "$(cat "$dest/etc/rootfs-stamp" 2>/dev/null)" != "$stamp" ] || exit 0

umask 022
mkdir -p "$(dirname "$dest")"
new=$(mktemp -d "$dest.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"

mkdir -p "$new"/{bin,dev,etc,home,mnt,proc,root,run,sbin,sys,usr/bin,usr/sbin,var}
mkdir -m 1777 "$new/tmp" "$new/var/tmp"
chmod 700 "$new/root"
ln -s ../run "$new/var/run"

cp "$busybox" "$new/bin/busybox"
chmod 755 "$new/bin/busybox"
"$busybox" --list-full | while read -r applet; do
	case "$applet" in
	bin/busybox) ;;
	bin/* | sbin/* | usr/bin/* | usr/sbin/*) ln -s /bin/busybox "$new/$applet" ;;
	esac
done

cat >"$new/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
END
cat >"$new/etc/group" <<'END'
root:x:0:
daemon:x:1:
tty:x:5:
nogroup:x:65534:
END
cat >"$new/etc/hosts" <<'END'
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
END
: >"$new/etc/resolv.conf"
echo "$stamp" >"$new/etc/rootfs-stamp"

rm -rf "$dest"
mv -T "$new" "$dest"
trap - EXIT
echo "root file system made: $dest"
