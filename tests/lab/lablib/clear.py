# SPDX-License-Identifier: BSD-2-Clause
"""Nothing readable outside: no virtual address, no SIP text, no RTP payload in clear."""

import ipaddress

from lablib import rtp
from lablib.verdict import check

SIP_WORDS = (b"SIP/2.0", b"INVITE ", b"REGISTER ", b"CSeq: ", b"Call-ID", b"v=0\r\no=", b"m=audio")
NEEDLE = 32  # bytes of an RTP payload that are searched for


def needles(inner_packets):
    """Pieces of the RTP payloads of a capture made inside. A tone repeats, so they are few."""
    found = set()
    for packet in inner_packets:
        parsed = rtp.parse(packet.payload) if packet.is_udp() else None
        if parsed and len(parsed[4]) >= NEEDLE:
            found.add(parsed[4][:NEEDLE])
    return found


def readable(packets, vips=(), payloads=(), ports_apart=()):
    """The (packet, word) where something inner shows. ports_apart: UDP/TCP ports not looked at.

    An address counts as text, as an IP source or destination, and as an inner header would hold
    it, two next to each other; four bytes alone would also be met by chance.
    """
    addrs = [ipaddress.ip_address(vip) for vip in vips]
    words = [str(addr).encode() for addr in addrs] + list(SIP_WORDS)
    words += [a.packed + b.packed for a in addrs for b in addrs if a.version == b.version]
    words += list(payloads)
    named = {str(addr) for addr in addrs}
    for packet in packets:
        if packet.sport in ports_apart or packet.dport in ports_apart:
            continue
        if packet.src in named or packet.dst in named:
            yield packet, "a virtual address in the IP header"
        for word in words:
            if word in packet.ip:
                yield packet, repr(word[:16])


def check_sealed(packets, vips=(), inner_packets=(), ports_apart=()):
    """Fails the case with the first packet that shows something; returns how many there were."""
    packets = list(packets)
    check(packets, "the capture is empty: nothing is proven by it")
    for packet, word in readable(packets, vips, needles(inner_packets), ports_apart):
        check(False, f"{word} is readable outside, in {packet}")
    return len(packets)
