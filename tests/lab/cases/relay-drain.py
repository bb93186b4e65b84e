# SPDX-License-Identifier: BSD-2-Clause
"""A relay is drained in a call: the call loses nothing, new ones go by the other, and it ends with
the last tunnel, not 180 s later."""

import time

from lablib import case, ntm
from lablib.meeting import RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

IDLE_S = 180  # of the relays, as preset: a flow is forgotten so long after its last packet
TICKET_S = 24 * 3600
END_S = 2  # for both nodes to say that their tunnel is over, and the relay to end


def flow_count(relay):
    return relay.json("status")["flows"]


def main(lab):
    net = Homes(lab)
    homes = [net.home(name, net.nat(f"router-{name}", "symmetric"))
             for name in ("alice", "bob", "carol")]
    net.settle()
    scene = Meeting(net)
    call = Call(scene, scene.user(homes[0], "alice", 500), scene.user(homes[1], "bob", 900))
    carol = ntm.Node(homes[2].host, "carol", scene.dc)
    scene.begin()
    call.connect()
    call.talk(50)
    call.check_path(RELAY)
    name = call.carrier()
    drained, other = sorted(scene.relays, key=lambda relay: relay.name != name)
    lost = call.lost()

    words = drained.verb("drain")[1]
    check("draining: " in words, f"`ntm-relay drain` said {words!r}")
    scene.dc.wait_relay(drained.name, "draining")
    left = drained.json("status")["drain"]
    check(left["flows"] == flow_count(drained) and IDLE_S - 5 <= left["silent_s"] <= IDLE_S and
          TICKET_S - 600 <= left["at_most_s"] <= TICKET_S, f"`ntm-relay status` says {left}")
    words = drained.verb("status")[1]
    check(f"draining    {left['flows']} flows are left" in words, f"`ntm-relay status`: {words}")
    flows = [flow_count(relay) for relay in (drained, other)]
    carol.verb("ping", "--count", "1", call.caller.node.fqdn)
    got = [flow_count(relay) for relay in (drained, other)]
    check(got == [flows[0], flows[1] + 1], f"flows of {drained.name} and the other: {flows}, {got}")
    call.talk(150)
    lost = call.lost() - lost
    check(call.carrier() == drained.name, f"the call was moved away from {drained.name}")
    call.check_path(RELAY)
    call.hang_up()
    heard = call.judge(max_lost=0)
    check(lost == 0, f"{lost} RTP packets lost while {drained.name} was drained")
    check(drained.proc.alive(), f"{drained.name} ended in a call")
    stopped = time.monotonic()
    call.caller.node.proc.stop(patience_s=5)
    code = drained.proc.wait_end(END_S)
    took_ms = (time.monotonic() - stopped) * 1000
    check(code == 0, f"{drained.name} ended with {code}: {drained.proc.last_words()}")
    check("drained: the last flow is over" in drained.proc.log(), "it did not say why it ended")
    scene.dc.wait_relay(drained.name, "silent")
    check(call.callee.node.proc.alive(), "the other node has ended")
    return (f"{drained.name} drained, {other.name} took the new flow, 0 lost, ended {took_ms:.0f} ms "
            f"after a node was stopped; {heard}")


case.run(main)
