# SPDX-License-Identifier: BSD-2-Clause
"""Without any NAT a call between two baresip works: this is what makes the audio verdict worth."""

from lablib import audio, case, phones, rtp
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
    ears = {alice: Capture(net.mn), bob: Capture(net.cn)}
    for phone in ears:
        phone.wait_registered()
    phones.connect(alice, bob)
    phones.talk([lambda p=p: rtp.count(ears[p].udp(dst=p.host.addr)) for p in ears])
    phones.hang_up(alice, bob)
    figures = [judge(ears[bob], bob, alice), judge(ears[alice], alice, bob)]
    check_wrong_tone(ears[bob], bob)
    return "; ".join(figures)


def judge(ear, listener, speaker):
    """The packets and the program's own recording must hold the speaker's tone."""
    heard = audio.heard(ear.stop().packets(), speaker.tone_hz, dst=listener.host.addr)
    samples, rate = audio.read_wav(listener.recording())
    recorded = audio.tone_seconds(samples, speaker.tone_hz, rate)
    check(recorded >= 2, f"{listener.user} recorded only {recorded:.1f} s of the tone")
    return f"{speaker.user}->{listener.user} {heard}, recorded {recorded:.1f} s"


def check_wrong_tone(ear, listener):
    """The verdict has to refuse a tone that nobody played."""
    stream = rtp.streams(ear.packets(), dst=listener.host.addr)[0]
    for hz in (450, 550, listener.tone_hz):
        check(audio.tone_seconds(stream.samples(), hz) == 0, f"{hz} Hz heard, but not played")


case.run(main)
