"""A peer that hears everything and answers nothing."""

import socket

from . import sip_message
from .ports import HOST


class SilentPeer:
    """A UDP socket on 127.0.0.1; `received()` returns the SIP messages that have come so far."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self._messages = []

    def received(self):
        while True:
            try:
                data, _ = self.socket.recvfrom(65536)
            except BlockingIOError:
                return self._messages
            message = sip_message.parse(data.decode(errors="replace"), "received")
            if message:
                self._messages.append(message)
