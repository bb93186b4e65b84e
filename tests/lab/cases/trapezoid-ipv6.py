# SPDX-License-Identifier: BSD-2-Clause
"""The same between IPv6 virtual addresses: SIP and SDP with IN IP6, PTR in ip6.arpa."""
# lab: timeout=120

from lablib import case, trapezoid

case.run(lambda lab: trapezoid.prove(lab, ipv6=True))
