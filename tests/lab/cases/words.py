# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong is said where an operator looks first: who, why, and what to do."""

import signal
import subprocess

from lablib import case, ntm, wait
from lablib.meeting import symmetric_pair
from lablib.verdict import check

CLOSED = """
table inet firewall {
    chain input {
        type filter hook input priority filter; policy accept;
        ct state established,related accept
        udp dport 4331 drop
    }
}
"""
INVITE = """INVITE sip:bob@ntm.example SIP/2.0
Via: SIP/2.0/UDP {vip}:5070;branch=z9hG4bK1
From: <sip:alice@ntm.example>;tag=1
To: <sip:bob@ntm.example>
Call-ID: stun
CSeq: 1 INVITE
Max-Forwards: 9
Content-Type: application/sdp
Content-Length: {length}

{sdp}"""
SDP = "v=0\no=- 1 1 IN IP4 {at}\ns=-\nc=IN IP4 {at}\nt=0 0\nm=audio 4000 RTP/AVP 0\n"


def said(program, *verb, words):
    """Waits until a verb prints the words."""
    last = ""

    def found():
        nonlocal last
        _, out, err = program.verb(*verb, check_code=False)
        last = out + err
        return words in last
    try:
        wait.until(found, 10, "words", 0.1)
    except Exception:
        check(False, f"{program.binary_name} {' '.join(verb)} does not say {words!r}: {last}")


def relay_dies(call):
    alice, relay = call.caller.node, call.scene.relays[0]
    call.connect()
    call.talk(50)
    said(alice, "calls", words=f"relay {relay.host.addr}:4331")
    relay.kill(signal.SIGKILL)
    said(alice, "calls", words=" silent ")
    said(alice, "tunnels", words="nothing comes back by any path")
    said(alice, "status", words="bob.ntm.example: this needs a relay: none of the 1 relays answers")
    said(call.scene.dc, "status", words="`ntm-relay status` on the host of each that is silent")
    said(alice, "ping", "--count", "1", "bob", words="nothing comes back by any path")
    relay.run()
    said(alice, "ping", "--count", "1", "bob", words=f"by relay {relay.host.addr}:4331")
    call.hang_up()


def relay_is_shut(call):
    """Its DC calls it healthy, for it speaks to the DC by itself."""
    alice, relay = call.caller.node, call.scene.relays[0]
    alice.proc.stop(patience_s=5)
    relay.proc.stop(patience_s=5)
    relay.host.nft(CLOSED)
    relay.run()
    call.scene.dc.wait_relays(relay.name)
    alice.run()
    words = f"neither the peer nor the relay {relay.host.addr}:4331 answered"
    said(alice, "ping", "--count", "1", "bob", words=words)
    # Another one at once is not tried, but has the reason.
    _, out, _ = alice.verb("ping", "bob", check_code=False)
    check(words in out, f"the second ping said {out}")
    said(alice, "status", words=words)
    relay.host.nft("delete table inet firewall\n")


def phone_uses_stun(call):
    alice, bob = call.caller.node, call.callee.node
    sdp = SDP.format(at=alice.host.addr).replace("\n", "\r\n")
    text = INVITE.format(vip=alice.vip, length=len(sdp), sdp="").replace("\n", "\r\n") + sdp
    wait.until(lambda: not alice.verb("ping", "--count", "1", "bob", check_code=False)[0], 10,
               "a tunnel to bob", 0.2)
    alice.host.udp(alice.vip, 5070).sendto(text.encode(), (bob.vip, 5060))
    said(alice, "status", words=f"a phone wanted media at {alice.host.addr}")
    said(bob, "calls", words=alice.host.addr)


def dc_is_down(call):
    alice, dc = call.caller.node, call.scene.dc
    alice.proc.stop(patience_s=5)
    dc.kill(signal.SIGKILL)
    said(dc, "node", "list", words="ntm-dc does not run")
    alice.host.start("ntm-node-alone", [alice.binary, "-c", alice.conf, "run"])
    said(alice, "status", words=f"no answer from {dc.host.addr}:4330")
    dc.run()
    dc.wait_online("alice", "bob")


def another_has_the_name(call):
    bob = call.callee.node
    with open(bob.conf, encoding="utf-8") as file:
        bob.conf = bob.host.lab.write(file.read(), "bob-before", "node.conf")
    other = ntm.Node(call.scene.net.dc, "bob", call.scene.dc)
    said(bob, "status", words="another host has joined in its place")
    other.proc.stop(patience_s=5)


def not_root(node):
    done = subprocess.run([*node.host.enter, "setpriv", "--reuid", "65534", "--clear-groups",
                           node.binary, "-c", node.conf, "join", "ntm1.x"],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 4 and "use sudo" in done.stderr, f"join without root: {done}")


def lan_is_virtual(node):
    node.host.ip("address add 198.18.9.9/24 dev eth0")
    said(node, "check", words="PROBLEM  network        this host has the address 198.18.9.9")
    node.host.ip("address del 198.18.9.9/24 dev eth0")
    check("ok       network" in node.verb("check")[1], "check finds fault with the network")


def main(lab):
    call = symmetric_pair(lab, relays=1)
    nights = (relay_dies, relay_is_shut, phone_uses_stun, dc_is_down, another_has_the_name)
    for night in nights:
        night(call)
    not_root(call.caller.node)
    lan_is_virtual(call.caller.node)
    return f"{len(nights) + 2} mistakes"


case.run(main)
