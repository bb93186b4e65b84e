# SPDX-License-Identifier: BSD-2-Clause
"""linphonec behind the NAT calls baresip through NTM, over IPv6 virtual addresses: audio both ways."""
# lab: timeout=120

from lablib import case, ntm, phones, sip
from lablib.linphone import Linphone
from lablib.verdict import check


def main(lab):
    # linphonec prefers the server's AAAA, whatever its configuration says; so its media is IPv6.
    scene = ntm.Scene(lab, "caller", ipv6=True)
    alice, bob, ears = scene.phones(Linphone)
    figures = phones.converse(alice, bob, ears)
    invites = list(sip.messages(ears[alice].udp(), "INVITE", 0, src=alice.addr))
    check(invites and invites[0].media_addr == alice.addr, "the offer names no IPv6 address")
    return figures


case.run(main)
