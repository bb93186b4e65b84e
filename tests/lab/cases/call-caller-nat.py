# SPDX-License-Identifier: BSD-2-Clause
"""The paper's figure 11 with NTM, caller behind a symmetric NAT: a call with audio both ways."""
# lab: timeout=120

from lablib import case, nat_call

case.run(lambda lab: nat_call.prove(lab, "caller"))
