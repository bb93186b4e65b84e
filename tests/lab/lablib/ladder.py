# SPDX-License-Identifier: BSD-2-Clause
"""A ladder diagram in text: arrows between columns in the order of time, notes, marked spans."""

WIDTH = 110
FIRST = 14  # where the first column's rail is
GAP = 18  # from rail to rail
COLOURS = {"dns": "36", "ntm": "35", "sip": "1", "media": "32", "hold": "1;33", "good": "1;32",
           "bad": "1;31", "dim": "2", "title": "1;4"}


class Text:
    """A line of coloured pieces. str() is without colours, ansi() with."""

    def __init__(self, *pieces):
        self.pieces = [(piece, None) if isinstance(piece, str) else piece for piece in pieces]

    def __str__(self):
        return "".join(piece for piece, _ in self.pieces).rstrip()

    def ansi(self):
        return "".join(f"\033[{COLOURS[style]}m{piece}\033[0m" if style else piece
                       for piece, style in self.pieces)


class Row:
    """One line of the drawing, cell by cell."""

    def __init__(self, time_ms=None):
        stamp = "" if time_ms is None else f"{time_ms:8.1f}"
        self.cells = list(stamp.ljust(WIDTH))
        self.styles = ["dim"] * WIDTH

    def put(self, at, text, style):
        for place, char in enumerate(text, at):
            if 0 <= place < WIDTH:
                self.cells[place], self.styles[place] = char, style

    def text(self):
        pieces = []
        for char, style in zip(self.cells, self.styles):
            if pieces and pieces[-1][1] == style:
                pieces[-1][0] += char
            else:
                pieces.append([char, style])
        return Text(*map(tuple, pieces))


class Ladder:
    """Columns from left to right, and what happened between them. Times are seconds."""

    def __init__(self, columns):
        self.columns = columns
        self.events = []  # (time, function that draws into a row, fields of an arrow or None)
        self.spans = []  # (begin, end, column, style)

    def arrow(self, time, start, end, label, style, both=False):
        """An arrow from column to column; both: with a head at either end."""
        def draw(row):
            low, high = sorted((self._rail(start), self._rail(end)))
            left, right = both or self._rail(end) == low, both or self._rail(end) == high
            row.put(low + 1, ("═" if both else "─") * (high - low - 1), style)
            low, high = low + 1 + left, high - right  # the place for words
            text = f" {label} " if len(label) + 2 <= high - low else label[:high - low]
            row.put(low + (high - low - len(text)) // 2, text, style)
            row.put(low - 1, "◀" * left, style)
            row.put(high, "▶" * right, style)
        self.events.append((time, draw))

    def note(self, time, label, style, column=None):
        """Words right of a column's rail, or left of it where there is no room."""
        def draw(row):
            at = self._rail(column) + 2
            row.put(at if at + len(label) <= WIDTH else at - 3 - len(label), label, style)
        self.events.append((time, draw))

    def heading(self, time, label):
        """Words over the whole width, without a time."""
        self.events.append((time, label))

    def span(self, begin, end, column, style):
        """Marks the column's rail from one time to another."""
        self.spans.append((begin, end, column, style))

    def lines(self):
        """The drawing as Texts."""
        self.events.sort(key=lambda event: event[0])
        zero = next(time for time, what in self.events if callable(what))
        yield self._head()
        for time, what in self.events:
            if not callable(what):
                yield from (self._rails(None, time).text(),
                            Text((f"── {what} ".ljust(WIDTH, "─"), "title")))
                continue
            row = self._rails(1000 * (time - zero), time)
            what(row)
            yield row.text()

    def _head(self):
        row = Row()
        row.put(5, "ms", "dim")
        for name in self.columns:
            row.put(self._rail(name) - len(name) // 2, name, "title")
        return row.text()

    def _rails(self, time_ms, time):
        row = Row(time_ms)
        for name in self.columns:
            row.put(self._rail(name), "│", "dim")
        for begin, end, name, style in self.spans:
            if begin <= time <= end:
                row.put(self._rail(name), "█", style)
        return row

    def _rail(self, name):
        return FIRST + GAP * self.columns.index(name)
