# SPDX-License-Identifier: BSD-2-Clause
"""SIP zoo: calls between IPv6 virtual addresses, small ones and fragmented ones."""

from lablib import case, sipp
from lablib.sipp import Scenario, reply, request, sdp
from lablib.verdict import check
from lablib.zoo import TALK_MS, Zoo

URI = "sip:[service]@[remote_ip]:[remote_port]"
PADDING = [f"X-Padding-{number}: {'x' * 180}" for number in range(11)]


def plain(zoo):
    figures, visit = zoo.call("plain", sipp.caller(TALK_MS, tone=zoo.tone), sipp.callee(), {"bob"})
    answers = visit.messages(zoo.alice, "INVITE", 200, dst=zoo.alice)
    check([m.media_addr for m in answers] == [zoo.bob], "the SDP does not name bob's IPv6 address")
    return figures


def fragments(zoo):
    caller = Scenario("caller").send(request("INVITE", URI, sdp(), headers=PADDING, to=""), 500)
    for status in (100, 180):
        caller.receive(status, optional=True)
    caller.receive(200, routes=True).send(request("ACK")).play(zoo.tone).pause(TALK_MS)
    caller.send(request("BYE"), 500).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True).send(reply(180, "Ringing"))
    callee.send(reply(200, "OK", sdp(), PADDING), 500).receive("ACK").receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    figures, visit = zoo.call("fragments", caller, callee, {"bob"})
    check(any(p.fragment and p.dst == zoo.alice for p in visit.ends[zoo.alice]), "no fragments")
    return figures


def main(lab):
    zoo = Zoo(lab, ipv6=True)
    return "; ".join(part(zoo) for part in (plain, fragments))


case.run(main)
