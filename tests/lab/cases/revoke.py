# SPDX-License-Identifier: BSD-2-Clause
"""A revoked node: within 1 s its session ends and its peers' tunnels to it; it stays outside."""

import time

from lablib import case, ntm, phones, wait
from lablib.verdict import check

LIMIT_S = 1.0


def tunnel(node, peer):
    return next(t for t in node.tunnels() if t["peer"] == peer.fqdn)


def media_s(ear, phone, since):
    """For how long after the moment packets of the tunnel still came out at the phone."""
    times = [p.time for p in ear.udp(dst=phone.addr) if p.dport != 5060]
    return max(times) - since


def main(lab):
    scene = ntm.Scene(lab, "caller")
    alice, bob, ears = scene.phones()
    phones.connect(alice, bob)
    phones.talk(ears, 50)
    begin = time.time()
    scene.dc.verb("node", "revoke", "bob")
    for node in (scene.alice, scene.sip):
        wait.until(lambda n=node: tunnel(n, scene.bob)["state"] == "failed", LIMIT_S,
                   f"the end of {node.name}'s tunnel to bob")
    told_s = time.time() - begin
    wait.until(lambda: not scene.bob.registered(), LIMIT_S, "the end of bob's session")
    scene.bob.proc.wait_log("has revoked this node", 1)
    check("revoked" in tunnel(scene.alice, scene.bob)["error"], "the reason is not given")
    wait.until(lambda: time.time() > begin + LIMIT_S + 1, 5, "a second behind the limit")
    last_s = media_s(ears[alice], alice, begin)
    check(last_s < LIMIT_S, f"media came in for {last_s:.2f} s more")
    check(scene.alice.registered() and scene.sip.registered(), "the others lost the DC")
    check_outside(scene)
    return (f"peers' tunnels ended after {1000 * told_s:.0f} ms, "
            f"media after {1000 * max(0, last_s):.0f} ms")


def check_outside(scene):
    """bob does not come in again, and nobody gets to him."""
    scene.bob.proc.stop(patience_s=5)
    ntm.Program.run(scene.bob)  # without waiting for its registration
    code, out, _ = scene.alice.verb("ping", "--count", "1", scene.bob.fqdn, check_code=False)
    check(code != 0, f"alice reached bob: {out}")
    wait.never(scene.bob.registered, 2, "bob registered again")
    nodes = {n["name"]: n["state"] for n in scene.dc.json("node", "list")["nodes"]}
    check(nodes[scene.bob.fqdn] == "revoked", f"bob is {nodes[scene.bob.fqdn]}")


case.run(main)
