# SPDX-License-Identifier: BSD-2-Clause
"""A phone at an ordinary SIP provider, through a gateway, keeps its call over a change of network.

    mn (phone, ntm-node) --- [home] or [cafe] ---+--- inet ---+--- prov (Kamailio, no NTM)
                                                 |            +--- cn (phone, no NTM)
    gw (ntm-relay, gateway) ---------------------+            +--- web, ns, dc
"""
# lab: timeout=150

import signal
import subprocess
import time

from lablib import audio, case, phones, rtp, sip, sipp, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.dns import Dns
from lablib.kamailio import Kamailio
from lablib.links import Internet, settle
from lablib.nat import Nat
from lablib.netns import Host
from lablib.ntm import Dc, Node, Relay
from lablib.sipp import Sipp
from lablib.verdict import check

PROVIDER = "sip.provider.example"
SIX = "six.provider.example"
EXIT = """
dns {{
    manage = off
    servers = {{ "{ns}" }}
}}
exit "gw" {{
    names = {{ "provider.example" }}
}}
"""


class Net:
    """The hosts; the phone's is at home."""

    def __init__(self, lab, kind):
        self.inet = Internet(lab)
        numbers = {"cn": 12, "prov": 20, "web": 22, "ns": 25, "dc": 30, "gw": 31}
        for name, number in numbers.items():
            host = Host(lab, name)
            self.inet.plug(host, number)
            setattr(self, name, host)
        self.home = Nat(lab, "home", kind)
        self.cafe = Nat(lab, "cafe", kind, home="192.168.7")
        self.inet.plug(self.home, 10)
        self.inet.plug(self.cafe, 13)
        self.mn = Host(lab, "mn")
        self.home.plug(self.mn, 11)
        settle(self.inet, self.home, self.mn, *(getattr(self, n) for n in numbers))

    def move(self):
        """The phone's host leaves home, then it is at the cafe: nothing of the old network is left."""
        self.mn.ip("link set eth0 down")
        self.cafe.plug(self.mn, 12, "eth1")


def reaches(host, addr):
    done = subprocess.run([*host.enter, "ping", "-c", "1", "-W", "2", addr], capture_output=True,
                          text=True, check=False)
    return done.returncode == 0


def check_off(net, gateway):
    """A relay is no gateway unless its configuration says so."""
    check("exit" not in gateway.json("status"), "a gateway without gateway = yes")
    check(not gateway.json("exits")["gateway"], "exits without gateway = yes")
    check("ntmx0" not in net.gw.run("ip", "link"), "a TUN without gateway = yes")
    check("ntm_exit" not in net.gw.run("nft", "list", "tables"), "NAT without gateway = yes")


def exit_of(node):
    return node.json("status")["exits"][0]


def learn(net, node, name, kind, addr):
    """Asks for a name by the node's resolver; its address leads into ntm0 then."""
    dig = net.mn.lab.program("dig", "bind9-dnsutils")
    answer = net.mn.run(dig, f"@{node.json('status')['resolver']}", "+short", "+tries=2", name,
                        kind)
    check(answer.strip() == addr, f"{name} is {answer!r}")
    route = net.mn.run("ip", "route", "get", addr)
    check("dev ntm0" in route, f"not led through the exit: {route}")


def check_forbidden(net, dc, node):
    """Without the operator's word the node is refused, and both the host and its user hear why."""
    command = f"ntm-dc node exit {node.fqdn} on"
    learn(net, node, PROVIDER, "A", net.prov.addr)
    check(not reaches(net.mn, net.prov.addr), "the provider is reached without permission")
    wait.until(lambda: command in exit_of(node).get("words", ""), 5, f"`{command}` in status", 0.05)
    dc.verb("node", "exit", node.name, "on")
    wait.until(lambda: reaches(net.mn, net.prov.addr), 15, "the provider through the exit", 0.2)
    check(exit_of(node)["state"] == "up", f"exits says {exit_of(node)}")


