# SPDX-License-Identifier: BSD-2-Clause
"""What left one ntm0 arrives at the other: the same bytes, from the IP header on, and once."""

from collections import Counter

from lablib import sip
from lablib.verdict import check


def check_identical(ends):
    """Compares captures made inside; ends: virtual address -> packets at its ntm0.

    Nothing may arrive that was not sent, nor more often; every SIP message sent must arrive (a
    copy that a phone sends again may be swallowed). Returns how many packets were compared.
    """
    compared = 0
    for here, packets in ends.items():
        for there in ends:
            if there == here:
                continue
            came = _between(packets, there, here)
            sent = _between(ends[there], there, here)
            extra = Counter(p.ip for p in came) - Counter(p.ip for p in sent)
            first = next((p for p in came if p.ip in extra), None)
            check(not extra, f"{sum(extra.values())} packets to {here} are altered or doubled, the "
                  f"first is {first}, {len(first.ip) if first else 0} bytes")
            arrived = {message.raw for message in sip.messages(came)}
            lost = [m for m in sip.messages(sent) if m.raw not in arrived]
            check(not lost, f"from {there} to {here} never arrived: {lost}")
            compared += len(came)
    check(compared, "the captures hold nothing between the ends: nothing is proven by them")
    return compared


def _between(packets, src, dst):
    return [p for p in packets if p.src == src and p.dst == dst]
