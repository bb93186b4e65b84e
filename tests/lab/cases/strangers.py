# SPDX-License-Identifier: BSD-2-Clause
"""A stranger's random, truncated and replayed packets: no reply, no growth, no flood in the log."""
# lab: timeout=120

import random
import time

from lablib import case, ntm, phones, rtp, wait
from lablib.capture import Capture
from lablib.links import settle
from lablib.netns import Host
from lablib.verdict import check

RANDOM = 4000  # packets to each address
GARBAGE = 2000  # of them again, to DNS
REPLAYS = 20  # times every captured frame
TYPES = (1, 2, 3, 4, 5, 16, 17, 18, 19, 20)
GROWTH_KIB = 512
LINES = 30


def made_up(rng):
    """Random bytes, half of them behind the head of a real frame."""
    data = rng.randbytes(rng.choice((0, 1, 7, 15, 16, 31, 32, 116, 148, 180, 500, 1232, 1400)))
    if rng.random() < 0.5 and len(data) >= 4:
        data = bytes([rng.choice(TYPES), rng.choice(b"nje\0\1"), 0, 0]) + data[4:]
    return data


def truncated(frames, rng):
    """Every frame cut at the places where parsers look, and with one bit changed."""
    for frame in frames:
        for length in {1, 4, 8, 15, 16, 24, 31, 32, len(frame) // 2, len(frame) - 16,
                       len(frame) - 1}:
            yield frame[:max(0, length)]
        changed = bytearray(frame)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        yield bytes(changed)
        yield frame + b"\0"


class Stranger:
    """A host of the Internet that nobody knows."""

    def __init__(self, scene, seed):
        net = scene.net
        self.rng = random.Random(seed)
        self.host = Host(net.lab, "eve")
        net.inet.plug(self.host, 66)
        settle(net.inet, self.host)
        self.capture = Capture(self.host)
        self.sent = 0

    def pour(self, target, packets):
        """Sends them from a few sockets, slowly enough that the receiver's buffer takes all."""
        socks = [self.host.udp() for _ in range(8)]
        for number, data in enumerate(packets):
            socks[number % len(socks)].sendto(data, target)
            self.sent += 1
            if number % 16 == 0:
                time.sleep(0.001)

    def replies(self, *ports):
        return [p for p in self.capture.udp(dst=self.host.addr) if p.sport in ports]


def captured(scene, addr):
    """What was sent to the host's NTM port so far: (port, handshakes first)."""
    packets = [p for p in scene.outside.udp(dst=addr) if p.payload and 53 not in (p.sport, p.dport)]
    port = packets[-1].dport
    frames = [p.payload for p in packets if p.dport == port]
    starts = [f for f in frames if f[0] != ntm.TRANSPORT]
    check(starts, f"no handshake to {addr} was captured")
    return port, starts[:20] + [f for f in frames if f[0] == ntm.TRANSPORT][:40]


def lines(program):
    return len(program.proc.log().splitlines())


def attack(stranger, scene, programs):
    """Pours everything on every program; returns the ports that were aimed at."""
    ports = set()
    for program, addr in programs.items():
        port, frames = captured(scene, addr)
        ports.add(port)
        rng = stranger.rng
        stranger.pour((addr, port), (made_up(rng) for _ in range(RANDOM)))
        stranger.pour((addr, port), truncated(frames, rng))
        stranger.pour((addr, port), (f for _ in range(REPLAYS) for f in frames))
    stranger.pour((scene.net.dc.addr, 53), (made_up(stranger.rng) for _ in range(GARBAGE)))
    return ports


def counted(programs):
    """How many packets the programs say that they dropped: those that they have looked at."""
    total = 0
    for program in programs:
        status = program.json("status")
        names = ("malformed", "bad_mac", "bad_mac1", "bad_handshake", "refused", "unknown_index",
                 "unknown_session", "bad_tag", "replay", "replayed", "limited")
        drops = status["drops"] if "drops" in status else status["links"]
        total += sum(drops.get(prefix + name, 0) for name in names for prefix in ("", "frames_"))
        # Frames of the relay family; a DC has no use for them.
        relayed = status.get("relays") if program.binary_name == "ntm-node" else {}
        total += sum(relayed.get(name, 0) for name in (
            "malformed", "unknown", "bad_source", "bad_mac", "stale", "unbound_hints_unused"))
    return total


def settled(programs):
    """Waits until the programs have read what was sent to them."""
    def idle():
        return all(not host_queue(p) for p in programs)
    wait.until(idle, 5, "empty sockets")


def host_queue(program):
    rows = program.host.run("ss", "-lnuH").splitlines()
    return sum(int(row.split()[1]) for row in rows)


def main(lab):
    scene = ntm.Scene(lab, None)
    net = scene.net
    for node in (scene.alice, scene.bob):
        node.restart()  # so that the capture has their handshakes
    alice, bob, ears = scene.phones()
    phones.connect(alice, bob)
    phones.talk(ears, 200)  # 4 s: a handshake's own copies are all over (3 s)
    programs = {scene.dc: net.dc.addr, scene.alice: net.mn.addr, scene.bob: net.cn.addr}
    stranger = Stranger(scene, lab.seed)
    attack(stranger, scene, programs)  # once for what is made at the first need
    settled(programs)
    before = {p: (p.rss_kib(), lines(p)) for p in programs}
    dropped, sent = counted(programs), stranger.sent
    ports = attack(stranger, scene, programs)
    settled(programs)
    dropped, sent = counted(programs) - dropped, stranger.sent - sent - GARBAGE
    growth = {p.name: p.rss_kib() - before[p][0] for p in programs}
    said = {p.name: lines(p) - before[p][1] for p in programs}
    check(dropped >= 0.9 * sent, f"only {dropped} of {sent} packets were looked at")
    replies = stranger.replies(*ports)
    check(not replies, f"{len(replies)} replies to a stranger, such as {replies[:1]}")
    check(max(growth.values()) <= GROWTH_KIB, f"memory grew: {growth} KiB")
    check(max(said.values()) <= LINES, f"the log was flooded: {said} lines")
    phones.talk(ears, max(rtp.count(e.udp(), dst=p.addr) for p, e in ears.items()) + 50)
    phones.hang_up(alice, bob)
    check(scene.dc.online() >= {"alice", "bob", "sip"}, "a node lost the DC")
    return (f"{dropped} of {sent} packets counted as dropped: 0 replies, "
            f"memory {max(growth.values()):+d} KiB, {max(said.values())} lines logged; the call went on")


case.run(main)
