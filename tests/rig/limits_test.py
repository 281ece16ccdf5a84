"""What is too large or wrong on a connection, and what the API refuses by method: asked of the real binary."""

import socket

from rig.claims import needs
from rig.ports import HOST


def answers(switch, text):
    """What comes back on a connection of its own, until it is closed or nothing comes for a second."""
    with socket.create_connection((HOST, switch.port), timeout=1) as connection:
        connection.sendall(text)
        seen = b""
        try:
            while piece := connection.recv(65536):
                seen += piece
        except TimeoutError:
            return seen.decode(), False
        return seen.decode(), True


def options(branch, headers="", length=0):
    return (f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/TCP {HOST};branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n{headers}"
            f"Content-Length: {length}\r\n\r\n").encode()


@needs("switch")
def test_a_message_beyond_64_kib_gets_513_and_one_beyond_128_headers_400(rig):
    switch = rig.switch()
    seen, closed = answers(switch, options("a", length=60000) + b"x" * 60000)
    assert seen.startswith("SIP/2.0 200 ") and not closed, seen
    seen, closed = answers(switch, options("b", length=70000) + b"x" * 70000)
    assert seen.startswith("SIP/2.0 513 ") and closed, seen
    seen, _ = answers(switch, options("c", "X-Y: z\r\n" * 121))
    assert seen.startswith("SIP/2.0 200 "), seen
    seen, _ = answers(switch, options("d", "X-Y: z\r\n" * 122))
    assert seen.startswith("SIP/2.0 400 "), seen


@needs("switch")
def test_a_method_that_a_path_does_not_know_is_refused_with_those_it_does(rig):
    switch = rig.switch()
    answer = switch.api.ask("PATCH", "/api/v1/calls")
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD", answer
    answer = switch.api.ask("PUT", "/api/v1/phones/1001/x")
    assert answer.status == 404, answer
