# SPDX-License-Identifier: BSD-2-Clause
"""Users behind any NATs who call each other: one domain, its SIP server, its relays; paths."""

import time

from lablib import ntm, phones, rtp, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.topology import Homes
from lablib.verdict import check

DIRECT, RELAY = "direct", "relay"
TALK = 150  # RTP packets, 3 s
SEALED_RTP = range(200, 300)  # bytes of UDP payload, relayed or not: 20 ms of PCMU with all headers


class User:
    """Somebody at a home: the node on its host, and the phone that uses it."""

    def __init__(self, name, home, node, phone):
        self.name = name
        self.home = home
        self.node = node
        self.phone = phone
        self.ear = Capture(home.host, "ntm0", name)

    def path_to(self, other):
        """"direct" or "relay", as `ntm-node tunnels` says; without a tunnel its state, or "none"."""
        for tunnel in self.node.tunnels():
            if tunnel["peer"] == other.node.fqdn:
                return tunnel["path"] if tunnel["state"] == "up" else tunnel["state"]
        return "none"

    def stream_from(self, other):
        """What RTP of the other phone arrived here so far, as one stream; None: nothing."""
        found = rtp.streams(self.ear.udp(), src=other.phone.addr, dst=self.phone.addr)
        return found[0] if found else None

    def heard_packets(self, other):
        stream = self.stream_from(other)
        return stream.received if stream else 0


class Meeting:
    """The domain of a topology.Homes. relays: how many of its relays' hosts run one."""

    def __init__(self, net, relays=None, node_extra="", relay_extra=""):
        self.net = net
        self.node_extra = node_extra
        self.relay_hosts = net.relays
        self.dc = ntm.Dc(net.dc)
        hosts = net.relays if relays is None else net.relays[:relays]
        self.relays = [ntm.Relay(host, host.name, self.dc, relay_extra) for host in hosts]
        self.sip = ntm.Node(net.sip, "sip", self.dc)
        self.server = Kamailio(net.sip, [self.sip.vip, self.sip.vip6],
                               [ntm.DOMAIN, self.sip.fqdn])
        self.outside = Capture(net.inet, "br0", only="udp")
        self.users = []

    def user(self, home, name, tone_hz):
        node = ntm.Node(home.host, name, self.dc, extra=self.node_extra)
        phone = Baresip(home.host, name, ntm.DOMAIN, tone_hz, "ntm0", node.vip)
        self.users.append(User(name, home, node, phone))
        return self.users[-1]

    def begin(self):
        """All phones are registered, all relays in use: calls may begin."""
        phones.register(*(user.phone for user in self.users))
        self.dc.wait_relays(*(relay.name for relay in self.relays))

    @property
    def vips(self):
        nodes = [self.sip, *(user.node for user in self.users)]
        return [vip for node in nodes for vip in (node.vip, node.vip6)]


