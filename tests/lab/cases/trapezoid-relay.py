# SPDX-License-Identifier: BSD-2-Clause
"""Two domains, both users behind symmetric NATs: a relay of one domain, and when it dies the other's."""
# lab: timeout=120

import signal
import time

from lablib import case
from lablib.meeting import RELAY, Call, User
from lablib.topology import Home
from lablib.two_domains import Scene
from lablib.verdict import check

GAP_MS = 300


def main(lab):
    scene = Scene(lab, "both", relays=True)
    for site in scene.sites:
        site.dc.wait_relays("relay")
    nats = scene.net.nats
    alice, bob = (User(node.name, Home(node.host, nats[node.host]), node, phone) for node, phone
                  in zip((scene.alice, scene.bob), scene.phones()))
    call = Call(scene, alice, bob).connect()
    call.talk(100)
    check(call.lost() == 0, f"{call.lost()} RTP packets lost")
    carried = call.check_path(RELAY)
    first = call.carrier()
    begin = time.time()
    next(relay for relay in scene.relays if relay.host.name == first).kill(signal.SIGKILL)
    call.talk(100)
    other = call.carrier()
    gap_ms = call.gap_ms(begin - 0.5)
    call.hang_up()
    check(other != first, f"{first} was killed and still carries")
    check(gap_ms <= GAP_MS, f"a gap of {gap_ms:.0f} ms when {first} was killed")
    heard = call.judge(max_gap_ms=GAP_MS, max_lost=call.lost())
    return f"{carried}; killed, {other} goes on: gap {gap_ms:.0f} ms; {heard}"


case.run(main)
