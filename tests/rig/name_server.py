"""A small name server on 127.0.0.1, as far as RFC 3263 needs one: A, SRV and NAPTR records by name."""

import socket
import struct
import threading

from .ports import HOST

A, SRV, NAPTR = 1, 33, 35
_NO_SUCH_NAME = 3


def _name(text):
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def _string(text):
    return bytes([len(text)]) + text.encode()


def a(address=HOST):
    return A, socket.inet_aton(address)


def srv(priority, weight, port, host):
    return SRV, struct.pack("!HHH", priority, weight, port) + _name(host)


def naptr(order, preference, service, replacement):
    """A record that leads to SRV records (flag "s")."""
    return NAPTR, struct.pack("!HH", order, preference) + _string("s") + _string(service) + _string("") + _name(replacement)


class NameServer:
    """Answers by `records`: name → list of a(), srv(), naptr(). What was asked stands in `asked`, as (name, type)."""

    def __init__(self, records):
        self.records = {name.lower(): list(rows) for name, rows in records.items()}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.address = f"{HOST}:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            self.socket.sendto(self._answer(query), client)

    def _answer(self, query):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode())
            end += 1 + query[end]
        name, (kind,) = ".".join(labels).lower(), struct.unpack("!H", query[end + 1:end + 3])
        self.asked.append((name, kind))
        rows = [data for row, data in self.records.get(name, []) if row == kind]
        flags = 0x8580 | (0 if name in self.records else _NO_SUCH_NAME)
        answer = query[:2] + struct.pack("!HHHHH", flags, 1, len(rows), 0, 0) + query[12:end + 5]
        for data in rows:
            answer += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
        return answer
