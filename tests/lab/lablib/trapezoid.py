# SPDX-License-Identifier: BSD-2-Clause
"""A call between two domains over two SIP servers, and all that has to hold of it."""

import ipaddress
import time

from lablib import clear, hold, ntm, phones, questions
from lablib.two_domains import Scene
from lablib.verdict import Fail, check

HELLO_LEN = 512  # bytes of an INITIATION between DCs
DNS_PORTS = (53,)  # names and virtual addresses in DNS are public


def prove(lab, ipv6=False):
    """alice calls bob, then, the DCs having forgotten all, bob calls alice; returns the figures."""
    scene = Scene(lab, "caller", ipv6=ipv6)
    alice, bob = scene.phones()
    begin = time.time()
    there = call(scene, "alice-bob", alice, bob)
    b = scene.b.domain
    by_name = found(scene, scene.a, begin, ("SRV", f"_ntm._udp.{b.name}"), ("A", b.dc))
    scene.alice.restart()  # so that the phones' hosts need a new tunnel
    scene.forget()
    begin = time.time()
    back = call(scene, "bob-alice", bob, alice)
    return f"by name: {by_name}; {there}; by address: {found_by_vip(scene, begin)}; {back}"


def call(scene, name, caller, callee):
    """One call with its verdicts."""
    begin = time.time()
    ears = phones.listen((caller, callee), name)
    figures = phones.converse(caller, callee, ears)
    outside = [p for p in scene.outside.packets() if p.time >= begin]
    held = hold.check_hold(scene.net, caller, callee, ears, outside)
    inner = [p for ear in ears.values() for p in ear.stop().packets()]
    sealed = clear.check_sealed(outside, scene.vips, inner, DNS_PORTS)
    straight, by_server = ntm.check_direct(scene.net, outside, 100)
    return (f"{figures}; {held}; {sealed} packets outside, none readable; {straight} straight, "
            f"at most {by_server} by a server")


def found_by_vip(scene, begin):
    """One of the DCs, whichever was faster, went from the address to the name to the other DC."""
    reasons = []
    for site in scene.sites:
        other = scene.others(site)
        pointer = ipaddress.ip_address(scene.vip(other.node)).reverse_pointer
        try:
            return found(scene, site, begin, ("PTR", pointer), ("A", other.domain.dc))
        except Fail as reason:
            reasons.append(str(reason))
    raise Fail("; ".join(reasons))


def found(scene, site, begin, *steps):
    """The site's DC asked the questions one after the other, then wrote to the other domain's DC.

    steps: (kind, name) of DNS questions. Nothing else may have led there: no packet before.
    """
    other = scene.others(site).place.dc
    packets = [p for p in scene.at_dc[site].packets() if p.time >= begin]
    ours = {site.place.dc.addr, site.place.dc.addr6}
    asked = [q for q in questions.asked(packets) if q.packet.src in ours]
    hellos = [p for p in ntm.frames(packets, ntm.INITIATION, ntm.BETWEEN_DCS)
              if p.src in ours and p.dst in (other.addr, other.addr6)]
    check(hellos, f"{site.place.dc.name} began no session with {other.name}")
    check(len(hellos[0].payload) == HELLO_LEN, f"a hello of {len(hellos[0].payload)} bytes")
    times = [begin]
    for kind, name in steps:
        times.append(next((q.asked for q in asked if q.asked >= times[-1] and q.fqdn == name and
                           q.kind == kind), None))
        check(times[-1], f"{site.place.dc.name} did not ask for {kind} {name}, but {asked}")
    check(times[-1] < hellos[0].time, f"{site.place.dc.name} wrote to {other.name} before it asked")
    words = [f"{kind} {name}" for kind, name in steps] + ["hello"]
    passed = [1000 * (at - times[1]) for at in (*times[1:], hellos[0].time)]
    return ", ".join(f"{word} +{ms:.1f} ms" for word, ms in zip(words, passed))
