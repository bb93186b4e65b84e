# SPDX-License-Identifier: BSD-2-Clause
"""The NAT matrix: callers and callees behind every kind of NAT, and a call in each cell.

All homes are there at once, five callers and five callees, each behind a NAT of its own. So no cell
finds anything that another one left, and cells without a common phone talk at the same time.
"""

import dataclasses
import os
import time

from lablib import clear, nat, wait
from lablib.meeting import DIRECT, RELAY, Call, Meeting
from lablib.topology import Homes
from lablib.verdict import Fail, check

NONE = "none"
KINDS = (NONE, *nat.KINDS)
SHORT = {NONE: "none", "full-cone": "full", "address-restricted": "addr",
         "port-restricted": "port", "symmetric": "symm"}
# Whose outside port for the other side nobody can know, and who lets nothing else in.
STAY_RELAYED = {("symmetric", "symmetric"), ("symmetric", "port-restricted"),
                ("port-restricted", "symmetric")}
# Every kind on each side, all pairs that stay on a relay, and the hardest of those that do not.
THIRD = [(NONE, "full-cone"), ("full-cone", "port-restricted"), ("address-restricted", "symmetric"),
         ("symmetric", "address-restricted"), ("port-restricted", "port-restricted"),
         ("port-restricted", NONE), *sorted(STAY_RELAYED)]
LATER_S = 3  # after the answer the path is looked at again
NO_RELAY_WORDS = "needs a relay"


def wanted():
    """The cells to run: all with `tests/lab/run --full`, else a third."""
    if os.environ.get("NTM_LAB_FULL"):
        return [(caller, callee) for caller in KINDS for callee in KINDS]
    return THIRD


@dataclasses.dataclass
class Cell:
    """One call of the matrix and what came of it."""
    call: Call
    kinds: tuple
    error: str = ""
    figures: str = ""
    silent: bool = False  # as it had to be

    @property
    def paths(self):
        """For the table: the path at answer and later, or what went wrong."""
        return self.error or ("no sound" if self.silent else " -> ".join(self.call.paths))

    def attempt(self, step):
        """One step of the cell; what fails is noted, and the other cells go on."""
        if not self.error:
            try:
                step()
            except Fail as fail:
                self.error = str(fail)


class Matrix:
    """The ten users of the matrix, and calls between them."""

    def __init__(self, lab, relays):
        self.net = Homes(lab)
        homes = {(side, kind): self._home(side, kind) for side in "ab" for kind in KINDS}
        self.net.settle()
        self.kinds_proven = self._prove()
        self.meeting = Meeting(self.net, relays)
        self.users = {}
        for (side, kind), home in homes.items():
            tone_hz = (300 if side == "a" else 800) + 100 * KINDS.index(kind)
            self.users[side, kind] = self.meeting.user(home, f"{side}-{SHORT[kind]}", tone_hz)
        self.meeting.begin()

    def _home(self, side, kind):
        """Both sides use the same private network, as most homes do."""
        name = f"{side}-{SHORT[kind]}"
        router = None if kind == NONE else self.net.nat(f"nat-{name}", kind)
        return self.net.home(name, router, number=11 if side == "a" else 12)

    def _prove(self):
        for router in self.net.outermost:
            inside = next(host for host in self.net.hosts if f"nat-{host.name}" == router.name)
            nat.prove(router, inside, self.net.sip, self.net.dc)
        return len(self.net.outermost)

    def prove_cells(self, cells):
        """The NATs let two hosts meet in just those cells that are to be direct in the end."""
        for kinds in cells:
            ends = (self.users[side, kind].home.host for side, kind in zip("ab", kinds))
            check(nat.meet(*ends, self.net.sip) == (kinds not in STAY_RELAYED),
                  f"{' x '.join(kinds)}: the NATs are not as expected")

    def cell(self, kinds):
        return Cell(Call(self.meeting, self.users["a", kinds[0]], self.users["b", kinds[1]]), kinds)

    def rounds(self, wanted_cells):
        """The cells in groups whose calls have no phone in common."""
        groups = []
        for kinds in wanted_cells:
            group = next((g for g in groups if all(kinds[0] != a and kinds[1] != b for a, b in g)),
                         None)
            if group is None:
                groups.append([kinds])
            else:
                group.append(kinds)
        return [[self.cell(kinds) for kinds in group] for group in groups]

    def check_sealed(self):
        """Nothing readable was outside in all of the calls; returns how many packets there were."""
        inner = [p for user in self.users.values() for p in user.ear.packets()]
        return clear.check_sealed(self.meeting.outside.stop().packets(), self.meeting.vips, inner)


