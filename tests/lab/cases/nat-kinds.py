# SPDX-License-Identifier: BSD-2-Clause
"""The NATs of the lab are what their names say: mapping, filtering and life time are probed."""

import time

from lablib import case, nat
from lablib.topology import Figure11
from lablib.verdict import check


def prove(lab, kind):
    net = Figure11(lab, nat_side="caller", nat_kind=kind)
    nat.prove(net.nat, net.mn, net.sip, net.dc)
    prove_timeout(net)
    return "{}: mapping {}, filtering {}".format(kind, *nat.RFC4787[kind])


def prove_timeout(net):
    """After the timeout that was set, and not before, the contacted server is a stranger."""
    net.nat.set_udp_timeout(1)
    phone, server = net.mn.udp(), net.sip.udp(net.sip.addr)
    phone.sendto(b"open", server.getsockname())
    outside = server.recvfrom(64)[1]
    server.sendto(b"early", outside)
    check(phone.recv(64) == b"early", "the mapping did not live")
    time.sleep(2.1)  # the time-out itself is the thing under test; the kernel counts whole seconds
    server.sendto(b"late", outside)
    probe, helper = net.mn.udp(), net.dc.udp(net.dc.addr)
    probe.sendto(b"pass", helper.getsockname())
    helper.sendto(b"pass", helper.recvfrom(64)[1])
    probe.recv(64)
    phone.setblocking(False)
    try:
        phone.recv(64)
    except BlockingIOError:
        return
    check(False, "the mapping outlived its timeout")


def main(lab):
    figures = []
    for kind in nat.KINDS:
        with lab.scene(kind):
            figures.append(prove(lab, kind))
    return "; ".join(figures) + "; 1 s timeout works"


case.run(main)
