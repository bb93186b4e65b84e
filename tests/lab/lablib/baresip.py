# SPDX-License-Identifier: BSD-2-Clause
"""baresip: plays its tone into every call, records what it hears, obeys over its TCP control."""

import glob
import json
import os

from lablib import wait
from lablib.phones import Phone
from lablib.verdict import Fail

MODULES = "/usr/lib/baresip/modules"
CONTROL_PORT = 4444
CONFIG = """
{net_interface}
{resolver}
sip_listen {listen}
call_max_calls {calls}
call_local_timeout 60
audio_player aubridge,ear
audio_source aufile,{tone}
audio_alert aubridge,bell
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
rtp_ports 20000-20200
rtp_bandwidth 512-1024
jitter_buffer_delay 2-5
snd_path {record}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""
ACCOUNT = ("<sip:{user}@{domain}{transport}>;auth_pass=none;regint=600;answermode={answer};"
           "audio_codecs=PCMU/8000/1;ptime=20{outbound}\n")


class Baresip(Phone):
    """A baresip of its own: configuration, logs and recordings in the case's folder/USER.

    outbound: URI of the server that all its requests go to first; without it a call to another
    domain goes straight to that domain's server.
    """

    def __init__(self, host, user, domain, tone_hz, iface=None, addr=None, *, dns=None,
                 listen="0.0.0.0:5060", transport="udp", answer="manual", calls=4,
                 outbound=None):
        super().__init__(host, user, domain, tone_hz, iface, addr)
        lab = host.lab
        self.program = lab.program("baresip", "baresip-core")
        self.record_dir = os.path.dirname(lab.path(user, "heard", "x"))
        self.dir = os.path.dirname(lab.path(user, "config"))
        lab.write(CONFIG.format(
            net_interface=f"net_interface {iface}" if iface else "",
            resolver=f"dns_server {dns}:53" if dns else "", listen=listen, calls=calls,
            tone=self.tone, record=self.record_dir, control=CONTROL_PORT, modules=MODULES),
            user, "config")
        suffix = "" if transport == "udp" else f";transport={transport}"
        lab.write(ACCOUNT.format(user=user, domain=domain, transport=suffix, answer=answer,
                                 outbound=f';outbound="{outbound}"' if outbound else ""),
                  user, "accounts")
        lab.write("", user, "contacts")
        # Else it takes the family whose DNS answer comes first, and calls differ from run to run.
        self.family = [] if not iface else ["-6"] if ":" in self.addr else ["-4"]
        self.proc = self.control = None
        self.events = []
        self._buffer = b""
        self._seen = {}

    def start(self):
        env = dict(os.environ, HOME=self.dir)
        self.proc = self.host.start(self.user, [self.program, *self.family, "-f", self.dir],
                                    env=env)
        self.host.wait_port(CONTROL_PORT, "tcp")
        self.control = self.host.tcp("127.0.0.1", CONTROL_PORT)
        self.control.setblocking(False)
        return self

    def command(self, name, params=""):
        """Gives baresip one of its commands (see `/help` in baresip)."""
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def _read(self):
        """Takes in what baresip reported: netstrings of JSON."""
        try:
            self._buffer += self.control.recv(65536)
        except BlockingIOError:
            pass
        while b":" in self._buffer:
            length, rest = self._buffer.split(b":", 1)
            if len(rest) < int(length) + 1:
                return
            self.events.append(json.loads(rest[:int(length)]))
            self._buffer = rest[int(length) + 1:]

    def wait_event(self, kind, deadline_s):
        """Waits for the next event of the kind that was not waited for before; returns it."""
        def reported():
            self._read()
            found = [e for e in self.events if e.get("type") == kind]
            if len(found) <= self._seen.get(kind, 0):
                if not self.proc.alive():
                    raise Fail(f"{self.user} ended: {self.proc.last_words()}")
                return None
            self._seen[kind] = self._seen.get(kind, 0) + 1
            return found[self._seen[kind] - 1]
        return wait.until(reported, deadline_s, f"{kind} at {self.user}")

    def wait_registered(self, deadline_s=8):
        """Asks until it says OK: the event may have come before the control connection."""
        def registered():
            self.command("reginfo")
            self._read()
            return any(e.get("token") == "reginfo" and "OK" in e["data"] for e in self.events)
        wait.until(registered, deadline_s, f"registration of {self.user}", 0.05)

    def dial(self, uri):
        self.command("dial", uri)

    def wait_ringing(self, deadline_s=8):
        return self.wait_event("CALL_INCOMING", deadline_s)

    def answer(self):
        self.command("accept")

    def wait_established(self, deadline_s=8):
        return self.wait_event("CALL_ESTABLISHED", deadline_s)

    def hangup(self):
        self.command("hangup")

    def wait_closed(self, deadline_s=5):
        return self.wait_event("CALL_CLOSED", deadline_s)

    def recording(self):
        found = sorted(glob.glob(os.path.join(self.record_dir, "dump-*-dec.wav")))
        return found[-1] if found else None
