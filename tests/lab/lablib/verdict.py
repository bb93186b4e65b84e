# SPDX-License-Identifier: BSD-2-Clause
"""How a case ends when it does not end well."""


class Fail(Exception):
    """What the case had to show was not seen; the text is the reason printed."""


class Skip(Exception):
    """The case cannot run here; the text says what is missing."""


def check(fact, reason):
    """Fails the case with the reason unless the fact holds."""
    if not fact:
        raise Fail(reason)
