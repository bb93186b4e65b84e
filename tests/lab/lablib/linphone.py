# SPDX-License-Identifier: BSD-2-Clause
"""linphonec: takes its address from the routes, plays and records files, is typed at."""

import os
import signal

from lablib.phones import Phone

CONFIG = """
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
guess_hostname=1
contact=sip:{user}@{host}
default_proxy=0
register_only_when_network_is_up=0
inc_timeout=60
media_encryption=none

[proxy_0]
reg_proxy=<sip:{domain}>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0

[rtp]
audio_rtp_port=7078
audio_adaptive_jitt_comp_enabled=0

[sound]
echocancellation=0

[net]
mtu=1300

[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
{others}
"""
OTHER_CODEC = """
[audio_codec_{number}]
mime={mime}
rate={rate}
channels={channels}
enabled=0
"""
SWITCHED_OFF = (("opus", 48000, 2), ("speex", 16000, 1), ("speex", 8000, 1), ("PCMA", 8000, 1),
                ("G729", 8000, 1))


class Linphone(Phone):
    """A linphonec of its own. It has no setting for an interface: `iface` has to be None or
    the one that the route to the registrar takes."""

    def __init__(self, host, user, domain, tone_hz, iface=None, addr=None):
        super().__init__(host, user, domain, tone_hz, iface, addr)
        lab = host.lab
        self.program = lab.program("linphonec", "linphone-cli")
        others = "".join(OTHER_CODEC.format(number=i + 1, mime=m, rate=r, channels=c)
                         for i, (m, r, c) in enumerate(SWITCHED_OFF))
        self.config = lab.write(CONFIG.format(user=user, domain=domain, host=self.addr,
                                              others=others), user, "linphonerc")
        self.home = os.path.dirname(self.config)
        self.heard = lab.path(user, "heard.wav")
        self.proc = None
        self._waited = {}

    def start(self):
        env = dict(os.environ, HOME=self.home)
        os.makedirs(os.path.join(self.home, ".local/share/linphone"), exist_ok=True)
        self.proc = self.host.start(self.user, [
            "stdbuf", "-oL", self.program, "-c", self.config, "-d", "6"], env=env,
            cwd=self.home)
        self.proc.farewell = signal.SIGKILL  # it would wait for its last REGISTER's answer
        for line in ("soundcard use files", f"play {self.tone}", f"record {self.heard}"):
            self.proc.tell(line)
        return self

    def _wait(self, pattern, deadline_s):
        """Waits for the next line like this that was not waited for before."""
        self._waited[pattern] = self._waited.get(pattern, 0) + 1
        return self.proc.wait_log(pattern, deadline_s, self._waited[pattern])[-1]

    def wait_registered(self, deadline_s=8):
        return self._wait(r"to \[LinphoneRegistrationOk\]", deadline_s)

    def dial(self, uri):
        self.proc.tell(f"call {uri}")

    def wait_ringing(self, deadline_s=8):
        return self._wait(r"to LinphoneCallIncomingReceived", deadline_s)

    def answer(self):
        self.proc.tell("answer")

    def wait_established(self, deadline_s=8):
        return self._wait(r"to LinphoneCallStreamsRunning", deadline_s)

    def hangup(self):
        self.proc.tell("terminate")

    def wait_closed(self, deadline_s=5):
        return self._wait(r"to LinphoneCallReleased", deadline_s)

    def recording(self):
        return self.heard if os.path.exists(self.heard) else None
