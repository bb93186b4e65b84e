# SPDX-License-Identifier: BSD-2-Clause
"""Our programs in the lab: a DC, nodes that joined it, and the scene of the paper's figure 11."""

import dataclasses
import json
import os
import shlex
import signal
import subprocess

from lablib import phones, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.topology import Figure11
from lablib.verdict import Fail, check

PORT = 4330
INITIATION, RESPONSE, TRANSPORT = 1, 2, 5
END_TO_END, BETWEEN_DCS = ord("e"), ord("d")
ABSENT = "absent"  # how names begin that no node has


@dataclasses.dataclass(frozen=True)
class Domain:
    """What a DC serves. prefix6: None for the one that it makes from its root key."""
    name: str = "ntm.example"
    prefix4: str = "198.18.0.0/16"
    prefix6: str | None = None

    @property
    def dc(self):
        return f"dc.{self.name}"


HOME = Domain()  # of the cases with one domain
DOMAIN = HOME.name

DC_CONF = """dc {{
    domain = "{domain.name}"
    prefix4 = "{domain.prefix4}"
    {prefix6}
    addresses = {{ {addresses} }}
    sip = {{ "sip" }}
    state_dir = "{state}"
    run_dir = "{run}"
    log_level = "debug"
    {extra}
}}
{sections}
"""

RELAY_CONF = """relay {{
    state_dir = "{state}"
    run_dir = "{run}"
    log_level = "debug"
    {extra}
}}
"""

NODE_CONF = """node {{
    state_dir = "{state}"
    run_dir = "{run}"
    log_level = "debug"
    {extra}
}}
tunnels {{
    rekey = "{rekey}"
}}
sip {{
    hold = "{hold}"
}}
{sections}
"""


class Program:
    """One of our daemons on a host, with a configuration and folders of its own."""

    binary_name = None

    def __init__(self, host, name, label=None):
        self.host = host
        self.name = name
        self.label = label or name  # of its logs
        self.binary = host.lab.binary(self.binary_name)
        self.dir = host.lab.scratch(f"{host.name}-{name}")  # short, for a UNIX socket's name
        self.proc = None
        self.starts = 0

    def verb(self, *argv, check_code=True, text=None):
        """Runs a verb of the program; returns (exit code, stdout, stderr)."""
        full = ["ip", "netns", "exec", self.host.netns, self.binary, "-c", self.conf, *argv]
        done = subprocess.run(full, capture_output=True, text=True, input=text, timeout=20,
                              check=False)
        if check_code and done.returncode:
            words = (done.stderr or done.stdout).strip()
            raise Fail(f"{self.binary_name} {' '.join(argv[:2])}: exit {done.returncode}: {words}")
        return done.returncode, done.stdout, done.stderr

    def json(self, *argv):
        code, out, _ = self.verb(*argv, "--json", check_code=False)
        return json.loads(out) if out.strip() and code in (0, 1) else None

    def complaints(self, *peers):
        """Words of `status` on what failed, newest first; of the peers only, when there are any."""
        errors = [e for e in self.json("status")["last_errors"] if ABSENT not in str(e)]
        return [e["words"] for e in errors if not peers or e["peer"] in peers]

    def run(self):
        self.starts += 1
        self.proc = self.host.start(f"{self.binary_name}-{self.label}",
                                    [self.binary, "-c", self.conf, "run"])
        return self

    def pids(self):
        """The daemon's processes: the one that was started and its children."""
        found, todo = [], [self.main_pid()]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                todo += [int(child) for child in file.read().split()]
        return found

    def main_pid(self):
        return self.proc.pid  # `ip netns exec` replaces itself by the program

    def rss_kib(self):
        """Resident memory of the daemon's largest process: the engine, beside its small keeper."""
        sizes = []
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                sizes.append(next(int(line.split()[1]) for line in file if line[:6] == "VmRSS:"))
        return max(sizes)

    def kill(self, number):
        """Ends the daemon without a goodbye."""
        for pid in self.pids():
            os.kill(pid, number)
        self.proc.wait_end(5)


class Dc(Program):
    """A domain's DC, running. extra: lines for the section dc; sections: more of them."""

    binary_name = "ntm-dc"

    def __init__(self, host, domain=HOME, extra="", sections=""):
        super().__init__(host, "dc", host.name)
        self.domain = domain
        addresses = ", ".join(f'"{a}"' for a in (host.addr, host.addr6) if a)
        prefix6 = f'prefix6 = "{domain.prefix6}"' if domain.prefix6 else ""
        self.conf = host.lab.write(DC_CONF.format(
            domain=domain, prefix6=prefix6, addresses=addresses, state=f"{self.dir}/state",
            run=f"{self.dir}/run", extra=extra, sections=sections), host.name, "dc.conf")
        self.verb("init")
        self.run()

    def run(self):
        super().run()
        wait.until(lambda: self.json("status"), 5, "ntm-dc to answer `status`", 0.05)
        return self

    def restart(self):
        """Kills the DC, so that it says goodbye to nobody, and starts it again."""
        self.kill(signal.SIGKILL)
        return self.run()

    def trust_line(self):
        """The verb that another DC has to be given to trust this domain."""
        line = self.verb("trust", "export")[1].strip()
        check(line.startswith("ntm-dc trust add "), f"`trust export` printed {line!r}")
        return shlex.split(line)[1:]

    def trust(self, other):
        """Does at this DC what the other one's `trust export` says."""
        self.verb(*other.trust_line())

    def token(self, name):
        return self.verb("node", "add", name)[1].strip()

    def online(self):
        return {n["name"].split(".")[0] for n in self.json("node", "list")["nodes"]
                if n.get("online")}

    def wait_online(self, *names, deadline_s=40):
        wait.until(lambda: set(names) <= self.online(), deadline_s, f"{names} online", 0.1)

    def relays(self):
        """name -> what `relay list` says of it."""
        return {r["name"].split(".")[0]: r for r in self.json("relay", "list")["relays"]}

    def wait_relay(self, name, state, deadline_s=3):
        """Waits until the DC says so of the relay."""
        wait.until(lambda: self.relays()[name]["state"] == state, deadline_s,
                   f"the DC to call {name} {state}", 0.05)

    def wait_relays(self, *names, deadline_s=10):
        """Waits until the DC would give the relays to nodes."""
        if names:
            wait.until(lambda: all(self.relays()[name]["state"] == "healthy" for name in names),
                       deadline_s, f"{names} to be healthy", 0.05)


