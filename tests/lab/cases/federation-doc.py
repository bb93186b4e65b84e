# SPDX-License-Identifier: BSD-2-Clause
"""docs/federation.md, done as it is written, joins two domains: pings both ways, and a call."""
# lab: timeout=150

import os
import re
import time

from lablib import case, ntm, phones, questions, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.dnstree import Nsd, Tree, zone_text
from lablib.kamailio import Kamailio
from lablib.links import settle
from lablib.machine import Machine
from lablib.recipe import Operator
from lablib.signed import Key
from lablib.topology import TwoPlaces
from lablib.verdict import Fail, check

DOC = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "federation.md")
BOB = "198.19.0.2"
UNBOUND_SITE = """server:
    interface: {addr}
    access-control: 0.0.0.0/0 allow
    root-hints: {hints}
    use-syslog: no
"""
BIND_KEYS = 'trust-anchors {{ . initial-ds {} {} {} "{}"; }};\n'


class Scene:
    """The two sites as they are before: hosts with Debian's files, resolvers that validate.

    names: the records of the zone example.
    """

    def __init__(self, lab, doc, names):
        self.doc = doc
        self.net = net = TwoPlaces(lab, "caller")
        self.at = doc.machines = {name: Machine(host, place.dns.addr) for place, name, host in (
            (place, name, host) for place, user in ((net.a, "alice"), (net.b, "bob"))
            for name, host in ((f"the DC of {place.letter}.example", place.dc),
                               (f"the resolver of {place.letter}.example", place.dns),
                               (f"the SIP server of {place.letter}.example", place.sip),
                               (f"{user}'s host", place.phone)))}
        self.dc_a, self.dc_b = self.at["the DC of a.example"], self.at["the DC of b.example"]
        self.alice, self.bob = self.at["alice's host"], self.at["bob's host"]
        self.unbound = self.at["the resolver of a.example"]
        self.tree = Tree(net.root, net.parent, [], names, lambda zone: Key(lab, zone))
        self.resolve()
        self.at_dc = Capture(net.a.dc)
        self.outside = Capture(net.inet, "br0")

    def resolve(self):
        """Resolvers as Debian has them, but for the root's addresses and its key."""
        bind = self.at["the resolver of b.example"]
        self.unbound.write("/etc/unbound/unbound.conf.d/site.conf", UNBOUND_SITE.format(
            addr=self.unbound.host.addr, hints=self.tree.hints))
        self.unbound.write("/var/lib/unbound/root.key", self.tree.anchor + "\n")
        self.unbound.tell("chown -R unbound /var/lib/unbound; systemctl start unbound")
        with open(self.tree.hints, encoding="ascii") as file:
            bind.write("/usr/share/dns/root.hints", file.read())
        bind.write("/etc/bind/bind.keys", BIND_KEYS.format(*self.tree.anchor.split()[-4:]))
        bind.tell("systemctl start named")

    def join(self):
        """Each domain works before the two are joined."""
        for dc, name, where in ((self.dc_a, "sip", "the SIP server of a.example"),
                                (self.dc_a, "alice", "alice's host"),
                                (self.dc_b, "sip", "the SIP server of b.example"),
                                (self.dc_b, "bob", "bob's host")):
            token = dc.tell(f"ntm-dc node add {name} 2>/dev/null").strip()
            self.at[where].tell(f"ntm-node join {token}; systemctl enable --now ntm-node")

    @property
    def nodes(self):
        return [self.at[f"the SIP server of {x}.example"] for x in "ab"] + [self.alice, self.bob]

    def wait_partners(self):
        for node in self.nodes:
            wait.until(lambda n=node: "partner " in n.shell("ntm-node status")[1], 5,
                       f"a partner at {node.host.name}", 0.1)

    def forget(self):
        """Neither DC remembers the other one, and no node has a tunnel."""
        for dc in (self.dc_a, self.dc_b):
            dc.tell("systemctl restart ntm-dc")
        for node in self.nodes:
            node.tell("systemctl restart ntm-node")  # else it notices in 15 s
        for dc in (self.dc_a, self.dc_b):
            wait.until(lambda d=dc: d.tell("ntm-dc node list").count(" online ") == 2, 5,
                       f"nodes of {dc.host.name} to register", 0.1)

    def ping_address(self, *wanted):
        """alice reaches bob by address, and her DC asked DNS just for what is wanted."""
        begin = time.time()
        self.alice.tell(f"ntm-node ping --count 1 {BOB}")
        ours = {self.net.a.dc.addr, self.net.a.dc.addr6}
        asked = [repr(q) for q in questions.asked(self.at_dc.packets())
                 if q.asked >= begin and q.packet.src in ours and q.kind == "PTR"]
        check(asked == list(wanted), f"a.example's DC asked for {asked}, not {wanted}")

    def start_phones(self):
        for letter in "ab":
            name = f"the SIP server of {letter}.example"
            Kamailio(self.at[name].host, domains=[f"{letter}.example"],
                     lines=self.doc.text("part", name))
        pair = [Baresip(machine.host, user, f"{letter}.example", tone, "ntm0", vip,
                        outbound=f"sip:{letter}.example")
                for machine, user, letter, tone, vip in (
                    (self.alice, "alice", "a", 500, "198.18.0.2"),
                    (self.bob, "bob", "b", 900, BOB))]
        phones.register(*pair)
        return pair

    def call(self):
        alice, bob = self.start_phones()
        figures = phones.converse(alice, bob, phones.listen((alice, bob)))
        straight, _ = ntm.check_direct(self.net, self.outside.packets(), 100)
        return f"{figures}; {straight} packets straight"


