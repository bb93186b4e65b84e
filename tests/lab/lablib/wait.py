# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for facts, each with a deadline; nothing in the lab sleeps for a fixed time."""

import time

from lablib.verdict import Fail


def until(fact, deadline_s, what, step_s=0.01):
    """Calls fact() until it returns something true and returns that; fails at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        result = fact()
        if result:
            return result
        if time.monotonic() >= end:
            raise Fail(f"{what}: not within {deadline_s:g} s")
        time.sleep(step_s)


def never(fact, during_s, what, step_s=0.05):
    """Fails as soon as fact() returns something true; returns after during_s otherwise."""
    end = time.monotonic() + during_s
    while time.monotonic() < end:
        if fact():
            raise Fail(what)
        time.sleep(step_s)