class Relay(Program):
    """A relay of the DC's domain, running. extra: lines of its configuration; gateway: how it is
    added at the DC."""

    binary_name = "ntm-relay"

    def __init__(self, host, name, dc, extra="", gateway=False):
        super().__init__(host, name)
        self.configure(extra)
        words = ["relay", "add", name, *(["--gateway"] if gateway else [])]
        self.verb("join", "-", text=dc.verb(*words)[1].strip() + "\n")
        self.run()

    def configure(self, extra):
        self.conf = self.host.lab.write(RELAY_CONF.format(
            state=f"{self.dir}/state", run=f"{self.dir}/run", extra=extra), self.host.name,
            "relay.conf")

    def run(self):
        super().run()
        wait.until(lambda: self.json("status"), 5, "ntm-relay to answer `status`", 0.02)
        return self


class Node(Program):
    """A node that joined the DC under a name, running."""

    binary_name = "ntm-node"

    def __init__(self, host, name, dc, rekey="120s", hold="both", conf=None, extra="",
                 sections=""):
        self.domain = dc.domain
        self.fqdn = f"{name}.{dc.domain.name}"
        super().__init__(host, name, self.fqdn)
        self.conf = host.lab.write(conf or NODE_CONF.format(
            state=f"{self.dir}/state", run=f"{self.dir}/run", rekey=rekey, hold=hold, extra=extra,
            sections=sections),
            self.fqdn, "node.conf")
        self.asked = 0
        self.verb("join", "-", text=dc.token(name) + "\n")
        self.vip = self.vip6 = None
        self.run()

    def run(self):
        super().run()
        wait.until(self.registered, 15, f"{self.name} to register", 0.05)
        status = self.json("status")
        self.vip, self.vip6 = status["vip4"], status["vip6"]
        return self

    def restart(self):
        """Stops the node, which says goodbye to its peers, and starts it again."""
        self.proc.stop(patience_s=5)
        return self.run()

    def ask_dc(self):
        """Asks the DC for nobody: a DC that was restarted is noticed by that, else in 15 s."""
        self.asked += 1  # another name every time: who does not exist is remembered
        self.verb("ping", "--count", "1", f"{ABSENT}{self.asked}.{self.domain.name}",
                  check_code=False)

    def registered(self):
        status = self.json("status")
        return bool(status and status.get("registered"))

    def calls(self):
        return self.json("calls")["calls"]

    def has_tunnel(self, peer):
        """Whether there is a tunnel to the other node that carries packets."""
        return any(t["peer"] == peer.fqdn and t["state"] == "up" for t in self.tunnels())

    def tunnels(self):
        return self.json("tunnels")["tunnels"]


class Scene:
    """Figure 11 with NTM: a DC, the SIP host with Kamailio, alice at mn and bob at cn."""

    def __init__(self, lab, nat_side="caller", delay_ms=0, rekey="120s", hold="both", capture=True,
                 ipv6=False):
        self.ipv6 = ipv6
        self.net = Figure11(lab, nat_side, delay_ms=delay_ms)
        self.dc = Dc(self.net.dc)
        self.sip = Node(self.net.sip, "sip", self.dc, rekey, hold)
        self.alice = Node(self.net.mn, "alice", self.dc, rekey, hold)
        self.bob = Node(self.net.cn, "bob", self.dc, rekey, hold)
        self.server = Kamailio(self.net.sip, [self.sip.vip, self.sip.vip6],
                               [DOMAIN, self.sip.fqdn])
        self.outside = Capture(self.net.inet, "br0") if capture else None
        self.vips = [n.vip for n in (self.sip, self.alice, self.bob)]

    def phones(self, kind=Baresip):
        """alice's and bob's phones, registered through NTM, and the captures at their ntm0."""
        vips = [n.vip6 if self.ipv6 else n.vip for n in (self.alice, self.bob)]
        alice = kind(self.net.mn, "alice", DOMAIN, 500, "ntm0", vips[0])
        bob = Baresip(self.net.cn, "bob", DOMAIN, 900, "ntm0", vips[1])
        ears = phones.listen((alice, bob))
        phones.register(alice, bob)
        return alice, bob, ears


def frames(packets, kind, purpose=None):
    """The NTM frames of a kind among packets of an outside capture."""
    for packet in packets:
        data = packet.payload if packet.is_udp() else None
        if data and len(data) >= 32 and data[0] == kind and (purpose is None or data[1] == purpose):
            yield packet


def check_direct(net, outside, media_packets):
    """Media went caller-callee: far more sealed packets between the two than by any server."""
    sealed = list(frames(outside, TRANSPORT))
    straight = sum(map(net.is_straight, sealed))
    by_server = max(sum(bool({host.addr, host.addr6} & {p.src, p.dst}) for p in sealed)
                    for host in net.servers)
    check(straight >= 2 * media_packets, f"only {straight} sealed packets went straight")
    check(by_server < media_packets, f"{by_server} sealed packets crossed a server's host")
    return straight, by_server
