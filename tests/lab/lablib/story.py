# SPDX-License-Identifier: BSD-2-Clause
"""What captures tell, put into a ladder: DNS at the phones, NTM frames outside, SIP, media."""

from lablib import ntm, questions, rtp, sip
from lablib.verdict import check

SEALED_EMPTY = 32  # bytes of a TRANSPORT frame with nothing in it


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
        for question in questions.answered(packets):
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
