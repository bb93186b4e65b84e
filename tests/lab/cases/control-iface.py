# SPDX-License-Identifier: BSD-2-Clause
"""Bound to an interface named ntm0, phones use only its address and find the server by DNS."""

from lablib import case, links, phones, rtp, sip
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.dns import Dns
from lablib.kamailio import Kamailio
from lablib.linphone import Linphone
from lablib.netns import Host
from lablib.topology import Figure11
from lablib.verdict import check

DOMAIN = "ntm.example"
RECORDS = [f"{DOMAIN}. 60 IN A 198.18.0.2", f"sip.{DOMAIN}. 60 IN A 198.18.0.2",
           f"_sip._udp.{DOMAIN}. 60 IN SRV 0 0 5060 sip.{DOMAIN}."]


def lay_ntm0(lab, hosts):
    """A second network in the place that the tunnels will have; its hub knows the names."""
    hub = Host(lab, "hub")
    hub.ip("link add br0 type bridge forward_delay 0", "address add 198.18.0.1/24 dev br0",
           "link set br0 up")
    for number, host in hosts.items():
        links.connect(lab, (host, "ntm0"), (hub, f"p{number}"))
        hub.ip(f"link set p{number} master br0", f"link set p{number} up")
        host.ip(f"address add 198.18.0.{number}/24 dev ntm0", "link set ntm0 up")
    links.settle(hub, *hosts.values())
    dns = Dns(hub, RECORDS, "198.18.0.1")
    for host in hosts.values():
        host.set_resolver(dns.addr)


def main(lab):
    net = Figure11(lab, nat_side=None)
    lay_ntm0(lab, {2: net.sip, 7: net.mn, 9: net.cn})
    Kamailio(net.sip, ["198.18.0.2"], [DOMAIN])
    outside = Capture(net.inet, "br0")
    figures = []
    for kind in (Baresip, Linphone):
        alice = kind(net.mn, f"alice-{kind.__name__.lower()}", DOMAIN, 500, "ntm0",
                     "198.18.0.7").start()
        bob = Baresip(net.cn, f"bob-{kind.__name__.lower()}", DOMAIN, 900, "ntm0",
                      "198.18.0.9").start()
        figures.append(one_call(alice, bob))
    seen = list(sip.messages(outside.udp())) + rtp.streams(outside.udp())
    check(not seen, f"outside: {seen[:1]}")
    return "; ".join(figures)


def one_call(alice, bob):
    ears = {phone: Capture(phone.host, "ntm0", phone.user) for phone in (alice, bob)}
    for phone in ears:
        phone.wait_registered()
    figures = phones.converse(alice, bob, ears)
    for message in sip.messages(ears[bob].udp()):
        check(message.media_addr in (None, alice.addr, bob.addr), f"SDP names {message.media_addr}")
        check("203.0.113." not in message.raw.decode(), f"a real address in {message}")
    for phone in ears:
        ears[phone].stop()
        phone.proc.stop()
    return figures


case.run(main)