class Call:
    """A call between two users, and what it must be.

    scene: has `outside`, a capture of the Internet, and `relay_hosts`.
    """

    def __init__(self, scene, caller, callee):
        self.scene = scene
        self.caller, self.callee = caller, callee
        self.answered = None
        self.paths = []  # at answer, and whenever `look` was called

    @property
    def ends(self):
        """(who hears, who speaks), both ways."""
        return (self.callee, self.caller), (self.caller, self.callee)

    def connect(self):
        phones.connect(self.caller.phone, self.callee.phone)
        self.answered = time.time()
        self.look()
        return self

    def look(self):
        """Notes the path of now."""
        self.paths.append(self.caller.path_to(self.callee))
        return self.paths[-1]

    def wait_path(self, path, deadline_s):
        """Waits until both ends' nodes say that they are on the path."""
        for one, other in ((self.caller, self.callee), (self.callee, self.caller)):
            wait.until(lambda a=one, b=other: a.path_to(b) == path, deadline_s,
                       f"{one.name} to be {path} to {other.name}", 0.02)

    def ends_heard(self):
        """Whether any RTP arrived at either end."""
        return any(here.heard_packets(there) for here, there in self.ends)

    def talk(self, packets=TALK):
        """Both get that many more RTP packets."""
        self._wait_heard({here: here.heard_packets(there) + packets for here, there in self.ends})

    def wait_heard(self, packets=TALK):
        """Waits until both have got that many RTP packets since the call began."""
        self._wait_heard({here: packets for here, _ in self.ends})

    def _wait_heard(self, enough):
        wait.until(lambda: all(h.heard_packets(t) >= enough[h] for h, t in self.ends), 8,
                   f"enough RTP both ways between {self.caller.name} and {self.callee.name}", 0.1)

    def hang_up(self):
        phones.hang_up(self.caller.phone, self.callee.phone)

    def check_path(self, path, during_s=0.5):
        """The tunnel is on the path, and the packets of the last moments were; returns them."""
        self.wait_path(path, 0)
        now = time.time()
        carried = self.carried(now - during_s, now)
        check(carried.path == path, f"the tunnel says {path}, but the packets went: {carried}")
        return carried

    def judge(self, min_s=2.0, **limits):
        """The audio of both ways, as it arrived and as the phones recorded it."""
        return "; ".join(phones.judge(here.phone, here.ear, there.phone, min_s,
                                      src=there.phone.addr, **limits) for here, there in self.ends)

    def carried(self, since, until=None):
        """Where the sealed packets went, by capture: Carried."""
        packets = [p for p in self.scene.outside.packets()
                   if p.time >= since and (until is None or p.time < until)]
        return Carried(packets, self.caller.home.outside, self.callee.home.outside,
                       self.scene.relay_hosts)

    def gap_ms(self, since, until=None):
        """The longest silence, where it was longer, by the receivers' captures."""
        return max(here.stream_from(there).gap_ms(since, until) for here, there in self.ends)

    def lost(self):
        """How many RTP packets are missing so far, both ways."""
        return sum(here.stream_from(there).lost for here, there in self.ends)

    def heard_since(self, since):
        """When after `since` both ends had RTP again; None: not yet."""
        first = []
        for here, there in self.ends:
            times = [t for t in here.stream_from(there).times if t >= since]
            if not times:
                return None
            first.append(min(times))
        return max(first)

    def carrier(self):
        """Name of the relay that carried the most in the last half second."""
        by_relay = self.carried(time.time() - 0.5).by_relay
        return max(by_relay, key=by_relay.get)


class Carried:
    """How many packets between two homes went straight, and how many by each relay."""

    def __init__(self, packets, one, other, relays):
        self.straight = 0
        self.by_relay = {relay.name: 0 for relay in relays}
        for packet in packets:
            if not packet.is_udp() or len(packet.payload) not in SEALED_RTP:
                continue  # keepalives, probes and the like do not count
            ends = {packet.src, packet.dst}
            if packet.src in one and packet.dst in other or \
                    packet.src in other and packet.dst in one:
                self.straight += 1
            for relay in relays:
                if ends & {relay.addr, relay.addr6} and ends & (one | other):
                    self.by_relay[relay.name] += 1

    @property
    def relayed(self):
        """Packets that a relay sent on: each is seen twice, in front of it and behind it."""
        return sum(self.by_relay.values()) // 2

    @property
    def path(self):
        return DIRECT if self.straight > self.relayed else RELAY

    def __str__(self):
        by = ", ".join(f"{count // 2} by {name}" for name, count in self.by_relay.items() if count)
        return f"{self.straight} straight" + (f", {by}" if by else "")


def symmetric_pair(lab, relays):
    """A call (not begun) between two homes behind symmetric NATs, which has to use a relay."""
    net = Homes(lab)
    homes = [net.home(name, net.nat(f"router-{name}", "symmetric")) for name in ("alice", "bob")]
    net.settle()
    meeting = Meeting(net, relays)
    call = Call(meeting, meeting.user(homes[0], "alice", 500), meeting.user(homes[1], "bob", 900))
    meeting.begin()
    return call