def check_ipv6(net, node):
    """The home has no IPv6; by the gateway, the provider's is reached."""
    check(not reaches(net.mn, net.prov.addr6), "IPv6 at home")
    learn(net, node, SIX, "AAAA", net.prov.addr6)
    check(reaches(net.mn, net.prov.addr6), "the provider is not reached by IPv6")


def sources(net, packets):
    """Who has sent SIP to the provider, but for the ordinary phone."""
    return {(m.packet.src, m.packet.sport) for m in sip.messages(packets, dst=net.prov.addr)
            if m.packet.src != net.cn.addr}


def check_ordinary(net):
    """What is not for an exit goes as it always did."""
    at_web = Capture(net.web)
    check(reaches(net.mn, net.web.addr), "the web is not reached")
    seen = {p.src for p in at_web.stop().packets() if p.dst == net.web.addr and p.proto == 1}
    check(seen == {net.home.addr}, f"ordinary traffic came from {seen}")


def begin_call(net, alice):
    """A call to bob, an ordinary phone. Returns bob and what both hear."""
    bob = Baresip(net.cn, "bob", PROVIDER, 900, dns=net.ns.addr)
    phones.register(alice, bob)
    ears = phones.listen((alice, bob))
    phones.connect(alice, bob)
    phones.talk(ears)
    return bob, ears


def ring(net):
    """The provider's call to alice, who is where she registered."""
    Sipp(net.cn, "caller", sipp.caller(talk_ms=1500), net.prov.addr, port=5080, service="alice",
         media_port=32000)


def fail_without(lab):
    """The same phone without a gateway, behind NATs that let it call at all: after the move neither
    bob nor the provider finds it."""
    net = Net(lab, "port-restricted")
    Dns(net.ns, [f"{PROVIDER}. 60 IN A {net.prov.addr}"])
    Kamailio(net.prov, domains=[PROVIDER, net.prov.addr], nats=True)
    alice = Baresip(net.mn, "alice", PROVIDER, 500, dns=net.ns.addr)
    begin_call(net, alice)
    net.move()
    after = Capture(net.mn, "eth1")
    ring(net)
    wait.never(lambda: list(sip.messages(after.udp(), "INVITE", 0)), 3,
               "an INVITE at alice after the move, without a gateway")
    check(not rtp.count(after.udp(), dst=net.mn.addr), "alice hears bob without a gateway")


def check_off_at_once(net, dc, gateway, node):
    """What the DC's operator takes back ends at once, also the tunnel that is up, and when the DC
    knows of that no more."""
    dc.restart()
    dc.wait_online(node.name)
    dc.verb("node", "exit", node.name, "off")
    wait.until(lambda: not gateway.json("exits")["exits"], 5, "the gateway to end the tunnel", 0.02)
    check(not reaches(net.mn, net.prov.addr), "the provider is reached without permission")
    dc.verb("node", "exit", node.name, "on")
    wait.until(lambda: reaches(net.mn, net.prov.addr), 15, "the provider, allowed again", 0.2)


def check_ends(net, gateway, node):
    """A gateway that was killed, with the process that cleans up, is found again; a stopped one has
    left nothing."""
    gateway.kill(signal.SIGKILL)
    gateway.run()
    begin = time.monotonic()
    wait.until(lambda: reaches(net.mn, net.prov.addr), 30, "the provider after a restart", 0.2)
    seconds = time.monotonic() - begin
    check([e["node"] for e in gateway.json("exits")["exits"]] == [node.fqdn], "exits is wrong")
    gateway.proc.stop(patience_s=5)
    check("ntm_exit" not in net.gw.run("nft", "list", "tables"), "NAT is left behind")
    check("ntmx0" not in net.gw.run("ip", "route"), "routes are left behind")
    forwards = net.gw.run("cat", "/proc/sys/net/ipv4/ip_forward").strip()
    check(forwards == "0", "forwarding is left on")
    check(not reaches(net.mn, net.prov.addr), "the provider is reached without the gateway")
    node.proc.stop(patience_s=5)
    check(reaches(net.mn, net.prov.addr), "without ntm-node the provider is not reached")
    return f"{seconds:.1f} s after the gateway's restart"


