# SPDX-License-Identifier: BSD-2-Clause
"""A NAT that forgets after 18 s: the node learns it and is reachable; no NAT, no keepalives."""
# lab: full
# lab: timeout=150

import time

from lablib import case, wait
from lablib.capture import Capture
from lablib.meeting import Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

FORGETS_S = 18
IDLE_S = 60
SETTLED_S = 15  # what the registration of the phone still causes is over by then


def main(lab):
    net = Homes(lab)
    router = net.nat("router", "symmetric", udp_timeout_s=FORGETS_S)
    homes = {"alice": net.home("alice"), "bob": net.home("bob", router)}
    net.settle()
    meeting = Meeting(net)
    alice, bob = (meeting.user(homes[name], name, tone_hz)
                  for name, tone_hz in (("alice", 500), ("bob", 900)))
    meeting.begin()
    open_side, nat_side = (Capture(user.home.host, "eth0", f"idle-{user.name}", "udp")
                           for user in (alice, bob))
    begin = time.time()
    # The idle time is the thing under test.
    wait.never(lambda: not alice.node.registered(), IDLE_S, "alice lost the DC", 1)
    end = time.time()
    learned_s = bob.node.json("status")["dc"]["keepalive_s"]
    check(0 < learned_s < FORGETS_S, f"the node behind the NAT has learned {learned_s} s")
    check(alice.node.json("status")["dc"]["keepalive_s"] == 0, "keepalives without a NAT")
    call = Call(meeting, alice, bob).connect()
    call.talk(50)
    call.hang_up()
    heard = call.judge(0.8)
    sent = [p for p in open_side.packets() if begin + SETTLED_S <= p.time < end
            and p.src in homes["alice"].outside]
    apart = [p for p in sent if p.dst not in (net.dc.addr, net.dc.addr6)]
    check(not apart, f"without a NAT, {len(apart)} packets to others than the DC: {apart[:1]}")
    natted = [p for p in nat_side.packets() if begin + SETTLED_S <= p.time < end
              and p.src == homes["bob"].host.addr]
    span = IDLE_S - SETTLED_S
    return (f"learned {learned_s} s; {len(natted)} packets from behind the NAT in {span} s, "
            f"{len(sent)} from the open node, all to the DC; {heard}")


case.run(main)
