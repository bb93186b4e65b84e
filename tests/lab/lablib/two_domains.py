# SPDX-License-Identifier: BSD-2-Clause
"""Two domains that know nothing of each other but DNS and a pinned root key: the scene."""

import json

from lablib import ntm, phones, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.dnstree import Cut, Resolver, Tree
from lablib.kamailio import Kamailio
from lablib.links import settle
from lablib.topology import TwoPlaces

A = ntm.Domain("a.example", "198.18.0.0/16", "fd0a:a:a::/48")
B = ntm.Domain("b.example", "198.19.0.0/16", "fd0b:b:b::/48")
C = ntm.Domain("c.example", "10.99.0.0/16", "fd0c:c:c::/48")

RESOLVER = """resolver {{
    servers = {{ "{addr}" }}
    {more}
}}
"""


class Site:
    """A domain at its place. Its parts are started one by one, each method one of them."""

    def __init__(self, place, domain, user):
        self.place = place
        self.domain = domain
        self.user = user
        self.resolver = self.dc = self.sip = self.node = self.server = self.relay = None

    def resolve(self, tree, anchors=()):
        """A resolver for the site, which its hosts had before NTM came."""
        self.resolver = Resolver(self.place.dns, tree, anchors)
        for host in self.place.hosts:
            host.set_resolver(self.resolver.addr)

    def coordinate(self, resolver=None, sections=""):
        """The DC. resolver: lines for its section resolver; None: it has none."""
        if resolver is not None:
            sections += RESOLVER.format(addr=self.place.dns.addr, more=resolver)
        self.dc = ntm.Dc(self.place.dc, self.domain, sections=sections)

    def join(self):
        """The relay, if there is one, the node of the SIP server and that of the user."""
        if self.place.relay:
            self.relay = ntm.Relay(self.place.relay, "relay", self.dc)
        self.sip = ntm.Node(self.place.sip, "sip", self.dc)
        self.node = ntm.Node(self.place.phone, self.user, self.dc)

    def serve(self, ipv6):
        """The SIP server; it knows its own domain."""
        addrs = [self.sip.vip6] if ipv6 else [self.sip.vip, self.sip.vip6]
        self.server = Kamailio(self.place.sip, addrs, [self.domain.name, self.sip.fqdn])

    def phone(self, tone_hz, ipv6):
        vip = self.node.vip6 if ipv6 else self.node.vip
        return Baresip(self.place.phone, self.user, self.domain.name, tone_hz, "ntm0", vip,
                       outbound=f"sip:{self.domain.name}")

    def wait_online(self, deadline_s=40):
        self.dc.wait_online("sip", self.user, deadline_s=deadline_s)

    @staticmethod
    def wait_partner(domain, *nodes):
        """Waits until the nodes know the other domain."""
        for node in nodes:
            wait.until(lambda n=node: domain.name in json.dumps(n.json("status").get("partners")),
                       10, f"{domain.name} to be a partner at {node.fqdn}", 0.05)


class Names:
    """The places with their DNS and their DCs; no nodes yet. third: C has a DC as well."""

    def __init__(self, lab, nat_side=None, delay_ms=0, resolver=None, third=False, relays=False):
        self.net = TwoPlaces(lab, nat_side, delay_ms=delay_ms, relays=relays)
        self.a = Site(self.net.a, A, "alice")
        self.b = Site(self.net.b, B, "bob")
        self.sites = [self.a, self.b]
        cuts = [Cut(site.domain, site.place.dc) for site in self.sites]
        if third:
            cuts.append(Cut(C, self.net.public("dc-c", 33)))
            settle(self.net.inet, cuts[-1].host)
        tree = Tree(self.net.root, self.net.parent, cuts)
        for site in self.sites:
            site.resolve(tree)
            site.coordinate(resolver)
        self.third = ntm.Dc(cuts[-1].host, C) if third else None


class Scene(Names):
    """Two companies with SIP servers: alice@a.example, behind a NAT or not, and bob@b.example."""

    def __init__(self, lab, nat_side="caller", delay_ms=0, ipv6=False, third=False, capture=True,
                 relays=False):
        super().__init__(lab, nat_side, delay_ms, "", third, relays)
        net = self.net
        self.ipv6 = ipv6
        self.outside = Capture(net.inet, "br0") if capture else None
        self.at_dc = {site: Capture(site.place.dc) for site in self.sites} if capture else {}
        for site in self.sites:
            site.join()
            site.serve(ipv6)
        self.alice, self.bob = self.a.node, self.b.node
        self.introduce()
        self.relays = [site.relay for site in self.sites if site.relay]
        self.relay_hosts = [relay.host for relay in self.relays]

    def introduce(self):
        """Each operator pastes the line that the other one's DC printed."""
        dcs = [site.dc for site in self.sites] + ([self.third] if self.third else [])
        for dc in dcs:
            for other in dcs:
                if other is not dc:
                    dc.trust(other)
        for site in self.sites:
            site.wait_partner(self.others(site).domain, site.sip, site.node)

    def others(self, site):
        return next(other for other in self.sites if other is not site)

    @property
    def vips(self):
        nodes = [node for site in self.sites for node in (site.sip, site.node)]
        return [vip for node in nodes for vip in (node.vip, node.vip6)]

    def vip(self, node):
        """The address of the family that this scene calls over."""
        return node.vip6 if self.ipv6 else node.vip

    def phones(self):
        """alice's and bob's phones, registered at their own domains."""
        pair = self.a.phone(500, self.ipv6), self.b.phone(900, self.ipv6)
        phones.register(*pair)
        return pair

    def forget(self):
        """Empties what DCs and resolvers remember of each other. Tunnels between nodes stay."""
        for site in self.sites:
            site.dc.restart()
            site.resolver.flush()
        self.wait_online()

    def wait_online(self):
        """Waits until all nodes have noticed that their DC was restarted, which they are told."""
        for site in self.sites:
            for node in (site.sip, site.node):
                node.ask_dc()
        for site in self.sites:
            site.wait_online()
