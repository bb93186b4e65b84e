# SPDX-License-Identifier: BSD-2-Clause
"""What holding adds to a 200 OK: median of 20 calls, without added delay and with 25 ms links."""
# lab: timeout=300

import statistics

from lablib import case, hold, ntm
from lablib.verdict import check

CALLS = 20


def measure(lab, delay_ms):
    scene = ntm.Scene(lab, None, delay_ms=delay_ms, capture=False)
    net = scene.net
    calls = hold.Calls(scene.alice, scene.bob, [scene.sip], CALLS)
    for _ in range(CALLS):
        calls.one()
    added = calls.added_ms()
    check(set(calls.ends) == {"tunnel up"}, f"holds ended: {dict(calls.ends)}")
    rtts = [hold.rtt_ms(here, there.addr)
            for here, there in ((net.mn, net.dc), (net.cn, net.dc), (net.mn, net.cn))]
    return statistics.median(added), max(added), sum(rtts)


def main(lab):
    with lab.scene("plain"):
        plain, worst_plain, _ = measure(lab, 0)
    with lab.scene("delayed"):
        delayed, worst_delayed, rtts = measure(lab, 25)
    figures = (f"hold median {plain:.1f} ms (no added delay); "
               f"hold median {delayed:.1f} ms (25 ms links); "
               f"worst {worst_plain:.1f} and {worst_delayed:.1f} ms; round trips {rtts:.0f} ms")
    check(plain <= 5, figures)
    check(delayed <= rtts + 15, figures)
    return figures


case.run(main)
