# SPDX-License-Identifier: BSD-2-Clause
"""SIP messages of 3,000 bytes over a path that passes 1,300 and says nothing about it."""
# lab: timeout=120

import socket
import struct

from lablib import case, ntm, pcap, wait
from lablib.capture import Capture
from lablib.links import Internet, connect, settle
from lablib.netns import Host
from lablib.verdict import check

MTU = 1300
SIZE = 3000
MESSAGES = 20
SIP, OTHER = 5060, 7777
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PROBE = 10, 23, 3  # <linux/in.h>, <linux/in6.h>
HEADERS = {4: 28, 6: 48}  # IP and UDP
SILENT = """
table inet filter {
    chain output {
        type filter hook output priority filter; policy accept;
        icmp type { destination-unreachable, time-exceeded } drop
        icmpv6 type { packet-too-big, destination-unreachable, time-exceeded } drop
    }
}
"""


class Narrow:
    """A path with a bottleneck that does not say so, as behind many a tunnel of a provider.

        mn --- near ==(mtu)== far ---+--- inet, bridge br0 ---+--- cn
                                                              +--- dc
    mn has addresses of one family only.
    """

    def __init__(self, lab, family, mtu):
        self.family = family
        self.inet = Internet(lab)
        self.mn, self.near, self.far, self.cn, self.dc = (
            Host(lab, name) for name in ("mn", "near", "far", "cn", "dc"))
        for host, number in ((self.cn, 12), (self.dc, 30), (self.far, 40)):
            self.inet.plug(host, number)
        connect(lab, (self.mn, "eth0"), (self.near, "eth1"))
        connect(lab, (self.near, "eth0"), (self.far, "eth1"))
        for router in (self.near, self.far):
            router.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            router.nft(SILENT)
        self._address()
        self.near.ip(f"link set eth0 mtu {mtu}")
        self.far.ip(f"link set eth1 mtu {mtu}")
        settle(self.inet, self.mn, self.near, self.far, self.cn, self.dc)

    def _address(self):
        nets = ("198.51.100", "192.0.2") if self.family == 4 else ("2001:db8:1:", "2001:db8:2:")
        dot, bits = ("." if self.family == 4 else ":"), (24 if self.family == 4 else 64)
        nodad = "" if self.family == 4 else "nodad"
        (home, middle), version = nets, f"-{self.family}"
        self.mn.addr = f"{home}{dot}2"
        for host, ifname, addr in (
                (self.mn, "eth0", self.mn.addr), (self.near, "eth1", f"{home}{dot}1"),
                (self.near, "eth0", f"{middle}{dot}2"), (self.far, "eth1", f"{middle}{dot}1")):
            host.ip(f"link set {ifname} up", f"address add {addr}/{bits} dev {ifname} {nodad}")
        far = self.far.addr if self.family == 4 else self.far.addr6
        routes = ((self.mn, "default", f"{home}{dot}1"), (self.near, "default", f"{middle}{dot}1"),
                  (self.far, f"{home}{dot}0/{bits}", f"{middle}{dot}2"))
        routes += tuple((host, f"{home}{dot}0/{bits}", far) for host in (self.cn, self.dc))
        for host, where, via in routes:
            host.run("ip", version, "route", "add", where, "via", via)

    def passes(self, ip_len):
        """Whether a packet of that size, not to be cut, comes through, and so both ways."""
        data = b"x" * (ip_len - HEADERS[self.family])
        cn = self.cn.addr if self.family == 4 else self.cn.addr6
        ends = [host.udp(addr, OTHER, timeout_s=0.5)
                for host, addr in ((self.mn, self.mn.addr), (self.cn, cn))]
        arrived = []
        for sender, receiver in (ends, ends[::-1]):
            level, name = (socket.IPPROTO_IP, IP_MTU_DISCOVER) if self.family == 4 else \
                (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
            sender.setsockopt(level, name, PROBE)
            sender.sendto(data, receiver.getsockname()[:2])
            try:
                arrived.append(receiver.recv(4096) == data)
            except TimeoutError:
                arrived.append(False)
        for end in ends:
            end.close()
        check(arrived[0] == arrived[1], f"{ip_len} bytes pass one way only")
        return arrived[0]


def message(number, sender, receiver):
    """An INVITE of SIZE bytes, without SDP: it starts nothing and is not held."""
    head = (f"INVITE sip:bob@ntm.example SIP/2.0\r\nVia: SIP/2.0/UDP {sender};branch=z9hG4bK"
            f"{number}\r\nFrom: <sip:alice@ntm.example>;tag={number}\r\nTo: <sip:bob@{receiver}>"
            f"\r\nCall-ID: {number}@{sender}\r\nCSeq: {number} INVITE\r\n")
    pad = SIZE - len(head) - len("X-Padding: \r\nContent-Length: 0\r\n\r\n")
    padding = "".join(chr(ord("a") + (i * i + number) % 26) for i in range(pad))
    return f"{head}X-Padding: {padding}\r\nContent-Length: 0\r\n\r\n".encode()


def exchange(net, alice, bob):
    """Messages both ways, on SIP's port and on another one; each arrives as it was sent."""
    vips = {4: (alice.vip, bob.vip), 6: (alice.vip6, bob.vip6)}
    number = 0
    for family, port in ((4, SIP), (6, SIP), (4, OTHER)):
        ends = [(host.udp(vip, port, timeout_s=3), vip)
                for host, vip in zip((net.mn, net.cn), vips[family])]
        for (sender, own), (receiver, addr) in (ends, ends[::-1]):
            for _ in range(MESSAGES):
                number += 1
                data = message(number, own, addr)
                check(len(data) == SIZE, f"a message of {len(data)} bytes")
                sender.sendto(data, (addr, port))
                check(receiver.recv(65536) == data, f"message {number} to {addr} was altered")
        for sock, _ in ends:
            sock.close()
    return number


def is_fragment(packet):
    if packet.ip[0] >> 4 == 6:
        return packet.ip[6] == pcap.V6_FRAGMENT
    return bool(struct.unpack("!H", packet.ip[6:8])[0] & 0x3fff)


def may_be_cut(packet):
    """By a router of IPv4 on its way: DF is not set."""
    return packet.ip[0] >> 4 == 4 and not packet.ip[6] & 0x40


def is_complaint(packet):
    """ICMP: unreachable, or too big."""
    if packet.ip[0] >> 4 == 4:
        return packet.proto == 1 and packet.ip[20] == 3
    return packet.proto == 58 and packet.ip[40] in (1, 2)


def tunnelled(packets):
    return list(ntm.frames(packets, ntm.TRANSPORT))


def parts(node):
    traffic = node.json("status")["traffic"]
    return traffic["sent_in_parts"], traffic["came_in_parts"]


def run(lab, family, mtu):
    net = Narrow(lab, family, mtu)
    check(net.passes(mtu), f"packets of {mtu} bytes do not pass")
    check(mtu >= 1500 or not net.passes(mtu + 1), f"packets of {mtu + 1} bytes pass")
    dc = ntm.Dc(net.dc)
    alice, bob = ntm.Node(net.mn, "alice", dc), ntm.Node(net.cn, "bob", dc)
    home, middle, outside = Capture(net.mn), Capture(net.far, "eth1"), Capture(net.inet, "br0")
    alice.verb("ping", "--count", "3", bob.fqdn)
    if mtu >= 1500:  # known to be so wide as soon as a full-sized challenge came back
        wait.until(lambda: whole(net, alice, bob), 10, "packets to go whole")
    before = parts(alice), parts(bob)
    count = exchange(net, alice, bob)
    after = parts(alice), parts(bob)
    sent = sum(now[0] - then[0] for then, now in zip(before, after))
    came = sum(now[1] - then[1] for then, now in zip(before, after))
    check(sent == came, f"{sent} packets were sent in parts, {came} came")
    captures = (home, middle, outside)
    for capture in captures:  # three inner packets a message
        wait.until(lambda c=capture: len(tunnelled(c.packets())) >= 3 * count + sent, 5,
                   "the captures to see all")
    seen = [c.stop().packets() for c in captures]
    for packets in seen:
        check(not any(map(is_fragment, packets)), "there are IP fragments")
        check(not any(map(may_be_cut, tunnelled(packets))), "a packet of the tunnel has no DF")
        check(not any(map(is_complaint, packets)), "somebody complained: the path is not silent")
    longest = max(len(p.ip) for p in tunnelled(seen[1]))
    check(longest <= mtu, f"{longest} bytes passed the bottleneck")
    tried = max(len(p.ip) for p in tunnelled(seen[0]))
    check(tried > MTU, f"alice's longest frame was {tried}: a larger size was never tried")
    return count, sent, longest


def whole(net, alice, bob):
    """Whether packets of full size go whole, both ways."""
    before = parts(alice)[0], parts(bob)[0]
    ends = [(host.udp(vip, OTHER), vip) for host, vip in ((net.mn, alice.vip), (net.cn, bob.vip))]
    for (sender, _), (receiver, addr) in (ends, ends[::-1]):
        sender.sendto(b"x" * 1372, (addr, OTHER))
        receiver.recv(4096)
    for sock, _ in ends:
        sock.close()
    return before == (parts(alice)[0], parts(bob)[0])


def main(lab):
    figures = []
    for family in (4, 6):
        with lab.scene(f"narrow-{family}"):
            count, sent, longest = run(lab, family, MTU)
            check(sent >= 2 * count, f"only {sent} packets went in parts")
            figures.append(f"IPv{family}, MTU {MTU}: {count} of {count} messages, {sent} packets "
                           f"in parts, longest outside {longest}")
    with lab.scene("wide"):
        count, sent, longest = run(lab, 4, 1500)
        check(sent == 0, f"{sent} packets went in parts where they pass whole")
        check(longest > 1400, f"the longest packet was {longest}: nothing is proven")
        figures.append(f"MTU 1500: {count} whole, longest {longest}")
    return "; ".join(figures) + "; no IP fragment, no ICMP"


case.run(main)
