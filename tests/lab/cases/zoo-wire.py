# SPDX-License-Identifier: BSD-2-Clause
"""SIP zoo: 2,500-byte messages in fragments, SIP over TCP, and garbage on port 5060."""
# lab: timeout=120

import random

from lablib import case, inner, sipp
from lablib.sipp import Scenario, reply, request, sdp
from lablib.verdict import check
from lablib.zoo import TALK_MS, Zoo

URI = "sip:[service]@[remote_ip]:[remote_port]"
SIZE = 2500
PADDING = [f"X-Padding-{number}: {'x' * 180}" for number in range(11)]
SEED = 1
INVITE = ("INVITE sip:bob@ntm.example SIP/2.0\r\nVia: SIP/2.0/UDP {vip};branch=z9hG4bK1\r\n"
          "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>{to}\r\nCall-ID: garbage\r\nCSeq: 1 INVITE\r\n"
          "{length}Content-Type: application/sdp\r\n\r\n{body}")
SDP = "v=0\r\no=- 1 1 IN IP4 {vip}\r\ns=-\r\nc=IN IP4 {vip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def fragments(zoo):
    """INVITE and 200 OK of 2,500 bytes and more: their last fragments are what is held."""
    caller = Scenario("caller").send(request("INVITE", URI, sdp(), headers=PADDING, to=""), 500)
    for status in (100, 180):
        caller.receive(status, optional=True)
    caller.receive(200, routes=True).send(request("ACK")).play(zoo.tone).pause(TALK_MS)
    caller.send(request("BYE"), 500).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True).send(reply(180, "Ringing"))
    callee.send(reply(200, "OK", sdp(), PADDING), 500).receive("ACK").receive("BYE")
    callee.send(reply(200, "OK", tag=""))
    figures, visit = zoo.call("fragments", caller, callee, {"bob"})
    tunnel = visit.tunnel_time()
    for here in (zoo.alice, zoo.bob):
        parts = [p for p in visit.ends[here] if p.dst == here and p.proto == 17]
        last = [p for p in parts if p.fragment]
        check(last, f"no fragments at {here}")
        check(max(p.fragment + len(p.ip) - 28 for p in last) >= SIZE, "the message is too small")
        check(here == zoo.bob or min(p.time for p in last) > tunnel,
              "the 200 OK was whole at alice before there was a tunnel")
    return figures


def by_tcp(text):
    return text.replace(":[local_port]>", ":[local_port];transport=tcp>")


def tcp(zoo):
    """SIP over TCP is not looked into; the first sound makes the tunnel and none of it is lost."""
    zoo.register("bob-tcp", "t1")
    caller = Scenario("caller").send(by_tcp(request("INVITE", URI, sdp(), to="")))
    for status in (100, 180):
        caller.receive(status, optional=True)
    caller.receive(200, routes=True).send(by_tcp(request("ACK"))).play(zoo.tone).pause(TALK_MS)
    caller.send(by_tcp(request("BYE"))).receive(200)
    callee = Scenario("callee").receive("INVITE", routes=True).send(by_tcp(reply(180, "Ringing")))
    callee.send(by_tcp(reply(200, "OK", sdp()))).receive("ACK").receive("BYE")
    callee.send(by_tcp(reply(200, "OK", tag="")))
    figures, visit = zoo.call("tcp", caller, callee, set(), user="bob-tcp", transport="t1")
    check(not visit.messages(zoo.alice), "there was SIP over UDP")
    return figures


def litter(vip):
    """What may come to port 5060 and is no proper SIP; vip: whom it names in its SDP."""
    dice = random.Random(SEED)
    body = SDP.format(vip=vip)
    length = f"Content-Length: {len(body)}\r\n"
    whole = INVITE.format(vip=vip, to=";tag=2", length=length, body=body)
    made = [b"", b"\r\n\r\n", b"\0" * 100, b"SIP/2.0", b"SIP/2.0 4294967496 OK\r\n\r\n",
            b"SIP/2.0 200\r\n\r\n", b"INVITE\r\n\r\n", b"m=audio 4000 RTP/AVP\r"]
    made += [dice.randbytes(size) for size in (1, 12, 100, 1000, 1372, 1373, 5000, 60000)]
    made += [whole[:size].encode() for size in range(1, len(whole), 37)]
    for length in ("-1", "999999", "1", "x", "99999999999999999999"):
        made.append(INVITE.format(vip=vip, to="", length=f"Content-Length: {length}\r\n",
                                  body=body).encode())
    made.append((whole[:-2] + "\r").encode())
    made.append(whole.replace("tag=2", "tag=2" + ";a" * 20000).encode())
    made.append(whole.replace("Call-ID", "X: y\r\n" * 500 + "Call-ID").encode())
    made.append(whole.replace("\r\n", "\n").encode())
    made.append(whole.replace(vip, "%s%n%s" * 10).encode())
    mutated = bytearray(whole.encode())
    for _ in range(40):
        mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        made.append(bytes(mutated))
    return made


def garbage(zoo):
    """All of it arrives as it was sent, both ways, and both nodes are as good as new after it."""
    visit = zoo.apart("garbage")
    net = zoo.scene.net
    ends = [(host.udp(vip, 5060), vip) for host, vip in ((net.mn, zoo.alice), (net.cn, zoo.bob))]
    count = 0
    for (sender, own), (receiver, addr) in (ends, ends[::-1]):
        for data in litter(own) + litter(zoo.server):
            sender.sendto(data, (addr, 5060))
            check(receiver.recv(65536) == data, f"{data[:60]} was altered on its way to {addr}")
            count += 1
    for sock, _ in ends:
        sock.close()
    visit.stop()
    inner.check_identical(visit.ends)
    figures, _ = zoo.call("afterwards", sipp.caller(TALK_MS, tone=zoo.tone), sipp.callee(), {"bob"})
    return f"{count} garbage datagrams arrived unaltered; {figures}"


def main(lab):
    zoo = Zoo(lab)
    return "; ".join(part(zoo) for part in (fragments, tcp, garbage))


case.run(main)
