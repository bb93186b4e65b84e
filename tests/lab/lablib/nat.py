# SPDX-License-Identifier: BSD-2-Clause
"""NAT routers with a home network behind them, and the probe that proves what a NAT does."""

from lablib.links import Segment, connect
from lablib.netns import Host
from lablib.verdict import Fail

KINDS = {
    "symmetric": "masquerade fully-random",  # a new outside port for every destination
    "port-restricted": "masquerade",  # Linux keeps the port; only a contacted port may answer
}
HOME = "192.168.1"
RULES = """
table ip nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" ip saddr {home}.0/24 {masquerade}
    }}
}}
table inet filter {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "eth0" ct state != {{ established, related }} drop
    }}
    chain input {{
        # An unsolicited packet must not leave an entry that takes a mapping's place.
        type filter hook input priority filter; policy accept;
        iifname "eth0" meta l4proto {{ tcp, udp }} ct state new drop
    }}
}}
"""


class Nat(Host):
    """A NAT router: eth0 outside, the bridge lan0 (192.168.1.1/24) inside."""

    def __init__(self, lab, name, kind, udp_timeout_s=None):
        super().__init__(lab, name)
        if kind not in KINDS:
            raise ValueError(f"no such NAT kind: {kind}")
        self.kind = kind
        self.gateway = f"{HOME}.1"
        self.sysctl("net.ipv4.ip_forward=1")
        self.nft(RULES.format(home=HOME, masquerade=KINDS[kind]))
        if udp_timeout_s:
            self.set_udp_timeout(udp_timeout_s)
        self.ip("link add lan0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
                f"address add {self.gateway}/24 dev lan0", "link set lan0 up")
        self.segment = Segment("02:00:c0:a8:01")
        self.segment.join(self, "lan0", 1, [self.gateway])

    def set_udp_timeout(self, seconds):
        """How long a silent UDP mapping lives, answered or not."""
        self.sysctl(f"net.netfilter.nf_conntrack_udp_timeout={seconds}",
                    f"net.netfilter.nf_conntrack_udp_timeout_stream={seconds}")

    def plug(self, host, number, ifname="eth0", delay_ms=0, loss=0.0):
        """Takes the host into the home network as 192.168.1.number."""
        port = f"l{number}"
        connect(self.lab, (host, ifname), (self, port), delay_ms, loss)
        self.ip(f"link set {port} master lan0", f"link set {port} up")
        host.addr = f"{HOME}.{number}"
        self.segment.join(host, ifname, number, [host.addr])
        host.ip(f"address add {host.addr}/24 dev {ifname}", f"link set {ifname} up",
                f"route add default via {self.gateway}")
        self.segment.introduce()


def probe(inside, server, other):
    """Finds out what the NAT in front of a host does, with two open hosts to help.

    Returns (mapping, filtering): mapping "same" or "per-destination"; filtering is who may answer:
    "port" (only the contacted address and port), "address", or "anyone".
    """
    phone = inside.udp()
    contacted, same_host, elsewhere = server.udp(server.addr), server.udp(server.addr), \
        other.udp(other.addr)
    seen = _sent_and_seen(phone, contacted)
    mapping = "same" if _sent_and_seen(phone, elsewhere) == seen else "per-destination"
    # The stranger must be one the phone never wrote to, so it gets a socket of its own.
    stranger = other.udp(other.addr)
    for sock, word in ((stranger, b"anyone"), (same_host, b"address"), (contacted, b"port")):
        sock.sendto(word, seen)
    words = set()
    while b"port" not in words:  # sent last: what is not here by then was not let in
        words.add(_received(phone))
    for word in ("anyone", "address", "port"):
        if word.encode() in words:
            return mapping, word
    raise Fail("the contacted server cannot answer")


def _sent_and_seen(phone, server):
    """Sends one packet to the server's socket; returns the address it was seen to come from."""
    phone.sendto(b"probe", server.getsockname())
    return server.recvfrom(64)[1]


def _received(sock):
    try:
        return sock.recv(64)
    except TimeoutError as err:
        raise Fail("the answer of the contacted server did not come through the NAT") from err
