# SPDX-License-Identifier: BSD-2-Clause
"""sipp with scenarios written in Python: any SIP exchange, step by step.

The usual messages are made by `request` and `reply`; a case changes what it is about, and gives
a whole text where it wants something unusual. sipp's own [keywords] may be used everywhere.
"""

from xml.sax.saxutils import quoteattr

from lablib import audio
from lablib.verdict import Fail

SDP = """v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


def sdp(port="[media_port]", addr=None):
    """A description of one PCMU stream, at our own media address unless told otherwise."""
    text = SDP.format(port=port)
    return text.replace("[media_ip]", addr).replace("IP[media_ip_type]", _family(addr)) \
        if addr else text


def _family(addr):
    return "IP6" if ":" in addr else "IP4"


def request(method, uri="[next_url]", body="", cseq="[cseq]", headers=(), to="[peer_tag_param]"):
    """A request of the side that made the call. Inside the dialog it follows the routes."""
    lines = [f"{method} {uri} SIP/2.0",
             "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
             "From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
             f"To: <sip:[service]@[remote_ip]>{to}", "Call-ID: [call_id]",
             f"CSeq: {cseq} {method}", "Contact: <sip:caller@[local_ip]:[local_port]>",
             "Max-Forwards: 70", *(["[routes]"] if to else []), *headers]
    return _with_body(lines, body)


# What a callee's INVITE is received with, where it is answered behind another request, or where
# the callee sends requests of its own.
KEEP_INVITE = {"via": "Via:", "via2": "Via:2", "peer": "From:", "own": "To:", "rr": "Record-Route:"}


def late_reply(status, reason, body="", headers=()):
    """An answer to the INVITE that came over one proxy and was received with KEEP_INVITE."""
    lines = [f"SIP/2.0 {status} {reason}", "Via: [$via]", "Via: [$via2]", "From: [$peer]",
             "To: [$own];tag=[pid]s[call_number]", "Call-ID: [call_id]", "CSeq: 1 INVITE",
             "Record-Route: [$rr]", "Contact: <sip:callee@[local_ip]:[local_port]>", *headers]
    return _with_body(lines, body)


def back_request(method, body="", cseq=1, headers=()):
    """A request of the side that was called; it has received the INVITE with KEEP_INVITE."""
    lines = [f"{method} [next_url] SIP/2.0",
             "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
             "From: <sip:[service]@[local_ip]>;tag=[pid]s[call_number]", "To: [$peer]",
             "Call-ID: [call_id]", f"CSeq: {cseq} {method}",
             "Contact: <sip:callee@[local_ip]:[local_port]>", "Max-Forwards: 70", "[routes]",
             *headers]
    return _with_body(lines, body)


def reply(status, reason, body="", headers=(), tag="[pid]s[call_number]"):
    """An answer to the request that came last."""
    lines = [f"SIP/2.0 {status} {reason}", "[last_Via:]", "[last_From:]",
             "[last_To:]" + (f";tag={tag}" if tag else ""), "[last_Call-ID:]", "[last_CSeq:]",
             "[last_Record-Route:]", "Contact: <sip:callee@[local_ip]:[local_port]>", *headers]
    return _with_body(lines, body)


def _with_body(lines, body):
    if body and not any(line.lower().startswith("content-type") for line in lines):
        lines.append("Content-Type: application/sdp")
    return "\n".join([*lines, "Content-Length: [len]", "", body])


class Scenario:
    """Steps in order; every method returns the scenario."""

    def __init__(self, name):
        self.name = name
        self.steps = []

    def send(self, text, retrans_ms=0):
        """Sends a message; one that wants an answer is sent again until it comes."""
        again = f' retrans="{retrans_ms}"' if retrans_ms else ""
        self.steps.append(f"<send{again}><![CDATA[\n{text}\n]]></send>")
        return self

    def receive(self, what, optional=False, routes=False, timeout_ms=8000, keep=None):
        """Waits for a status (a number) or for a request (its method); may learn the routes.

        keep: variable -> header whose value it takes, for [$variable] in later messages; a number
        behind the colon means the header's second, third ... occurrence.
        """
        attrs = f'response="{what}"' if isinstance(what, int) else f"request={quoteattr(what)}"
        attrs += ' rrs="true"' if routes else ""
        attrs += ' optional="true"' if optional else f' timeout="{timeout_ms}"'
        actions = "".join(map(self._keep, (keep or {}).items()))
        self.steps.append(f"<recv {attrs}><action>{actions}</action></recv>" if actions
                          else f"<recv {attrs}/>")
        return self

    @staticmethod
    def _keep(pair):
        name, (header, _, number) = pair[0], pair[1].partition(":")
        return (f'<ereg regexp=".*" search_in="hdr" header="{header}:" '
                f'occurrence="{number or 1}" assign_to="{name}"/>')

    def pause(self, ms):
        self.steps.append(f'<pause milliseconds="{ms}"/>')
        return self

    def play(self, path):
        """Streams a file of PCMU bytes to the peer's media address from now on."""
        stream = f'<exec rtp_stream="{path},-1,0,PCMU/8000"/>'
        self.steps.append(f"<nop><action>{stream}</action></nop>")
        return self

    def xml(self):
        body = "\n".join(self.steps)
        unused = [name for name in KEEP_INVITE if f'"{name}"' in body and f"[${name}]" not in body]
        if unused:  # else sipp takes it for an error
            body += f'\n<Reference variables="{",".join(unused)}"/>'
        return (f'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
                f'<scenario name="{self.name}">\n{body}\n</scenario>\n')


