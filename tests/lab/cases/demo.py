# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/demo shows: a call from behind a symmetric NAT, as one ladder of all messages."""
# lab: timeout=120

import time

from lablib import case, clear, hold, inner, ntm, phones, sip, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.ladder import WIDTH, Ladder, Text
from lablib.story import Story, first_rtp, sip_label
from lablib.verdict import Fail, check

DELAY_MS = 5
COLUMNS = ["alice's phone", "alice's node", "SIP host", "DC", "bob's node", "bob's phone"]
ALICE, ALICE_NODE, SIP, DC, BOB_NODE, BOB = COLUMNS
PLACES = [8, 35, 62, 89]  # in the picture of the scene: alice's side, the SIP host, the DC, bob


class Call:
    """The scene, the two phones, and everything that was captured of their call."""

    def __init__(self, lab, say):
        say(f"a NAT and four hosts, {DELAY_MS} ms a link; ntm-dc, three ntm-node, Kamailio")
        self.scene = scene = ntm.Scene(lab, "caller", delay_ms=DELAY_MS)
        net = scene.net
        say(f"bob's phone registers (virtual address {scene.bob.vip})")
        self.at_sip = Capture(net.sip, "ntm0", "sip")
        self.at_cn = Capture(net.cn, "eth0", "bob-outside")
        self.bob = self._phone(net.cn, "bob", 900, scene.bob.vip)
        say(f"alice's phone registers from behind the NAT (virtual address {scene.alice.vip})")
        self.begin = time.time()
        self.alice = self._phone(net.mn, "alice", 500, scene.alice.vip)
        self.ears = {phone: phone.ear for phone in (self.alice, self.bob)}

    @staticmethod
    def _phone(host, user, hz, vip):
        phone = Baresip(host, user, ntm.DOMAIN, hz, "ntm0", vip)
        phone.ear = Capture(host, "ntm0", user)
        phone.start()
        phone.wait_registered()
        return phone

    def make(self, say):
        """Dials, talks and hangs up, and keeps what was captured."""
        say("alice calls bob, who answers; they listen to each other's tone for 2.5 s")
        self.dialled = time.time()
        phones.connect(self.alice, self.bob)
        phones.talk(self.ears)
        calls = self.scene.bob.calls()
        phones.hang_up(self.alice, self.bob)
        wait.until(lambda: list(sip.messages(self.alice.ear.udp(), "BYE", 200)), 3, "the last 200")
        self.call = next((call for call in calls if call["role"] == "callee"), None)
        check(self.call, "ntm-node calls does not know the call")
        self.at_alice, self.at_bob = (
            [p for p in ear.stop().packets() if p.time >= self.begin] for ear in self.ears.values())
        self.outside = self.scene.outside.stop().packets()
        self.server = list(self.at_sip.stop().packets())
        self.find_hold()

    def find_hold(self):
        """When the 200 OK left bob's phone, left his node, and was at the server and at alice."""
        alice, bob = self.alice.addr, self.bob.addr
        found = [hold.oks(self.at_bob, src=bob), hold.oks(self.server, src=bob),
                 hold.oks(self.server, dst=alice), hold.oks(self.at_alice, dst=alice)]
        for oks, place in zip(found, ("left bob's phone", "came to the SIP server",
                                      "left the SIP server", "reached alice's phone")):
            check(oks, f"no 200 OK {place}")
        self.ok_sent, self.ok_in, self.ok_out, self.ok_got = (oks[0] for oks in found)
        net = self.scene.net
        sealed = [p.time for p in self.at_cn.stop().packets()
                  if p.is_udp() and p.dst in (net.sip.addr, net.sip.addr6) and
                  p.time >= self.ok_sent.packet.time and
                  len(p.payload) >= len(self.ok_sent.packet.ip)]
        check(sealed, "the 200 OK did not leave bob's host sealed")
        self.let_go = sealed[0]
        self.held_ms = 1000 * (self.let_go - self.ok_sent.packet.time)

    def talk_time(self):
        byes = [m.packet.time for m in sip.messages(self.at_alice, "BYE", 0)]
        return self.ok_got.packet.time, min(byes)