def gap_ms(stream, since):
    """The longest silence of a stream that began at a time or later."""
    times = [t for t in sorted(stream.times) if t > since - 1]
    return max(b - a for a, b in zip(times, times[1:])) * 1000


def main(lab):
    with lab.scene("without"):
        fail_without(lab)
    net = Net(lab, "symmetric")
    Dns(net.ns, [f"{PROVIDER}. 60 IN A {net.prov.addr}", f"{SIX}. 60 IN AAAA {net.prov.addr6}"])
    provider = Kamailio(net.prov, domains=[PROVIDER, net.prov.addr], nats=True)
    dc = Dc(net.dc)
    gateway = Relay(net.gw, "gw", dc, gateway=True)
    node = Node(net.mn, "alice", dc, sections=EXIT.format(ns=net.ns.addr))
    check_off(net, gateway)
    gateway.proc.stop()
    gateway.configure("gateway = yes")
    net.gw.sysctl("net.ipv6.conf.all.forwarding=1")  # IPv4's it turns on by itself
    gateway.run()
    wait.until(lambda: gateway.json("status")["exit"]["ready"], 10, "the gateway to be ready", 0.05)
    at_gw, at_prov = Capture(net.gw), Capture(net.prov)
    check_forbidden(net, dc, node)
    check_ordinary(net)
    check_ipv6(net, node)

    alice = Baresip(net.mn, "alice", PROVIDER, 500, "ntm0", node.vip,
                    dns=node.json("status")["resolver"])
    bob, ears = begin_call(net, alice)
    moved_at = max(p.time for p in ears[alice].udp(dst=node.vip))
    net.move()
    for phone, ear in ears.items():
        wait.until(lambda p=phone, e=ear: len([1 for q in e.udp(dst=p.addr)
                                               if q.time > moved_at]) >= 200,
                   15, f"200 packets at {phone.user} after the move", 0.1)
    phones.hang_up(bob, alice)  # his BYE finds her, too

    # She is still there under the same address: the provider's call comes in.
    ring(net)
    alice.wait_ringing()
    alice.answer()
    alice.wait_established()
    alice.wait_closed()

    packets = at_prov.stop().packets()
    outside = {p.src for p in at_gw.stop().packets()} | {p.dst for p in at_gw.packets()}
    check_off_at_once(net, dc, gateway, node)
    again = check_ends(net, gateway, node)
    seen = sources(net, packets)
    check(len(seen) == 1 and next(iter(seen))[0] == net.gw.addr, f"the provider saw {seen}")
    registers = [m for m in sip.messages([p for p in packets if p.is_udp()], "REGISTER", 0)]
    check(registers, "no REGISTER seen")
    check(net.web.addr not in outside, "ordinary traffic went through the gateway")
    check(net.cafe.addr in outside, "the node did not come from the cafe")
    media = rtp.streams(ears[bob].udp(), dst=net.cn.addr)
    check({s.src[0] for s in media} == {net.gw.addr}, "bob's media came not by the gateway alone")
    gaps = [gap_ms(rtp.streams(ears[p].udp(), dst=p.addr)[0], moved_at) for p in (alice, bob)]
    check(max(gaps) < 1000, f"RTP was silent for {gaps} ms")
    tones = [audio.heard(ears[p].packets(), o.tone_hz, dst=p.addr, max_lost=50, max_gap_ms=1000)
             for p, o in ((alice, bob), (bob, alice))]
    return (f"provider saw {next(iter(seen))} only; RTP gap over the move {gaps[0]:.0f} ms at alice, "
            f"{gaps[1]:.0f} ms at bob; alice hears {tones[0]}; bob hears {tones[1]}; reached again {again}")


case.run(main)
