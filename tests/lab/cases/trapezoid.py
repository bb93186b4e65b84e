# SPDX-License-Identifier: BSD-2-Clause
"""Two domains led together by DNS alone: alice calls bob over both SIP servers, then bob alice."""
# lab: timeout=120

from lablib import case, trapezoid

case.run(trapezoid.prove)
