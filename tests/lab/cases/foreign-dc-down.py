# SPDX-License-Identifier: BSD-2-Clause
"""The other domain's DC is down: words at MN; back: the next call works; restarts harm no call."""
# lab: timeout=150

import signal
import time

from lablib import audio, case, phones, rtp, wait
from lablib.two_domains import Scene
from lablib.verdict import check

LIMIT_S = 5
MAX_GAP_MS = 200


def call_while_down(scene, alice, bob):
    """The servers have a tunnel, so the call is signalled; the media has no way."""
    scene.b.dc.kill(signal.SIGKILL)
    scene.alice.restart()  # its goodbye ends the tunnel between the phones' hosts
    phones.connect(alice, bob)
    told = wait.until(lambda: scene.alice.complaints(scene.bob.vip, scene.bob.fqdn), 5,
                      "words in alice's `status`")[0]
    check(not scene.alice.has_tunnel(scene.bob), "there is a tunnel although a DC is down")
    phones.hang_up(alice, bob)
    return told


def call_after_return(scene, alice, bob):
    """From the start of the DC to the first sound of a call."""
    begin = time.time()
    ears = phones.listen((alice, bob), "back")
    scene.b.dc.run()
    phones.connect(alice, bob)
    phones.talk(ears, 50)
    first = min(rtp.streams(ears[alice].udp(), dst=alice.addr)[0].times)
    check(first - begin <= LIMIT_S, f"sound {first - begin:.1f} s after the DC's return")
    return first - begin, ears


def restart_both(scene, ears):
    """In a call; everybody has to be back before it goes on for a while."""
    for site in scene.sites:
        site.dc.kill(signal.SIGKILL)
    phones.talk(ears, most(ears) + 50)
    for site in scene.sites:
        site.dc.run()
    scene.wait_online()
    phones.talk(ears, most(ears) + 50)


def most(ears):
    return max(rtp.count(ear.udp(), dst=phone.addr) for phone, ear in ears.items())


def main(lab):
    scene = Scene(lab, "caller")
    alice, bob = scene.phones()
    phones.connect(alice, bob)  # the servers find each other
    phones.hang_up(alice, bob)
    told = call_while_down(scene, alice, bob)
    back_s, ears = call_after_return(scene, alice, bob)
    restart_both(scene, ears)
    phones.hang_up(alice, bob)
    heard = [audio.heard(ears[here].packets(), there.tone_hz, max_gap_ms=MAX_GAP_MS, dst=here.addr)
             for here, there in ((alice, bob), (bob, alice))]
    return (f"down: \"{told}\"; sound {back_s:.1f} s after its return; both restarted in the call: "
            + ", ".join(map(str, heard)))


case.run(main)
