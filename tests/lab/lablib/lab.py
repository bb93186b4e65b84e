# SPDX-License-Identifier: BSD-2-Clause
"""What a case owns: a prefix for its namespaces, a folder for its logs, its processes."""

import contextlib
import os
import shutil

from lablib import netns
from lablib.links import Wires
from lablib.procs import Procs
from lablib.verdict import Skip


class Lab:
    """Made by tests/lab/run's environment; everything that the case starts hangs on it."""

    def __init__(self, prefix, out_dir, bin_dir, tool_dir, seed=1):
        self.prefix = prefix
        self.out_dir = out_dir
        self.bin_dir = bin_dir
        self.tool_dir = tool_dir
        self.seed = seed
        self.procs = Procs(out_dir)
        self._wires = None
        self._index = 100
        self._scratch = []

    @classmethod
    def from_env(cls):
        env = os.environ
        return cls(env["NTM_LAB_PREFIX"], env["NTM_LAB_CASE_OUT"], env["NTM_BIN"],
                   env["NTM_LAB_TOOLS"], int(env.get("NTM_LAB_SEED", "1")))

    def path(self, *parts):
        """A path in the case's folder; the folders on the way are made."""
        full = os.path.join(self.out_dir, *parts)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    def write(self, text, *parts):
        """Writes a file into the case's folder and returns its path."""
        full = self.path(*parts)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full

    def program(self, name, package):
        """The path of somebody else's program; the case is skipped where it is not installed."""
        found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not found:
            raise Skip(f"{name} is missing (package {package})")
        return found

    def binary(self, name):
        """The path of a program of ours; the case is skipped where it is not built."""
        full = os.path.join(self.bin_dir, name)
        if not os.access(full, os.X_OK):
            raise Skip(f"{name} is not built in {self.bin_dir}")
        return full

    def tool(self, name):
        """The path of a helper from tests/lab/tools."""
        return os.path.join(self.tool_dir, name)

    def scratch(self, name):
        """A folder with a short path that every user may enter; removed with the case."""
        full = f"/tmp/{self.prefix}-{name}"
        os.makedirs(full, mode=0o755, exist_ok=True)
        self._scratch.append(full)
        return full

    def next_index(self):
        """A number for an interface that no other one of the case has, nor the next one."""
        self._index += 2
        return self._index

    def wires(self):
        if not self._wires:
            self._wires = Wires(self)
        return self._wires

    @contextlib.contextmanager
    def scene(self, name):
        """One of several networks of a case: its logs are in a folder NAME, and it ends here."""
        whole = self.out_dir
        self.out_dir = self.procs.out_dir = os.path.join(whole, name)
        os.makedirs(self.out_dir, exist_ok=True)
        try:
            yield
        finally:
            self.close()
            self.out_dir = self.procs.out_dir = whole

    def close(self):
        """Ends and removes everything that was started."""
        self.procs.stop_all()
        netns.sweep(self.prefix + "-")
        for folder in self._scratch:
            shutil.rmtree(folder, ignore_errors=True)
        self._scratch.clear()
        self._wires = None
