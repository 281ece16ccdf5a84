"""Waiting for something to become true, never for time to pass."""

import time


def wait_until(condition, what, deadline_s=10.0, first_pause_s=0.005):
    """Calls `condition` until it returns something true, and returns that. Fails with `what` after `deadline_s`. The
    pauses between two looks grow from `first_pause_s` to 0.1 s. A condition that raises AssertionError counts as not yet
    true, and its words are part of the failure."""
    deadline, pause_s, last_words = time.monotonic() + deadline_s, first_pause_s, ""
    while True:
        try:
            value = condition()
            last_words = ""
        except AssertionError as error:
            value, last_words = None, f" (last: {error})"
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {deadline_s:g} s: {what}{last_words}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)
