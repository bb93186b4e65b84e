# SPDX-License-Identifier: BSD-2-Clause
"""The same matrix without a relay: only calls with at most one NAT have audio; nodes say why."""
# lab: timeout=300

from lablib import case, matrix


def main(lab):
    net = matrix.Matrix(lab, relays=0)
    done = []
    for cells in net.rounds(matrix.wanted()):
        open_cells = [cell for cell in cells if matrix.NONE in cell.kinds]
        shut_cells = [cell for cell in cells if matrix.NONE not in cell.kinds]
        matrix.talk(open_cells)
        matrix.fail_without_relay(shut_cells)
        done += cells
    figures = matrix.report(lab, done, "as expected")
    talked = sum(matrix.NONE in cell.kinds for cell in done)
    return f"{figures}: {talked} calls with audio, {len(done) - talked} without and the reason told"


case.run(main)
