# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/demo shows: a call from behind a symmetric NAT, as one ladder of all its messages."""
# lab: timeout=120

from lablib import case, clear, hold, ladder, ntm, phones
from lablib.capture import Capture

COLUMNS = ["alice's phone", "ntm-node + NAT", "SIP host", "DC", "ntm-node", "bob's phone"]
ALICE, ALICE_NODE, SIP, DC, BOB_NODE, BOB = COLUMNS


def draw(scene, alice, bob, ears, at_sip, outside):
    net, drawing = scene.net, ladder.Ladder(COLUMNS)
    names = {net.nat.addr: ALICE_NODE}
    for host, column in ((net.sip, SIP), (net.dc, DC), (net.cn, BOB_NODE)):
        names[host.addr] = names[host.addr6] = column
    begin = min(p.time for p in ears[alice].udp() if p.dport == 53)
    first_rtp = {phone: [p.time for p in ears[phone].udp(src=phone.addr) if p.dport >= 20000]
                 for phone in ears}
    end = max(times[0] for times in first_rtp.values()) + 0.03
    for phone, node, name in ((alice, ALICE_NODE, ALICE), (bob, BOB_NODE, BOB)):
        inner = [p for p in ears[phone].udp() if begin <= p.time]
        ladder.add_dns(drawing, inner, name, node)
        ladder.add_sip(drawing, inner, phone.addr, name, SIP)
    ladder.add_ntm(drawing, [p for p in outside if begin <= p.time <= end], names)
    ladder.add_first_media(drawing, ears[bob].udp(), bob.addr, alice.addr, (BOB, ALICE))
    ladder.add_first_media(drawing, ears[alice].udp(), alice.addr, bob.addr, (ALICE, BOB))
    mark_hold(scene, drawing, alice, bob, ears, at_sip)
    return list(drawing.lines())


def mark_hold(scene, drawing, alice, bob, ears, at_sip):
    sent = hold.oks(ears[bob].udp(), src=bob.addr)[0].packet.time
    left = hold.oks(at_sip.udp(), src=bob.addr)[0].packet.time
    came = hold.oks(at_sip.udp(), dst=alice.addr)[0].packet.time
    heard = hold.oks(ears[alice].udp(), dst=alice.addr)[0].packet.time
    drawing.note(sent + 1e-6, "bob has answered: his node holds the 200 OK, tunnel to alice is made")
    drawing.note(left - 1e-6, f"200 OK goes on {1000 * (left - sent):.1f} ms after bob's phone sent it")
    drawing.note(heard + 1e-6, f"alice has it, {1000 * (heard - came):.1f} ms after the SIP server "
                 "sent it on")


def main(lab):
    scene = ntm.Scene(lab, "caller", delay_ms=5)
    at_sip = Capture(scene.net.sip, "ntm0", "sip")
    alice, bob, ears = scene.phones()
    phones.connect(alice, bob)
    phones.talk(ears)
    calls = scene.bob.verb("calls")[1]
    phones.hang_up(alice, bob)
    verdicts = [phones.judge(a, ears[a], b) for a, b in ((bob, alice), (alice, bob))]
    outside = scene.outside.stop().packets()
    hold.check_hold(scene, alice, bob, ears, outside)
    inner = [p for ear in ears.values() for p in ear.packets()]
    sealed = clear.check_sealed(outside, scene.vips, inner)
    straight, by_server = ntm.check_direct(scene, outside, scene.net.sip.addr, 100)
    report = [*draw(scene, alice, bob, ears, at_sip, outside), "", "ntm-node calls, at bob's:",
              *calls.rstrip().splitlines(), "",
              f"path    straight between the two hosts: {straight} sealed packets; "
              f"{by_server} crossed the SIP host (signalling)",
              f"sealed  {sealed} packets outside: no virtual address, SIP text or sound in clear",
              *(f"audio   {verdict}" for verdict in verdicts)]
    lab.write("\n".join(report) + "\n", "report.txt")
    return "; ".join(verdicts)


case.run(main)
