# SPDX-License-Identifier: BSD-2-Clause
"""Two nodes behind the same NAT: they talk inside, and the relay carries nothing in the end."""

import time

from lablib import case
from lablib.capture import Capture
from lablib.meeting import DIRECT, SEALED_RTP, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check


def main(lab):
    net = Homes(lab)
    router = net.nat("router", "port-restricted")
    alice, bob = (net.home(name, router, number) for name, number in (("alice", 11), ("bob", 12)))
    net.settle()
    meeting = Meeting(net)
    call = Call(meeting, meeting.user(alice, "alice", 500), meeting.user(bob, "bob", 900))
    meeting.begin()
    inside = Capture(router, "lan0", only="udp")
    call.connect()
    call.talk()
    call.wait_path(DIRECT, 0)
    now = time.time()
    ends = {alice.host.addr, bob.host.addr}
    local = sum({p.src, p.dst} == ends and len(p.payload) in SEALED_RTP for p in inside.udp()
                if p.time >= now - 1)
    outside = [p for p in meeting.outside.udp() if p.time >= now - 1
               and len(p.payload) in SEALED_RTP]
    check(local >= 80, f"only {local} sealed packets went inside in the last second")
    check(not outside, f"{len(outside)} sealed packets went outside, the first: {outside[:1]}")
    call.hang_up()
    return f"{call.paths[0]} at the answer; {local} packets inside in 1 s, 0 outside; {call.judge()}"


case.run(main)
