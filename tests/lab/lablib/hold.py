# SPDX-License-Identifier: BSD-2-Clause
"""What captures say of the hold: when the 200 OK came, went on, and the tunnel was up."""

import statistics
from collections import Counter

from lablib import ntm, sip, sipp, wait
from lablib.capture import Capture
from lablib.sipp import Sipp
from lablib.verdict import check

LIMIT_S = 1 + 2  # sip.md 1: the callee's and the caller's
SLACK_MS = 5  # of a node's own figure, in whole ms, without what the host does around it


def oks(packets, **ends):
    """The 200 OKs to INVITE with SDP, oldest first."""
    return [m for m in sip.messages(packets, "INVITE", 200, **ends) if m.body]


def check_hold(net, caller, callee, ears, outside):
    """The 200 OK reaches the caller once, and only after the tunnel's Tunnel Response."""
    sent = oks(ears[callee].udp(), src=callee.addr)
    got = oks(ears[caller].udp(), dst=caller.addr)
    check(sent, f"{callee.user} sent no 200 OK")
    check(got, f"no 200 OK reached {caller.user}")
    branches = {m.header("CSeq") + m.header("Call-ID") for m in got}
    check(len(got) == len(branches), f"{len(got)} copies of the 200 OK reached {caller.user}")
    answers = [p for p in ntm.frames(outside, ntm.RESPONSE, ntm.END_TO_END) if net.is_straight(p)]
    check(answers, "no Tunnel Response between the phones' hosts was captured")
    check(answers[0].time < got[0].packet.time,
          "the 200 OK was let through before the Tunnel Response")
    return f"200 OK {1000 * (got[0].packet.time - answers[0].time):.1f} ms after Tunnel Response"


def delays_s(callee, caller):
    """Call-ID -> from the callee's first 200 OK to the caller's.

    callee, caller: (capture at the phone's ntm0, virtual address).
    """
    (there, src), (here, dst) = callee, caller
    sent, took = {}, {}
    for message in oks(there.udp(), src=src):
        sent.setdefault(message.header("Call-ID"), message.packet.time)
    for message in oks(here.udp(), dst=dst):
        call_id = message.header("Call-ID")
        took.setdefault(call_id, message.packet.time - sent[call_id])
    return took


def rtt_ms(host, addr):
    """Median round trip between two hosts, measured in this run."""
    out = host.run("ping", "-q", "-c", "5", "-i", "0.2", "-W", "2", addr)
    return float(out.rsplit("=", 1)[1].split("/")[1])


class Passages:
    """When messages passed the hosts from the callee to the caller, by captures.

    The 180 goes the same way as the 200 OK and nobody holds it: what a 200 OK needed longer than
    the usual 180 is what holding added to it. Not than the 180 of its own call: a node just started
    is slow with its first packets. way: (host, virtual address) from the callee over servers to
    the caller.
    """

    def __init__(self, way):
        # On "any": a caller's ntm0 is a new one after every restart.
        self.ears = [Capture(host, "any", f"passage-{host.name}", f"udp and host {vip}")
                     for host, vip in way]
        self.hops = [(ear, vip, next_ear, next_vip) for (ear, (_, vip)), (next_ear, (_, next_vip))
                     in zip(zip(self.ears, way), list(zip(self.ears, way))[1:])]

    @staticmethod
    def _first_times(ear, src, dst, status):
        """Call-ID -> when its first message of the status was there on its way src to dst."""
        times = {}
        for message in sip.messages(ear.udp(src=src, dst=dst), "INVITE", status):
            times.setdefault(message.header("Call-ID"), message.packet.time)
        return times

    def added_ms(self):
        """Call-ID -> milliseconds."""
        took = {}
        for status in (180, 200):
            hops = [(self._first_times(here, src, dst, status),
                     self._first_times(there, src, dst, status))
                    for here, src, there, dst in self.hops]
            took[status] = {call: sum(there[call] - here[call] for here, there in hops)
                            for call in hops[-1][1]}
        usual = statistics.median(took[180].values()) if took[180] else 0
        return {call: 1000 * (s - usual) for call, s in took[200].items()}


class Calls:
    """Calls of one sipp to another, each over a new tunnel, and what holding added to each.

    caller, callee: nodes. servers: nodes of SIP servers, from the callee's side to the caller's.
    """

    def __init__(self, caller, callee, servers, count, uri=None):
        self.caller = caller
        self.callee = callee
        self.first_server = f"{servers[-1].vip}:5060"
        self.uri = uri
        Sipp(callee.host, "register", sipp.registration(callee.name, callee.domain.name),
             f"{servers[0].vip}:5060", addr=callee.vip, port=5070).wait_done()
        Sipp(callee.host, callee.name, sipp.callee(), addr=callee.vip, calls=count).wait_ready()
        self.passages = Passages([(node.host, node.vip) for node in (callee, *servers, caller)])
        self.told = {}  # Call-ID -> for how long the nodes say that they held its 200 OK
        self.ends = Counter()  # why they let go

    def one(self, before=lambda: None):
        """A call whose caller's node was started anew and knows nobody; then `before` runs."""
        self.caller.restart()
        before()
        known = {c["call_id"] for c in self.callee.calls()}
        Sipp(self.caller.host, self.caller.name, sipp.caller(talk_ms=20, uri=self.uri),
             self.first_server, addr=self.caller.vip).wait_done()
        new = wait.until(lambda: {c["call_id"] for c in self.callee.calls()} - known, 2,
                         "the new call")
        call_id = new.pop()
        self.told[call_id] = sum(self._held_ms(node, call_id)
                                 for node in (self.callee, self.caller))

    def _held_ms(self, node, call_id):
        """How long the node held the call's 200 OK; 0 when it did not have to."""
        call = next(c for c in node.calls() if c["call_id"] == call_id)
        if call["held_ms"] < 0:
            return 0
        self.ends[call["hold_end"]] += 1
        return call["held_ms"]

    def added_ms(self):
        """The milliseconds of every call so far, in order; the nodes' own figures must agree."""
        def complete():
            added = self.passages.added_ms()
            return added if len(added) == len(self.told) else None
        added = wait.until(complete, 5, "captures of all calls")
        # A busy host delays single packets between node and capture, so the middle call decides;
        # a figure that means something else is off in all of them.
        off = sorted((abs(added[call] - ms), ms, added[call]) for call, ms in self.told.items())
        middle = off[len(off) // 2]
        check(middle[0] <= SLACK_MS, f"half of the holds are off by {middle[0]:.1f} ms or more: "
              f"the nodes say {middle[1]} ms, the captures {middle[2]:.1f} ms")
        return [added[call] for call in self.told]
