# SPDX-License-Identifier: BSD-2-Clause
"""What holding adds to a 200 OK between two domains: 20 calls with warm DNS, 20 with cold DNS."""
# lab: timeout=400

import statistics

from lablib import case, hold
from lablib.two_domains import Scene
from lablib.verdict import check

CALLS = 20
DELAY_MS = 25
SLACK_MS = 20


def limit_ms(net):
    """One way to ask and one to tell: MN - DC_MN - DC_CN - CN, and the tunnel's handshake."""
    pairs = ((net.cn, net.b.dc), (net.b.dc, net.a.dc), (net.a.dc, net.mn), (net.mn, net.cn))
    return sum(hold.rtt_ms(here, there.addr) for here, there in pairs) + SLACK_MS


def words(name, added):
    return f"hold median {statistics.median(added):.1f} ms ({name}, worst {max(added):.1f} ms)"


def main(lab):
    scene = Scene(lab, None, delay_ms=DELAY_MS, capture=False)
    calls = hold.Calls(scene.alice, scene.bob, [scene.b.sip, scene.a.sip], 2 * CALLS + 1,
                       f"sip:bob@{scene.b.domain.name}")
    calls.one()  # the servers find each other, the DCs as well
    for _ in range(CALLS):
        calls.one()
    check(set(calls.ends) == {"tunnel up"}, f"with warm DNS holds ended: {dict(calls.ends)}")
    calls.ends.clear()
    for _ in range(CALLS):
        calls.one(scene.forget)
    added = calls.added_ms()[1:]
    warm, cold = added[:CALLS], added[CALLS:]
    limit = limit_ms(scene.net)
    ends = ", ".join(f"{count} x {end}" for end, count in calls.ends.items())
    figures = (f"{words('warm DNS', warm)}; {words('cold DNS', cold)}; {DELAY_MS} ms links, "
               f"limit with warm DNS {limit:.0f} ms; with cold DNS holds ended: {ends}")
    check(statistics.median(warm) <= limit, figures)
    check(max(added) <= 1000 * hold.LIMIT_S, figures)
    return figures


case.run(main)
