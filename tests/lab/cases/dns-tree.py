# SPDX-License-Identifier: BSD-2-Clause
"""DNS as in the wild: two DCs as delegated children, which both sites' resolvers find from the root."""

import ipaddress

from lablib import case, ntm
from lablib.dns import Dig
from lablib.two_domains import Names
from lablib.verdict import check


def ask(dig, site):
    """What the other domain's DC serves, from a resolver that knows nothing but the root."""
    domain = site.domain
    node = ntm.Node(site.place.phone, site.user, site.dc)
    dig.expect(node.fqdn, "A", [node.vip], "+recurse")
    dig.expect(node.fqdn, "AAAA", [node.vip6], "+recurse")
    for vip in (node.vip, node.vip6):
        check(ipaddress.ip_address(vip) in ipaddress.ip_network(
            domain.prefix6 if ":" in vip else domain.prefix4), f"{vip} is not of {domain.name}")
        dig.expect(ipaddress.ip_address(vip).reverse_pointer, "PTR", [f"{domain.dc}."], "+recurse")
    dig.expect(domain.dc, "A", [site.dc.host.addr], "+recurse")
    dig.expect(domain.dc, "AAAA", [site.dc.host.addr6], "+recurse")
    dig.expect(f"_sip._udp.{domain.name}", "SRV", [f"10 0 5060 sip.{domain.name}."], "+recurse")
    dig.expect(f"_ntm._udp.{domain.name}", "SRV", [f"0 0 {ntm.PORT} {domain.dc}."], "+recurse")
    dig.expect_none(f"nobody.{domain.name}", "A", "NXDOMAIN", "+recurse")
    dig.expect_none(domain.name, "NAPTR", "NOERROR", "+recurse")


def main(lab):
    names = Names(lab)
    count = 0
    for here, there in ((names.a, names.b), (names.b, names.a)):
        dig = Dig(here.place.sip, here.resolver.addr)
        ask(dig, there)
        count += dig.count
    return f"{count} questions through two resolvers, answered by two DCs below nsd"


case.run(main)
