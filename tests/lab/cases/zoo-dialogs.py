# SPDX-License-Identifier: BSD-2-Clause
"""SIP zoo: PRACK, UPDATE that ends a hold of 0.0.0.0, re-INVITE that moves media to a third."""
# lab: timeout=120

from lablib import case, rtp
from lablib.sipp import KEEP_INVITE, Scenario, Sipp, back_request, late_reply, reply, request, sdp
from lablib.verdict import check
from lablib.zoo import TALK_MS, Zoo, bracketed

URI = "sip:[service]@[remote_ip]:[remote_port]"
NOBODY = "0.0.0.0"
MEDIA = 30000


def prack(zoo):
    """The offer is in a reliable 183, the answer in the PRACK, all before the 200 OK (RFC 3262)."""
    caller = Scenario("caller").send(
        request("INVITE", URI, headers=["Supported: 100rel"], to=""), 500)
    caller.receive(100, optional=True).receive(183, routes=True)
    caller.send(request("PRACK", body=sdp(), headers=["RAck: 1 1 INVITE"]), 500).receive(200)
    caller.play(zoo.tone).receive(200).send(request("ACK", cseq="1")).pause(TALK_MS)
    caller.send(request("BYE", cseq="3"), 500).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True, keep=KEEP_INVITE)
    callee.send(reply(183, "Session Progress", sdp(), ["Require: 100rel", "RSeq: 1"]), 500)
    callee.receive("PRACK").send(reply(200, "OK", tag="")).pause(200)
    callee.send(late_reply(200, "OK"), 500).receive("ACK").receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    return zoo.call("prack", caller, callee, {"alice"})[0]


def update(zoo):
    """A call on hold in the old way (0.0.0.0) makes no tunnel; UPDATE takes it up (RFC 3311)."""
    held = sdp(addr=NOBODY)
    caller = Scenario("caller").send(request("INVITE", URI, held, to=""), 500)
    for status in (100, 180):
        caller.receive(status, optional=True)
    caller.receive(200, routes=True).send(request("ACK")).receive("UPDATE")
    caller.send(reply(200, "OK", sdp(), tag="")).play(zoo.tone).pause(TALK_MS)
    caller.send(request("BYE"), 500).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True, keep=KEEP_INVITE)
    callee.send(reply(180, "Ringing")).send(reply(200, "OK", held), 500).receive("ACK").pause(300)
    callee.send(back_request("UPDATE", sdp()), 500).receive(200).receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    figures, visit = zoo.call("update", caller, callee, {"alice"})
    sent = visit.messages(zoo.bob, "UPDATE", 0, src=zoo.bob)[0].packet.time
    check(visit.tunnel_time() > sent, "a tunnel was made while the call was on hold")
    return figures


def legs(zoo):
    """The two halves of a B2BUA on the SIP host, which lets the media go straight later."""
    moved = {vip: sdp(port=MEDIA, addr=vip) for vip in (zoo.alice, zoo.bob)}
    to_alice = Scenario("leg to alice").receive("INVITE", keep=KEEP_INVITE, routes=True)
    to_alice.send(reply(180, "Ringing")).send(reply(200, "OK", sdp()), 500).receive("ACK")
    to_alice.pause(400).send(back_request("INVITE", moved[zoo.bob]), 500).receive(200)
    to_alice.send(back_request("ACK")).receive("BYE").send(reply(200, "OK", tag=""))
    to_bob = Scenario("leg to bob").send(request("INVITE", URI, sdp(), to=""), 500)
    for status in (100, 180):
        to_bob.receive(status, optional=True)
    to_bob.receive(200, routes=True).send(request("ACK")).pause(900)
    to_bob.send(request("INVITE", body=moved[zoo.alice]), 500).receive(200).send(request("ACK"))
    to_bob.pause(2 * TALK_MS).send(request("BYE"), 500).receive(200)
    return to_alice, to_bob


def reinvite(zoo):
    """A B2BUA answers with its own address, and moves the media to bob by re-INVITEs."""
    zoo.scene.server.proc.stop()
    visit = zoo.apart("reinvite")
    alice = Scenario("caller").send(request("INVITE", URI, sdp(), to=""), 500)
    for status in (100, 180):
        alice.receive(status, optional=True)
    alice.receive(200, routes=True).send(request("ACK")).play(zoo.tone).receive("INVITE")
    alice.send(reply(200, "OK", sdp(), tag=""), 500).receive("ACK").pause(TALK_MS)
    alice.send(request("BYE"), 500).receive(200)
    bob = Scenario("callee").receive("INVITE", routes=True).send(reply(180, "Ringing"))
    bob.send(reply(200, "OK", sdp()), 500).receive("ACK").receive("INVITE")
    bob.send(reply(200, "OK", sdp(), tag=""), 500).receive("ACK").receive("BYE")
    bob.send(reply(200, "OK", tag=""))
    to_alice, to_bob = legs(zoo)
    there = zoo.callee("reinvite", bob).wait_ready()
    first = Sipp(zoo.scene.net.sip, "leg-alice", to_alice, addr=zoo.server, echo=True,
                 media_port=31000).wait_ready()
    second = Sipp(zoo.scene.net.sip, "leg-bob", to_bob, bracketed(zoo.bob), addr=zoo.server,
                  port=5062, media_port=32000)
    here = zoo.caller("reinvite", alice)
    for end in (here, there, first, second):
        end.wait_done()
    figures = visit.judge({"alice"})
    by_server = rtp.count(visit.ends[zoo.alice], src=zoo.server, dst=zoo.alice)
    check(by_server, "no sound by the B2BUA before it moved the media")
    return figures


def main(lab):
    zoo = Zoo(lab)
    return "; ".join(part(zoo) for part in (prack, update, reinvite))


case.run(main)