def draw(call):
    ladder = Ladder(COLUMNS)
    net = call.scene.net
    hosts = {net.nat.addr: ALICE_NODE}
    for host, column in ((net.sip, SIP), (net.dc, DC), (net.cn, BOB_NODE)):
        hosts[host.addr] = hosts[host.addr6] = column
    story = Story(ladder, hosts, DC)
    story.dns(call.at_alice, ALICE, ALICE_NODE)
    first = min(p.time for p in call.at_alice if p.is_udp() and p.dport == 53)
    last = max(p.time for p in call.at_alice)
    story.ntm([p for p in call.outside if first <= p.time <= last])
    story.sip(call.at_alice, call.alice.addr, ALICE, SIP)
    story.sip([p for p in call.at_bob if p.time >= first], call.bob.addr, BOB, SIP,
              [call.ok_sent.raw])
    draw_headings(ladder, call, first)
    draw_hold(ladder, call)
    draw_media(ladder, call)
    return ladder.lines()


def draw_headings(ladder, call, first):
    for when, words in ((first, "alice's phone looks for its SIP server, and registers"),
                        (call.dialled, "alice calls bob"),
                        (call.ok_sent.packet.time, "bob answers"),
                        (call.talk_time()[1], "alice hangs up")):
        ladder.heading(when - 1e-6, words)


def draw_hold(ladder, call):
    """The 200 OK in pieces: to bob's node, which keeps it, then on to the SIP server."""
    sent = call.ok_sent.packet.time
    ladder.arrow(sent, BOB, BOB_NODE, sip_label(call.ok_sent, with_media=False), "sip")
    ladder.span(sent, call.let_go, BOB_NODE, "hold")
    ladder.note(sent + 2e-6, "HOLD: it answers alice's offer, and there is no tunnel to alice yet",
                "hold", BOB_NODE)
    ladder.note(call.let_go - 1e-6, f"HELD {call.held_ms:.1f} ms; the tunnel is up, it may go on",
                "hold", BOB_NODE)
    ladder.arrow(call.let_go, BOB_NODE, SIP, sip_label(call.ok_sent), "sip")


def draw_media(ladder, call):
    alice, bob = call.alice.addr, call.bob.addr
    for sent_at, got_at, src, dst, ends in (
            (call.at_bob, call.at_alice, bob, alice, (BOB, BOB_NODE, ALICE)),
            (call.at_alice, call.at_bob, alice, bob, (ALICE, ALICE_NODE, BOB))):
        sent, got = (first_rtp(packets, src, dst)[0] for packets in (sent_at, got_at))
        if call.ok_sent.packet.time < sent < call.let_go:  # it waited for the tunnel as well
            ladder.arrow(sent, ends[0], ends[1], "first sound", "media")
            ladder.arrow(got, ends[1], ends[2], "first sound, straight", "media")
        else:
            ladder.arrow(sent, ends[0], ends[2], "first sound, straight", "media")
    begin, end = call.talk_time()
    counts = [first_rtp(packets, src, dst)[1] for packets, src, dst in (
        (call.at_alice, bob, alice), (call.at_bob, alice, bob))]
    ladder.arrow(end - 2e-6, ALICE, BOB, f"{end - begin:.1f} s of sound both ways, "
                 f"sealed, straight between the nodes: {counts[0]} + {counts[1]} packets",
                 "media", both=True)


def verdict_call(call):
    """the call"""
    check(call.call["tunnel"] == "up", f"the tunnel is {call.call['tunnel']}")
    return "alice registered, rang, was answered and hung up; phones, server and NAT are unmodified"


def verdict_hold(call):
    """the 200 OK"""
    words = hold.check_hold(call.scene.net, call.alice, call.bob, call.ears, call.outside)
    own = call.call["held_ms"]
    check(own >= 0, "ntm-node calls says that nothing was held")
    check(abs(own - call.held_ms) < 20,
          f"`ntm-node calls` says {own} ms, the captures {call.held_ms:.1f}")
    return f"held {call.held_ms:.1f} ms (`ntm-node calls`: {own}), reached alice once, " + words[7:]


