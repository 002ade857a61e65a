#!/usr/bin/env bash
# Runs as process 1 of fresh namespaces: builds a root of its own and becomes systemd in it.
# usage: inside.sh STATE SOURCE=TARGET...   each SOURCE is mounted read-only at TARGET of the new root.
#
# The root is an overlay of the host's with its changes in memory, so nothing done in there outlives it.
set -euo pipefail
state=$1
shift
root=$state/root

mkdir -p "$state/memory" "$root"
mount -t tmpfs -o size=2g tmpfs "$state/memory"
mkdir "$state/memory/changes" "$state/memory/work"
mount -t overlay -o "lowerdir=/,upperdir=$state/memory/changes,workdir=$state/memory/work" overlay "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

for pair in "$@"; do
    mkdir -p "$root${pair#*=}"
    mount --bind -o ro "${pair%%=*}" "$root${pair#*=}"
done

# Another machine: not the host's identity, not the host's disks, none of the services it has enabled.
: > "$root/etc/machine-id"
: > "$root/etc/fstab"
rm -rf "$root"/etc/systemd/system/*.wants "$root"/var/log/journal
# These would change the host's kernel.
for unit in systemd-sysctl.service systemd-modules-load.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
hostname carbonq-test

cd "$root"
mkdir -p before
pivot_root . before
umount --lazy /before
# systemd leaves this to its container manager; without it LoadCredential= gives an empty directory.
mount --make-rshared /
exec env --ignore-environment container=carbonq-test TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=journal < /dev/null
