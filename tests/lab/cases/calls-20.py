# SPDX-License-Identifier: BSD-2-Clause
"""20 calls at once through one SIP host, each with its media; none fails."""
# lab: timeout=120

from lablib import case, hold, ntm, rtp, sipp
from lablib.capture import Capture
from lablib.sipp import Sipp
from lablib.verdict import check

CALLS = 20


def main(lab):
    scene = ntm.Scene(lab, "caller")
    net = scene.net
    at_alice = Capture(net.mn, "ntm0", "alice")
    Sipp(net.cn, "register", sipp.registration("bob", ntm.DOMAIN), f"{scene.sip.vip}:5060",
         addr=scene.bob.vip, port=5070).wait_done()
    Sipp(net.cn, "bob", sipp.callee(ring_ms=500), addr=scene.bob.vip, calls=CALLS,
         echo=True).wait_ready()
    Sipp(net.mn, "alice", sipp.caller(talk_ms=1000, tone=sipp.tone_file(lab, 500)),
         f"{scene.sip.vip}:5060", addr=scene.alice.vip, calls=CALLS, rate=200).wait_done(30)
    answers = hold.oks(at_alice.udp(), dst=scene.alice.vip)
    calls = {m.header("Call-ID") for m in answers}
    check(len(calls) == CALLS, f"{len(calls)} calls were answered")
    check(len(answers) == CALLS, f"{len(answers)} copies of 200 OK reached the caller")
    echoed = rtp.count(at_alice.udp(), dst=scene.alice.vip)
    check(echoed >= CALLS * 30, f"only {echoed} RTP packets came back")
    held = [c["held_ms"] for c in scene.bob.calls()]
    return f"{CALLS} calls, {echoed} RTP packets echoed, held at most {max(held)} ms"


case.run(main)
