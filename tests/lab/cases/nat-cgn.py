# SPDX-License-Identifier: BSD-2-Clause
"""Two NATs in a row on both sides, different carriers: audio; direct where both CGNs allow it."""
# lab: timeout=120

from lablib import case, nat
from lablib.meeting import DIRECT, RELAY, Call, Meeting
from lablib.topology import Homes

CARRIER = "100.64.0"
EXPECTED = {"port-restricted": DIRECT, "symmetric": RELAY}


def home(net, name, cgn_kind):
    """A home behind a router, behind a carrier's NAT; inside addresses are the same everywhere."""
    carrier = net.nat(f"cgn-{name}", cgn_kind, home=CARRIER)
    router = net.nat(f"router-{name}", "port-restricted", behind=carrier)
    found = net.home(name, router)
    net.settle()
    nat.prove(carrier, found.host, net.sip, net.dc)
    return found


def main(lab):
    net = Homes(lab)
    homes = {(side, kind): home(net, f"{side}-{kind[:4]}", kind) for kind in EXPECTED
             for side in "ab"}
    meeting = Meeting(net)
    users = {key: meeting.user(place, place.host.name, 300 + 100 * number)
             for number, (key, place) in enumerate(homes.items())}
    meeting.begin()
    calls = {kind: Call(meeting, users["a", kind], users["b", kind]).connect()
             for kind in EXPECTED}
    figures = []
    for kind, call in calls.items():
        call.wait_heard()
        call.wait_path(EXPECTED[kind], 0)
        figures.append(f"{kind} CGNs: {call.check_path(EXPECTED[kind])}")
    for kind, call in calls.items():
        call.hang_up()
        figures.append(call.judge())
    return "; ".join(figures)


case.run(main)
