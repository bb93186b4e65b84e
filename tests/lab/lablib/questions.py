# SPDX-License-Identifier: BSD-2-Clause
"""DNS questions out of captures."""

import struct

TYPES = {1: "A", 2: "NS", 12: "PTR", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR", 43: "DS",
         48: "DNSKEY"}


class Question:
    """One DNS question and when it was asked and answered."""

    def __init__(self, packet):
        self.packet = packet
        self.asked = packet.time
        self.answered = self.answer = None
        labels, at = _name(packet.payload, 12)
        self.kind = TYPES.get(struct.unpack("!H", packet.payload[at:at + 2])[0], "?")
        self.fqdn = ".".join(labels).lower()
        shown = labels[:2] if labels and labels[0].startswith("_") else labels[:1] \
            if len(labels) > 2 else labels
        self.name = ".".join(shown)

    def take(self, packet):
        """Takes the answer in: an address, the name of a server, or nothing."""
        self.answered = packet.time
        if not struct.unpack("!H", packet.payload[6:8])[0]:
            return
        _, at = _name(packet.payload, 12)
        data = packet.payload[at + 4:]  # the answer's name is a pointer, two bytes
        size = struct.unpack("!H", data[10:12])[0]
        if self.kind == "A":
            self.answer = ".".join(map(str, data[12:12 + size]))
        elif self.kind == "SRV":
            self.answer = data[19:19 + data[18]].decode(errors="replace")
        else:
            self.answer = "found"

    def __repr__(self):
        return f"{self.kind} {self.fqdn}"


def _name(data, at):
    """The labels of an uncompressed name, and where it ends."""
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode(errors="replace"))
        at += 1 + data[at]
    return labels, at + 1


def asked(packets):
    """The DNS questions among the packets, answered or not, in order, each once."""
    found = {}
    for packet in packets:
        if not packet.is_udp() or 53 not in (packet.sport, packet.dport):
            continue
        port = packet.sport if packet.dport == 53 else packet.dport
        key = packet.payload[:2], port
        if packet.dport == 53:
            found.setdefault(key, Question(packet))
        elif key in found:
            found[key].take(packet)
    return list(found.values())


def answered(packets):
    """Those that got an answer."""
    return [question for question in asked(packets) if question.answered]
