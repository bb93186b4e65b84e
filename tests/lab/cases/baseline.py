# SPDX-License-Identifier: BSD-2-Clause
"""Without NTM, figure 11 fails: SDP and Contact name a private address, so no media gets there."""

from lablib import audio, case, phones, rtp, sip, wait
from lablib.baresip import Baresip
from lablib.capture import Capture
from lablib.kamailio import Kamailio
from lablib.topology import Figure11
from lablib.verdict import check


class Scene:
    """The network with its server and two registered phones."""

    def __init__(self, lab, nat_side):
        self.net = Figure11(lab, nat_side)
        self.outside = Capture(self.net.inet, "br0")
        self.at_mn, self.at_cn = Capture(self.net.mn), Capture(self.net.cn)
        self.server = Kamailio(self.net.sip)
        domain = self.server.domain
        self.alice = Baresip(self.net.mn, "alice", domain, 500).start()
        self.bob = Baresip(self.net.cn, "bob", domain, 900).start()
        for phone in (self.alice, self.bob):
            phone.wait_registered()


def caller_behind_nat(lab):
    """The call is signalled, but the callee sends its media to the caller's private address."""
    scene = Scene(lab, "caller")
    mn, cn = scene.net.mn.addr, scene.net.cn.addr
    phones.connect(scene.alice, scene.bob)
    wait.until(lambda: rtp.count(scene.at_cn.udp(src=cn), dst=mn) >= 125, 6, "media sent to MN")
    invite = next(sip.messages(scene.at_cn.udp(), "INVITE", 0))
    check(invite.media_addr == mn, f"the SDP at CN names {invite.media_addr}, not {mn}")
    heard = audio.heard(scene.at_cn.packets(), scene.alice.tone_hz, dst=cn, src=scene.net.nat.addr)
    arrived = rtp.count(scene.at_mn.udp(), dst=mn)
    check(arrived == 0, f"{arrived} RTP packets reached MN through the symmetric NAT")
    phones.hang_up(scene.alice, scene.bob)
    return f"caller in NAT: SDP names {mn}, CN hears {heard}, MN gets 0 packets"


def callee_behind_nat(lab):
    """The call does not even ring: the registered Contact is the callee's private address."""
    scene = Scene(lab, "callee")
    cn = scene.net.cn.addr
    register = next(sip.messages(scene.outside.udp(), "REGISTER", 0, src=scene.net.nat.addr))
    check(cn in register.header("Contact"), f"Contact is {register.header('Contact')}")
    scene.alice.dial(scene.bob.uri)
    sent = wait.until(lambda: list(sip.messages(scene.outside.udp(), "INVITE", 0, dst=cn)), 5,
                      f"INVITE from the server to {cn}")
    wait.never(lambda: list(sip.messages(scene.at_cn.udp(), "INVITE")), 2, "the INVITE reached CN")
    scene.alice.hangup()
    return f"callee in NAT: {len(sent)} INVITE to {cn}, none arrives"


def main(lab):
    with lab.scene("caller"):
        figures = caller_behind_nat(lab)
    with lab.scene("callee"):
        return figures + "; " + callee_behind_nat(lab)


case.run(main)
