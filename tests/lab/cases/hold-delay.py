# SPDX-License-Identifier: BSD-2-Clause
"""What holding adds to a 200 OK: median of 20 calls, without added delay and with 25 ms links."""
# lab: timeout=300

import statistics

from lablib import case, ntm, sipp, wait
from lablib.sipp import Sipp
from lablib.verdict import check

CALLS = 20


def rtt_ms(host, addr):
    """Median round trip between two hosts, measured in this run."""
    out = host.run("ping", "-q", "-c", "5", "-i", "0.2", "-W", "2", addr)
    return float(out.rsplit("=", 1)[1].split("/")[1])


def held(node, call_id):
    """How long the node held the call's 200 OK; 0 when it did not have to."""
    call = next(c for c in node.calls() if c["call_id"] == call_id)
    check(call["hold_end"] in (None, "tunnel up"), f"the hold ended: {call['hold_end']}")
    return max(0, call["held_ms"])


def one_call(scene):
    """A call over a new tunnel: the caller's node was started anew and knows nobody."""
    scene.alice.restart()
    known = {c["call_id"] for c in scene.bob.calls()}
    Sipp(scene.net.mn, "alice", sipp.caller(talk_ms=20), f"{scene.sip.vip}:5060",
         addr=scene.alice.vip).wait_done()
    new = wait.until(lambda: {c["call_id"] for c in scene.bob.calls()} - known, 2, "the new call")
    call_id = new.pop()
    return held(scene.bob, call_id) + held(scene.alice, call_id)


def measure(lab, delay_ms):
    scene = ntm.Scene(lab, None, delay_ms=delay_ms, capture=False)
    net = scene.net
    Sipp(net.cn, "register", sipp.registration("bob", ntm.DOMAIN), f"{scene.sip.vip}:5060",
         addr=scene.bob.vip, port=5070).wait_done()
    Sipp(net.cn, "bob", sipp.callee(), addr=scene.bob.vip, calls=CALLS).wait_ready()
    samples = [one_call(scene) for _ in range(CALLS)]
    rtts = [rtt_ms(net.mn, net.dc.addr), rtt_ms(net.cn, net.dc.addr), rtt_ms(net.mn, net.cn.addr)]
    return statistics.median(samples), max(samples), sum(rtts)


def main(lab):
    with lab.scene("plain"):
        plain, worst_plain, _ = measure(lab, 0)
    with lab.scene("delayed"):
        delayed, worst_delayed, rtts = measure(lab, 25)
    figures = (f"hold median {plain:g} ms (no added delay); hold median {delayed:g} ms (25 ms links)"
               f"; worst {worst_plain:g} and {worst_delayed:g} ms; round trips {rtts:.0f} ms")
    check(plain <= 5, figures)
    check(delayed <= rtts + 15, figures)
    return figures


case.run(main)
