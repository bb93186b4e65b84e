# SPDX-License-Identifier: BSD-2-Clause
"""linphonec behind the NAT calls baresip through NTM: audio both ways."""
# lab: timeout=120

from lablib import case, ntm, phones
from lablib.linphone import Linphone


def main(lab):
    scene = ntm.Scene(lab, "caller")
    alice, bob, ears = scene.phones(Linphone)
    return phones.converse(alice, bob, ears)


case.run(main)
