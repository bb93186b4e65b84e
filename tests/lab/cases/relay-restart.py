# SPDX-License-Identifier: BSD-2-Clause
"""A relay is killed and started: the nodes bind anew within 2 s, also for a tunnel that is idle."""

import signal
import time

from lablib import case, wait
from lablib.meeting import RELAY, symmetric_pair
from lablib.verdict import check

LIMIT_S = 2


def bound_flows(relay):
    """The flows whose two sides are bound."""
    flows = (relay.json("flows") or {"flows": []})["flows"]
    return {flow["flow"] for flow in flows if all(flow["sides"])}


def restart(relay):
    """Returns how long all that was bound took to be bound again, from the start on."""
    before = bound_flows(relay)
    relay.kill(signal.SIGKILL)
    start = time.monotonic()
    relay.run()
    wait.until(lambda: bound_flows(relay) >= before, LIMIT_S,
               f"{len(before)} flows to be bound again at {relay.name}", 0.02)
    return len(before), time.monotonic() - start


def main(lab):
    call = symmetric_pair(lab, relays=2)
    caller, callee = call.caller.node, call.callee.node
    caller.verb("ping", "--count", "1", callee.fqdn)
    for relay in call.scene.relays:
        wait.until(lambda r=relay: bound_flows(r), 3, f"the tunnel's flow at {relay.name}", 0.05)
    figures = [f"idle: {count} flow bound after {took:.2f} s"
               for count, took in (restart(relay) for relay in call.scene.relays)]

    call.connect()
    call.talk(50)
    name = call.carrier()
    relay = next(relay for relay in call.scene.relays if relay.name == name)
    count, took = restart(relay)
    call.talk(100)
    call.check_path(RELAY)
    call.hang_up()
    check(count > 0, f"{name} carried the call without a flow")
    figures.append(f"in a call: {count} flow bound after {took:.2f} s")
    figures.append(call.judge(max_gap_ms=1000, max_lost=call.lost()))
    return "; ".join(figures)


case.run(main)
