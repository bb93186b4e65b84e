# SPDX-License-Identifier: BSD-2-Clause
"""NAT routers with a home network behind them, and the probe that proves what a NAT does."""

from lablib.links import Segment, connect
from lablib.netns import Host
from lablib.verdict import Fail, check

# The kinds of NAT by their old names, and the words of RFC 4787 for the same. All keep the port where
# they can, except symmetric.
KINDS = ("full-cone", "address-restricted", "port-restricted", "symmetric")
RFC4787 = {  # what `probe` has to find: (mapping, filtering)
    "full-cone": ("endpoint-independent", "endpoint-independent"),
    "address-restricted": ("endpoint-independent", "address-dependent"),
    "port-restricted": ("endpoint-independent", "address and port-dependent"),
    "symmetric": ("address and port-dependent", "address and port-dependent"),
}
_FILTERING = {b"anyone": "endpoint-independent", b"address": "address-dependent",
              b"port": "address and port-dependent"}
HOME = "192.168.1"
TIMEOUT_S = 120  # the kernel's for a UDP stream
RULES = """
table ip nat
delete table ip nat
table inet filter
delete table inet filter
table ip nat {{
    map mapped {{  # outside port -> who has it inside
        type inet_service : ipv4_addr
        size 65535
        flags dynamic, timeout
    }}
    set contacted {{  # (whom, from which port) somebody inside has written to
        type ipv4_addr . inet_service
        size 65535
        flags dynamic, timeout
    }}
    chain remember {{
        type filter hook forward priority filter; policy accept;
        iifname "lan0" oifname "eth0" update @mapped {{ udp sport timeout {timeout}s : ip saddr }}
        iifname "lan0" oifname "eth0" update @contacted {{ ip daddr . udp sport timeout {timeout}s }}
    }}
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        {let_in}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" ip saddr {home}.0/24 {masquerade}
    }}
}}
table inet filter {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "eth0" ct status dnat accept
        iifname "eth0" ct state != {{ established, related }} drop
    }}
    chain input {{
        # An unsolicited packet must not leave an entry that takes a mapping's place.
        type filter hook input priority filter; policy accept;
        iifname "eth0" meta l4proto {{ tcp, udp }} ct state new drop
    }}
}}
"""
BLOCK = """
table ip blocked
delete table ip blocked
table ip blocked {{
    chain forward {{
        type filter hook forward priority filter - 10; policy accept;
        ip daddr {addr} counter drop
        ip saddr {addr} counter drop
    }}
}}
"""
HAIRPIN = """
add rule ip nat prerouting iifname "lan0" ip daddr {outside} dnat to udp dport map @mapped
add rule ip nat postrouting oifname "lan0" ip saddr {home}.0/24 snat to {outside}
"""
LET_IN = {  # which packets that nobody asked for go to the one inside who has the port
    "full-cone": 'iifname "eth0" dnat to udp dport map @mapped',
    "address-restricted":
        'iifname "eth0" ip saddr . udp dport @contacted dnat to udp dport map @mapped',
}