def verdict_bytes(call):
    """its bytes"""
    ends = {phone.addr: ear.packets() for phone, ear in call.ears.items()}
    count = inner.check_identical({call.scene.sip.vip: call.server, **ends})
    return f"{count} packets came out of the tunnels, each one byte by byte as it went in"


def verdict_path(call):
    """the path"""
    begin, end = call.talk_time()
    talk = [p for p in call.outside if begin <= p.time <= end]
    heard = sum(first_rtp(packets, src, dst)[1] for packets, src, dst in (
        (call.at_alice, call.bob.addr, call.alice.addr),
        (call.at_bob, call.alice.addr, call.bob.addr)))
    net = call.scene.net
    straight, by_server = ntm.check_direct(net, talk, heard // 3)
    return (f"straight: {straight} sealed packets {net.nat.addr} - {net.cn.addr} in the talk, "
            f"at most {by_server} by a server")


def verdict_sealed(call):
    """outside"""
    sealed = clear.check_sealed(call.outside, call.scene.vips, call.at_alice + call.at_bob)
    return f"{sealed} packets captured, none with a virtual address, SIP text or sound in clear"


def verdict_alice(call):
    """alice hears"""
    return phones.judge(call.alice, call.ears[call.alice], call.bob)


def verdict_bob(call):
    """bob hears"""
    return phones.judge(call.bob, call.ears[call.bob], call.alice)


VERDICTS = [verdict_call, verdict_hold, verdict_bytes, verdict_path, verdict_sealed, verdict_alice,
            verdict_bob]


def judge(call):
    """All verdicts as Texts, and the reasons of those that were bad."""
    lines, reasons = [], []
    for verdict in VERDICTS:
        try:
            words, mark = verdict(call), ("  ok   ", "good")
        except Fail as fail:
            words, mark = str(fail), ("  FAIL ", "bad")
            reasons.append(words)
        lines.append(Text(mark, f"{verdict.__doc__:<13}", words[:WIDTH - 20]))
    return lines, reasons


def picture(scene):
    net = scene.net
    rail, dim = "│", "dim"
    rows = [["alice: baresip", "", "", "bob: baresip"],
            [f"ntm-node {scene.alice.vip}", "", "", f"ntm-node {scene.bob.vip}"],
            [f"{rail} {net.mn.addr}", "", "", rail],
            ["symmetric NAT", "SIP host: Kamailio", "", rail],
            [rail, f"ntm-node {scene.sip.vip}", "DC: ntm-dc", rail],
            [f"{rail} {host.addr}" for host in (net.nat, net.sip, net.dc, net.cn)]]
    lines = []
    for row in rows:
        line = ""
        for at, words in zip(PLACES, row):
            line = line.ljust(at if words[:1] == rail else at - 3) + words
        lines.append(Text(line))
    wire = "".join("┴" if at in PLACES else "─" for at in range(3, 94))
    return [*lines, Text("   ", (wire, dim), " the Internet")]


def legend():
    return Text("   ", ("DNS", "dns"), " at the phones;  ", ("NTM", "ntm"), " as seen outside, "
                "half way;  ", ("SIP", "sip"), " and ", ("sound", "media"),
                " at the ntm0 of the phones")


def main(lab):
    with open(lab.path("progress"), "w", encoding="utf-8", buffering=1) as progress:
        def say(words):
            print(f"  {words} ...", file=progress)
        call = Call(lab, say)
        call.make(say)
    verdicts, reasons = judge(call)
    report = [*picture(call.scene), Text(), legend(), Text(), *draw(call), Text(), *verdicts]
    lab.write("\n".join(map(str, report)) + "\n", "report.txt")
    lab.write("\n".join(line.ansi() for line in report) + "\n", "report.ansi")
    check(not reasons, "; ".join(reasons))
    return f"held {call.held_ms:.1f} ms; {len(VERDICTS)} verdicts ok"


case.run(main)
