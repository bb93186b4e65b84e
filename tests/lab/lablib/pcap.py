# SPDX-License-Identifier: BSD-2-Clause
"""Reads captures: packets with their IP and UDP or TCP parts, without any foreign library."""

import functools
import socket
import struct

ETHERNET, RAW_IP, RAW_OLD, COOKED, COOKED2 = 1, 101, 12, 113, 276
MAGIC = {0xa1b2c3d4: 1e6, 0xa1b23c4d: 1e9}
UDP, TCP = 17, 6
V6_SKIPPED = {0, 43, 60}  # hop-by-hop, routing, destination options
V6_FRAGMENT = 44


class Packet:
    """One IP packet of a capture. sport, dport and payload are None where there are none."""

    __slots__ = ("time", "frame", "src", "dst", "proto", "sport", "dport", "payload", "ip",
                 "fragment")

    def __init__(self, time, frame, ip):
        self.time = time
        self.frame = frame  # as captured, with the link header
        self.ip = ip  # from the IP header on, without padding behind it
        self.src = self.dst = self.proto = self.sport = self.dport = self.payload = None
        self.fragment = 0  # offset in bytes; the parts behind the first one have no ports

    def is_udp(self):
        return self.proto == UDP and self.payload is not None

    def __repr__(self):
        return f"{self.time:.6f} {self.src}:{self.sport} > {self.dst}:{self.dport} {self.proto}"


class Reader:
    """A capture file that may still grow; what was read once is not read again."""

    def __init__(self, path):
        self.path = path
        self.at = 24
        self.order = self.scale = self.link = None

    def _head(self, file):
        head = file.read(24)
        if len(head) < 24:
            return False
        self.order = "<" if struct.unpack("<I", head[:4])[0] in MAGIC else ">"
        magic, = struct.unpack(self.order + "I", head[:4])
        link, = struct.unpack(self.order + "I", head[20:24])
        self.scale, self.link = MAGIC[magic], link & 0xffff
        return True

    def records(self):
        """The new (time, link type, bytes); a record cut off at the end is left for later."""
        with open(self.path, "rb") as file:
            if not self.order and not self._head(file):
                return
            file.seek(self.at)
            data = file.read()
        at = 0
        while at + 16 <= len(data):
            seconds, fraction, length, _ = struct.unpack(self.order + "IIII", data[at:at + 16])
            if at + 16 + length > len(data):
                return
            at += 16 + length
            self.at += 16 + length
            yield seconds + fraction / self.scale, self.link, data[at - length:at]

    def packets(self):
        """The new IP packets in order; other frames are left out."""
        for time, link, frame in self.records():
            ip = _ip_of(link, frame)
            packet = _parse(time, frame, ip) if ip else None
            if packet:
                yield packet


def udp(of, **fields):
    """The UDP packets whose fields (src, dst, sport, dport) have the values given."""
    for packet in of:
        if packet.is_udp() and all(getattr(packet, k) == v for k, v in fields.items()):
            yield packet


@functools.lru_cache(maxsize=4096)
def _addr(raw):
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _ip_of(link, frame):
    if link in (RAW_IP, RAW_OLD):
        return frame
    offset, at = {ETHERNET: (14, 12), COOKED: (16, 14), COOKED2: (20, 0)}[link]
    if len(frame) < offset:
        return None
    kind = struct.unpack("!H", frame[at:at + 2])[0]
    return frame[offset:] if kind in (0x0800, 0x86dd) else None


def _parse(time, frame, ip):
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        return _parse4(time, frame, ip)
    if len(ip) >= 40 and ip[0] >> 4 == 6:
        return _parse6(time, frame, ip)
    return None


def _parse4(time, frame, ip):
    total, fragment = struct.unpack("!H", ip[2:4])[0], struct.unpack("!H", ip[6:8])[0]
    packet = Packet(time, frame, ip[:total or None])  # 0: a segment to be cut by the device
    packet.src, packet.dst = _addr(ip[12:16]), _addr(ip[16:20])
    packet.proto = ip[9]
    packet.fragment = (fragment & 0x1fff) * 8
    _parse_ports(packet, (ip[0] & 15) * 4)
    return packet


def _parse6(time, frame, ip):
    length = struct.unpack("!H", ip[4:6])[0]
    packet = Packet(time, frame, ip[:40 + length] if length else ip)
    packet.src, packet.dst = _addr(ip[8:24]), _addr(ip[24:40])
    proto, at = ip[6], 40
    while proto in V6_SKIPPED | {V6_FRAGMENT} and at + 8 <= len(ip):
        if proto == V6_FRAGMENT:
            packet.fragment = struct.unpack("!H", ip[at + 2:at + 4])[0] & 0xfff8
            proto, at = ip[at], at + 8
        else:
            proto, at = ip[at], at + 8 + ip[at + 1] * 8
    packet.proto = proto
    _parse_ports(packet, at)
    return packet


def _parse_ports(packet, at):
    ip = packet.ip
    if packet.fragment or packet.proto not in (UDP, TCP) or len(ip) < at + 8:
        return
    packet.sport, packet.dport = struct.unpack("!HH", ip[at:at + 4])
    header = 8 if packet.proto == UDP else (ip[at + 12] >> 4) * 4 if len(ip) > at + 12 else 20
    packet.payload = ip[at + header:]


def volume(captured, **fields):
    """(packets, IP bytes) of those whose fields (src, dst, sport, dport, proto) are as given."""
    chosen = [p for p in captured if all(getattr(p, k) == v for k, v in fields.items())]
    return len(chosen), sum(len(p.ip) for p in chosen)
