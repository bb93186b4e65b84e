# SPDX-License-Identifier: BSD-2-Clause
"""The DC dies in a call: audio goes on over two rekeys; after its return new calls work."""
# lab: timeout=150

import signal

from lablib import audio, case, ntm, phones, rtp, wait
from lablib.verdict import check


def handshakes(node, peer):
    return next(t["handshakes"] for t in node.tunnels() if t["peer"].startswith(peer + "."))


def main(lab):
    scene = ntm.Scene(lab, "caller", rekey="3s")
    alice, bob, ears = scene.phones()
    vips = [scene.alice.vip, scene.bob.vip]
    phones.connect(alice, bob)
    phones.talk(ears, 50)
    before = handshakes(scene.alice, "bob")
    scene.dc.kill(signal.SIGKILL)
    wait.until(lambda: handshakes(scene.alice, "bob") >= before + 2, 20, "two rekeys", 0.2)
    count = rtp.count(ears[alice].udp(), dst=alice.addr)
    phones.talk(ears, count + 50)
    check(not scene.dc.proc.alive(), "the DC was to be dead")
    scene.dc.run()
    scene.dc.wait_online("alice", "bob", "sip")
    phones.hang_up(alice, bob)
    for phone, other in ((alice, bob), (bob, alice)):
        stream = rtp.streams(ears[phone].udp(), dst=phone.addr)[0]
        check(stream.lost == 0, f"{stream.lost} RTP packets lost at {phone.user}")
        check(stream.longest_gap_ms < 200, f"a gap of {stream.longest_gap_ms:.0f} ms")
        check(audio.heard(ears[phone].packets(), other.tone_hz, dst=phone.addr), "no tone")
    scene.alice.restart()  # so that the new call needs a new tunnel, hence the DC
    check([scene.alice.vip, scene.bob.vip] == vips, "a virtual address changed")
    phones.connect(alice, bob)
    phones.hang_up(alice, bob)
    return f"{handshakes(scene.bob, 'alice')} handshakes, gap {stream.longest_gap_ms:.0f} ms, 0 lost"


case.run(main)
