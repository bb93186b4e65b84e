# SPDX-License-Identifier: BSD-2-Clause
"""100,000 lies to a relay with a call on it: nothing gets to a victim, and the call loses nothing."""

import json

from lablib import case, liar, ntm, wait
from lablib.capture import Capture
from lablib.meeting import RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import check

LIES, RATE = 100000, 10000
# Lies before those that count, faster: the buffers of the largest batches are touched once then.
WARM, WARM_RATE = 10000, 30000
GROWN_KIB = 200  # two bytes for each lie
SLACK = 40  # BINDs and ANSWERs of carol meanwhile
DEAF = """
table inet deaf {
    chain input { type filter hook input priority filter; policy drop; }
    chain output { type filter hook output priority filter; policy drop; }
}
"""


def kernel_drops(host):
    """Datagrams that did not fit into the socket of the relay."""
    lines = host.run("cat", "/proc/net/udp6", "/proc/net/udp").splitlines()
    return sum(int(line.split()[-1]) for line in lines if f":{liar.PORT:04X} " in line)


class Attack:
    """The lies, and what the relay was before and after them."""

    def __init__(self, relay, attacker, frames):
        self.relay, self.attacker, self.frames = relay, attacker, frames

    def run(self, count, rate, seed, meanwhile=None):
        """Returns (status before, status after, what was sent)."""
        before = self.relay.json("status")
        proc = self.attacker.begin(self.frames, count, rate, seed)
        if meanwhile:
            meanwhile(proc)
        proc.wait_end(60)
        said = self.attacker.said(proc)
        expected = before["udp"]["packets_in"] + said["packets"] - said["fate"]["kernel"]

        def drained():
            status = self.relay.json("status")
            read = status["udp"]["packets_in"] + kernel_drops(self.relay.host)
            return status if read >= expected else None
        return before, wait.until(drained, 5, "the relay to read all lies", 0.1), said


def new_flow(proc, one, other, relay):
    """Two who have not talked yet do, by the relay, and while the lies come when proc is given."""
    made = relay.json("status")["admission"]["flows_made"]
    wait.until(lambda: one.verb("ping", "--count", "1", other.fqdn, check_code=False)[0] == 0, 8,
               f"{one.name} to reach {other.name} by the relay", 0.05)
    check(relay.json("status")["admission"]["flows_made"] > made, "no new flow was made")
    check(not proc or proc.alive(), "the lies were over before the new flow was made")


def bound_addrs(relay):
    sides = [side for flow in relay.json("flows")["flows"] for side in flow["sides"] if side]
    return {(addr, int(port)) for addr, port in (s["address"].rsplit(":", 1) for s in sides)}


def judge_sent(sent, bound, dc):
    """What the relay sent: forwarded to bound addresses only. Returns the bytes of its answers, by
    address; a genuine node's own are among them."""
    answers = {}
    for packet in sent:
        kind = packet.payload[0]
        if kind == liar.RELAYED:
            check((packet.dst, packet.dport) in bound, f"forwarded to {packet.dst}:{packet.dport}")
        elif packet.dst != dc.addr:
            check(kind in (liar.CHALLENGE, liar.BOUND, liar.UNBOUND), f"a frame {kind} was sent")
            answers[packet.dst] = answers.get(packet.dst, 0) + len(packet.payload)
    return answers


def judge_victim(got, said):
    """Nothing is forwarded to the victim, and what it gets is less than was sent in its name."""
    kinds = {packet.payload[0] for packet in got}
    check(kinds <= {liar.CHALLENGE, liar.UNBOUND}, f"frames {sorted(kinds)} came to the victim")
    size = sum(len(packet.payload) for packet in got)
    check(0 < size <= said["victim_bytes"] and 0 < len(got) <= said["victim_packets"],
          f"the victim got {len(got)} datagrams, {size} bytes, for {said['victim_packets']}, "
          f"{said['victim_bytes']}")
    return f"victim: {len(got)} for {said['victim_packets']}, bytes {size / said['victim_bytes']:.3f}"


def prepare(lab):
    """A call over the relay; returns (call, carol's node, attacker, victim)."""
    net = Homes(lab, relays=1)
    homes = [net.home(name, net.nat(f"router-{name}", "symmetric"))
             for name in ("alice", "bob", "carol")]
    attacker, victim = (net.home(name).host for name in ("attacker", "victim"))
    net.settle()
    victim.nft(DEAF)
    scene = Meeting(net)
    call = Call(scene, scene.user(homes[0], "alice", 500), scene.user(homes[1], "bob", 900))
    carol = ntm.Node(homes[2].host, "carol", scene.dc)
    scene.begin()
    call.connect()
    call.talk(50)
    call.check_path(RELAY)
    return call, carol, attacker, victim


def main(lab):
    call, carol, attacker, victim = prepare(lab)
    relay, = call.scene.relays
    frames = liar.heard(call.scene.outside.packets(), relay.host.addr)
    call.scene.outside.stop()  # 100,000 more in it would cost more than the relay
    attack = Attack(relay, liar.Liar(attacker, victim, relay, call.scene.dc), frames)
    attack.run(WARM, WARM_RATE, 1)
    from_relay = Capture(relay.host, only="outbound and udp")
    at_victim = Capture(victim, only=f"udp and src host {relay.host.addr}")
    bound, rss = bound_addrs(relay), relay.rss_kib()
    before, after, said = attack.run(
        LIES, RATE, 2, lambda proc: new_flow(proc, carol, call.caller.node, relay))
    grown_kib = relay.rss_kib() - rss
    liar.judge(before, after, said, SLACK)
    liar.balance(after)
    new_flow(None, carol, call.callee.node, relay)
    lost = call.lost()
    call.hang_up()
    heard = call.judge(max_lost=0)
    answers = judge_sent(from_relay.stop().packets(), bound | bound_addrs(relay), call.scene.net.dc)
    victim_words = judge_victim(at_victim.stop().packets(), said)
    ratio = (sum(answers.values()) + said["forwarded_bytes"]) / said["bytes"]
    check(ratio <= 1, f"{ratio:.2f} bytes out for each one in")
    check(kernel_drops(relay.host) == 0, "datagrams did not fit into the relay's socket")
    check(lost == 0, f"the call lost {lost} RTP packets")
    check(grown_kib <= GROWN_KIB, f"the relay's memory grew by {grown_kib} KiB")
    print(json.dumps({"fate": said["fate"], "drops": {
        name: count - before["drops"][name] for name, count in after["drops"].items()}}))
    return (f"{said['packets']} in {said['seconds']:.1f} s ({said['fate']['kernel']} ended in the "
            f"kernel, {said['fate']['forwarded']} copies went to the bound side), bytes out/in "
            f"{ratio:.3f}; {victim_words}; memory {grown_kib:+d} KiB of {rss}; {heard}")


case.run(main)
