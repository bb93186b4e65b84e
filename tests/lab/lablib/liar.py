# SPDX-License-Identifier: BSD-2-Clause
"""An attacker who has heard and knows everything, and what a relay made of his lies."""

import json

from lablib.verdict import check

RELAYED, BIND, CHALLENGE, ANSWER, BOUND, UNBOUND = range(16, 22)
PORT = 4331
COPIES_OF_A_KIND = 6  # heard frames of a kind that the liar is told of each node
# Fates that nothing genuine shares: so many drops there are exactly.
EXACT = ("malformed", "source", "stranger", "unknown_key", "foreign_ticket", "expired", "bad_mac",
         "old_generation", "not_bound")


def heard(packets, relay_addr):
    """Datagrams that genuine nodes sent to the relay: some of each kind and sender, the last ones."""
    kinds = {}
    for packet in packets:
        data = packet.payload
        if packet.is_udp() and packet.dst == relay_addr and packet.dport == PORT and data and \
                data[0] in (RELAYED, BIND, ANSWER) and len(data) <= 512:
            kinds.setdefault((packet.src, packet.sport, data[0]), []).append(data)
    return [(f"{src}:{sport}", data) for (src, sport, _), all_ in kinds.items()
            for data in all_[-COPIES_OF_A_KIND:]]


class Liar:
    """The program on a host of its own. victim: a host in whose name it lies."""

    def __init__(self, host, victim, relay, dc):
        self.host, self.relay = host, relay
        with open(f"{dc.dir}/state/dc.key", encoding="ascii") as file:
            dc_key = file.read().strip()
        with open(f"{relay.dir}/state/relay.json", encoding="utf-8") as file:
            relay_key = json.load(file)["secret"]
        self.lines = [f"relay {relay.host.addr}:{PORT}", f"own {host.addr}:7777",
                      f"victim {victim.addr}:7777", f"dc {dc.host.addr}:4330",
                      f"dc-key {dc_key}", f"relay-key {relay_key}"]

    def begin(self, frames, count, rate, seed):
        """Starts lying; returns the process."""
        lines = self.lines + [f"count {count}", f"rate {rate}", f"seed {seed}"]
        lines += [f"heard {source} {data.hex()}" for source, data in frames]
        proc = self.host.start("relay-liar", [self.host.lab.binary("ntm-relay-liar")])
        for line in lines:
            proc.tell(line)
        proc.popen.stdin.close()
        return proc

    @staticmethod
    def said(proc):
        """What it sent, when it has ended."""
        code = proc.popen.returncode
        check(code == 0, f"relay-liar ended with {code}: {proc.last_words()}")
        return json.loads(proc.last_words())


def _sum(status, *names):
    return sum(status["drops"][name] for name in names)


def balance(status):
    """Fails unless everything that the relay has read is accounted for, since its start."""
    admission = status["admission"]
    known = sum(status["drops"].values()) + status["packets"] + admission["challenges"] + \
        admission["bound"] + admission["released"] + status["session"]["frames_in"]
    check(known == status["udp"]["packets_in"],
          f"{status['udp']['packets_in']} datagrams read, {known} accounted for")


def judge(before, after, said, slack):
    """Fails unless the relay's counters say of each kind of lie what they have to. slack: how many
    genuine datagrams may stand among those that are answered."""
    fate = said["fate"]
    for name in EXACT:
        got = _sum(after, name) - _sum(before, name)
        check(got == fate[name], f"{name}: {got} counted, {fate[name]} sent")
    unknown = [_sum(s, "unknown_label", "unknown_label_silent") for s in (before, after)]
    check(unknown[1] - unknown[0] == fate["unknown_label"],
          f"unknown labels: {unknown[1] - unknown[0]} counted, {fate['unknown_label']} sent")
    # Good tickets of the liar's own may meet the copies' limit by chance.
    answered = [_sum(s, "limited", "bad_cookie") + s["admission"]["challenges"] +
                s["admission"]["bound"] for s in (before, after)]
    asked = fate["challenged"] + fate["copy"] + fate["bad_cookie"]
    check(0 <= answered[1] - answered[0] - asked <= slack,
          f"good tickets: {answered[1] - answered[0]} counted, {asked} sent")
    for name, key in (("forwarded", "packets"), ("session", "frames_in")):
        got = [(s if key == "packets" else s["session"])[key] for s in (before, after)]
        check(got[1] - got[0] >= fate[name], f"{name}: {got[1] - got[0]}, {fate[name]} sent")
