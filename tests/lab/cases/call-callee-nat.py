# SPDX-License-Identifier: BSD-2-Clause
"""The paper's figure 11 with NTM, callee behind a symmetric NAT: a call with audio both ways."""
# lab: timeout=120

from lablib import case, clear, hold, ntm, phones


def main(lab):
    scene = ntm.Scene(lab, "callee")
    alice, bob, ears = scene.phones()
    figures = phones.converse(alice, bob, ears)
    outside = scene.outside.stop().packets()
    held = hold.check_hold(scene, alice, bob, ears, outside)
    inner = [p for ear in ears.values() for p in ear.packets()]
    sealed = clear.check_sealed(outside, scene.vips, inner)
    straight, by_server = ntm.check_direct(scene, outside, scene.net.sip.addr, 100)
    return (f"{figures}; {held}; {sealed} packets outside, none readable; {straight} straight, "
            f"{by_server} by the SIP host")


case.run(main)
