# SPDX-License-Identifier: BSD-2-Clause
"""SIP zoo: late offer, early media, multipart, compact headers, a fork: same bytes, held, sound."""
# lab: timeout=120

from lablib import case, sipp
from lablib.sipp import Scenario, reply, request, sdp
from lablib.verdict import check
from lablib.zoo import TALK_MS, Zoo

URI = "sip:[service]@[remote_ip]:[remote_port]"
BOUNDARY = "unique-boundary-1"
PART = "\n".join([f"--{BOUNDARY}", "Content-Type: text/plain", "", "{words}", f"--{BOUNDARY}",
                  "Content-Type: application/sdp", "", "{sdp}" + f"--{BOUNDARY}--", ""])
COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m",
           "Content-Type": "c", "Content-Length": "l"}


def goodbye(scenario):
    """The end of a caller's scenario, behind the ACK."""
    return scenario.pause(TALK_MS).send(request("BYE"), 500).receive(200)


def invited(scenario, *provisional):
    for status in (100, 180, 183):
        if status not in provisional:
            scenario.receive(status, optional=True)
    return scenario


def late_offer(zoo):
    """The offer is in the 200 OK, the answer in the ACK."""
    caller = Scenario("caller").send(request("INVITE", URI, to=""), 500)
    invited(caller).receive(200, routes=True).send(request("ACK", body=sdp())).play(zoo.tone)
    return zoo.call("late-offer", goodbye(caller), sipp.callee(), {"alice"})[0]


def early_media(zoo):
    """183 with SDP: the tunnel is made while it rings, and the sound begins then."""
    callee = Scenario("callee").receive("INVITE", routes=True)
    callee.send(reply(183, "Session Progress", sdp())).pause(600)
    callee.send(reply(200, "OK", sdp()), 500).receive("ACK").receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    caller = Scenario("caller").send(request("INVITE", URI, sdp(), to=""), 500)
    caller.receive(100, optional=True).receive(183).play(zoo.tone).receive(200, routes=True)
    figures, visit = zoo.call("early-media", goodbye(caller.send(request("ACK"))), callee,
                              {"alice"})
    answered = visit.messages(zoo.alice, "INVITE", 200, dst=zoo.alice)[0].packet.time
    sound = [p.time for p in visit.ends[zoo.alice] if p.dst == zoo.alice and p.sport == 30000]
    check(sound and min(sound) < answered, "no sound before the 200 OK")
    return figures


def multipart(zoo):
    """The SDP is one of two parts, in the INVITE and in the 200 OK."""
    kind = [f'Content-Type: multipart/mixed;boundary="{BOUNDARY}"']
    body = PART.format(words="Not to be read by machines.", sdp=sdp())
    callee = Scenario("callee").receive("INVITE", routes=True)
    callee.send(reply(180, "Ringing")).send(reply(200, "OK", body, kind), 500).receive("ACK")
    callee.receive("BYE").send(reply(200, "OK", tag=""))
    caller = Scenario("caller").send(request("INVITE", URI, body, headers=kind, to=""), 500)
    invited(caller).receive(200, routes=True).send(request("ACK"))
    return zoo.call("multipart", goodbye(caller), callee, {"bob"}, speak=True)[0]


def compact_text(text):
    for name, letter in COMPACT.items():
        text = text.replace(f"\n{name}:", f"\n{letter}:")
    return text


def compact(zoo):
    """The caller uses the one-letter names of headers, so the answer's dialog headers have them."""
    caller = Scenario("caller").send(compact_text(request("INVITE", URI, sdp(), to="")), 500)
    invited(caller).receive(200, routes=True).send(compact_text(request("ACK")))
    caller.pause(TALK_MS).send(compact_text(request("BYE")), 500).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True).send(reply(180, "Ringing"))
    callee.send(compact_text(reply(200, "OK", sdp())), 500).receive("ACK").receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    figures, visit = zoo.call("compact", caller, callee, {"bob"}, speak=True)
    for here in (zoo.alice, zoo.bob):
        check(any(b"\ni:" in m.raw and b"\nl:" in m.raw for m in visit.messages(here, dst=here)),
              "nothing with compact headers arrived")
    return figures


def fork(zoo):
    """Two 200 OKs with To-tags of their own: both are held, both come through once, in order."""
    callee = Scenario("callee").receive("INVITE", routes=True).send(reply(180, "Ringing"))
    for tag in ("one", "two"):
        callee.send(reply(200, "OK", sdp(), tag=tag))
    callee.receive("ACK").receive("ACK")
    for _ in range(2):
        callee.receive("BYE").send(reply(200, "OK", tag=""))
    caller = Scenario("caller").send(request("INVITE", URI, sdp(), to=""), 500)
    invited(caller).receive(200, routes=True).send(request("ACK")).receive(200, routes=True)
    caller.send(request("ACK")).play(zoo.tone).pause(TALK_MS)
    for tag in ("one", "two"):
        caller.send(request("BYE", to=f";tag={tag}"), 500).receive(200)
    figures, visit = zoo.call("fork", caller, callee, {"bob"})
    answer = "INVITE", 200
    for here, what in ((zoo.server, answer), (zoo.alice, answer), (zoo.bob, ("ACK", 0))):
        tags = [m.header("To").partition("tag=")[2] for m in visit.messages(here, *what, dst=here)]
        order = tags if here == zoo.server else sorted(tags)  # Kamailio is two processes
        check(order == ["one", "two"], f"To-tags of {what} at {here}: {tags}")
    return figures


def main(lab):
    zoo = Zoo(lab)
    return "; ".join(part(zoo) for part in (late_offer, early_media, multipart, compact, fork))


case.run(main)
