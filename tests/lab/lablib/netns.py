# SPDX-License-Identifier: BSD-2-Clause
"""Hosts as network namespaces, and the sweeping of what a case leaves behind."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess

from lablib import wait
from lablib.verdict import Fail

CLONE_NEWNET = 0x40000000
RUN_DIR = "/run/netns"
ETC_DIR = "/etc/netns"
QUIET = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
         "net.ipv6.conf.default.accept_ra=0", "net.ipv6.conf.default.router_solicitations=0"]
_libc = ctypes.CDLL(None, use_errno=True)


def command(argv, text=None):
    """Runs a program to its end and returns what it printed; fails with its words."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise Fail(f"{' '.join(argv)}: {words or done.returncode}")
    return done.stdout


class Host:
    """A machine of the lab. Its namespace is PREFIX-NAME, its resolver is its own."""

    def __init__(self, lab, name, resolver=None):
        self.lab = lab
        self.name = name
        self.netns = f"{lab.prefix}-{name}"
        self.addr = self.addr6 = None
        self.enter = ["ip", "netns", "exec", self.netns]  # in front of what is to run in this host
        command(["ip", "netns", "add", self.netns])
        self.set_resolver(resolver)
        self.sysctl(*QUIET)
        self.ip("link set lo up")

    def set_resolver(self, addr):
        """Sets the name server of programs started from now on (None: there is none)."""
        os.makedirs(f"{ETC_DIR}/{self.netns}", exist_ok=True)
        with open(f"{ETC_DIR}/{self.netns}/resolv.conf", "w", encoding="ascii") as file:
            file.write(f"nameserver {addr}\n" if addr else "# no resolver\n")

    def ip(self, *lines):
        """Runs the lines as `ip` commands in this host."""
        command(["ip", "-n", self.netns, "-batch", "-"], "\n".join(lines) + "\n")

    def sysctl(self, *settings):
        self.run("sysctl", "-q", "-w", *settings)

    def nft(self, rules):
        self.run("nft", "-f", "-", text=rules)

    def run(self, *argv, text=None):
        """Runs a program in this host to its end and returns what it printed."""
        return command([*self.enter, *argv], text)

    def start(self, name, argv, **popen):
        """Starts a program in this host; it is ended with the case."""
        full = [*self.enter, *map(str, argv)]
        return self.lab.procs.start(name, full, **popen)

    @contextlib.contextmanager
    def inside(self):
        """Sockets made in this block belong to this host, also after the block."""
        with open("/proc/self/ns/net", encoding="ascii") as home, \
             open(f"{RUN_DIR}/{self.netns}", encoding="ascii") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def udp(self, addr="0.0.0.0", port=0, timeout_s=1.0):
        """A bound UDP socket of this host."""
        with self.inside():
            family = socket.AF_INET6 if ":" in addr else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((addr, port))
        sock.settimeout(timeout_s)
        return sock

    def tcp(self, addr, port, timeout_s=2.0):
        """A TCP connection made from this host."""
        with self.inside():
            sock = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
        sock.settimeout(timeout_s)
        sock.connect((addr, port))
        return sock

    def wait_port(self, port, kind="udp", deadline_s=5):
        """Waits until a program of this host listens on the port."""
        flag = "-lnuH" if kind == "udp" else "-lntH"

        def listening():
            return self.run("ss", flag, f"sport = :{port}").strip()
        wait.until(listening, deadline_s, f"{kind} port {port} on {self.name}", 0.02)

    def wait_addr(self, addr, deadline_s=5):
        """Waits until the host owns the address (a daemon may be about to set it)."""
        def owned():
            return f" {addr}/" in self.run("ip", "-o", "address")
        wait.until(owned, deadline_s, f"address {addr} on {self.name}", 0.02)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))


def names(prefix):
    """The namespaces whose name starts with the prefix."""
    if not os.path.isdir(RUN_DIR):
        return []
    return [name for name in sorted(os.listdir(RUN_DIR)) if name.startswith(prefix)]


def sweep(prefix):
    """Ends every process in the prefix's namespaces and removes them with all they hold."""
    for name in names(prefix):
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True,
                              check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    if os.path.isdir(ETC_DIR):
        for name in os.listdir(ETC_DIR):
            if name.startswith(prefix):
                shutil.rmtree(f"{ETC_DIR}/{name}", ignore_errors=True)
