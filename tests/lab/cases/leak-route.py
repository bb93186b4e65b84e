# SPDX-License-Identifier: BSD-2-Clause
"""A more specific route to the LAN takes nothing out of the tunnel, nor when the TUN is away."""

import signal

from lablib import case, ntm, wait
from lablib.capture import Capture
from lablib.topology import Figure11
from lablib.verdict import check

PORT = 7777


def more_specific(net, peer):
    """What a DHCP server of the LAN can do to its hosts (option 121, route information)."""
    net.mn.ip(f"route replace {peer.vip}/32 via {net.inet.gateway}",
              f"route replace {peer.vip6}/128 via {net.inet.gateway6}")


class Leaks:
    """Sends to the peer's virtual addresses and looks whether that is seen outside."""

    def __init__(self, net, peer):
        self.net = net
        self.peer = peer
        self.outside = Capture(net.inet, "br0")
        self.number = 0

    def send(self):
        """One packet to each; an error of the host is as good as silence. Returns the payload."""
        self.number += 1
        word = f"leak {self.number}".encode()
        for any_addr, vip in (("0.0.0.0", self.peer.vip), ("::", self.peer.vip6)):
            try:
                self.net.mn.udp(any_addr).sendto(word, (vip, PORT))
            except OSError:
                pass
        return word

    def seen(self, word):
        """How many of them were on the bridge, in clear."""
        mark = self.net.mn.udp()  # sent last: what is not seen before it is not coming
        mark.sendto(b"mark " + word, (self.net.cn.addr, PORT))
        wait.until(lambda: any(p.payload == b"mark " + word for p in self.outside.udp()), 3,
                   "the capture to see the mark")
        return sum(p.payload == word for p in self.outside.udp())

    def count(self):
        return self.seen(self.send())


def tunnelled(net, leaks, peer):
    """With the TUN up both arrive at the peer, through the tunnel."""
    ears = [net.cn.udp(peer.vip, PORT), net.cn.udp(peer.vip6, PORT)]
    word = leaks.send()
    for ear in ears:
        check(ear.recv(64) == word, "the packet did not come through the tunnel")
    return leaks.seen(word)


def drop_rules(host):
    """Takes away what is to be shown to help: the rules that lead to the node's table."""
    for family in ("-4", "-6"):
        while host.run("ip", family, "rule", "list", "priority", "4330").strip():
            host.run("ip", family, "rule", "del", "priority", "4330")


def main(lab):
    net = Figure11(lab, None)
    dc = ntm.Dc(net.dc)
    alice, bob = ntm.Node(net.mn, "alice", dc), ntm.Node(net.cn, "bob", dc)
    more_specific(net, bob)
    leaks = Leaks(net, bob)
    found = {"TUN up": tunnelled(net, leaks, bob)}
    net.mn.ip("link set ntm0 down")
    found["TUN down"] = leaks.count()
    net.mn.ip("link set ntm0 up")
    alice.kill(signal.SIGKILL)
    found["node killed"] = leaks.count()
    for state, count in found.items():
        check(count == 0, f"{state}: {count} packets left in clear")
    drop_rules(net.mn)
    bare = leaks.count()
    check(bare == 2, f"without the rules only {bare} of 2 packets leak: nothing is proven")
    alice.run()
    check(tunnelled(net, leaks, bob) == 0, "after the node's restart packets left in clear")
    return f"0 left in clear ({', '.join(found)}), 2 of 2 without the rules"


case.run(main)
