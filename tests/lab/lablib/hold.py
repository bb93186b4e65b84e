# SPDX-License-Identifier: BSD-2-Clause
"""What captures say of the hold: when the 200 OK came, went on, and the tunnel was up."""

from lablib import ntm, sip
from lablib.verdict import check


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
