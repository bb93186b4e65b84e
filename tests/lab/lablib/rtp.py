# SPDX-License-Identifier: BSD-2-Clause
"""RTP out of captures: streams, losses and gaps by sequence number, PCMU to samples."""

import struct

PCMU = 0
PCMU_RATE = 8000
RTCP_TYPES = range(72, 77)  # 200..204 without the marker's bit


def _ulaw_to_linear(byte):
    """G.711: sign, three bits of exponent, four of mantissa, all inverted."""
    byte = ~byte & 0xff
    magnitude = ((((byte & 15) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


def to_ulaw(sample):
    """The PCMU byte of a 16-bit sample."""
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    byte = (0x80 if sample < 0 else 0) | exponent << 4 | (magnitude >> (exponent + 3)) & 15
    return ~byte & 0xff


LINEAR = [_ulaw_to_linear(byte) for byte in range(256)]


class Stream:
    """The packets of one SSRC between two sockets, as they arrived."""

    def __init__(self, src, dst, ssrc):
        self.src, self.dst, self.ssrc = src, dst, ssrc
        self.times = []
        self.by_seq = {}  # extended sequence number -> (timestamp, payload type, payload)
        self._last = None

    def add(self, time, seq, timestamp, kind, payload):
        if self._last is None:
            self._last = seq
        extended = self._last + ((seq - self._last + 0x8000) & 0xffff) - 0x8000
        self._last = max(self._last, extended)
        self.by_seq.setdefault(extended, (timestamp, kind, payload))
        self.times.append(time)

    @property
    def received(self):
        return len(self.by_seq)

    @property
    def lost(self):
        return max(self.by_seq) - min(self.by_seq) + 1 - len(self.by_seq)

    @property
    def longest_gap_ms(self):
        """The longest silence between two packets that follow each other."""
        times = sorted(self.times)
        return max((b - a for a, b in zip(times, times[1:])), default=0) * 1000

    def gap_ms(self, since, until=None):
        """The longest silence between `since` and `until` (default: the last packet)."""
        times = sorted(t for t in self.times if t >= since and (until is None or t < until))
        edges = [since, *times] + ([until] if until else [])
        return max((b - a for a, b in zip(edges, edges[1:])), default=0) * 1000

    @property
    def seconds(self):
        return max(self.times) - min(self.times)

    def samples(self):
        """The sound at 8000 samples a second; what is missing is silence."""
        order = sorted(self.by_seq)
        base = self.by_seq[order[0]][0]
        sound = []
        for seq in order:
            timestamp, kind, payload = self.by_seq[seq]
            at = (timestamp - base) & 0xffffffff
            if kind != PCMU or at > len(sound) + 60 * PCMU_RATE:
                continue
            sound.extend([0] * (at - len(sound)))
            sound[at:at + len(payload)] = [LINEAR[byte] for byte in payload]
        return sound


def parse(payload):
    """(sequence, timestamp, ssrc, type, payload) of an RTP packet, or None if it is not one."""
    if payload is None or len(payload) < 12 or payload[0] >> 6 != 2:
        return None
    kind = payload[1] & 0x7f
    if kind in RTCP_TYPES:
        return None
    seq, timestamp, ssrc = struct.unpack("!HII", payload[2:12])
    at = 12 + (payload[0] & 15) * 4
    if payload[0] & 0x10 and len(payload) >= at + 4:
        at += 4 + struct.unpack("!H", payload[at + 2:at + 4])[0] * 4
    return seq, timestamp, ssrc, kind, payload[at:]


def _may_be_rtp(packet):
    """A DNS message can look like RTP by its first bytes; its port tells."""
    return packet.is_udp() and min(packet.sport, packet.dport) >= 1024 and 5060 not in (
        packet.sport, packet.dport)


def streams(packets, src=None, dst=None):
    """The RTP streams among UDP packets, the longest first."""
    found = {}
    for packet in packets:
        if (src and packet.src != src) or (dst and packet.dst != dst):
            continue
        parsed = parse(packet.payload) if _may_be_rtp(packet) else None
        if not parsed:
            continue
        seq, timestamp, ssrc, kind, payload = parsed
        key = (packet.src, packet.sport, packet.dst, packet.dport, ssrc)
        stream = found.setdefault(key, Stream(key[0:2], key[2:4], ssrc))
        stream.add(packet.time, seq, timestamp, kind, payload)
    return sorted(found.values(), key=lambda s: -s.received)


def count(packets, **ends):
    """How many RTP packets there are between the ends."""
    return sum(stream.received for stream in streams(packets, **ends))
