# SPDX-License-Identifier: BSD-2-Clause
"""The lab: networks, NATs, phones and SIP servers on one machine, and verdicts from captures."""
