# SPDX-License-Identifier: BSD-2-Clause
"""The paper's figure 11 with NTM: a call through a symmetric NAT, and all that has to hold of it."""

from lablib import clear, hold, ntm, phones


def prove(lab, nat_side):
    """Makes the call and returns its figures."""
    scene = ntm.Scene(lab, nat_side)
    alice, bob, ears = scene.phones()
    figures = phones.converse(alice, bob, ears)
    outside = scene.outside.stop().packets()
    held = hold.check_hold(scene.net, alice, bob, ears, outside)
    inner = [p for ear in ears.values() for p in ear.packets()]
    sealed = clear.check_sealed(outside, scene.vips, inner)
    straight, by_server = ntm.check_direct(scene.net, outside, 100)
    return (f"{figures}; {held}; {sealed} packets outside, none readable; {straight} straight, "
            f"at most {by_server} by a server")
