# SPDX-License-Identifier: BSD-2-Clause
"""Without any NAT a call between two baresip works: this is what makes the audio verdict worth."""

from lablib import audio, case, clear, phones, rtp
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.topology import Figure11
from lablib.verdict import check


def main(lab):
    net = Figure11(lab, nat_side=None)
    server = Kamailio(net.sip)
    alice = Baresip(net.mn, "alice", server.domain, 500).start()
    bob = Baresip(net.cn, "bob", server.domain, 900).start()
    outside = Capture(net.inet, "br0")
    ears = {alice: Capture(net.mn), bob: Capture(net.cn)}
    for phone in ears:
        phone.wait_registered()
    figures = phones.converse(alice, bob, ears)
    check_wrong_tone(ears[bob], bob)
    check_readable(outside, ears[bob], net)
    return figures


def check_wrong_tone(ear, listener):
    """The verdict has to refuse a tone that nobody played."""
    stream = rtp.streams(ear.packets(), dst=listener.addr)[0]
    for hz in (450, 550, listener.tone_hz):
        check(audio.tone_seconds(stream.samples(), hz) == 0, f"{hz} Hz heard, but not played")


def check_readable(outside, ear, net):
    """The check for secrecy has to find everything in a call that is not sealed."""
    payloads = clear.needles(ear.udp(src=net.mn.addr))
    found = {word for _, word in clear.readable(outside.packets(), [net.mn.addr], payloads)}
    for word in ("a virtual address in the IP header", repr(b"SIP/2.0"), repr(b"m=audio"),
                 repr(net.mn.addr.encode()), *(repr(p[:16]) for p in payloads)):
        check(word in found, f"the check for secrecy overlooks {word}")


case.run(main)
