"""Who listens to live events: what happens to one that stops reading, and to everybody else meanwhile."""

import socket
import threading
import time

from rig.api import Api
from rig.claims import needs
from rig.ports import HOST
from rig.waiting import wait_until

HELD_BYTES_MAX = 128 * 1024  # the reader's own buffer, the switch's block, and what its kernel holds
DROPPED_WITHIN_S = 90


def listen(switch, receive_bytes=None):
    """A connection that has asked for events, and has read the first of them."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(10)
    connection.connect((HOST, switch.admin_port))
    connection.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {switch.api.token}\r\n\r\n".encode())
    seen = b""
    while b"event: status" not in seen:
        seen += connection.recv(4096)
    assert seen.startswith(b"HTTP/1.1 200"), seen[:200]
    return connection


class Reader(threading.Thread):
    """Reads events, and keeps the longest time without one."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection, self.longest_s, self.events, self.goes_on = connection, 0.0, 0, True

    def run(self):
        last = time.monotonic()
        while self.goes_on:
            data = self.connection.recv(65536)
            if not data:
                return
            if b"event: status" in data:
                at = time.monotonic()
                self.longest_s, last, self.events = max(self.longest_s, at - last), at, self.events + 1


def figure(switch, name):
    return next(float(line.split()[1]) for line in Api(HOST, switch.admin_port).ask("GET", "/metrics").text.splitlines()
                if line.startswith(f"belfry_{name} "))


@needs("switch")
def test_a_listener_that_stops_reading_is_dropped_and_delays_nobody(rig):
    switch = rig.switch()
    stalled, reader = listen(switch, receive_bytes=4096), Reader(listen(switch))
    reader.start()
    assert figure(switch, "event_listeners") == 2
    answers_s = []

    def is_dropped():
        began = time.monotonic()
        switch.api.get("/api/v1/status")
        answers_s.append(time.monotonic() - began)
        return figure(switch, "event_listeners_dropped_total") == 1
    began = time.monotonic()
    wait_until(is_dropped, "the listener that does not read is dropped", DROPPED_WITHIN_S, first_pause_s=0.1)
    dropped_after_s = time.monotonic() - began
    assert figure(switch, "event_listeners") == 1
    held, ended = 0, None
    while ended is None:
        try:
            data = stalled.recv(65536)
            held += len(data)
            ended = None if data else "closed"
        except ConnectionResetError:
            ended = "reset"
    reader.goes_on = False
    print(f"dropped after {dropped_after_s:.0f} s, {ended}, with {held} bytes under way; the other listener: {reader.events} events,"
          f" {reader.longest_s:.2f} s apart at most; answers within {max(answers_s) * 1000:.0f} ms")
    assert held <= HELD_BYTES_MAX, held
    assert reader.events >= dropped_after_s * 0.8 and reader.longest_s < 2.5, (reader.events, reader.longest_s)
    assert max(answers_s) < 0.5, max(answers_s)
    listen(switch).close()  # it may come again
    assert figure(switch, "event_listeners_dropped_total") == 1
