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
DELAY_MS = 5  # of a link: what is let through too early is so by a margin


class Zoo:
    """The scene of figure 11 with sipp as phones; bob is registered. Calls come one by one."""

    def __init__(self, lab, ipv6=False):
        self.lab = lab
        self.scene = scene = ntm.Scene(lab, "caller", delay_ms=DELAY_MS, ipv6=ipv6)
        self.server, self.alice, self.bob = (
            node.vip6 if ipv6 else node.vip for node in (scene.sip, scene.alice, scene.bob))
        self.tone = sipp.tone_file(lab, 500)
        self.register()

    def register(self, user="bob", transport="u1"):
        """Tells Kamailio that the user is at bob's host."""
        Sipp(self.scene.net.cn, f"register-{user}", sipp.registration(user, ntm.DOMAIN),
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

    def call(self, name, caller, callee, held, speak=False, user="bob", transport="u1"):
        """One call from alice to bob. held: who has to hold something ("alice", "bob").

        speak: the sound is not sipp's, which knows an address only from a plain SDP body.
        Returns the figures and the visit, whose captures are complete.
        """
        visit = self.apart(name)
        extra = ("-t", transport)
        there = self.callee(name, callee, extra=extra)
        self.scene.net.cn.wait_port(5060, "tcp" if transport[0] == "t" else "udp")
        here = self.caller(name, caller, service=user, extra=extra)
        if speak:
            wait.until(lambda: list(sip.messages(visit.ears[self.alice].udp(), "ACK")), 8, "an ACK")
            self.speak(self.bob)
        here.wait_done()
        there.wait_done()
        return visit.judge(held), visit


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
        self.known = {call["call_id"] for call in zoo.scene.bob.calls()}
        self.ends = None

    def stop(self):
        """Ends the captures; what came in is in `ends` then, by virtual address."""
        self.ends = {vip: ear.stop().packets() for vip, ear in self.ears.items()}
        return self.ends

    def judge(self, held):
        """Same bytes, held where it has to be, nothing let through too early, and sound."""
        calls = self.calls()
        self.stop()
        inner.check_identical(self.ends)
        self.check_held(calls, held)
        self.check_order()
        words = [f"{who} {calls[who]['held_ms']} ms" for who in sorted(held)]
        self.check_sound(self.zoo.bob)
        return f"{self.name} ({'held: ' + ', '.join(words) if words else 'not held'})"

    def check_sound(self, src):
        """alice hears her own tone from there, and nothing was lost, the first packets included."""
        audio.heard(self.ends[self.zoo.alice], 500, HEARD_S, src=src, dst=self.zoo.alice)
        for there, here in ((self.zoo.alice, src), (src, self.zoo.alice)):
            sent, got = (rtp.count(self.ends[end], src=there, dst=here) for end in (there, here))
            check(got == sent, f"{self.name}: {got} of {sent} RTP packets from {there} to {here}")

    def calls(self):
        """The call as each end's node tells it; a node that saw none has nothing held."""
        scene = self.zoo.scene
        found = {}
        for who, node in (("alice", scene.alice), ("bob", scene.bob)):
            calls = [call for call in node.calls() if call["call_id"] not in self.known]
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
        return next((p.time for p in ntm.frames(self.zoo.scene.outside.packets(), ntm.RESPONSE,
                                                ntm.END_TO_END)
                     if p.time >= self.begin and net.is_straight(p)), None)

    def check_order(self):
        """What names the other phone's address comes after the tunnel; only an INVITE may not."""
        tunnel = self.tunnel_time()
        check(tunnel, f"{self.name}: no Tunnel Response between the phones' hosts")
        pair = {self.zoo.alice, self.zoo.bob}
        for here in pair:
            for message in sip.messages(self.ends[here], dst=here):
                if message.media_addr in pair - {here} and (
                        message.status or message.method != "INVITE"):
                    check(message.packet.time > tunnel,
                          f"{self.name}: reached {here} before the tunnel: {message}")

    def messages(self, vip, method=None, status=None, **ends):
        return list(sip.messages(self.ends[vip], method, status, **ends))


def bracketed(addr):
    return f"[{addr}]" if ":" in addr else addr
