# SPDX-License-Identifier: BSD-2-Clause
"""A relayed call becomes direct without a loss, goes back to the relay in 300 ms, and comes again."""
# lab: timeout=150

import time

from lablib import case
from lablib.meeting import DIRECT, RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

GAP_MS = 300
UPGRADE_S = 30  # the longest pause between two tries of the direct path, and some


def upgrade(call, router, what):
    """The way between the NATs opens: from relay to direct, nothing is lost."""
    before = call.lost()
    opened = time.time()
    router.unblock()
    call.wait_path(DIRECT, UPGRADE_S)
    took = time.time() - opened
    call.talk(100)
    call.check_path(DIRECT)
    lost = call.lost() - before
    check(lost == 0, f"{what}: {lost} RTP packets lost")
    return f"{what} after {took:.1f} s, 0 lost, gap {call.gap_ms(opened):.0f} ms"


def main(lab):
    net = Homes(lab)
    routers = {name: net.nat(f"router-{name}", "port-restricted") for name in ("alice", "bob")}
    homes = [net.home(name, router) for name, router in routers.items()]
    net.settle()
    meeting = Meeting(net)
    call = Call(meeting, meeting.user(homes[0], "alice", 500), meeting.user(homes[1], "bob", 900))
    meeting.begin()
    router, far = routers["alice"], routers["bob"].addr
    router.block(far)
    call.connect()
    call.talk(100)
    call.check_path(RELAY)
    check(call.lost() == 0, f"{call.lost()} RTP packets lost by the relay")
    figures = [upgrade(call, router, "direct")]

    begin = time.time()
    router.block(far)
    call.wait_path(RELAY, 5)
    call.talk(100)
    call.check_path(RELAY)
    gap_ms = call.gap_ms(begin)
    check(gap_ms <= GAP_MS, f"a gap of {gap_ms:.0f} ms when the direct path was blocked")
    figures.append(f"back on the relay with a gap of {gap_ms:.0f} ms")

    figures.append(upgrade(call, router, "direct again"))
    call.hang_up()
    figures.append(call.judge(max_gap_ms=GAP_MS, max_lost=call.lost()))
    return "; ".join(figures)


case.run(main)
