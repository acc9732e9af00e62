#!/bin/sh
# The first root: load what is needed, lay a root in memory over Debian's, bring what is to be tried, hand over.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
@LOAD@
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$3" "$1" "$2"; }
share base /base ro,cache=loose
# Retention keeps half a gigabyte free, and records nothing where that is not to be had.
mount -t tmpfs -o size=1200m tmpfs /upper
mkdir /upper/up /upper/work
mount -t overlay -o lowerdir=/base,upperdir=/upper/up,workdir=/upper/work overlay /mnt
mkdir -p /mnt/cargo /mnt/site /mnt/found /mnt/modules
share cargo /mnt/cargo ro,cache=loose
share site /mnt/site ro,cache=loose
share found /mnt/found rw,cache=none
cp /modules/vivid.ko /mnt/modules/vivid.ko
rm -f /mnt/etc/systemd/system/systemd-udevd.service
cp /mnt/cargo/guest/guest.service /mnt/etc/systemd/system/guest.service
mkdir -p /mnt/etc/systemd/system/multi-user.target.wants
ln -s ../guest.service /mnt/etc/systemd/system/multi-user.target.wants/guest.service
for place in proc sys dev; do mount --move /$place /mnt/$place; done
exec switch_root /mnt /lib/systemd/systemd
poweroff -f
