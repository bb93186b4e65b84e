# SPDX-License-Identifier: BSD-2-Clause
"""Real resolvers take the DC's answers: dig (every kind), unbound over a stub zone, resolved."""

import ipaddress
import os

from lablib import case, ntm, wait
from lablib.dns import Dig, Unbound
from lablib.topology import Figure11
from lablib.verdict import check

RESOLVED = "/lib/systemd/systemd-resolved"
INSECURE = """    local-zone: "18.198.in-addr.arpa." nodefault
    domain-insecure: "{domain}"
    domain-insecure: "18.198.in-addr.arpa"
"""
STUBS = """stub-zone:
    name: "{domain}"
    stub-addr: {dc}
    stub-prime: yes
stub-zone:
    name: "18.198.in-addr.arpa"
    stub-addr: {dc}
"""
RESOLVED_CONF = """[Resolve]
DNS={dc}
Domains=~.
FallbackDNS=
DNSSEC=no
LLMNR=no
MulticastDNS=no
Cache=no
"""


def by_dig(dig, net, node):
    """Everything that the zone has, and has not, over UDP and TCP, with and without EDNS."""
    domain = ntm.DOMAIN
    reverse4, reverse6 = (ipaddress.ip_address(v).reverse_pointer for v in (node.vip, node.vip6))
    owned4 = reverse4.replace("in-addr.arpa", f"vip.{domain}")
    owned6 = reverse6.replace("ip6.arpa", f"vip6.{domain}")
    for options in (), ("+tcp",), ("+noedns",), ("+bufsize=512", "+nocookie"):
        answer = dig.expect(node.fqdn, "A", [node.vip], *options)
        check("aa" in answer.flags and "ra" not in answer.flags, f"flags {answer.flags}")
        check(answer.edns == ("+noedns" not in options), f"EDNS with {options}: {answer.edns}")
    dig.expect(node.fqdn.upper(), "AAAA", [node.vip6])
    dig.expect(f"dc.{domain}", "A", [net.dc.addr])
    dig.expect(f"dc.{domain}", "AAAA", [net.dc.addr6])
    for name in (reverse4, reverse6, owned4, owned6):
        dig.expect(name, "PTR", [f"dc.{domain}."])
    dig.expect(f"_ntm._udp.{domain}", "SRV", [f"0 0 {ntm.PORT} dc.{domain}."])
    dig.expect(f"_sip._udp.{domain}", "SRV", [f"10 0 5060 sip.{domain}."])
    check("v=ntm1 root=" in dig.ask(f"_ntm.{domain}", "TXT").text, "no TXT with the root key")
    for zone in (domain, "18.198.in-addr.arpa"):
        dig.expect(zone, "NS", [f"dc.{domain}."])
        check(len(dig.ask(zone, "SOA").data("SOA")) == 1, f"no SOA of {zone}")
    dig.expect_none(node.fqdn, "MX", "NOERROR")
    dig.expect_none(f"_udp.{domain}", "A", "NOERROR")
    dig.expect_none(domain, "A", "NOERROR")
    dig.expect_none(f"nobody.{domain}", "A", "NXDOMAIN")
    dig.expect_none("9.9.18.198.in-addr.arpa", "PTR", "NXDOMAIN")
    dig.expect_none("example.org", "A", "REFUSED")
    dig.expect_none("1.2.0.192.in-addr.arpa", "PTR", "REFUSED")
    check(dig.ask(domain, "ANY", "+notcp").data("HINFO"), "ANY is not answered as RFC 8482 says")
    check(dig.ask(node.fqdn, "A", "+edns=1", "+noednsnegotiation").status == "BADVERS",
          "EDNS version 1 is not refused")
    check(dig.ask(domain, "SOA", "+opcode=NOTIFY").status == "NOTIMP", "NOTIFY is not refused")


def by_unbound(net, node):
    """A resolver between: its client gets the same, by stub zones and, for the owned form, none."""
    host = net.cn
    Unbound(host, INSECURE.format(domain=ntm.DOMAIN),
            STUBS.format(domain=ntm.DOMAIN, dc=net.dc.addr))
    dig = Dig(host, host.addr)
    for _ in range(2):  # fresh, then from its memory
        dig.expect(node.fqdn, "A", [node.vip], "+recurse")
        dig.expect(node.fqdn, "AAAA", [node.vip6], "+recurse")
        dig.expect(ipaddress.ip_address(node.vip).reverse_pointer, "PTR", [f"dc.{ntm.DOMAIN}."],
                   "+recurse")
        dig.expect(f"_sip._udp.{ntm.DOMAIN}", "SRV", [f"10 0 5060 sip.{ntm.DOMAIN}."], "+recurse")
        dig.expect_none(f"nobody.{ntm.DOMAIN}", "A", "NXDOMAIN", "+recurse")
        dig.expect_none(node.fqdn, "MX", "NOERROR", "+recurse")
    return dig.count


def by_resolved(net, node):
    """systemd-resolved in a mount namespace of its own, asked by dig. None where it is absent."""
    host, lab = net.sip, net.lab
    if not os.access(RESOLVED, os.X_OK):
        return None
    conf = lab.write(RESOLVED_CONF.format(dc=net.dc.addr), "resolved", "lab.conf")
    script = ("mount --make-rprivate / && mount -t tmpfs none /run && "
              f"install -D -m 644 {conf} /run/systemd/resolved.conf.d/lab.conf && "
              "install -d -o systemd-resolve -g systemd-resolve /run/systemd/resolve && "
              f"exec {RESOLVED}")
    host.start("resolved", ["unshare", "-m", "sh", "-c", script])
    host.wait_port(53)
    dig = Dig(host, "127.0.0.53")
    wait.until(lambda: dig.ask(node.fqdn, "A", "+recurse").status == "NOERROR", 5, "resolved")
    dig.expect(node.fqdn, "A", [node.vip], "+recurse")
    dig.expect(node.fqdn, "AAAA", [node.vip6], "+recurse")
    dig.expect(ipaddress.ip_address(node.vip).reverse_pointer, "PTR", [f"dc.{ntm.DOMAIN}."],
               "+recurse")
    check(dig.ask(f"nobody.{ntm.DOMAIN}", "A", "+recurse").status == "NXDOMAIN", "nobody is there")
    return dig.count


def main(lab):
    net = Figure11(lab, None)
    node = ntm.Node(net.mn, "alice", ntm.Dc(net.dc))
    digs = {"IPv4": Dig(net.cn, net.dc.addr), "IPv6": Dig(net.cn, net.dc.addr6)}
    for dig in digs.values():
        by_dig(dig, net, node)
    asked = {"dig": sum(d.count for d in digs.values()), "unbound": by_unbound(net, node),
             "resolved": by_resolved(net, node)}
    return ", ".join(f"{name} {count} questions" if count else f"{name} not here"
                     for name, count in asked.items())


case.run(main)
