# SPDX-License-Identifier: BSD-2-Clause
"""sipp registers, calls over the server and hears its own tone from the callee's echo."""

from lablib import audio, case, sip, sipp, wait
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.sipp import Sipp
from lablib.topology import Figure11
from lablib.verdict import check

CALLS = 5


def main(lab):
    net = Figure11(lab, nat_side=None)
    server = Kamailio(net.sip)
    at_mn, at_cn = Capture(net.mn), Capture(net.cn)
    Sipp(net.cn, "register", sipp.registration("bob", server.domain), server.domain,
         port=5070).wait_done()
    Sipp(net.cn, "bob", sipp.callee(), calls=CALLS, echo=True).wait_ready()
    scenario = sipp.caller(talk_ms=2500, tone=sipp.tone_file(lab, 500))
    Sipp(net.mn, "alice", scenario, server.domain, calls=CALLS, rate=CALLS).wait_done()
    byes = wait.until(lambda: list(sip.messages(at_cn.udp(), "BYE", 200)), 2, "the last 200")
    invites = list(sip.messages(at_cn.udp(), "INVITE", 0))
    check(len(invites) == CALLS, f"{len(invites)} INVITE at CN, not {CALLS}")
    check(byes and invites[0].media_addr == net.mn.addr, "the SDP is not the caller's")
    own = sip.unaltered(at_mn.udp(src=net.mn.addr), at_cn.udp(dst=net.cn.addr))
    check(own, "a proxy adds its Via, so the bytes have to differ")
    heard = audio.heard(at_mn.packets(), 500, dst=net.mn.addr)
    return f"{CALLS} calls, echo {heard}"


case.run(main)
