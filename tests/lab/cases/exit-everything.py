# SPDX-License-Identifier: BSD-2-Clause
"""Everything goes out at a gateway, as with a VPN: the DC, the gateway and a peer are reached nevertheless.

    mn (ntm-node), tv --- [home] or [cafe] ---+--- inet ---+--- bob (ntm-node)
    gw (ntm-relay, gateway) ------------------+            +--- web, dc
"""
# lab: timeout=120

import re
import subprocess

from lablib import case, wait
from lablib.capture import Capture
from lablib.links import Internet, settle
from lablib.nat import Nat
from lablib.netns import Host
from lablib.ntm import Dc, Node, Relay
from lablib.verdict import check

EVERYTHING = """
dns {
    manage = off
}
exit "gw" {
    prefixes = { "0.0.0.0/0", "::/0" }
}
"""
OWN_RULE = "4329"  # priority of what keeps ntm-node's own packets out
FAR, FAR6 = "192.0.2.7", "2001:db8:7::7"  # of the web server: in nobody's own network


class Net:
    """The hosts. Those with a node believe only what comes in where it would go out."""

    def __init__(self, lab):
        self.inet = Internet(lab)
        for name, number in {"bob": 12, "web": 22, "dc": 30, "gw": 31}.items():
            host = Host(lab, name)
            self.inet.plug(host, number)
            setattr(self, name, host)
        self.home = Nat(lab, "home", "symmetric")
        self.cafe = Nat(lab, "cafe", "symmetric", home="192.168.7")
        self.inet.plug(self.home, 10)
        self.inet.plug(self.cafe, 13)
        self.mn, self.tv = Host(lab, "mn"), Host(lab, "tv")
        self.home.plug(self.mn, 11)
        self.home.plug(self.tv, 12)
        for host in (self.mn, self.bob):
            host.sysctl("net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.default.rp_filter=1")
        self.web.ip(f"address add {FAR}/32 dev lo", f"address add {FAR6}/128 dev lo")
        for host in (self.bob, self.dc, self.gw, self.home, self.cafe):
            host.ip(f"route replace default via {self.web.addr}",
                    f"route replace ::/0 via {self.web.addr6}")
        settle(self.inet, self.home, self.mn, self.tv, self.bob, self.web, self.dc, self.gw)

    def move(self):
        self.mn.ip("link set eth0 down")
        self.cafe.plug(self.mn, 12, "eth1")


def reaches(host, addr, *options):
    done = subprocess.run([*host.enter, "ping", "-c", "1", "-W", "1", *options, addr],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0


def callers(capture):
    """Who has sent pings to the web server."""
    return {p.src for p in capture.packets() if p.dst in (FAR, FAR6) and p.proto in (1, 58)}


def check_refused(node):
    """Half of everything is a mistake, and said so with its line."""
    with open(node.conf, encoding="utf-8") as file:
        text = file.read()
    line = 1 + text[:text.index("0.0.0.0/0")].count("\n")
    with open(node.conf, "w", encoding="utf-8") as file:
        file.write(text.replace("0.0.0.0/0", "0.0.0.0/1"))
    code, _, words = node.verb("check", check_code=False)
    check(code == 78 and f"node.conf:{line}: prefixes: expected" in words, f"{code}: {words}")
    with open(node.conf, "w", encoding="utf-8") as file:
        file.write(text)


def check_outside(net, node, peer):
    """What does not go through the gateway."""
    check(reaches(net.mn, net.tv.addr), "a neighbour at home is not reached")
    check(reaches(net.tv, net.mn.addr), "a neighbour at home does not reach us")
    check(reaches(net.web, net.bob.addr, "-I", FAR), "nobody reaches bob at his own address")
    check(reaches(net.mn, peer.vip), "a peer is not reached")
    vias = {t["via"].split(":")[0] for t in node.tunnels() if t["state"] == "up"}
    check(vias == {net.bob.addr, net.gw.addr}, f"tunnels go to {vias}")


def pings_over_the_move(net):
    """Pings to the web server, twenty a second; returns how many of them were lost."""
    pings = net.mn.start("pings", ["ping", "-i", "0.05", "-c", "160", FAR])
    at_web = Capture(net.web)
    wait.until(lambda: callers(at_web), 5, "a ping at the web server", 0.05)
    net.move()
    pings.wait_end(20)
    done = re.search(r"160 packets transmitted, (\d+) received", pings.log())
    check(done, f"ping says {pings.log()[-300:]}")
    check(callers(at_web.stop()) == {net.gw.addr}, "not by the gateway alone")
    return 160 - int(done[1])


def check_needed(net, node):
    """Without the rule that keeps our own packets out, there is no tunnel; nor a storm."""
    net.mn.ip(f"rule del priority {OWN_RULE}")
    check(not reaches(net.mn, FAR), "the web is reached without the rule")
    wait.until(lambda: node.json("status")["drops"]["looped"] > 0, 5, "packets that came back", 0.1)
    sent = node.json("status")["drops"]["looped"]
    check(sent < 1000, f"a storm of {sent} packets")


def main(lab):
    net = Net(lab)
    dc = Dc(net.dc)
    gateway = Relay(net.gw, "gw", dc, gateway=True)
    gateway.proc.stop()
    gateway.configure("gateway = yes")
    net.gw.sysctl("net.ipv6.conf.all.forwarding=1")
    gateway.run()
    wait.until(lambda: gateway.json("status")["exit"]["ready"], 10, "the gateway to be ready", 0.05)
    check(reaches(net.mn, FAR), "the web is not reached without NTM")
    check(not reaches(net.mn, FAR6), "IPv6 at home")
    node = Node(net.mn, "alice", dc, sections=EVERYTHING)
    peer = Node(net.bob, "bob", dc, sections=EVERYTHING)
    for one in (node, peer):
        dc.verb("node", "exit", one.name, "on")
    at_web = Capture(net.web)
    for host in (net.mn, net.bob):
        for addr in (FAR, FAR6):
            wait.until(lambda h=host, a=addr: reaches(h, a), 15, f"{addr} from {host.name}", 0.2)
    wait.until(lambda: len(callers(at_web)) > 1, 5, "two addresses at the web server")
    seen = callers(at_web.stop())
    check(seen == {net.gw.addr, net.gw.addr6}, f"the web saw {seen}")
    check_outside(net, node, peer)
    lost = pings_over_the_move(net)
    check(lost < 20, f"{lost} pings were lost over the move")
    check(node.json("status")["drops"]["looped"] == 0, "packets came back")
    check_needed(net, node)

    node.proc.stop(patience_s=5)
    rules = net.mn.run("ip", "rule") + net.mn.run("ip", "-6", "rule")
    check(not any(r.startswith("43") for r in rules.splitlines()), f"rules are left: {rules}")
    check(reaches(net.mn, FAR), "without ntm-node the web is not reached")
    check_refused(node)
    return f"web saw {', '.join(sorted(seen))}; {lost} of 160 pings (50 ms) lost over the move"


case.run(main)
