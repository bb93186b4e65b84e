# SPDX-License-Identifier: BSD-2-Clause
"""Every kind of NAT calls every kind of NAT: audio in all cells, direct wherever NATs allow it."""
# lab: timeout=300

from lablib import case, matrix


def main(lab):
    net = matrix.Matrix(lab, relays=2)
    net.prove_cells(matrix.wanted())
    done = []
    for cells in net.rounds(matrix.wanted()):
        matrix.talk(cells)
        done += cells
    figures = matrix.report(lab, done, "calls with audio")
    stay = sum(cell.call.paths[-1] == matrix.RELAY for cell in done)
    at_once = sum(cell.call.paths[0] == matrix.DIRECT for cell in done)
    return (f"{figures}, {at_once} direct at the answer, {len(done) - stay} after 3 s, {stay} by "
            f"relay; {net.kinds_proven} NATs proven; {net.check_sealed()} packets outside, none "
            "readable")


case.run(main)
