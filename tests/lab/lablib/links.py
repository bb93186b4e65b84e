# SPDX-License-Identifier: BSD-2-Clause
"""Links between hosts, with added delay and loss, and the Internet as a bridge of its own."""

import json

from lablib import wait
from lablib.netns import Host, command

NET = "203.0.113"
NET6 = "2001:db8:"


def connect(lab, end_a, end_b, delay_ms=0, loss=0.0):
    """Lays a cable between two (host, interface name). Delay in ms each way, loss 0..1 each way."""
    (host_a, name_a), (host_b, name_b) = end_a, end_b
    if not delay_ms and not loss:
        _veth(lab, host_a, name_a, host_b, name_b)
        return
    wires = lab.wires()
    number = wires.next_number()
    _veth(lab, host_a, name_a, wires, f"a{number}")
    _veth(lab, host_b, name_b, wires, f"b{number}")
    wires.ip(f"link set a{number} up", f"link set b{number} up")
    seed = lab.seed * 1000 + number
    proc = wires.start(f"delayq-{host_a.name}-{host_b.name}",
                       [lab.tool("delayq"), f"a{number}", f"b{number}", round(delay_ms * 1000),
                        round(loss * 1000000), seed])
    proc.wait_log("ready")


def _veth(lab, host_a, name_a, host_b, name_b):
    """Both ends get numbers of their own: where the two are equal by chance (the namespaces count
    from 1), the kernel takes up to a second to notice that the link is up."""
    index = lab.next_index()
    host_a.ip(f"link add {name_a} index {index} type veth peer name {name_b} index {index + 1} "
              f"netns {host_b.netns}")


def settle(*hosts):
    """Waits until all interfaces of the hosts carry packets; bridge ports need a moment."""
    for host in hosts:
        wait.until(lambda h=host: _all_up(h), 3, f"links of {host.name} up", 0.02)


def _all_up(host):
    links = json.loads(command(["ip", "-n", host.netns, "-j", "link"]))
    return all(link["operstate"] in ("UP", "UNKNOWN") for link in links if "UP" in link["flags"])


class Wires(Host):
    """The place where the cables with a delay lie; it has no addresses and says nothing."""

    def __init__(self, lab):
        super().__init__(lab, "wires")
        self.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        self.count = 0

    def next_number(self):
        self.count += 1
        return self.count


class Segment:
    """Who is on one Ethernet, for hosts that know each other's hardware address from the start.

    On a slow or lossy link an address resolution in the middle of a case would be taken for
    delay of the thing under test; real hosts and routers have done it long before.
    """

    def __init__(self, prefix):
        self.prefix = prefix
        self.members = []

    def mac(self, number):
        return f"{self.prefix}:{number:02x}"

    def join(self, host, ifname, number, addrs):
        """Sets the hardware address and makes it known to all others, and theirs to the host."""
        host.ip(f"link set {ifname} address {self.mac(number)}")
        self.members.append((host, ifname, self.mac(number), addrs))

    def introduce(self):
        """Writes the neighbour tables; called when the newest member's interface is up."""
        *others, newest = self.members
        _know(newest, others)
        for other in others:
            _know(other, [newest])


def _know(member, others):
    """Each learns the addresses of its own families only."""
    host, ifname, _, own = member
    lines = [f"neighbour replace {addr} lladdr {mac} dev {ifname} nud permanent"
             for _, _, mac, addrs in others for addr in addrs
             if any((":" in addr) == (":" in mine) for mine in own)]
    if lines:
        host.ip(*lines)


class Internet(Host):
    """One bridge, br0, in a namespace of its own. Captures of the outside are made here.

    It owns the address that hosts use as default gateway and forwards nothing: what is sent to
    a private or virtual address from outside is seen on the bridge and ends there.
    """

    def __init__(self, lab, name="inet"):
        super().__init__(lab, name)
        self.sysctl("net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        self.gateway, self.gateway6 = f"{NET}.1", f"{NET6}:1"
        self.segment = Segment("02:00:cb:00:71")
        self.ip("link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
                f"address add {self.gateway}/24 dev br0",
                f"address add {self.gateway6}/64 dev br0 nodad", "link set br0 up")
        self.segment.join(self, "br0", 1, [self.gateway, self.gateway6])

    def plug(self, host, number, ifname="eth0", delay_ms=0, loss=0.0, families=(4, 6)):
        """Gives the host a public address, 203.0.113.number and 2001:db8::number (hexadecimal),
        or that of one family alone."""
        port = f"p{number}"
        connect(self.lab, (host, ifname), (self, port), delay_ms, loss)
        self.ip(f"link set {port} master br0", f"link set {port} up")
        host.addr = f"{NET}.{number}" if 4 in families else None
        host.addr6 = f"{NET6}:{number:x}" if 6 in families else None
        self.segment.join(host, ifname, number, list(filter(None, (host.addr, host.addr6))))
        host.ip(f"link set {ifname} up")
        if host.addr:
            host.ip(f"address add {host.addr}/24 dev {ifname}",
                    f"route add default via {self.gateway}")
        if host.addr6:
            host.ip(f"address add {host.addr6}/64 dev {ifname} nodad",
                    f"route add ::/0 via {self.gateway6}")
        self.segment.introduce()
