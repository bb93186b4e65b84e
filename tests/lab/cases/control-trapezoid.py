# SPDX-License-Identifier: BSD-2-Clause
"""Without NTM and NAT two SIP servers find each other by SRV and carry a call each way."""

from lablib import case, phones, sip
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.dnstree import Cut, Nsd, Tree, addresses, zone_text
from lablib.kamailio import Kamailio
from lablib.topology import TwoPlaces
from lablib.two_domains import A, B, Site
from lablib.verdict import check


def publish(site):
    """The site's own name server, at the host where a DC would be."""
    zone = site.domain.name
    Nsd(site.place.dc, {zone: zone_text(zone, f"{site.domain.dc}.", [
        *addresses("dc", site.place.dc), *addresses("sip", site.place.sip),
        "_sip._udp IN SRV 10 0 5060 sip"])})


def check_way(packets, hosts):
    """The INVITE went from phone to server to server to phone and no other way."""
    invites = [m.packet for m in sip.messages(packets, "INVITE", 0)]
    went = list(dict.fromkeys((p.src, p.dst) for p in invites))
    expected = [(a.addr, b.addr) for a, b in zip(hosts, hosts[1:])]
    check(went == expected, f"the INVITE went {went}, not {expected}")


def main(lab):
    net = TwoPlaces(lab, None)
    sites = [Site(net.a, A, "alice"), Site(net.b, B, "bob")]
    tree = Tree(net.root, net.parent, [Cut(site.domain, site.place.dc) for site in sites])
    pair = []
    for site, tone_hz in zip(sites, (500, 900)):
        publish(site)
        site.resolve(tree)
        domain = site.domain.name
        Kamailio(site.place.sip, domains=[domain, f"sip.{domain}"])
        pair.append(Baresip(site.place.phone, site.user, domain, tone_hz,
                            outbound=f"sip:{domain}"))
    phones.register(*pair)
    alice, bob = pair
    figures = []
    for caller, callee in ((alice, bob), (bob, alice)):
        outside = Capture(net.inet, "br0", f"{caller.user}-outside")
        ears = phones.listen((caller, callee), f"{caller.user}-calls")
        figures.append(phones.converse(caller, callee, ears))
        servers = [net.a.sip, net.b.sip] if caller is alice else [net.b.sip, net.a.sip]
        check_way(outside.stop().packets(), [caller.host, *servers, callee.host])
    return "; ".join(figures)


case.run(main)
