# SPDX-License-Identifier: BSD-2-Clause
"""DNS lies about the other phone's DC: no tunnel, a reason in words, the call is let through."""
# lab: timeout=150

import ipaddress
import random
import threading

from lablib import case, hold, ntm, sipp, wait
from lablib.capture import Capture
from lablib.links import settle
from lablib.sipp import Sipp
from lablib.two_domains import C, Scene
from lablib.verdict import check

NOBODY = "203.0.113.99"
SLACK_S = 0.25


class Garbage:
    """A host that answers every packet to NTM's port with bytes of its own making."""

    def __init__(self, net):
        self.host = net.public("eve", 66)
        settle(net.inet, self.host)
        self.sock = self.host.udp(port=ntm.PORT, timeout_s=None)
        self.rng = random.Random(net.lab.seed)
        self.answered = 0
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self):
        while True:
            data, peer = self.sock.recvfrom(2048)
            noise = self.rng.randbytes(self.rng.randrange(1, 600))
            for reply in (noise, data, b"\x02d" + data[2:], data[:1] + noise):
                self.sock.sendto(reply, peer)
            self.answered += 1


class Lie:
    """What both sites' resolvers say while it lasts; the DCs have nothing better in memory."""

    def __init__(self, scene, records):
        self.scene = scene
        self.records = records  # site that is lied to -> records

    def __enter__(self):
        for site, records in self.records.items():
            for record in records:
                site.resolver.lie(record)
        self.scene.alice.restart()  # so that the phones' hosts need a new tunnel
        self.scene.forget()

    def __exit__(self, *_):
        for site, records in self.records.items():
            for record in records:
                site.resolver.stop_lying(record.split()[0])


def pointers(scene, target):
    """The other phone's address, also under the suffix that its domain owns, leads to target."""
    def records(other):
        for vip, suffix, own in ((other.node.vip, "in-addr.arpa", "vip"),
                                 (other.node.vip6, "ip6.arpa", "vip6")):
            name = ipaddress.ip_address(vip).reverse_pointer
            for full in (name, name.replace(suffix, f"{own}.{other.domain.name}")):
                yield f"{full}. 60 IN PTR {target}."
    return Lie(scene, {site: list(records(scene.others(site))) for site in scene.sites})


def address(scene, addr):
    """The name of the other domain's DC leads to the address."""
    return Lie(scene, {site: [f"{scene.others(site).domain.dc}. 60 IN A {addr}"]
                       for site in scene.sites})


class Line:
    """alice's and bob's sipp; bob is registered at his server."""

    def __init__(self, scene):
        self.scene = scene
        self.count = 0
        Sipp(scene.net.cn, "register", sipp.registration("bob", scene.b.domain.name),
             f"{scene.b.sip.vip}:5060", addr=scene.bob.vip, port=5070).wait_done()
        Sipp(scene.net.cn, "bob", sipp.callee(), addr=scene.bob.vip, calls=100).wait_ready()

    def call(self, name):
        """A call from alice to bob; returns for how long its 200 OK was under way."""
        scene = self.scene
        ends = [Capture(host, "ntm0", f"{name}-{host.name}")
                for host in (scene.net.cn, scene.net.mn)]
        Sipp(scene.net.mn, f"{name}-alice", sipp.caller(50, uri=f"sip:bob@{scene.b.domain.name}"),
             f"{scene.a.sip.vip}:5060", addr=scene.alice.vip).wait_done(20)
        took = hold.delays_s(*zip(ends, (scene.bob.vip, scene.alice.vip)))
        check(len(took) == 1, f"{name}: {len(took)} 200 OKs reached alice")
        return next(iter(took.values()))


def good(line, name):
    took = line.call(name)
    scene = line.scene
    check(scene.alice.has_tunnel(scene.bob), f"{name}: no tunnel although DNS is right")
    return took


def lied_to(line, name, lie):
    """The call is let through without a tunnel, and both a node and its DC say why."""
    scene = line.scene
    with lie:
        took = line.call(name)
        told = wait.until(lambda: reasons(scene), 5, f"{name}: words in `status`")
        for one, other in ((scene.alice, scene.bob), (scene.bob, scene.alice)):
            check(not one.has_tunnel(other), f"{name}: {one.fqdn} has a tunnel to {other.fqdn}")
    check(took <= hold.LIMIT_S + SLACK_S, f"{name}: the 200 OK came after {took:.2f} s")
    return f"{name}: 200 OK after {took:.2f} s, {told}"


def reasons(scene):
    """What a node says since its start of a peer that it cannot reach, when its DC says it too."""
    for site in scene.sites:
        other = scene.others(site).node
        told = site.node.complaints(other.vip, other.fqdn)
        dc = site.dc.complaints()
        if told and dc:
            return f"{site.node.fqdn}: \"{told[0]}\", {site.domain.dc}: \"{dc[0]}\""
    return None


def check_nobody_else(scene, garbage):
    """The packets went where DNS said, and nobody but the two had a tunnel to the phones."""
    check(garbage.answered, "nobody asked the host that answers with garbage")
    phones_hosts = {scene.net.mn.addr, scene.net.cn.addr}
    strangers = {garbage.host.addr, scene.third.host.addr, NOBODY}
    odd = [p for p in ntm.frames(scene.outside.packets(), ntm.TRANSPORT)
           if {p.src, p.dst} & strangers and {p.src, p.dst} & phones_hosts]
    check(not odd, f"sealed packets between a phone's host and a stranger: {odd[:1]}")


def main(lab):
    scene = Scene(lab, None, third=True)
    garbage = Garbage(scene.net)
    line = Line(scene)
    good(line, "before")
    figures = [lied_to(line, "third-domain", pointers(scene, C.dc)),
               lied_to(line, "garbage", address(scene, garbage.host.addr)),
               lied_to(line, "nobody", address(scene, NOBODY))]
    scene.alice.restart()
    scene.forget()
    good(line, "after")
    check_nobody_else(scene, garbage)
    return "; ".join(figures)


case.run(main)
