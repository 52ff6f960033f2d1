#!/bin/sh
# Looks for what pip cannot bring, and installs it where that is certain to be right: on Debian, as root.
#   system_packages.sh venv PYTHON   the module venv of this Python
#   system_packages.sh browser       Chromium and a software Vulkan driver, which the tests run in
set -eu

on_debian_as_root() { [ -e /etc/debian_version ] && [ "$(id -u)" = 0 ]; }

# install WHAT PACKAGE...
install() {
    what=$1
    shift
    if ! on_debian_as_root; then
        echo "make: $what is missing; install it and call make again (on Debian and Ubuntu: sudo apt install $*)" >&2
        exit 1
    fi
    echo "make: $what is missing; installing $*"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

case $1 in
venv)
    "$2" -c 'import ensurepip, venv' 2>/dev/null || install "Python's venv module" python3-venv
    ;;
browser)
    [ -x /usr/bin/chromium ] || install "Chromium" chromium
    ls /usr/share/vulkan/icd.d/lvp_icd.* >/dev/null 2>&1 || install "a software Vulkan driver" mesa-vulkan-drivers
    ;;
esac