PTR = "PTR 2.0.19.198.in-addr.arpa"
SECOND = "PTR 2.0.19.198.vip.b.example"
NS, NS_ADDR = "ns.b.example.", "203.0.113.53"
FINGERPRINT = re.compile(r"[0-9a-f]{4}(:[0-9a-f]{4}){3}")


def pinned(lab, doc):
    """The way of the document from top to bottom, but for mode dnssec."""
    scene = Scene(lab, doc, (doc.text("zone", "a.example") +
                             doc.text("zone", "b.example", "3. DNS: the names")).splitlines())
    doc.do("1. What you need")
    scene.join()
    code, words = scene.alice.shell("ntm-node ping --count 1 sip.b.example")
    check(code and "in a domain that it trusts" in words, f"joined before: {words}")
    doc.do("2. Trust each other")
    scene.wait_partners()
    doc.do("3. DNS: the names")
    doc.do("Nothing to do")
    scene.ping_address(PTR, SECOND)
    doc.do("Your resolver is unbound")
    doc.do("Your resolver is BIND")
    scene.forget()
    scene.ping_address(PTR)
    doc.do("5. The SIP servers")
    doc.do("6. Check")
    figures = scene.call()
    doc.do("A call")
    doc.do("Without a resolver of your own")
    scene.unbound.tell("systemctl stop unbound")
    scene.forget()
    scene.ping_address(PTR)
    scene.unbound.tell("systemctl start unbound")
    scene.alice.tell("systemctl restart ntm-node")
    doc.do("Who may be called")
    scene.alice.tell("ntm-node ping --count 1 sip.b.example")
    doc.do("10. Leaving")
    wait.until(lambda: " up " not in scene.alice.tell("ntm-node tunnels"), 2, "tunnels to end")
    scene.bob.tell("systemctl restart ntm-node")
    code, words = scene.bob.shell("ntm-node ping --count 1 alice.a.example")
    check(code and "does not let us in" in words, f"a.example has left: {words}")
    scene.alice.tell("systemctl restart ntm-node")  # else it remembers failures for 5 s
    doc.do("tofu")
    check_learned(scene, "tofu")
    return figures


def signed(lab, doc):
    """Mode dnssec: b.example's zone is signed, and in a name server of its own."""
    with_key = Key(lab, "b.example")
    scene = Scene(lab, doc, [*doc.text("zone", "a.example").splitlines(), with_key.ds,
                             f"b.example. IN NS {NS}", f"{NS} IN A {NS_ADDR}"])
    server = scene.net.public("ns-b", 53)
    settle(scene.net.inet, server)
    doc.do("1. What you need")
    scene.join()
    exported = scene.dc_b.tell("ntm-dc trust export").split()
    records = doc.text("zone", "b.example", "dnssec").replace(
        "KEY", exported[exported.index("--root") + 1])
    Nsd(server, {"b.example": with_key.sign(zone_text("b.example", NS, [
        f"{NS} IN A {NS_ADDR}", *records.splitlines()]))})
    scene.dc_a.write("/usr/share/dns/root.key", scene.tree.anchor + "\n")
    scene.dc_b.tell(scene.dc_a.tell("ntm-dc trust export 2>/dev/null"))
    doc.do("dnssec")
    scene.forget()
    check_learned(scene, "dnssec")


def check_learned(scene, mode):
    """The first ping pins the root key that the other DC has."""
    exported = scene.dc_b.tell("ntm-dc trust export")
    try:
        wait.until(lambda: not scene.alice.shell("ntm-node ping --count 1 bob.b.example")[0], 8,
                   f"{mode}: alice to reach bob", 0.2)
    except Fail as fail:
        raise Fail(f"{fail}: {scene.dc_a.tell('ntm-dc status | tail -n 1')}") from fail
    listed = scene.dc_a.tell("ntm-dc trust list")
    check(f" {mode} " in listed and FINGERPRINT.search(exported)[0] in listed,
          f"{mode}: {listed}")


def main(lab):
    for name, package in (("unbound", "unbound"), ("named", "bind9"), ("dig", "bind9-dnsutils")):
        lab.program(name, package)
    doc = Operator(DOC, lab.path("transcript"))
    with lab.scene("pinned"):
        figures = pinned(lab, doc)
    with lab.scene("dnssec"):
        signed(lab, doc)
    return f"{doc.check_all_done()} blocks; {figures}"


case.run(main)
