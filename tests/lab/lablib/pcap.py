# SPDX-License-Identifier: BSD-2-Clause
"""Reads captures: packets with their IP and UDP or TCP parts, without any foreign library."""

import ipaddress
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


def records(path):
    """The (time, link type, bytes) of a capture file; a record cut off at the end is left out."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 24:
        return
    order = "<" if struct.unpack("<I", data[:4])[0] in MAGIC else ">"
    scale = MAGIC[struct.unpack(order + "I", data[:4])[0]]
    link = struct.unpack(order + "I", data[20:24])[0] & 0xffff
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack(order + "IIII", data[at:at + 16])
        at += 16
        if at + length > len(data):
            return
        yield seconds + fraction / scale, link, data[at:at + length]
        at += length


def packets(path):
    """The IP packets of a capture file in order; other frames are left out."""
    for time, link, frame in records(path):
        ip = _ip_of(link, frame)
        if ip:
            packet = _parse(time, frame, ip)
            if packet:
                yield packet


def udp(path, **fields):
    """The UDP packets whose fields (src, dst, sport, dport) have the values given."""
    for packet in packets(path):
        if packet.is_udp() and all(getattr(packet, k) == v for k, v in fields.items()):
            yield packet


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
    packet.src, packet.dst = (str(ipaddress.IPv4Address(ip[a:a + 4])) for a in (12, 16))
    packet.proto = ip[9]
    packet.fragment = (fragment & 0x1fff) * 8
    _parse_ports(packet, (ip[0] & 15) * 4)
    return packet


def _parse6(time, frame, ip):
    length = struct.unpack("!H", ip[4:6])[0]
    packet = Packet(time, frame, ip[:40 + length] if length else ip)
    packet.src, packet.dst = (str(ipaddress.IPv6Address(ip[a:a + 16])) for a in (8, 24))
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
