#!/usr/bin/env bash
# Installs the Debian packages that a target needs and this machine lacks.
#
#   scripts/need.sh ITEM...
#
# An ITEM is PACKAGE (there when dpkg says it is installed) or PROBE=PACKAGE, where PROBE is a
# command or an absolute path that shows that the package isn't needed, whoever installed it.
set -euo pipefail

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

present() {
	case "$1" in
	/*=*) [ -e "${1%%=*}" ] ;;
	*=*) command -v "${1%%=*}" >/dev/null ;;
	*) installed "$1" ;;
	esac
}

missing=()
for item in "$@"; do
	present "$item" || missing+=("${item#*=}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing here: ${missing[*]} (Debian package names). This machine has no apt-get: install them with its own package manager." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "missing here: ${missing[*]}. Run this as root, or: apt-get install ${missing[*]}" >&2
	exit 1
fi

echo "installing with apt-get: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install --no-install-recommends "${missing[@]}"
