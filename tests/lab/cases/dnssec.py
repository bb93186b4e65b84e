# SPDX-License-Identifier: BSD-2-Clause
"""Trust by DNSSEC: a signed zone is followed; a broken signature, or none, is refused in words."""
# lab: timeout=120

from lablib import case, ntm
from lablib.dns import Dig
from lablib.dnstree import Cut, Nsd, Tree
from lablib.links import settle
from lablib.signed import SignedZone, reverse_zones
from lablib.topology import TwoPlaces
from lablib.two_domains import A, B, Site
from lablib.verdict import check

NO_DNS = "dns {\n    serve = no\n}\n"


class Scene:
    """b.example is signed and served by nsd; the DC of a.example has its trust anchor.

    The resolver of b.example validates and is asked what the zone is worth; that of a.example does
    not, so that it is a.example's DC that refuses something.
    """

    def __init__(self, lab):
        self.net = net = TwoPlaces(lab, None)
        self.a, self.b = Site(net.a, A, "alice"), Site(net.b, B, "bob")
        ns = net.public("ns-b", 53)
        settle(net.inet, ns)
        tree = Tree(net.root, net.parent, [Cut(A, net.a.dc), Cut(B, ns, "ns")])
        self.b.coordinate("", NO_DNS)
        self.line = self.b.dc.trust_line()
        self.zone = SignedZone(lab, B, after(self.line, "--root")[0], ns, net.b.dc)
        self.nsd = Nsd(ns, {B.name: self.zone.signed(), **reverse_zones(B, ns)})
        self.b.resolve(tree, [self.zone.anchor])
        self.a.resolve(tree)
        self.a.coordinate(f'trust_anchors = {{ "{self.zone.anchor}" }}')
        self.alice = ntm.Node(net.mn, "alice", self.a.dc)
        self.bob = ntm.Node(net.cn, "bob", self.b.dc)
        self.b.dc.trust(self.a.dc)
        prefixes = [word for prefix in after(self.line, "--prefix")
                    for word in ("--prefix", prefix)]
        self.a.dc.verb("trust", "add", B.name, "--mode", "dnssec", *prefixes)
        self.a.wait_partner(B, self.alice)

    def serve(self, text):
        """Another text of the zone; nobody remembers the former one."""
        self.nsd.load(B.name, text)
        for site in (self.a, self.b):
            site.resolver.flush()
        self.a.dc.restart()
        self.alice.restart()  # it remembers failures for 5 s
        self.a.dc.wait_online("alice")

    def worth(self):
        """What a validating resolver makes of the zone: "secure", "insecure" or "bogus"."""
        answer = Dig(self.net.b.sip, self.b.resolver.addr).ask(f"_ntm.{B.name}", "TXT", "+recurse")
        return {"SERVFAIL": "bogus"}.get(answer.status,
                                         "secure" if "ad" in answer.flags else "insecure")

    def ping(self):
        """Whether alice reached bob, and what was said."""
        code, out, err = self.alice.verb("ping", "--count", "1", self.bob.fqdn, check_code=False)
        return code == 0, " ".join((out + err).split())


def after(words, option):
    """The values of an option that may be there several times."""
    return [value for name, value in zip(words, words[1:]) if name == option]


def check_refused(scene, name, text):
    """No tunnel, no pin; words at the node, and words in its `status`."""
    scene.serve(text)
    check(scene.worth() == "bogus", f"{name}: a validating resolver finds it {scene.worth()}")
    reached, words = scene.ping()
    check(not reached, f"{name}: alice reached bob: {words}")
    check(not scene.alice.has_tunnel(scene.bob), f"{name}: there is a tunnel")
    told = scene.alice.complaints(scene.bob.fqdn)
    check(told, f"{name}: nothing in alice's `status`")
    said = scene.a.dc.complaints()
    check(said, f"{name}: nothing in the `status` of a.example's DC")
    return f"{name}: \"{told[0]}\", DC: \"{said[0]}\""


def main(lab):
    scene = Scene(lab)
    refused = [check_refused(scene, "broken", scene.zone.broken()),
               check_refused(scene, "unsigned", scene.zone.plain)]
    scene.serve(scene.zone.signed())
    check(scene.worth() == "secure", f"signed: a validating resolver finds it {scene.worth()}")
    reached, words = scene.ping()
    check(reached, f"alice did not reach bob: {words}")
    return "; ".join(refused) + f"; signed: {words}"


case.run(main)
