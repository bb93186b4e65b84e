# SPDX-License-Identifier: BSD-2-Clause
"""20 calls at once between 5 callers and 4 callees: 20 new tunnels in the same moment, all held."""
# lab: timeout=180

from lablib import case, hold, ntm, rtp, sipp
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.links import settle
from lablib.netns import Host
from lablib.sipp import Sipp
from lablib.topology import Figure11
from lablib.verdict import check

CALLERS, CALLEES = 5, 4
CALLS = CALLERS * CALLEES


class Party:
    """A node with a sipp on its virtual address, and what arrives there."""

    def __init__(self, net, dc, name, number):
        self.host = Host(net.lab, name)
        net.inet.plug(self.host, number)
        settle(net.inet, self.host)
        self.node = ntm.Node(self.host, name, dc)
        self.name = name
        self.vip = self.node.vip
        self.ear = Capture(self.host, "ntm0", name)


def wait_callee(party, server):
    """Registers the callee and waits for calls."""
    Sipp(party.host, f"register-{party.name}", sipp.registration(party.name, ntm.DOMAIN), server,
         addr=party.vip, port=5070).wait_done()
    Sipp(party.host, party.name, sipp.callee(ring_ms=500), addr=party.vip, calls=CALLERS,
         echo=True).wait_ready()


def call(caller, callee, number, server, tone):
    """One call, not waited for; every call of a caller has ports of its own."""
    return Sipp(caller.host, f"{caller.name}-{callee.name}", sipp.caller(talk_ms=1500, tone=tone),
                server, addr=caller.vip, port=5060 if number == 0 else 5061 + number,
                service=callee.name, media_port=30000 + 100 * number)


def check_caller(caller):
    """Each of its calls was answered once, held for its tunnel, and has its echo."""
    answers = hold.oks(caller.ear.udp(), dst=caller.vip)
    calls = {m.header("Call-ID") for m in answers}
    check(len(calls) == CALLEES, f"{caller.name}: {len(calls)} calls were answered")
    check(len(answers) == CALLEES, f"{caller.name}: {len(answers)} copies of 200 OK came")
    echoed = [s.received for s in rtp.streams(caller.ear.udp(), dst=caller.vip)]
    check(len(echoed) == CALLEES and min(echoed) >= 50, f"{caller.name}: echoes {echoed}")
    return min(echoed)


def check_callee(callee):
    """Its 200 OKs waited for tunnels, and all of those came up. Returns the longest hold."""
    calls = callee.node.calls()
    ends = {c["hold_end"] for c in calls}
    check(len(calls) == CALLERS and ends <= {"tunnel up"}, f"{callee.name}: holds ended {ends}")
    return max(c["held_ms"] for c in calls)


def main(lab):
    net = Figure11(lab, None)
    dc = ntm.Dc(net.dc)
    sip_node = ntm.Node(net.sip, "sip", dc)
    Kamailio(net.sip, [sip_node.vip], [ntm.DOMAIN, sip_node.fqdn])
    callers = [Party(net, dc, f"caller{n}", 40 + n) for n in range(CALLERS)]
    callees = [Party(net, dc, f"callee{n}", 60 + n) for n in range(CALLEES)]
    server = f"{sip_node.vip}:5060"
    for callee in callees:
        wait_callee(callee, server)
    tone = sipp.tone_file(lab, 500)
    for running in [call(caller, callee, number, server, tone) for caller in callers
                    for number, callee in enumerate(callees)]:
        running.wait_done(30)
    echoed = min(check_caller(caller) for caller in callers)
    held = max(check_callee(callee) for callee in callees)
    return f"{CALLS} calls over {CALLS} new tunnels, held at most {held} ms, {echoed}+ RTP each"


case.run(main)