class Nat(Host):
    """A NAT router: eth0 outside, the bridge lan0 (HOME.1/24) inside.

    A NAT whose eth0 is plugged into another one's lan0 is the second of two in a row.
    """

    def __init__(self, lab, name, kind, udp_timeout_s=TIMEOUT_S, home=HOME):
        super().__init__(lab, name)
        if kind not in KINDS:
            raise ValueError(f"no such NAT kind: {kind}")
        self.kind = kind
        self.home = home
        self.gateway = f"{home}.1"
        self.sysctl("net.ipv4.ip_forward=1")
        self.set_udp_timeout(udp_timeout_s)
        self.ip("link add lan0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
                f"address add {self.gateway}/24 dev lan0", "link set lan0 up")
        self.segment = Segment("02:00:c0:a8:01")
        self.segment.join(self, "lan0", 1, [self.gateway])

    def set_udp_timeout(self, seconds):
        """How long a silent UDP mapping lives, answered or not."""
        self.sysctl(f"net.netfilter.nf_conntrack_udp_timeout={seconds}",
                    f"net.netfilter.nf_conntrack_udp_timeout_stream={seconds}")
        self.nft(RULES.format(
            home=self.home, timeout=seconds, let_in=LET_IN.get(self.kind, ""),
            masquerade="masquerade fully-random" if self.kind == "symmetric" else "masquerade"))

    def hairpin(self):
        """Two inside may talk over their outside addresses (RFC 4787, REQ-9, the better kind: each
        sees the other's outside address and port). For a full cone that has its outside address."""
        self.sysctl("net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.lan0.send_redirects=0")
        self.nft(HAIRPIN.format(outside=self.addr, home=self.home))

    def block(self, addr):
        """Lets nothing through from and to an outside address."""
        self.nft(BLOCK.format(addr=addr))

    def unblock(self):
        self.nft("delete table ip blocked\n")

    def plug(self, host, number, ifname="eth0", delay_ms=0, loss=0.0):
        """Takes the host into the home network as HOME.number."""
        port = f"l{number}"
        connect(self.lab, (host, ifname), (self, port), delay_ms, loss)
        self.ip(f"link set {port} master lan0", f"link set {port} up")
        host.addr, host.addr6 = f"{self.home}.{number}", None
        self.segment.join(host, ifname, number, [host.addr])
        host.ip(f"address add {host.addr}/24 dev {ifname}", f"link set {ifname} up",
                f"route add default via {self.gateway}")
        self.segment.introduce()


def probe(inside, server, other):
    """Finds out what the NAT in front of a host does, with two open hosts to help.

    Returns (mapping, filtering) in the words of RFC 4787.
    """
    contacted, same_host = server.udp(server.addr), server.udp(server.addr)
    elsewhere = other.udp(other.addr)
    phone = inside.udp()
    mapping = "endpoint-independent" if _sent_and_seen(phone, contacted) == \
        _sent_and_seen(phone, elsewhere) else "address and port-dependent"
    # From a port that never wrote to the other host, so that this one is a stranger.
    phone = inside.udp()
    seen = _sent_and_seen(phone, contacted)
    for sock, word in ((elsewhere, b"anyone"), (same_host, b"address"), (contacted, b"port")):
        sock.sendto(word, seen)
    words = set()
    while b"port" not in words:  # sent last: what is not here by then was not let in
        words.add(_received(phone))
    return mapping, next(name for word, name in _FILTERING.items() if word in words)


def prove(nat, inside, server, other):
    """Fails the case unless the NAT does what its kind's name says."""
    found = probe(inside, server, other)
    check(found == RFC4787[nat.kind],
          f"{nat.name}: {nat.kind} has mapping {found[0]}, filtering {found[1]}")


def meet(one, other, server):
    """Whether two hosts can get straight to each other, knowing only how the server sees them.

    Both send at once, and answer whoever they hear from: what any program could do.
    """
    there = server.udp(server.addr)
    socks = [host.udp(timeout_s=0.2) for host in (one, other)]
    seen = [_sent_and_seen(sock, there) for sock in socks]
    for _ in range(2):  # the first ones may only open the way
        for sock, peer in zip(socks, reversed(seen)):
            sock.sendto(b"hello", peer)
    return any(_answered(*pair) for pair in (socks, socks[::-1]))


def _answered(here, there):
    """Whether something came here, and an answer to its sender gets there."""
    try:
        here.sendto(b"answer", here.recvfrom(64)[1])
        while there.recv(64) != b"answer":
            pass
    except TimeoutError:
        return False
    return True


def _sent_and_seen(phone, server):
    """Sends one packet to the server's socket; returns the address it was seen to come from."""
    phone.sendto(b"probe", server.getsockname())
    return server.recvfrom(64)[1]


def _received(sock):
    try:
        return sock.recv(64)
    except TimeoutError as err:
        raise Fail("the answer of the contacted server did not come through the NAT") from err
