"""Waits for what will come, however slow the machine: patience ends only where something hangs."""

import time

PATIENCE = 200  # seconds: less than a test may take, so that it is the wait that says what did not come
PAUSE = 0.02


def wait_for(there, missing=""):
    """Waits until there() holds; `missing` says what did not come, as a text or a function that makes one."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, missing() if callable(missing) else missing
        time.sleep(PAUSE)


def wait_until_taken(call, refusals, missing=""):
    """What call() returns once it is not refused any more."""
    answers = []

    def taken():
        try:
            answers.append(call())
        except refusals:
            return False
        return True

    wait_for(taken, missing)
    return answers[0]
