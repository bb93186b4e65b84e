# SPDX-License-Identifier: BSD-2-Clause
"""Added delay is right to half a millisecond on every link and both ways; loss is as asked for."""

import statistics
import time

from lablib import case
from lablib.topology import Figure11
from lablib.verdict import check

DELAY_MS = 25
PACKETS = 10
LOSS = 0.1


def round_trip_ms(asker, answerer):
    """The median and the worst round trip of small packets."""
    times = []
    for _ in range(PACKETS):
        begin = time.perf_counter()
        asker.sendto(b"ping", answerer.getsockname())
        _, sender = answerer.recvfrom(64)
        answerer.sendto(b"pong", sender)
        asker.recv(64)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times), max(times)


def excess_ms(name, asker, answerer, links):
    """By how much one passage of one link is longer than asked for: median and worst."""
    median, worst = round_trip_ms(asker, answerer)
    passages = 2 * links
    check(median >= passages * DELAY_MS, f"{name}: {links} links took only {median:.2f} ms")
    return median / passages - DELAY_MS, worst / passages - DELAY_MS


def delays(lab):
    net = Figure11(lab, nat_side="caller", delay_ms=DELAY_MS)
    excess = [
        excess_ms("through the NAT", net.mn.udp(), net.dc.udp(net.dc.addr), 3),
        excess_ms("open", net.cn.udp(), net.sip.udp(net.sip.addr), 2),
        excess_ms("open, IPv6", net.cn.udp("::"), net.sip.udp(net.sip.addr6), 2),
    ]
    check_fragments(net.cn.udp(), net.sip.udp(net.sip.addr))
    check_fragments(net.cn.udp("::"), net.sip.udp(net.sip.addr6))
    median, worst = max(e[0] for e in excess), max(e[1] for e in excess)
    check(median < 0.5, f"a passage of a link took {median:.2f} ms more than {DELAY_MS} ms")
    return f"{DELAY_MS} ms each way + {median:.2f} ms median, {worst:.2f} ms worst"


def check_fragments(asker, answerer):
    """A datagram larger than the MTU gets through in its pieces."""
    asker.sendto(bytes(9000), answerer.getsockname())
    check(len(answerer.recv(10000)) == 9000, "the fragments did not arrive")


def losses(lab):
    net = Figure11(lab, nat_side=None, loss=LOSS)
    asker, answerer = net.mn.udp(), net.cn.udp(net.cn.addr)
    answerer.setblocking(False)
    got, count = 0, 2000
    for _ in range(count):
        asker.sendto(b"ping", answerer.getsockname())
        time.sleep(0.0005)
        got += drained(answerer)
    time.sleep(0.1)
    lost = 1 - (got + drained(answerer)) / count
    expected = 1 - (1 - LOSS) ** 2
    check(abs(lost - expected) < 0.04, f"lost {lost:.3f}, expected {expected:.3f}")
    return f"{lost:.3f} lost on two links of {LOSS}"


def drained(sock):
    """How many packets wait in the socket."""
    count = 0
    while True:
        try:
            sock.recv(64)
        except BlockingIOError:
            return count
        count += 1


def main(lab):
    with lab.scene("delay"):
        figures = delays(lab)
    with lab.scene("loss"):
        return figures + "; " + losses(lab)


case.run(main)
