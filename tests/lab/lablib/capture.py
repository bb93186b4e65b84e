# SPDX-License-Identifier: BSD-2-Clause
"""tcpdump on an interface of a host, and what can be asked of it while it runs and after."""

import signal

from lablib import pcap

SNAPLEN = 4096  # every slot of the buffer has this size: with the default 32 packets would fill it


class Capture:
    """Captures from now on; `packets` and `udp` may be asked at any time."""

    def __init__(self, host, ifname="eth0", name=None, only=""):
        name = name or f"{host.name}-{ifname}"
        self.host = host
        self.path = host.lab.path(f"{name}.pcap")
        tcpdump = host.lab.program("tcpdump", "tcpdump")
        self.proc = host.start(f"tcpdump-{name}", [
            tcpdump, "-i", ifname, "-w", self.path, "-U", "-n", "-s", SNAPLEN, "-Z", "root", "-B",
            "8192", "--immediate-mode", "--time-stamp-precision=nano", *only.split()])
        self.proc.wait_log("listening on")
        self._reader = pcap.Reader(self.path)
        self._packets = []  # read so far

    def packets(self):
        self._packets.extend(self._reader.packets())
        return list(self._packets)

    def udp(self, **fields):
        return list(pcap.udp(self.packets(), **fields))

    def stop(self):
        """Ends the capture; the file is complete then."""
        self.proc.stop(signal.SIGINT)
        return self
