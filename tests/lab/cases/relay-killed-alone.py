# SPDX-License-Identifier: BSD-2-Clause
"""The only relay is killed in a call: the call is back within 3 s of the relay's return."""

import signal
import time

from lablib import case, wait
from lablib.meeting import RELAY, symmetric_pair
from lablib.verdict import check

LIMIT_S = 3
AWAY_S = 2


def main(lab):
    call = symmetric_pair(lab, relays=1)
    call.connect()
    call.talk(100)
    call.check_path(RELAY)
    relay, = call.scene.relays
    relay.kill(signal.SIGKILL)
    killed = time.time()
    # For so long nothing comes: the relay is away, and there is no other way.
    wait.never(lambda: call.heard_since(killed + 0.1), AWAY_S, "RTP arrived without a relay")
    returned = time.time()  # before it is started: what it needs to get going counts
    relay.run()
    again = wait.until(lambda: call.heard_since(returned), LIMIT_S, "RTP both ways again", 0.05)
    call.talk(100)
    call.hang_up()
    check(again - returned <= LIMIT_S, f"RTP came back after {again - returned:.1f} s")
    heard = call.judge(max_gap_ms=1000 * (AWAY_S + LIMIT_S + 1), max_lost=call.lost())
    return f"sound {again - returned:.2f} s after the relay's start; {heard}"


case.run(main)