def caller(talk_ms=1000, body=None, tone=None, uri=None):
    """INVITE, 200, ACK, a while, BYE. uri: whom (default: the service at the remote host)."""
    scenario = Scenario("caller")
    scenario.send(request("INVITE", uri or "sip:[service]@[remote_ip]:[remote_port]",
                          sdp() if body is None else body, to=""), 500)
    for status in (100, 180, 183):
        scenario.receive(status, optional=True)
    scenario.receive(200, routes=True).send(request("ACK"))
    if tone:
        scenario.play(tone)
    return scenario.pause(talk_ms).send(request("BYE"), 500).receive(200)


def callee(ring_ms=100, body=None):
    """180, a while, 200, then 200 to the BYE."""
    scenario = Scenario("callee").receive("INVITE", routes=True)
    scenario.send(reply(180, "Ringing")).pause(ring_ms)
    scenario.send(reply(200, "OK", sdp() if body is None else body), 500).receive("ACK")
    return scenario.receive("BYE", timeout_ms=60000).send(reply(200, "OK", tag=""))


def registration(user, domain):
    """Tells the registrar that the user is at this host and port."""
    lines = [f"REGISTER sip:{domain} SIP/2.0",
             "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
             f"From: <sip:{user}@{domain}>;tag=[pid]r[call_number]",
             f"To: <sip:{user}@{domain}>", "Call-ID: [call_id]", "CSeq: 1 REGISTER",
             f"Contact: <sip:{user}@[local_ip]:5060;transport=[transport]>", "Max-Forwards: 70",
             "Expires: 600"]
    return Scenario("registration").send(_with_body(lines, ""), 500).receive(200)


class Sipp:
    """One run of sipp on a host. addr: its signalling and media address (default: the host's)."""

    def __init__(self, host, name, scenario, remote=None, *, addr=None, port=5060, calls=1,
                 rate=None, service="bob", proxy=None, echo=False, media_port=30000, extra=()):
        lab = host.lab
        addr = addr or host.addr
        program = lab.program("sipp", "sip-tester")
        path = lab.write(scenario.xml(), name, "scenario.xml")
        argv = [program, *([remote] if remote else []), "-sf", path, "-i", addr, "-p", port, "-mi",
                addr, "-mp", media_port, "-m", calls, "-s", service, "-nostdin", "-trace_err",
                "-error_file", lab.path(name, "errors"), "-trace_msg", "-message_file",
                lab.path(name, "messages"), *extra]
        argv += ["-r", rate] if rate else []
        argv += ["-rsa", proxy] if proxy else []
        argv += ["-rtp_echo"] if echo else []
        self.proc = host.start(name, argv)
        self.host, self.addr, self.port = host, addr, port

    def wait_ready(self):
        """For a callee: waits until it listens."""
        self.host.wait_port(self.port)
        return self

    def wait_done(self, deadline_s=15):
        """Waits until all calls are over; fails when one of them failed."""
        code = self.proc.wait_end(deadline_s)
        if code:
            reason = {1: "a call failed", 97: "stopped", 99: "no calls"}.get(code, code)
            raise Fail(f"sipp {self.proc.name}: {reason}")


def tone_file(lab, hz):
    """A file of PCMU bytes for Scenario.play."""
    return audio.write_ulaw_tone(lab.path(f"{hz}.ul"), hz)
