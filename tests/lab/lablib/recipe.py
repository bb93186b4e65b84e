# SPDX-License-Identifier: BSD-2-Clause
"""A document's blocks as what an operator does: commands on hosts, files, records, and outputs.

The sentence above a block says what it is:

    On the DC of a.example:                         commands; "..., this fails now:" wants a failure
    `/path` on the resolver of a.example:           the whole file
    At the end of `/path` on HOST:                  what is added to the file
    Inside the braces of `options` in `/path` on HOST:
    In `/path` on HOST:                             a part of a file that the case makes
    In the zone above, `example`, for a.example:    records; also: In the signed zone a.example:
    It prints:                                      all that the commands before printed; or
    It prints, among other lines:                   some of it

In outputs, "..." stands for anything, and a fingerprint for any; KEY is a root key everywhere.
"""

import dataclasses
import re
import time

from lablib.verdict import check

HOST = r"((?:the [A-Za-z ]+ of \S+)|(?:\w+'s host))"
KINDS = {
    "output": r"It prints:",
    "lines": r"It prints, among other lines:",
    "zone": r"In the (?:zone above, `\S+`, for|signed zone) (\S+):",
    "inside": rf"Inside the braces of `(\w+)` in `(\S+)` on {HOST}:",
    "end": rf"At the end of `(\S+)` on {HOST}:",
    "part": rf"In `(\S+)` on {HOST}:",
    "file": rf"`(\S+)` on {HOST}:",
    "fail": rf"(?:.*\b)?[Oo]n {HOST}, this fails now:",
    "run": rf"(?:.*\b)?[Oo]n {HOST}(?:, paste it)?:",
}
FENCES = {"sh": ("run", "fail"), "conf": ("file", "end", "inside", "part"), "zone": ("zone",),
          "text": ("output", "lines", "figure")}
FINGERPRINT = r"[0-9a-f]{4}(?::[0-9a-f]{4}){3}"
WILD = rf"(?P<key>KEY)|(?P<any>\\\.\\\.\\\.)|(?P<print>{FINGERPRINT})"  # in an escaped text
MEANING = {"key": r"[A-Za-z0-9+/]{43}=", "any": r".*", "print": FINGERPRINT}


@dataclasses.dataclass
class Block:
    """kind: one of KINDS, or figure. words: what the sentence above names, the host last."""
    where: str
    heading: str
    kind: str
    words: tuple
    text: str
    done: bool = False


def blocks(path):
    """The blocks of a Markdown file, in order."""
    found, heading, before, fence = [], "", "", None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if fence is not None and line.startswith("```"):
                found.append(block(f"{path.split('/')[-1]}:{start}", heading, before, fence, text))
                fence, before = None, ""
            elif fence is not None:
                text += line
            elif line.startswith("```"):
                fence, text, start = line[3:].strip(), "", number + 1
            elif line.startswith("#"):
                heading, before = line.strip("# \n"), ""
            elif line.strip():
                before = line.strip()
    return found


def block(where, heading, before, fence, text):
    check(fence in FENCES, f"{where}: a block of the kind {fence!r}")
    sentence = before.rsplit(". ", 1)[-1]
    for kind, pattern in KINDS.items():
        match = re.fullmatch(pattern, sentence)
        if match:
            break
    else:
        kind, match = "figure", None
    check(kind in FENCES[fence], f"{where}: nothing says where this {fence} belongs: {sentence!r}")
    return Block(where, heading, kind, match.groups() if match else (), text)


def pattern(line):
    """A line of an expected output as a regular expression."""
    words = [re.sub(WILD, lambda match: MEANING[match.lastgroup], re.escape(word))
             for word in line.split()]
    return r"[ \t]+".join(words) + r"[ \t]*"


class Operator:
    """Does what the document says, and writes down what was printed.

    machines: host as the document names it -> Machine, set by the case.
    """

    def __init__(self, path, transcript):
        self.blocks = blocks(path)
        self.transcript = transcript
        self.begin = time.monotonic()
        self.machines = {}
        self.printed = ""  # by the newest commands
        self.exported = {}  # domain -> the line that its DC printed

    def do(self, heading):
        """Does all blocks under a heading, in order."""
        chosen = [b for b in self.blocks if b.heading == heading]
        check(chosen, f"there is no block under {heading!r}")
        for one in chosen:
            getattr(self, f"_{one.kind}")(one)
            one.done = True

    def check_all_done(self):
        left = [f"{b.where} ({b.heading})" for b in self.blocks
                if not b.done and b.kind != "figure"]
        check(not left, f"not tried: {', '.join(left)}")
        return sum(b.done for b in self.blocks)

    def text(self, kind, word, heading=None):
        """The text of the blocks of a kind that name a word, below any heading or one."""
        return "".join(b.text for b in self.blocks if b.kind == kind and word in b.words and
                       heading in (None, b.heading))

    def filled(self, one):
        """The block with the root keys that were printed."""
        text = one.text
        for domain, line in self.exported.items():
            stem = f"ntm-dc trust add {domain} "
            for typed in re.findall(rf"^{re.escape(stem)}.*KEY.*$", text, re.M):
                full = typed.replace("KEY", line.split()[5])
                check(full.startswith(line), f"{one.where}: {typed!r}, but it printed {line!r}")
                text = text.replace(typed, full)
        return text

    def _execute(self, one):
        machine = self.machines.get(one.words[-1])
        check(machine, f"{one.where}: who is {one.words[-1]!r}?")
        script = self.filled(one)
        code, self.printed = machine.shell(script)
        with open(self.transcript, "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic() - self.begin:.1f} s: {one.where}, on {one.words[-1]}:\n"
                       f"{script}-> {code}\n{self.printed}\n")
        for line in re.findall(r"^ntm-dc trust add .*$", self.printed, re.M):
            self.exported[line.split()[3]] = line
        return code

    def _run(self, one):
        code = self._execute(one)
        check(code == 0, f"{one.where}: exit code {code}: {self.printed}")

    def _fail(self, one):
        check(self._execute(one) != 0, f"{one.where}: did not fail: {self.printed}")

    def _output(self, one):
        wanted = r"\n".join(map(pattern, one.text.splitlines()))
        self._compare(one, re.fullmatch(wanted, self.printed.rstrip()))

    def _lines(self, one):
        self._compare(one, all(re.search(rf"^{pattern(line)}$", self.printed, re.M)
                               for line in one.text.splitlines()))

    def _compare(self, one, is_same):
        check(is_same, f"{one.where}: it printed {self.printed!r} in the place of {one.text!r}")

    def _file(self, one):
        path, host = one.words
        self.machines[host].write(path, one.text)

    def _end(self, one):
        path, host = one.words
        self.machines[host].write(path, self.machines[host].read(path) + "\n" + one.text)

    def _inside(self, one):
        section, path, host = one.words
        text = self.machines[host].read(path)
        begin = re.search(rf"^{section} \{{\n", text, re.M)
        check(begin, f"{one.where}: no {section} in {path}")
        self.machines[host].write(path, text[:begin.end()] + one.text + text[begin.end():])

    def _part(self, one):
        """The case has put it into the file."""

    def _zone(self, one):
        """The case has put the records into the zone."""
