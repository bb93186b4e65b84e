# SPDX-License-Identifier: BSD-2-Clause
"""A node with IPv4 alone calls one with IPv6 alone, and back: audio, by a relay that has both."""
# lab: timeout=120

from lablib import case
from lablib.meeting import RELAY, Call, Meeting
from lablib.topology import Homes


def main(lab):
    net = Homes(lab)
    router = net.nat("router", "symmetric")
    homes = {"v4": net.home("v4", families=(4,)), "v4nat": net.home("v4nat", router),
             "v6": net.home("v6", families=(6,))}
    net.settle()
    meeting = Meeting(net)
    users = {name: meeting.user(place, name, 300 + 200 * number)
             for number, (name, place) in enumerate(homes.items())}
    meeting.begin()
    figures = []
    for caller, callee in (("v4", "v6"), ("v6", "v4nat")):
        call = Call(meeting, users[caller], users[callee]).connect()
        call.talk()
        carried = call.check_path(RELAY)
        call.hang_up()
        figures.append(f"{caller} x {callee}: {carried} in 0.5 s; {call.judge()}")
    return "; ".join(figures)


case.run(main)
