# SPDX-License-Identifier: BSD-2-Clause
"""What captures tell, put into a ladder: DNS at the phones, NTM frames outside, SIP, media."""

import struct

from lablib import ntm, rtp, sip
from lablib.verdict import check

DNS_TYPES = {1: "A", 12: "PTR", 28: "AAAA", 33: "SRV", 35: "NAPTR"}
SEALED_EMPTY = 32  # bytes of a TRANSPORT frame with nothing in it


class Question:
    """One DNS question and when it was asked and answered."""

    def __init__(self, packet):
        self.asked = packet.time
        self.answered = self.answer = None
        labels, at = _name(packet.payload, 12)
        self.kind = DNS_TYPES.get(struct.unpack("!H", packet.payload[at:at + 2])[0], "?")
        shown = labels[:2] if labels[0].startswith("_") else labels[:1] \
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


def _name(data, at):
    """The labels of an uncompressed name, and where it ends."""
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode(errors="replace"))
        at += 1 + data[at]
    return labels, at + 1


def questions(packets):
    """The DNS questions that a phone asked and got an answer to, in order."""
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
    return [question for question in found.values() if question.answered]


class Story:
    """Draws into a ladder. hosts: outside address -> column."""

    def __init__(self, ladder, hosts, dc):
        self.ladder = ladder
        self.hosts = hosts
        self.dc = dc
        self.told = []  # (begin, end, column): control traffic of a node that words stand for

    def dns(self, packets, phone, node):
        """Questions with an answer are arrows; those without are summed up in one line."""
        vain = []
        for question in questions(packets):
            if not question.answer:
                vain.append(question)
                continue
            self._vain(vain, phone, node)
            vain = []
            self.ladder.arrow(question.asked, phone, node, f"{question.kind}? {question.name}",
                              "dns")
            self.ladder.arrow(question.answered, node, phone, f"{question.kind} {question.answer}",
                              "dns")
        self._vain(vain, phone, node)

    def _vain(self, asked, phone, node):
        if not asked:
            return
        begin, end = asked[0].asked, asked[-1].answered
        self.told.append((begin, end, node))
        names = " ".join(f"{question.kind} {question.name}?" for question in asked)
        self.ladder.note(begin, f"{names} none (the DC says so, sealed, {len(asked)} x "
                         f"{1000 * (end - begin) / len(asked):.0f} ms)", "dns", phone)

    def ntm(self, packets):
        """Handshakes and control traffic as seen outside; twins over v4 and v6 are one arrow."""
        last = None
        for packet in packets:
            label = self._ntm_label(packet)
            if not label:
                continue
            ends = self.hosts[packet.src], self.hosts[packet.dst]
            if last and last[:2] == (ends, label) and packet.time - last[2] < 0.002:
                continue
            last = ends, label, packet.time
            self.ladder.arrow(packet.time, *ends, label, "ntm")

    def _ntm_label(self, packet):
        data = packet.payload if packet.is_udp() else b""
        ends = [self.hosts.get(addr) for addr in (packet.src, packet.dst)]
        if len(data) < SEALED_EMPTY or None in ends:
            return None
        kinds = {ntm.INITIATION: ("Tunnel Request", "INITIATION"),
                 ntm.RESPONSE: ("Tunnel Response", "RESPONSE")}
        if data[0] in kinds:
            return kinds[data[0]][data[1] != ntm.END_TO_END]
        control = data[0] == ntm.TRANSPORT and self.dc in ends and len(data) > SEALED_EMPTY
        told = any(begin <= packet.time <= end and node in ends for begin, end, node in self.told)
        return "sealed control" if control and not told else None

    def sip(self, packets, vip, phone, server, held=()):
        """Messages as they pass a phone's ntm0. held: messages that are drawn elsewhere."""
        for message in sip.messages(packets):
            if message.raw in held:
                continue
            ends = (phone, server) if message.packet.src == vip else (server, phone)
            self.ladder.arrow(message.packet.time, *ends, sip_label(message), "sip")


def sip_label(message, with_media=True):
    """The method or the status line's words, and the address that its SDP names."""
    if message.status:
        line = message.raw.split(b"\r\n", 1)[0].decode(errors="replace")
        words = line.split(" ", 1)[1].split(" --")[0]
        label = words if message.method == "INVITE" else f"{words} ({message.method})"
    else:
        label = message.method
    addr = message.media_addr
    return f"{label}, media {addr}" if addr and with_media else label


def first_rtp(packets, src, dst):
    """When the longest stream's first packet was seen, and how many there were."""
    found = rtp.streams(packets, src=src, dst=dst)
    check(found, f"no sound from {src} to {dst}")
    return min(found[0].times), found[0].received
