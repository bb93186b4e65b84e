# SPDX-License-Identifier: BSD-2-Clause
"""Idle memory: a node at most 10 MB, the DC with 1,000 nodes at most 25 MB."""
# lab: timeout=120

import json
import socket

from lablib import case, ntm
from lablib.topology import Figure11
from lablib.verdict import check

NODES = 1000


def add_nodes(dc):
    """All over one control connection, as `ntm-dc node add` does it for one; their tokens."""
    tokens = []
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{dc.dir}/run/dc.sock")
        file = sock.makefile("rw", encoding="utf-8")
        for number in range(NODES):
            json.dump({"verb": "node_add", "name": f"n{number}", "lifetime_s": 3600}, file)
            file.write("\n")
            file.flush()
            reply = json.loads(file.readline())
            check("token" in reply, f"a node could not be added: {reply}")
            tokens.append(reply["token"])
    return tokens


def gather(host, tokens):
    """All the nodes in one process: they join, register, and stay."""
    crowd = host.start("ntm-crowd", [host.lab.binary("ntm-crowd")])
    for token in tokens:
        crowd.tell(token)
    crowd.popen.stdin.close()
    crowd.wait_log(f"registered {NODES} in", 60)


def main(lab):
    net = Figure11(lab, None)
    dc = ntm.Dc(net.dc)
    node = ntm.Node(net.mn, "alice", dc)
    gather(net.cn, add_nodes(dc))
    dc.wait_online("alice", *(f"n{number}" for number in range(NODES)))
    figures = {"node": node.rss_kib(), "dc": dc.rss_kib()}
    check(figures["node"] <= 10 * 1024, f"node: {figures['node']} KiB")
    check(figures["dc"] <= 25 * 1024, f"DC: {figures['dc']} KiB")
    return f"node {figures['node']} KiB, DC with {NODES} nodes {figures['dc']} KiB"


case.run(main)
