# SPDX-License-Identifier: BSD-2-Clause
"""The DNS as it is in the wild: root, parent zones, delegations, and resolvers that begin there."""

import dataclasses
import ipaddress
import os

from lablib.dns import Unbound
from lablib.netns import Host, command
from lablib.ntm import Domain
from lablib.verdict import check

NSD_CONF = """server:
    ip-address: {addr}
    ip-address: {addr6}
    username: ""
    chroot: ""
    server-count: 1
    zonesdir: "{directory}"
    database: ""
    pidfile: "{directory}/nsd.pid"
    xfrdfile: "{directory}/xfrd.state"
    xfrdir: "{directory}"
    zonelistfile: "{directory}/zone.list"
    rrl-ratelimit: 0
remote-control:
    control-enable: yes
    control-interface: "{control}"
{zones}
"""
NSD_ZONE = """zone:
    name: "{zone}"
    zonefile: "{path}"
"""
HEAD = """$ORIGIN {origin}
$TTL 60
@ IN SOA {server} nobody.invalid. 1 3600 600 86400 5
@ IN NS {server}
"""
ROOT_SERVER, PARENT_SERVER = "root.nic.example.", "parent.nic.example."


def zone_text(zone, server, records):
    """A zone file; names in records may be relative to the zone."""
    origin = zone if zone.endswith(".") else zone + "."
    return HEAD.format(origin=origin, server=server) + "\n".join(records) + "\n"


def addresses(name, host):
    """The address records of a host under a name."""
    return [f"{name} IN {kind} {addr}" for kind, addr in (("A", host.addr), ("AAAA", host.addr6))
            if addr]


def reverse_zone(prefix):
    """The zone of the addresses in a prefix that ends where a label does."""
    net = ipaddress.ip_network(prefix)
    labels = net.network_address.reverse_pointer.split(".")
    size = 8 if net.version == 4 else 4
    return ".".join(labels[(net.max_prefixlen - net.prefixlen) // size:])


class Nsd:
    """An authoritative name server. zones: name -> text of the zone file."""

    def __init__(self, host, zones):
        self.host = host
        lab = host.lab
        self.dir = os.path.dirname(lab.path(host.name, "nsd.conf"))
        self.zones = {zone: os.path.join(self.dir, f"{zone.strip('.') or 'root'}.zone")
                      for zone in zones}
        for zone, text in zones.items():
            self._write(zone, text)
        self.control = [lab.program("nsd-control", "nsd"), "-c", os.path.join(self.dir, "nsd.conf")]
        lab.write(NSD_CONF.format(
            addr=host.addr, addr6=host.addr6, directory=self.dir,
            control=f"{lab.scratch(host.name)}/nsd",
            zones="".join(NSD_ZONE.format(zone=zone, path=path)
                          for zone, path in self.zones.items())), host.name, "nsd.conf")
        self.proc = host.start(f"nsd-{host.name}", [
            lab.program("nsd", "nsd"), "-d", "-c", os.path.join(self.dir, "nsd.conf")])
        host.wait_port(53)

    def _write(self, zone, text):
        with open(self.zones[zone], "w", encoding="ascii") as file:
            file.write(text)

    def load(self, zone, text):
        """Serves another text of the zone from now on; the serial number need not change."""
        self._write(zone, text)
        said = command([*self.control, "reload", zone])
        check("ok" in said, f"nsd-control reload {zone}: {said}")


@dataclasses.dataclass(frozen=True)
class Cut:
    """A domain and the host with the name server of its forward and reverse zones."""
    domain: Domain
    host: Host
    server: str = "dc"  # its label in the domain

    @property
    def name(self):
        return f"{self.server}.{self.domain.name}."

    def reverse_zones(self):
        return [reverse_zone(prefix) for prefix in (self.domain.prefix4, self.domain.prefix6)]


class Tree:
    """Root and parents of forward and reverse zones, on two hosts, with their delegations.

    names: more records of the zone example. key: makes what signs a zone (signed.Key); the tree
    is signed then, and anchor is the DS record of its root.
    """

    def __init__(self, root, parent, cuts, names=(), key=None):
        self.root = root
        self.anchor = None
        self.hints = parent.lab.write("\n".join(
            [f". 60 IN NS {ROOT_SERVER}", *addresses(f"{ROOT_SERVER} 60", root)]) + "\n", "hints")
        zones = parent_zones(cuts)
        zones["example"] += [*names, *addresses(ROOT_SERVER, root),
                             *addresses(PARENT_SERVER, parent)]
        zones["."] = [f"{zone}. IN NS {PARENT_SERVER}" for zone in ("example", "arpa")]
        zones["."] += addresses(PARENT_SERVER, parent)
        texts = {}
        for zone, records in zones.items():  # a zone comes before the one above it
            server = ROOT_SERVER if zone == "." else PARENT_SERVER
            texts[zone] = zone_text(zone, server, records)
            if key:
                self.anchor = self._sign(key(zone), texts, zones)
        Nsd(root, {".": texts.pop(".")})
        Nsd(parent, texts)

    @staticmethod
    def _sign(key, texts, zones):
        """Signs the zone, and names the key in the zone above it; returns its DS record."""
        texts[key.zone] = key.sign(texts[key.zone])
        if key.zone != ".":
            zones[".".join(key.zone.split(".")[1:]) or "."].append(key.ds)
        return key.ds


def parent_zones(cuts):
    """The records of the zones below the root, each zone before the one above it."""
    zones = {arpa: [f"{zone}. IN NS {cut.name}" for cut in cuts
                    for zone in cut.reverse_zones() if zone.endswith(arpa)]
             for arpa in ("in-addr.arpa", "ip6.arpa")}
    zones["arpa"] = [f"{sub}.arpa. IN NS {PARENT_SERVER}" for sub in ("in-addr", "ip6")]
    zones["example"] = [record for cut in cuts
                        for record in (f"{cut.domain.name}. IN NS {cut.name}",
                                       *addresses(cut.name, cut.host))]
    return zones


class Resolver(Unbound):
    """A site's resolver. It knows the root's address and asks its way down from there.

    anchors: trust anchors (records); with one it validates, else it takes what it is told.
    """

    def __init__(self, host, tree, anchors=()):
        server = [f'    root-hints: "{tree.hints}"',
                  "    unblock-lan-zones: yes",  # else reverse zones of ULAs do not exist
                  *(f'    trust-anchor: "{anchor}"' for anchor in anchors)]
        super().__init__(host, "\n".join(server),
                         modules="validator iterator" if anchors else "iterator")