def talk(cells):
    """The calls of one round, from dialling to the verdict."""
    for cell in cells:
        cell.attempt(cell.call.connect)
    for cell in cells:
        cell.attempt(cell.call.wait_heard)
        cell.attempt(lambda c=cell: _look_later(c))
    end = time.time()
    for cell in cells:
        cell.attempt(cell.call.hang_up)
    for cell in cells:
        cell.attempt(lambda c=cell: _judge(c, end))


def _look_later(cell):
    wait.until(lambda: time.time() >= cell.call.answered + LATER_S, LATER_S + 1, "3 s of talk", 0.02)
    cell.call.look()


def _judge(cell, end):
    """Audio both ways; the path is the expected one, and the capture says the same."""
    cell.figures = cell.call.judge()
    for path in cell.call.paths:
        check(path in (DIRECT, RELAY), f"the tunnel is {path}")
    expected = RELAY if cell.kinds in STAY_RELAYED else DIRECT
    check(cell.call.paths[-1] == expected,
          f"the path is {cell.paths}, and should be {expected} in the end")
    last = cell.call.carried(end - 0.5, end)
    check(last.path == expected, f"the tunnel says {expected}, but the packets went: {last}")


def fail_without_relay(cells):
    """Calls that need a relay where there is none: no sound, and the node says why."""
    for cell in cells:
        cell.attempt(cell.call.connect)
    for cell in cells:
        cell.attempt(lambda c=cell: _no_sound(c))
    for cell in cells:
        cell.attempt(cell.call.hang_up)


def _no_sound(cell):
    call = cell.call

    def complaint():
        nodes = ((call.caller.node, call.callee.node), (call.callee.node, call.caller.node))
        return [words for node, peer in nodes
                for words in node.complaints(peer.fqdn, peer.vip, peer.vip6)]
    words = wait.until(complaint, 5, "a complaint in `ntm-node status`", 0.05)
    check(any(NO_RELAY_WORDS in w for w in words), f"the node complains: {words}")
    wait.never(call.ends_heard, 1, "RTP arrived although there is no relay")
    cell.figures = words[0]
    cell.silent = True


def table(cells):
    """The matrix as a table: a row for a caller's kind, a column for a callee's."""
    by_kinds = {cell.kinds: cell for cell in cells}
    rows = [["caller \\ callee", *KINDS], ["---"] * (len(KINDS) + 1)]
    for caller in KINDS:
        found = [by_kinds.get((caller, callee)) for callee in KINDS]
        rows.append([caller, *(cell.paths if cell else "" for cell in found)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def report(lab, cells, words):
    """Prints the table, keeps the figures, and fails if a cell did; returns the figures."""
    text = table(cells)
    print(text)
    lab.write(text + "\n", "table.md")
    lab.write("".join(f"{' x '.join(c.kinds)}: {c.paths}; {c.figures}\n" for c in cells), "cells")
    bad = [cell for cell in cells if cell.error]
    if bad:
        first = bad[0]
        raise Fail(f"{len(bad)} of {len(cells)} cells failed, the first: "
                   f"{' x '.join(first.kinds)}: {first.error}")
    return f"{len(cells)}/{len(cells)} {words}"
