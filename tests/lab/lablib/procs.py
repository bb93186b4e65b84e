# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a case: each with its logs in the case's folder, all ended with the case."""

import os
import re
import signal
import subprocess
import time

from lablib import wait
from lablib.verdict import Fail


class Proc:
    """One running program. Its stdout and stderr go to NAME.out and NAME.err."""

    def __init__(self, name, argv, out_dir, **popen):
        self.name = name
        self.out_path = os.path.join(out_dir, name + ".out")
        self.err_path = os.path.join(out_dir, name + ".err")
        self.farewell = signal.SIGTERM  # how it is asked to end
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=err,
                                          start_new_session=True, **popen)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def rss_kib(self):
        """The memory that the program holds now."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def tell(self, line):
        """Types one line into the program."""
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def log(self):
        """Everything that the program printed, stdout first."""
        text = b""
        for path in (self.out_path, self.err_path):
            with open(path, "rb") as file:
                text += file.read()
        return text.decode(errors="replace")

    def wait_log(self, pattern, deadline_s=5, count=1):
        """Waits until the pattern was printed count times; returns the matches."""
        def printed():
            found = list(re.finditer(pattern, self.log()))
            if len(found) < count and not self.alive():
                raise Fail(f"{self.name} ended with {self.popen.returncode}: {self.last_words()}")
            return found if len(found) >= count else None
        return wait.until(printed, deadline_s, f"{self.name} to print {pattern!r}")

    def wait_end(self, deadline_s):
        """Waits for the program to end by itself; returns its exit code."""
        wait.until(lambda: not self.alive(), deadline_s, f"end of {self.name}")
        return self.popen.returncode

    def last_words(self):
        lines = [line for line in self.log().splitlines() if line.strip()]
        return lines[-1].strip() if lines else "(no output)"

    def kill(self, number):
        """Sends a signal to the program and what it started."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, number=None, patience_s=2):
        """Ends the program, by force when it does not end on the signal; returns its exit code."""
        if self.alive():
            self.kill(number or self.farewell)
            try:
                self.popen.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill(signal.SIGKILL)
        return self.popen.wait()


class Procs:
    """All programs of a case."""

    def __init__(self, out_dir):
        self.out_dir = out_dir
        self.all = []

    def start(self, name, argv, **popen):
        taken = sum(1 for proc in self.all if proc.name.split("#")[0] == name)
        unique = name if not taken else f"{name}#{taken + 1}"
        proc = Proc(unique, argv, self.out_dir, **popen)
        self.all.append(proc)
        return proc

    def stop_all(self):
        """Signals all at once, so that the slowest one sets the time, not the sum."""
        for proc in self.all:
            if proc.alive():
                proc.kill(proc.farewell)
        end = time.monotonic() + 2
        for proc in reversed(self.all):
            try:
                proc.popen.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            proc.stop(signal.SIGKILL)
