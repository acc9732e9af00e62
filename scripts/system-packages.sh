#!/usr/bin/env bash
# The real servers that the tests start. Installs what is missing where it may; says what to install where it may not.
# Arguments add what tests need that are not among the usual ones: `ceph`, `fleet`, `arm64`, `v4l2`, several at once too.
set -euo pipefail
packages=(
    mosquitto                        # the MQTT broker
    postgresql                       # the cloud's database
    chromium                         # the page in a real browser
    fonts-dejavu-core                # so that the page has letters
    iproute2                         # a network of its own, to see that nothing goes out
    python3-gi gir1.2-gst-rtsp-server-1.0 # an RTSP camera on loopback
    dbus                             # a bus, for a Bluetooth service to be on
    gcc-avr binutils-avr avr-libc    # the sensor node's firmware
    gcc libc6-dev libsimavr-dev libelf-dev # and a simulated chip to run it on
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
    systemd                          # to judge the units by its own tools
    prometheus                       # promtool, for the rules and their cases
)
for kind in "$@"; do
    case $kind in
        ceph) packages+=(radosgw ceph-mon ceph-osd ceph-mgr) ;;
        fleet) packages+=(debootstrap systemd-container iproute2 openssh-client) ;;
        arm64) packages+=(mmdebstrap qemu-user-static) ;;
        v4l2) packages+=(qemu-system-x86 cpio busybox-static kmod debootstrap) ;;
        *)
            printf '%s: no such kind of tests: ceph, fleet, arm64, v4l2\n' "$kind" >&2
            exit 2
            ;;
    esac
done

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0

printf '\033[1m==>\033[0m installing %d system packages for the tests: %s\n' ${#missing[@]} "${missing[*]}"
if [ "$(id -u)" = 0 ]; then
    root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root=(sudo)
else
    printf '\nThe tests start real servers that are not installed, and this user may not install them. Run:\n  sudo apt-get install %s\n' \
        "${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Debian may start what it installs; the tests start servers of their own, on ports of their own.
log=$(mktemp)
"${root[@]}" apt-get update -qq >"$log" 2>&1 &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    printf '\nInstalling the system packages failed; the last lines are above.\n' >&2
    exit 1
}
rm -f "$log"
