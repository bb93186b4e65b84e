# SPDX-License-Identifier: BSD-2-Clause
"""A signed zone with NTM's records in it, as an operator keeps one in a name server of his own."""

import os
import re

from lablib import ntm
from lablib.dnstree import addresses, reverse_zone, zone_text
from lablib.netns import command
from lablib.verdict import check

ALGORITHM = "ECDSAP256SHA256"


class Key:
    """What signs a zone."""

    def __init__(self, lab, zone):
        self.zone = zone
        self.dir = os.path.dirname(lab.path(f"zone-{zone.strip('.') or 'root'}", "x"))
        self.signer = lab.program("ldns-signzone", "ldnsutils")
        keygen = lab.program("ldns-keygen", "ldnsutils")
        name = command(["sh", "-c", f"cd '{self.dir}' && {keygen} -k -a {ALGORITHM} {zone}"])
        self.path = os.path.join(self.dir, name.strip())

    @property
    def ds(self):
        """The record by which the parent zone, or whoever trusts the key, names it."""
        with open(self.path + ".ds", encoding="ascii") as file:
            return " ".join(file.read().split())

    def sign(self, text):
        """The text of the zone with its signatures."""
        path = os.path.join(self.dir, "zone")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        command([self.signer, "-f", path + ".signed", path, self.path])
        with open(path + ".signed", encoding="ascii") as file:
            return file.read()


class SignedZone:
    """The forward zone of a domain. root: its root key as TXT shows it; host: its name server."""

    def __init__(self, lab, domain, root, host, dc_host):
        self.key = Key(lab, domain.name)
        self.plain = zone_text(domain.name, f"ns.{domain.name}.", [
            *addresses("ns", host), *addresses("dc", dc_host),
            f"_ntm._udp IN SRV 0 0 {ntm.PORT} dc.{domain.name}.",
            f'_ntm IN TXT "v=ntm1 root={root}"'])

    @property
    def anchor(self):
        """The record that others trust."""
        return self.key.ds

    def signed(self):
        return self.key.sign(self.plain)

    def broken(self):
        """Signed, but the signature of the root key's TXT is another one."""
        text, count = re.subn(r"(^_ntm\.\S+\s+\d+\s+IN\s+RRSIG\s+TXT .*?\. )(\S)(\S)", swap,
                              self.signed(), flags=re.M)
        check(count == 1, f"{count} signatures of the TXT record")
        return text


def swap(match):
    """Changes the first character of a signature."""
    other = "A" if match[2] != "A" else "B"
    return match[1] + other + match[3]


def reverse_zones(domain, host):
    """The reverse zones' texts: every address leads to the domain's DC."""
    return {zone: zone_text(zone, f"ns.{domain.name}.", [f"* IN PTR {domain.dc}."])
            for zone in map(reverse_zone, (domain.prefix4, domain.prefix6))}
