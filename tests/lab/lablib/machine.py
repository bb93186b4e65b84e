# SPDX-License-Identifier: BSD-2-Clause
"""Hosts with files of their own, as real ones have: /etc, /var/lib and /run are nobody else's."""

import os
import subprocess

from lablib.netns import Host
from lablib.verdict import check

# Holds the mount namespace: nothing that is written here is seen outside of it.
FILES = """
set -e
mount --make-rprivate /
umount /etc/resolv.conf 2>/dev/null || true
mount -t tmpfs none {tmp}
for folder in /etc /var/lib /var/cache /usr/share/dns; do
    [ -d $folder ] || continue
    mkdir -p {tmp}/up$folder {tmp}/work$folder
    mount -t overlay none -o lowerdir=$folder,upperdir={tmp}/up$folder,workdir={tmp}/work$folder $folder
done
mount -t tmpfs none /run
rm -rf /etc/ntm /var/lib/ntm /etc/resolv.conf
install -d -m 755 /run/lab
[ ! -d /etc/bind ] || install -d -o bind -g bind /run/named
echo '{resolver}' >/etc/resolv.conf
echo ready
exec sleep infinity
"""

# What `systemctl start` waits for: a program that says it is ready.
SYSTEMCTL = """#!/bin/sh
# The verbs of systemctl that operators need, where there is no systemd.
verb=$1
shift
[ "$1" != --now ] || shift
case $1 in
ntm-dc) run="ntm-dc run" ready="ntm-dc status" ;;
ntm-node) run="ntm-node run" ready="ntm-node status" ;;
unbound) run="unbound -d" ready="ss -HlnuO sport = :53" ;;
named) run="named -g -u bind" ready="ss -HlnuO sport = :53" ;;
*) echo "there is no unit $1" >&2; exit 5 ;;
esac
file=/run/lab/$1.pid
running() {  # and has not ended, waiting for somebody to take note
    [ -e $file ] && grep -q '^State:.[^Z]' "/proc/$(cat $file)/status" 2>/dev/null
}
case $verb in
stop | restart)
    ! running || kill "$(cat $file)"
    while running; do sleep 0.02; done ;;
esac
case $verb in
start | enable | restart)
    if ! running; then
        setsid $run >>$LAB_LOGS-$1.log 2>&1 </dev/null &
        echo $! >$file
    fi
    for try in $(seq 500); do
        [ -z "$($ready 2>/dev/null)" ] || exit 0
        running || break
        sleep 0.02
    done
    tail -n 3 $LAB_LOGS-$1.log >&2
    exit 1 ;;
stop) ;;
*) echo "no verb $verb here" >&2; exit 1 ;;
esac
"""


class Machine:
    """Makes a host's files its own; everything that runs there from now on sees these.

    resolver: address of its name server.
    """

    def __init__(self, host: Host, resolver=None):
        self.host = host
        lab = host.lab
        tmp = lab.scratch(f"{host.name}-files")
        tools = lab.scratch(f"{host.name}-bin")
        script = FILES.format(tmp=tmp, resolver=f"nameserver {resolver}" if resolver else "#")
        holder = host.start(f"files-{host.name}", ["unshare", "-m", "sh", "-c", script])
        holder.wait_log("ready")
        with open(f"{tools}/systemctl", "w", encoding="ascii") as file:
            file.write(SYSTEMCTL)
        os.chmod(f"{tools}/systemctl", 0o755)
        self.logs = lab.path(host.name, "service")
        path = f"{tools}:{lab.bin_dir}:{os.environ['PATH']}"
        host.enter = ["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt",
                      f"--net=/proc/{holder.pid}/ns/net", "env", f"PATH={path}",
                      f"LAB_LOGS={self.logs}"]

    def shell(self, script, deadline_s=30):
        """Runs lines as an operator types them; returns (exit code, what they printed)."""
        done = subprocess.run([*self.host.enter, "sh", "-e", "-c", script], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=deadline_s, check=False)
        return done.returncode, done.stdout

    def tell(self, script):
        """The same for what has to work; returns what it printed."""
        code, printed = self.shell(script)
        check(code == 0, f"{self.host.name}: {script}: exit code {code}: {printed}")
        return printed

    def read(self, path):
        return self.host.run("cat", path)

    def write(self, path, text):
        self.host.run("mkdir", "-p", os.path.dirname(path))
        self.host.run("tee", path, text=text)
