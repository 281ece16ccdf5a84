"""Ports on 127.0.0.1: having some for oneself, and seeing whether somebody already listens."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST, _HIGHEST, _BLOCK = 10000, 32000, 50  # below what the kernel gives to outgoing sockets (ip_local_port_range)
_TCP_LISTEN = "0A"
_KINDS = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_claims = []  # sockets whose names say which blocks are this process's, for as long as it lives
_mine = []  # ports of those blocks that nobody was given yet, in order


def _claim_block():
    """Makes a block of ports this process's own. A client binds its ports some time after it was told them, so that
    looking whether a port is free is not enough where several tests run together: the abstract name is taken by one
    process alone, in the same network namespace as the ports, and is free again when that process is gone."""
    blocks = list(range(_LOWEST, _HIGHEST, _BLOCK))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0belfry test ports {first}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        _mine[:] = range(first, first + _BLOCK)
        return
    raise AssertionError("no free ports on 127.0.0.1: other tests have them all")


def _can_bind(kind, port):
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(neighbours=1):
    """Returns an even port that no other test is given while this process lives, and that is free for UDP and TCP, as are
    the `neighbours` - 1 ports after it: clients open more than they are told to (baresip TLS on the port after its own,
    RTP pairs)."""
    assert neighbours <= _BLOCK, f"{neighbours} ports in a row, at most {_BLOCK}"
    while True:
        while len(_mine) < neighbours:
            _claim_block()
        ports = _mine[:neighbours]
        is_free = all(_can_bind(kind, port) for port in ports for kind in _KINDS)
        del _mine[:neighbours + neighbours % 2 if is_free else 2]
        if is_free:
            return ports[0]


def is_bound(port, transport="udp"):
    """Whether some socket is bound to `port` (udp), or listens on it (tcp), without sending anything there."""
    wanted = f":{port:04X}"
    for line in Path(f"/proc/net/{transport}").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if local.endswith(wanted) and (transport == "udp" or state == _TCP_LISTEN):
            return True
    return False
