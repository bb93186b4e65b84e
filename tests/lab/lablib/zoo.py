# SPDX-License-Identifier: BSD-2-Clause
"""The SIP zoo: unusual calls between two sipps over Kamailio and NTM, each judged by captures."""

import struct
import time

from lablib import audio, inner, ntm, rtp, sip, sipp, wait
from lablib.capture import Capture
from lablib.sipp import Sipp
from lablib.verdict import check

TALK_MS = 800
HEARD_S = 0.5


class Zoo:
    """The scene of figure 11 with sipp as phones; bob is registered. Calls come one by one."""

    def __init__(self, lab, ipv6=False):
        self.lab = lab
        self.scene = scene = ntm.Scene(lab, "caller", ipv6=ipv6)
        self.server, self.alice, self.bob = (
            node.vip6 if ipv6 else node.vip for node in (scene.sip, scene.alice, scene.bob))
        self.tone = sipp.tone_file(lab, 500)
        self.register()

    def register(self, transport="u1"):
        """Tells Kamailio where bob is."""
        Sipp(self.scene.net.cn, f"register-{transport}", sipp.registration("bob", ntm.DOMAIN),
             bracketed(self.server), addr=self.bob, port=5070,
             extra=("-t", transport)).wait_done()

    def caller(self, name, scenario, **options):
        return Sipp(self.scene.net.mn, f"{name}-alice", scenario, bracketed(self.server),
                    addr=self.alice, **options)

    def callee(self, name, scenario, **options):
        return Sipp(self.scene.net.cn, f"{name}-bob", scenario, addr=self.bob, echo=True, **options)

    def apart(self, name):
        """Takes the tunnel between alice and bob away, so that the next call has to make it."""
        self.scene.alice.restart()
        net = self.scene.net
        return Visit(self, name, {
            vip: Capture(host, "ntm0", f"{name}-{who}") for vip, host, who in (
                (self.server, net.sip, "server"), (self.alice, net.mn, "alice"),
                (self.bob, net.cn, "bob"))})

    def call(self, name, caller, callee, held, transport="u1", sound=True, speak=False):
        """One call from alice to bob. held: who has to hold something ("alice", "bob").

        speak: the sound is not sipp's, which knows an address only from a plain SDP body.
        Returns the figures and the visit, whose captures are complete.
        """
        visit = self.apart(name)
        extra = ("-t", transport)
        there = self.callee(name, callee, extra=extra)
        self.scene.net.cn.wait_port(5060, "tcp" if transport[0] == "t" else "udp")
        here = self.caller(name, caller, extra=extra)
        if speak:
            wait.until(lambda: list(sip.messages(visit.ears[self.alice].udp(), "ACK")), 8, "an ACK")
            self.speak(self.bob)
        here.wait_done()
        there.wait_done()
        return visit.judge(held, sound), visit


    def speak(self, addr, port=30000, packets=40):
        """Sends the tone from alice's host as a phone would."""
        sock = self.scene.net.mn.udp(self.alice)
        with open(self.tone, "rb") as file:
            tone = file.read(160 * packets)
        for number in range(packets):
            head = struct.pack("!BBHII", 0x80, rtp.PCMU, number, 160 * number, 0x6e746d)
            sock.sendto(head + tone[160 * number:160 * (number + 1)], (addr, port))
            time.sleep(0.02)  # the pace of speech


class Visit:
    """What was captured of one call, and the verdicts."""

    def __init__(self, zoo, name, ears):
        self.zoo = zoo
        self.name = name
        self.ears = ears
        self.begin = time.time()
        self.ends = None

    def stop(self):
        """Ends the captures; what came in is in `ends` then, by virtual address."""
        self.ends = {vip: ear.stop().packets() for vip, ear in self.ears.items()}
        return self.ends

    def judge(self, held, sound=True):
        """Same bytes, held where it has to be, nothing let through too early, and sound."""
        calls = self.calls()
        self.stop()
        inner.check_identical(self.ends)
        self.check_held(calls, held)
        self.check_order()
        words = [f"{who} {calls[who]['held_ms']} ms" for who in sorted(held)]
        if sound:
            audio.heard(self.ends[self.zoo.alice], 500, HEARD_S, dst=self.zoo.alice)
        return f"{self.name} ({'held: ' + ', '.join(words) if words else 'not held'})"

    def calls(self):
        """The newest call of each end, as its node tells it."""
        scene = self.zoo.scene
        found = {}
        for who, node in (("alice", scene.alice), ("bob", scene.bob)):
            calls = node.calls()
            found[who] = calls[0] if calls else {"held_ms": -1, "hold_end": None}
        return found

    def check_held(self, calls, held):
        for who, call in calls.items():
            was = call["held_ms"] >= 0
            check(was == (who in held), f"{self.name}: {who}'s node "
                  f"{'held' if was else 'did not hold'} a message: {call}")
            check(not was or call["hold_end"] == "tunnel up",
                  f"{self.name}: {who}'s node let go because of: {call['hold_end']}")

    def tunnel_time(self):
        """When the Tunnel Response between alice's and bob's host was seen outside, or None."""
        net = self.zoo.scene.net
        bob = {net.cn.addr, net.cn.addr6}
        alice = {net.nat.addr, net.nat.addr6}
        return next((p.time for p in ntm.frames(self.zoo.scene.outside.packets(), ntm.RESPONSE,
                                                ntm.END_TO_END)
                     if p.time >= self.begin and ((p.src in bob and p.dst in alice) or
                                                  (p.src in alice and p.dst in bob))), None)

    def check_order(self):
        """What names the other phone's address comes after the tunnel; only an INVITE may not."""
        tunnel = self.tunnel_time()
        check(tunnel, f"{self.name}: no Tunnel Response between the phones' hosts")
        pair = {self.zoo.alice, self.zoo.bob}
        for here in pair:
            for message in sip.messages(self.ends[here], dst=here):
                names = any(f" {vip}\r" in message.body for vip in pair - {here})
                if names and (message.status or message.method != "INVITE"):
                    check(message.packet.time > tunnel,
                          f"{self.name}: reached {here} before the tunnel: {message}")

    def messages(self, vip, method=None, status=None, **ends):
        return list(sip.messages(self.ends[vip], method, status, **ends))


def bracketed(addr):
    return f"[{addr}]" if ":" in addr else addr
