# SPDX-License-Identifier: BSD-2-Clause
"""What holding adds to a 200 OK: median of 20 calls, without added delay and with 25 ms links."""
# lab: timeout=300

import statistics

from lablib import case, ntm, sip, sipp, wait
from lablib.capture import Capture
from lablib.sipp import Sipp
from lablib.verdict import check

CALLS = 20
SLACK_MS = 5  # of a node's own figure, in whole ms, without what the host does around it


def rtt_ms(host, addr):
    """Median round trip between two hosts, measured in this run."""
    out = host.run("ping", "-q", "-c", "5", "-i", "0.2", "-W", "2", addr)
    return float(out.rsplit("=", 1)[1].split("/")[1])


def held(node, call_id):
    """How long the node held the call's 200 OK; 0 when it did not have to."""
    call = next(c for c in node.calls() if c["call_id"] == call_id)
    check(call["hold_end"] in (None, "tunnel up"), f"the hold ended: {call['hold_end']}")
    return max(0, call["held_ms"])


class Passages:
    """When messages passed the hosts, by captures.

    The 180 goes the same way as the 200 OK and nobody holds it: what the 200 OK needed longer is
    what holding added to it.
    """

    def __init__(self, scene):
        self.vips = {"bob": scene.bob.vip, "sip": scene.sip.vip, "alice": scene.alice.vip}
        hosts = {"bob": scene.net.cn, "sip": scene.net.sip, "alice": scene.net.mn}
        # On "any": alice's ntm0 is a new one after every restart.
        self.ears = {name: Capture(host, "any", name, f"udp and host {self.vips[name]}")
                     for name, host in hosts.items()}

    def first_times(self, ear, src, dst, status):
        """Call-ID -> when its first message of the status was at the ear on its way src to dst."""
        times = {}
        for message in sip.messages(self.ears[ear].udp(src=self.vips[src], dst=self.vips[dst]),
                                    "INVITE", status):
            times.setdefault(message.header("Call-ID"), message.packet.time)
        return times

    def added_ms(self):
        """Call-ID -> milliseconds."""
        took = {}
        for status in (180, 200):
            hops = [(self.first_times(begin, begin, end, status),
                     self.first_times(end, begin, end, status))
                    for begin, end in (("bob", "sip"), ("sip", "alice"))]
            took[status] = {call: sum(there[call] - here[call] for here, there in hops)
                            for call in hops[1][1]}
        return {call: 1000 * (took[200][call] - took[180][call]) for call in took[200]}


def one_call(scene):
    """A call over a new tunnel: the caller's node was started anew and knows nobody."""
    scene.alice.restart()
    known = {c["call_id"] for c in scene.bob.calls()}
    Sipp(scene.net.mn, "alice", sipp.caller(talk_ms=20), f"{scene.sip.vip}:5060",
         addr=scene.alice.vip).wait_done()
    new = wait.until(lambda: {c["call_id"] for c in scene.bob.calls()} - known, 2, "the new call")
    call_id = new.pop()
    return call_id, held(scene.bob, call_id) + held(scene.alice, call_id)


def measure(lab, delay_ms):
    scene = ntm.Scene(lab, None, delay_ms=delay_ms, capture=False)
    net = scene.net
    Sipp(net.cn, "register", sipp.registration("bob", ntm.DOMAIN), f"{scene.sip.vip}:5060",
         addr=scene.bob.vip, port=5070).wait_done()
    Sipp(net.cn, "bob", sipp.callee(), addr=scene.bob.vip, calls=CALLS).wait_ready()
    passages = Passages(scene)
    told = dict(one_call(scene) for _ in range(CALLS))
    added = wait.until(lambda: passages.added_ms() if len(passages.added_ms()) == CALLS else None,
                       5, "captures of all calls")
    for call, ms in told.items():
        check(abs(added[call] - ms) <= SLACK_MS,
              f"the nodes say {ms} ms, the captures {added[call]:.1f} ms")
    rtts = [rtt_ms(net.mn, net.dc.addr), rtt_ms(net.cn, net.dc.addr), rtt_ms(net.mn, net.cn.addr)]
    return statistics.median(added.values()), max(added.values()), sum(rtts)


def main(lab):
    with lab.scene("plain"):
        plain, worst_plain, _ = measure(lab, 0)
    with lab.scene("delayed"):
        delayed, worst_delayed, rtts = measure(lab, 25)
    figures = (f"hold median {plain:.1f} ms (no added delay); "
               f"hold median {delayed:.1f} ms (25 ms links); "
               f"worst {worst_plain:.1f} and {worst_delayed:.1f} ms; round trips {rtts:.0f} ms")
    check(plain <= 5, figures)
    check(delayed <= rtts + 15, figures)
    return figures


case.run(main)
