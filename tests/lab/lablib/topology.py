# SPDX-License-Identifier: BSD-2-Clause
"""Networks that several cases use."""

from lablib.links import Internet, settle
from lablib.nat import Nat
from lablib.netns import Host


class Network:
    """The Internet, a caller's host `mn`, a callee's host `cn` and a NAT in front of one of them.

    nat_side: "caller", "callee", "both" or None says who is behind a NAT, both: each behind one of
    their own. shape: delay_ms is added each
    way on every link, the one between phone and NAT included; loss (0..1) likewise.
    """

    def __init__(self, lab, nat_side, nat_kind, **shape):
        self.lab = lab
        self.nat_side = nat_side
        self.shape = shape
        self.inet = Internet(lab)
        self.servers = []
        self.mn = Host(lab, "mn")
        self.cn = Host(lab, "cn")
        behind = {"caller": [self.mn], "callee": [self.cn], "both": [self.mn, self.cn]}
        self.nats = {}  # by the host behind it
        for host, number in zip(behind.get(nat_side, []), (10, 13)):
            self.nats[host] = Nat(lab, f"nat-{host.name}", nat_kind)
            self.inet.plug(self.nats[host], number, **shape)
        self.nat = next(iter(self.nats.values()), None)
        for host, number in ((self.mn, 11), (self.cn, 12)):
            self.nats.get(host, self.inet).plug(host, number, **shape)

    def server(self, name, number):
        """A public host that media has no business at."""
        host = self.public(name, number)
        self.servers.append(host)
        return host

    def public(self, name, number):
        """Another host on the Internet."""
        host = Host(self.lab, name)
        self.inet.plug(host, number, **self.shape)
        return host

    def is_straight(self, packet):
        """Whether a packet of the outside went between the caller's and the callee's side."""
        ends = []
        for host in (self.mn, self.cn):
            seen = self.nats.get(host, host)
            ends.append({seen.addr, seen.addr6})
        one, other = ends
        return packet.src in one and packet.dst in other or \
            packet.src in other and packet.dst in one


class Figure11(Network):
    """The network of the paper's figure 11.

        mn (caller) ---[nat]---+--- inet, bridge br0 ---+--- sip
        cn (callee) -----------+                        +--- dc
    """

    def __init__(self, lab, nat_side="caller", nat_kind="symmetric", delay_ms=0, loss=0.0):
        super().__init__(lab, nat_side, nat_kind, delay_ms=delay_ms, loss=loss)
        self.sip = self.server("sip", 20)
        self.dc = self.server("dc", 30)
        settle(self.inet, *self.nats.values(), self.sip, self.dc, self.mn, self.cn)


class Place:
    """The public hosts of a domain; phone is the one where its user is."""

    def __init__(self, net, letter, number, phone):
        self.letter = letter
        self.phone = phone
        self.sip = net.server(f"sip-{letter}", 20 + number)
        self.dc = net.server(f"dc-{letter}", 30 + number)
        self.dns = net.server(f"dns-{letter}", 40 + number)
        self.relay = net.public(f"relay-{letter}", 60 + number) if net.relays else None

    @property
    def hosts(self):
        return list(filter(None, (self.phone, self.sip, self.dc, self.dns, self.relay)))


class TwoPlaces(Network):
    """Two domains, each with a SIP server, a DC and a resolver, and the world's name servers.

        mn (alice) ---[nat]--+                         +--- cn (bob)
        sip-a, dc-a, dns-a --+-- inet, bridge br0 -----+--- sip-b, dc-b, dns-b
        [relay-a] -----------+--- root, parent         +--- [relay-b]
    """

    def __init__(self, lab, nat_side="caller", nat_kind="symmetric", delay_ms=0, loss=0.0,
                 relays=False):
        super().__init__(lab, nat_side, nat_kind, delay_ms=delay_ms, loss=loss)
        self.relays = relays
        self.a = Place(self, "a", 1, self.mn)
        self.b = Place(self, "b", 2, self.cn)
        self.root = self.server("root", 51)
        self.parent = self.server("parent", 52)
        settle(self.inet, *self.servers, *self.nats.values(), self.mn, self.cn)


class Home:
    """Where a user is: a host, and the addresses that the Internet sees it come from."""

    def __init__(self, host, outermost):
        self.host = host
        seen = outermost or host
        self.outside = {addr for addr in (seen.addr, seen.addr6) if addr}


class Homes:
    """The Internet with a SIP server, a DC and relays, and homes behind any NATs, added one by one.

        home --- router, a NAT --- carrier, another NAT ---+--- inet, bridge br0 ---+--- sip, dc
        home --- router, a NAT ----------------------------+                        +--- relay1 ...
        home ----------------------------------------------+
    """

    def __init__(self, lab, relays=2, delay_ms=0):
        self.lab = lab
        self.delay_ms = delay_ms
        self.inet = Internet(lab)
        self.hosts = [self.inet]
        self.numbers = iter(range(50, 250))
        self.sip = self._public("sip", 20)
        self.dc = self._public("dc", 30)
        self.relays = [self._public(f"relay{i + 1}", 40 + i) for i in range(relays)]
        self.outermost = {}  # by NAT: the one of its row that has a public address

    def _public(self, name, number):
        host = Host(self.lab, name)
        self.inet.plug(host, number, delay_ms=self.delay_ms)
        self.hosts.append(host)
        return host

    def nat(self, name, kind, behind=None, number=11, **options):
        """A NAT on the Internet, or as host `number` behind another NAT."""
        router = Nat(self.lab, name, kind, **options)
        if behind:
            behind.plug(router, number, delay_ms=self.delay_ms)
        else:
            self.inet.plug(router, next(self.numbers), delay_ms=self.delay_ms)
        self.outermost[router] = self.outermost[behind] if behind else router
        self.hosts.append(router)
        return router

    def home(self, name, behind=None, number=11, families=(4, 6)):
        """A host on the Internet, or as host `number` behind a NAT."""
        host = Host(self.lab, name)
        if behind:
            behind.plug(host, number, delay_ms=self.delay_ms)
        else:
            self.inet.plug(host, next(self.numbers), delay_ms=self.delay_ms, families=families)
        self.hosts.append(host)
        return Home(host, self.outermost.get(behind))

    def settle(self):
        """Waits until all links carry packets; called when the last home is there."""
        settle(*self.hosts)
