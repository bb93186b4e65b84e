# SPDX-License-Identifier: BSD-2-Clause
"""One merged ladder of DNS, NTM and SIP messages out of several captures."""

import struct

from lablib import ntm, rtp, sip

WIDTH = 19  # of a column
MARGIN = 10
DNS_TYPES = {1: "A", 12: "PTR", 28: "AAAA", 33: "SRV", 35: "NAPTR"}


class Ladder:
    """Columns from left to right; arrows between them, in the order of time."""

    def __init__(self, columns):
        self.columns = columns
        self.events = []

    def arrow(self, time, start, end, label):
        self.events.append((time, start, end, label))

    def note(self, time, label):
        self.events.append((time, None, None, label))

    def lines(self):
        """The drawing, at most MARGIN + WIDTH * columns characters wide."""
        self.events.sort(key=lambda event: event[0])
        zero = self.events[0][0]
        yield " " * MARGIN + "".join(f"{name:^{WIDTH}}" for name in self.columns)
        for time, start, end, label in self.events:
            stamp = f"{1000 * (time - zero):7.1f}"
            yield f"{stamp} " + (self._arrow(start, end, label) if start else self._note(label))

    def _rails(self):
        row = [" "] * (MARGIN - 8 + WIDTH * len(self.columns))
        for number in range(len(self.columns)):
            row[self._at(number)] = "|"
        return row

    @staticmethod
    def _at(number):
        return MARGIN - 8 + number * WIDTH + WIDTH // 2

    def _note(self, label):
        return f"  {'=' * 6} {label} ".ljust(len(self._rails()), "=")

    def _arrow(self, start, end, label):
        row = self._rails()
        a, b = (self._at(self.columns.index(name)) for name in (start, end))
        low, high = min(a, b), max(a, b)
        for place in range(low + 1, high):
            row[place] = "-"
        row[high - 1 if b > a else low + 1] = ">" if b > a else "<"
        text = f" {label} "[:high - low - 3]
        middle = low + 1 + (high - low - 1 - len(text)) // 2
        row[middle:middle + len(text)] = text
        return "".join(row)


def dns_label(payload):
    """What a DNS message asks or answers; None: of no interest."""
    if len(payload) < 17:
        return None
    _, flags, _, answers = struct.unpack("!HHHH", payload[:8])
    at, labels = 12, []
    while at < len(payload) and payload[at]:
        labels.append(payload[at + 1:at + 1 + payload[at]].decode(errors="replace"))
        at += 1 + payload[at]
    kind = DNS_TYPES.get(struct.unpack("!H", payload[at + 1:at + 3])[0], "?")
    name = ".".join(labels[:2 if labels[0][:1] == "_" else 1])
    if kind == "NAPTR" or labels[:2] == ["_sips", "_tcp"] or labels[:2] == ["_sip", "_tcp"]:
        return None  # phones ask for all of them; there are none
    if flags & 0x8000:
        return f"{kind} {name}" if answers else f"{kind}: none"
    return f"{kind}? {name}"


def add_dns(ladder, packets, phone, node):
    for packet in packets:
        if packet.is_udp() and 53 in (packet.sport, packet.dport):
            label = dns_label(packet.payload)
            ends = (phone, node) if packet.dport == 53 else (node, phone)
            if label:
                ladder.arrow(packet.time, *ends, label)


def add_sip(ladder, packets, vip, phone, server):
    """Messages as they pass a phone's interface."""
    for message in sip.messages(packets):
        label = f"{message.status or ''} {message.method}".strip()
        ends = (phone, server) if message.packet.src == vip else (server, phone)
        ladder.arrow(message.packet.time, *ends, label)


def add_ntm(ladder, packets, names):
    """Handshakes and control traffic outside. names: address -> column."""
    kinds = {ntm.INITIATION: "Request", ntm.RESPONSE: "Response"}
    for packet in packets:
        ends = names.get(packet.src), names.get(packet.dst)
        if not packet.is_udp() or None in ends or len(packet.payload) < 32:
            continue
        kind, purpose = packet.payload[0], packet.payload[1]
        if kind in kinds and purpose == ntm.END_TO_END:
            ladder.arrow(packet.time, *ends, f"Tunnel {kinds[kind]}")
        elif kind == ntm.TRANSPORT and "DC" in ends and len(packet.payload) > 32:
            ladder.arrow(packet.time, *ends, f"sealed {len(packet.payload)} B")



def add_first_media(ladder, packets, src, dst, ends):
    for stream in rtp.streams(packets, src=src, dst=dst)[:1]:
        ladder.arrow(min(stream.times), *ends, "first RTP")
