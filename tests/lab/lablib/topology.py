# SPDX-License-Identifier: BSD-2-Clause
"""Networks that several cases use."""

from lablib.links import Internet, settle
from lablib.nat import Nat
from lablib.netns import Host


class Figure11:
    """The network of the paper's figure 11.

        mn (caller) ---[nat]---+--- inet, bridge br0 ---+--- sip
        cn (callee) -----------+                        +--- dc

    nat_side: "caller", "callee" or None says who is behind the NAT. delay_ms is added each way
    on every link, the one between phone and NAT included; loss (0..1) likewise.
    """

    def __init__(self, lab, nat_side="caller", nat_kind="symmetric", delay_ms=0, loss=0.0):
        self.lab = lab
        self.nat_side = nat_side
        shape = {"delay_ms": delay_ms, "loss": loss}
        self.inet = Internet(lab)
        self.sip = Host(lab, "sip")
        self.dc = Host(lab, "dc")
        self.mn = Host(lab, "mn")
        self.cn = Host(lab, "cn")
        self.nat = Nat(lab, "nat", nat_kind) if nat_side else None
        self.inet.plug(self.sip, 20, **shape)
        self.inet.plug(self.dc, 30, **shape)
        if self.nat:
            self.inet.plug(self.nat, 10, **shape)
        for host, number, side in ((self.mn, 11, "caller"), (self.cn, 12, "callee")):
            network = self.nat if side == nat_side else self.inet
            network.plug(host, number, **shape)
        settle(*filter(None, (self.inet, self.nat, self.sip, self.dc, self.mn, self.cn)))

    @property
    def inner(self):
        """The host behind the NAT."""
        return {"caller": self.mn, "callee": self.cn}[self.nat_side]
