# SPDX-License-Identifier: BSD-2-Clause
"""The DC dies while the callee rings: the 200 OK comes within the limits, the next one at once."""
# lab: timeout=120

import signal

from lablib import case, hold, ntm, sip, sipp, wait
from lablib.capture import Capture
from lablib.sipp import Sipp
from lablib.verdict import check


def main(lab):
    scene = ntm.Scene(lab, None)
    net = scene.net
    ears = {"alice": Capture(net.mn, "ntm0", "alice"), "bob": Capture(net.cn, "ntm0", "bob")}
    at_sip = Capture(net.sip, "ntm0", "sip")
    Sipp(net.cn, "register", sipp.registration("bob", ntm.DOMAIN), f"{scene.sip.vip}:5060",
         addr=scene.bob.vip, port=5070).wait_done()
    Sipp(net.cn, "bob", sipp.callee(ring_ms=1500), addr=scene.bob.vip, calls=2).wait_ready()
    first = Sipp(net.mn, "alice", sipp.caller(talk_ms=50), f"{scene.sip.vip}:5060",
                 addr=scene.alice.vip)
    wait.until(lambda: list(sip.messages(ears["alice"].udp(), "INVITE", 180)), 5, "ringing")
    scene.dc.kill(signal.SIGKILL)
    first.wait_done(20)
    Sipp(net.mn, "alice2", sipp.caller(talk_ms=50), f"{scene.sip.vip}:5060",
         addr=scene.alice.vip).wait_done(20)
    found = list(hold.delays_s((ears["bob"], scene.bob.vip),
                               (ears["alice"], scene.alice.vip)).values())
    check(len(found) == 2, f"{len(found)} 200 OKs reached the caller, not 2")
    check(0.5 < found[0] <= hold.LIMIT_S + 0.25, f"the first came after {found[0]:.2f} s")
    check(found[1] <= 0.25, f"the next one came after {found[1]:.2f} s")
    hops = ((ears["bob"].udp(src=scene.bob.vip), at_sip.udp(dst=scene.sip.vip, src=scene.bob.vip)),
            (at_sip.udp(src=scene.sip.vip), ears["alice"].udp(dst=scene.alice.vip)))
    for sent, got in hops:
        odd = sip.unaltered(sent, got)
        check(not odd, f"altered on the way: {odd}")
    return f"200 OK after {found[0]:.2f} s, the next one after {1000 * found[1]:.0f} ms"


case.run(main)
