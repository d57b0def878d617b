#!/bin/sh
# Sees to the graphics library that OpenCV needs of Linux, before anything is downloaded: installs
# it where that is allowed, else prints the one command and stops.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
"${PYTHON:-python3}" -c 'import ctypes; ctypes.CDLL("libGL.so.1")' 2>/dev/null && exit 0
packages="libgl1 libegl1 libgles2 libglib2.0-0"
if ! command -v apt-get >/dev/null; then
    echo "OpenCV needs libGL.so.1: install your system's package with it, then try again." >&2
    exit 2
fi
if [ "$(id -u)" = 0 ]; then
    echo "Installing OpenCV's graphics libraries: $packages"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    apt-get install -qq -y --no-install-recommends $packages >/dev/null
    exit 0
fi
echo "OpenCV needs graphics libraries that this system lacks. Run this, then try again:" >&2
echo "    sudo apt-get install $packages" >&2
exit 2
