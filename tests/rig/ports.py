"""Ports on 127.0.0.1: finding free ones, and seeing whether somebody already listens."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST, _HIGHEST = 10000, 32000  # below what the kernel gives to outgoing sockets (ip_local_port_range)
_TCP_LISTEN = "0A"
_KINDS = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_given = set()  # by this test so far: a client opens its ports some time after it was told them


def _can_bind(kind, port):
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(neighbours=1):
    """Returns a port that is free for UDP and TCP, as are the `neighbours` - 1 ports after it: clients open more than they
    are told to (baresip TLS on the port after its own, RTP pairs). Chosen at random, so that several rigs on one machine
    do not meet."""
    for _ in range(1000):
        first = random.SystemRandom().randrange(_LOWEST, _HIGHEST, 2)
        ports = set(range(first, first + neighbours))
        if not ports & _given and all(_can_bind(kind, port) for port in ports for kind in _KINDS):
            _given.update(ports)
            return first
    raise AssertionError("no free port on 127.0.0.1")


def is_bound(port, transport="udp"):
    """Whether some socket is bound to `port` (udp), or listens on it (tcp), without sending anything there."""
    wanted = f":{port:04X}"
    for line in Path(f"/proc/net/{transport}").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if local.endswith(wanted) and (transport == "udp" or state == _TCP_LISTEN):
            return True
    return False
