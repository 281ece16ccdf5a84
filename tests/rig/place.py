"""Where a program runs: on 127.0.0.1 like everything, or in a network namespace of its own (tests/nat/network.py)."""

import contextlib

from .ports import HOST


class Place:
    """An own address, that of the switch as seen from there, and the words that start a program there."""

    def __init__(self, host=HOST, server_host=HOST):
        self.host, self.server_host, self.enter = host, server_host, []

    @contextlib.contextmanager
    def inside(self):
        """What this process opens within the block belongs to the place."""
        yield


HERE = Place()
