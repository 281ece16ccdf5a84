"""SIP messages as tests look at them: a start line, headers by full name, a body. Made for reading what clients logged."""

import re
from dataclasses import dataclass

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
            "x": "session-expires", "k": "supported", "s": "subject", "e": "content-encoding"}


@dataclass
class SipMessage:
    """One message. `direction` is `sent` or `received`, as seen by the client that logged it."""

    direction: str
    start_line: str
    headers: list
    body: str

    @property
    def method(self):
        """The request's method, or that of the request a response answers."""
        return self.start_line.split(" ", 1)[0] if self.is_request else self["cseq"].split()[-1]

    @property
    def is_request(self):
        return not self.start_line.startswith("SIP/2.0")

    @property
    def status(self):
        """The status code of a response, 0 of a request."""
        return 0 if self.is_request else int(self.start_line.split()[1])

    @property
    def request_uri(self):
        return self.start_line.split()[1]

    def __getitem__(self, name):
        """The first header of that name; fails where there is none."""
        values = self.all(name)
        assert values, f"no {name} in:\n{self}"
        return values[0]

    def all(self, name):
        """All values of the headers of that name, in order."""
        return [value for key, value in self.headers if key == name.lower()]

    def has(self, name):
        return bool(self.all(name))

    def tag(self, name):
        """The tag of From or To, or an empty string."""
        found = re.search(r";\s*tag=([^;>\s]+)", self[name])
        return found[1] if found else ""

    def sdp(self, kind):
        """The values of the session description's lines `kind=`, in order."""
        return [line[2:] for line in self.body.splitlines() if line.startswith(f"{kind}=")]

    def __str__(self):
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"[{self.direction}] {self.start_line}\n{head}\n\n{self.body}".rstrip()


def parse(text, direction):
    """Returns the SipMessage of a message's text, or None for what is none (keep-alives)."""
    head, _, body = text.replace("\r\n", "\n").strip("\n").partition("\n\n")
    lines = head.split("\n")
    if not re.match(r"SIP/2\.0 \d{3}|\S+ \S+ SIP/2\.0$", lines[0]):
        return None
    headers = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            headers.append((_COMPACT.get(name, name), value.strip()))
    return SipMessage(direction, lines[0], headers, body)


def requests(messages, method, direction="received"):
    return [m for m in messages if m.is_request and m.method == method and m.direction == direction]


def responses(messages, status, method=None, direction="received"):
    return [m for m in messages if m.status == status and method in (None, m.method) and m.direction == direction]
