# SPDX-License-Identifier: BSD-2-Clause
"""A LAN neighbour reaches a service on the virtual address in clear, unless the guard is there."""

from lablib import case, ntm
from lablib.topology import Figure11
from lablib.verdict import check

PORT = 7777
LIMIT = 100


def knock(neighbour, service, vip, real):
    """Sends to the virtual, then to the real address of the service; returns what arrived.

    The link keeps the order: when the second is here, the first one does not come any more.
    """
    neighbour.sendto(b"virtual", (vip, PORT))
    neighbour.sendto(b"real", (real, PORT))
    words = []
    while "real" not in words:
        check(len(words) < LIMIT, "the real address does not answer: nothing is proven")
        words.append(service.recv(64).decode())
    return words


def arrived(net, node):
    """For both families: what a neighbour's packets to the host's service came to."""
    net.cn.ip(f"route replace {node.vip}/32 via {net.mn.addr}",
              f"route replace {node.vip6}/128 via {net.mn.addr6}")
    return {"IPv4": knock(net.cn.udp(), net.mn.udp("0.0.0.0", PORT), node.vip, net.mn.addr),
            "IPv6": knock(net.cn.udp("::"), net.mn.udp("::", PORT), node.vip6, net.mn.addr6)}


def dropped(host):
    """What the guard counted."""
    rules = host.run("nft", "list", "table", "inet", "ntm_guard_ntm0").splitlines()
    counts = [int(line.split("packets ")[1].split()[0]) for line in rules if "counter" in line]
    check(counts, "the guard has no rule")
    return sum(counts)


def main(lab):
    net = Figure11(lab, None)
    net.mn.sysctl("net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")
    node = ntm.Node(net.mn, "alice", ntm.Dc(net.dc))
    for family, words in arrived(net, node).items():
        check(words == ["real"], f"{family}: with the guard a neighbour got through: {words}")
    count = dropped(net.mn)
    check(count == 2, f"the guard dropped {count} packets, not 2")
    with open(node.conf, "a", encoding="ascii") as file:
        file.write("tun {\n    guard = no\n}\n")
    node.restart()
    for family, words in arrived(net, node).items():
        check(words == ["virtual", "real"], f"{family}: nothing leaks without the guard: {words}")
    return f"without the guard 2 of 2 got in, with it 0 ({count} dropped)"


case.run(main)
