# SPDX-License-Identifier: BSD-2-Clause
"""The relay of a call is killed: the spare goes on, with a gap of at most 300 ms."""

import signal
import time

from lablib import case
from lablib.meeting import RELAY, symmetric_pair
from lablib.verdict import check

GAP_MS = 300


def main(lab):
    call = symmetric_pair(lab, relays=2)
    call.connect()
    call.talk(100)
    name = call.carrier()
    begin = time.time()
    next(relay for relay in call.scene.relays if relay.name == name).kill(signal.SIGKILL)
    call.talk(150)
    spare = call.carrier()
    call.check_path(RELAY)
    gap_ms = call.gap_ms(begin - 0.5)
    lost = call.lost()
    call.hang_up()
    check(spare != name, f"{name} was killed and still carries")
    check(gap_ms <= GAP_MS, f"a gap of {gap_ms:.0f} ms when {name} was killed")
    heard = call.judge(max_gap_ms=GAP_MS, max_lost=lost)
    return f"{name} killed, {spare} goes on: gap {gap_ms:.0f} ms, {lost} lost; {heard}"


case.run(main)
