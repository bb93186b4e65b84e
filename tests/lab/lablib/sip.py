# SPDX-License-Identifier: BSD-2-Clause
"""SIP messages out of captures: enough to say which one it is and what its SDP promises."""

import re

START = re.compile(rb"^(?:SIP/2\.0 (\d{3}) [^\r\n]*|([A-Z]+) (\S+) SIP/2\.0)\r?\n")


class Message:
    """One SIP message over UDP, with the packet that carried it."""

    def __init__(self, packet, start):
        self.packet = packet
        self.raw = packet.payload
        self.status = int(start[1]) if start[1] else None
        cseq = self.header("CSeq").split()
        self.method = start[2].decode() if start[2] else cseq[-1] if cseq else ""
        self.uri = start[3].decode() if start[3] else None
        self.body = self.raw.partition(b"\r\n\r\n")[2].decode(errors="replace")

    def header(self, name):
        """The value of the first header of that name, or an empty text."""
        found = re.search(rb"^%s\s*:\s*([^\r\n]*)" % name.encode(), self.raw, re.M | re.I)
        return found[1].decode(errors="replace") if found else ""

    @property
    def media_addr(self):
        """The address of the SDP's first c= line, or None."""
        found = re.search(r"^c=IN IP[46] ([^\s/]+)", self.body, re.M)
        return found[1] if found else None

    def __repr__(self):
        return f"{self.status or ''} {self.method} {self.packet}"


def messages(packets, method=None, status=None, src=None, dst=None):
    """The SIP messages among the packets; status 0 means requests, None means all."""
    for packet in packets:
        start = START.match(packet.payload) if packet.is_udp() else None
        if not start or (src and packet.src != src) or (dst and packet.dst != dst):
            continue
        message = Message(packet, start)
        if method in (None, message.method) and (status is None or status == (message.status or 0)):
            yield message


def unaltered(sent, received):
    """The SIP messages that arrived with bytes that nobody sent."""
    known = {message.raw for message in messages(sent)}
    return [message for message in messages(received) if message.raw not in known]
