# SPDX-License-Identifier: BSD-2-Clause
"""Different homes behind the same CGN: audio; direct if it lets its own talk (hairpin), else relay."""
# lab: timeout=120

from lablib import case, nat
from lablib.meeting import DIRECT, RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

EXPECTED = {"plain": RELAY, "hairpin": DIRECT}


def main(lab):
    net = Homes(lab)
    homes = {}
    for name in EXPECTED:
        carrier = net.nat(f"cgn-{name}", "full-cone", home="100.64.0")
        if name == "hairpin":
            carrier.hairpin()
        for number, side in enumerate("ab"):
            router = net.nat(f"r-{side}-{name}", "port-restricted", carrier, 11 + number)
            homes[side, name] = net.home(f"{side}-{name}", router)  # 192.168.1.11, both
    net.settle()
    for name in EXPECTED:
        ends = homes["a", name].host, homes["b", name].host
        check(nat.meet(*ends, net.sip) == (name == "hairpin"), f"{name}: the CGN is not as named")
    meeting = Meeting(net)
    users = {key: meeting.user(place, place.host.name, 300 + 100 * number)
             for number, (key, place) in enumerate(homes.items())}
    meeting.begin()
    calls = {name: Call(meeting, users["a", name], users["b", name]).connect()
             for name in EXPECTED}
    figures = []
    for name, call in calls.items():
        call.wait_heard()
        call.wait_path(EXPECTED[name], 0)
        figures.append(f"{name}: {call.paths[0]} -> {EXPECTED[name]}")
    for name, call in calls.items():
        call.hang_up()
        figures.append(call.judge())
    return "; ".join(figures)


case.run(main)
