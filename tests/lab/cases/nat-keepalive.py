# SPDX-License-Identifier: BSD-2-Clause
"""NATs that forget after 18 s: the nodes behind them are reachable; without a NAT no keepalives."""
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
# One gives another port when it has forgotten the old one, so that the node can learn; one the same.
KINDS = {"bob": "symmetric", "carol": "port-restricted"}


def sent_by(capture, user, begin, end):
    """What left the user's host in the idle time."""
    own = {user.home.host.addr, user.home.host.addr6}
    return [p for p in capture.packets() if begin <= p.time < end and p.src in own]


def main(lab):
    net = Homes(lab)
    homes = {"alice": net.home("alice")}
    for name, kind in KINDS.items():
        router = net.nat(f"router-{name}", kind, udp_timeout_s=FORGETS_S)
        homes[name] = net.home(name, router)
    net.settle()
    meeting = Meeting(net)
    users = {name: meeting.user(home, name, 500 + 200 * number)
             for number, (name, home) in enumerate(homes.items())}
    meeting.begin()
    ears = {name: Capture(home.host, "eth0", f"idle-{name}", "udp") for name, home in homes.items()}
    begin = time.time()
    # The idle time is the thing under test.
    wait.never(lambda: not all(user.node.registered() for user in users.values()), IDLE_S,
               "a node has lost the DC", 1)
    end = time.time()
    begin += SETTLED_S
    sent = {name: sent_by(ears[name], user, begin, end) for name, user in users.items()}
    apart = [p for p in sent["alice"] if p.dst not in (net.dc.addr, net.dc.addr6)]
    check(not apart, f"without a NAT, {len(apart)} packets to others than the DC: {apart[:1]}")
    learned = {name: user.node.json("status")["dc"]["keepalive_s"] for name, user in users.items()}
    check(learned["alice"] == 0, f"a keepalive of {learned['alice']} s without a NAT")
    figures = [f"in {IDLE_S - SETTLED_S} s {len(sent['alice'])} packets without a NAT"]
    for name, kind in KINDS.items():
        check(0 < learned[name] < FORGETS_S, f"{kind}: a keepalive of {learned[name]} s")
        call = Call(meeting, users["alice"], users[name]).connect()
        call.talk(50)
        call.hang_up()
        figures.append(f"{kind}: {len(sent[name])}, every {learned[name]} s, {call.judge(0.8)}")
    return "; ".join(figures)


case.run(main)
