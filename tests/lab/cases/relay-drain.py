# SPDX-License-Identifier: BSD-2-Clause
"""A relay is drained in a call: the call loses nothing, new ones go by the other, then it ends."""

from lablib import case, ntm
from lablib.meeting import RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

IDLE_S = 10  # of the relays; a flow is forgotten so long after its last packet
MARGIN_S = 4


def flow_count(relay):
    return relay.json("status")["flows"]


def main(lab):
    net = Homes(lab)
    homes = [net.home(name, net.nat(f"router-{name}", "symmetric"))
             for name in ("alice", "bob", "carol")]
    net.settle()
    scene = Meeting(net, relay_extra=f'idle = "{IDLE_S}s"')
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
    check(drained.json("status")["draining"], "`ntm-relay status` does not say draining")
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
    for user in (call.caller, call.callee):
        user.node.proc.stop(patience_s=5)
    code = drained.proc.wait_end(IDLE_S + MARGIN_S)
    check(code == 0, f"{drained.name} ended with {code}: {drained.proc.last_words()}")
    check("drained: the last flow is over" in drained.proc.log(), "it did not say why it ended")
    scene.dc.wait_relay(drained.name, "silent")
    return f"{drained.name} drained, {other.name} took the new flow, 0 lost; {heard}"


case.run(main)
