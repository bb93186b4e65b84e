# SPDX-License-Identifier: BSD-2-Clause
"""Without any NAT a call from linphonec to baresip works, with the right audio both ways."""

from lablib import case, phones
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.linphone import Linphone
from lablib.topology import Figure11


def main(lab):
    net = Figure11(lab, nat_side=None)
    server = Kamailio(net.sip)
    alice = Linphone(net.mn, "alice", server.domain, 500).start()
    bob = Baresip(net.cn, "bob", server.domain, 900).start()
    ears = {alice: Capture(net.mn), bob: Capture(net.cn)}
    for phone in ears:
        phone.wait_registered()
    return phones.converse(alice, bob, ears)


case.run(main)
