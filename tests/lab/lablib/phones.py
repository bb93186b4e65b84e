# SPDX-License-Identifier: BSD-2-Clause
"""What all phones have in common, and a whole call between two of them."""

import time

from lablib import audio, rtp, wait
from lablib.capture import Capture
from lablib.verdict import check


class Phone:
    """A user's phone on a host. A subclass drives one real program.

    user, domain: its address is sip:USER@DOMAIN; the domain is also its registrar.
    tone_hz: what its microphone hears all the time. iface: the interface that it has to use
    (None: whatever it takes by itself); addr: the address that it then has (default: the host's).
    """

    def __init__(self, host, user, domain, tone_hz, iface=None, addr=None):
        self.host = host
        self.user = user
        self.domain = domain
        self.tone_hz = tone_hz
        self.iface = iface
        self.addr = addr or host.addr
        self.uri = f"sip:{user}@{domain}"
        self.tone = audio.write_tone(host.lab.path(user, f"{tone_hz}.wav"), tone_hz)

    def start(self):
        """Starts the program and returns the phone."""
        raise NotImplementedError

    def wait_registered(self, deadline_s=8):
        raise NotImplementedError

    def dial(self, uri):
        raise NotImplementedError

    def wait_ringing(self, deadline_s=8):
        """Waits for an incoming call."""
        raise NotImplementedError

    def answer(self):
        raise NotImplementedError

    def wait_established(self, deadline_s=8):
        raise NotImplementedError

    def hangup(self):
        raise NotImplementedError

    def wait_closed(self, deadline_s=5):
        raise NotImplementedError

    def recording(self):
        """The WAV file that the program wrote of what it heard, or None."""
        return None


def listen(phones, name=None):
    """For each phone a capture at its interface, from now on."""
    return {phone: Capture(phone.host, phone.iface or "eth0",
                           f"{name}-{phone.user}" if name else phone.user) for phone in phones}


def register(*phones):
    """Starts the phones and waits until their servers know them."""
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.wait_registered()


def connect(caller, callee, ring_s=0.3):
    """Makes a call up to the point where both programs call it established."""
    caller.dial(callee.uri)
    callee.wait_ringing()
    time.sleep(ring_s)  # a human's reaction, no wait for a fact
    callee.answer()
    callee.wait_established()
    caller.wait_established()


def hang_up(phone, other):
    """Ends the call; both programs have to notice."""
    phone.hangup()
    phone.wait_closed()
    other.wait_closed()


def talk(ears, packets=125, deadline_s=6):
    """Waits until every phone got that many RTP packets (125 are 2.5 s).

    ears: for each phone the capture at its interface.
    """
    for phone, ear in ears.items():
        wait.until(lambda p=phone, e=ear: rtp.count(e.udp(), dst=p.addr) >= packets, deadline_s,
                   f"{packets} RTP packets at {phone.user}", 0.1)


def judge(listener, ear, speaker, min_s=2.0, **limits):
    """What arrived at the listener, and what its program recorded, must be the speaker's tone."""
    heard = audio.heard(ear.packets(), speaker.tone_hz, min_s, dst=listener.addr, **limits)
    samples, rate = audio.read_wav(listener.recording())
    recorded = audio.tone_seconds(samples, speaker.tone_hz, rate)
    check(recorded >= min_s, f"{listener.user} recorded only {recorded:.1f} s of the tone")
    return f"{speaker.user}->{listener.user} {heard}, recorded {recorded:.1f} s"


def converse(caller, callee, ears):
    """A whole call, judged in both directions; returns the figures."""
    connect(caller, callee)
    talk(ears)
    hang_up(caller, callee)
    return "; ".join(judge(listener, ears[listener], speaker)
                     for listener, speaker in ((callee, caller), (caller, callee)))
