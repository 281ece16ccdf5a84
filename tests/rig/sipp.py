"""Running SIPp: one scenario file, bounded calls and time, its own logs, which a failure shows.

A scenario is SIPp's XML with {{name}} where a parameter of the test stands, and {{>file}} where a fragment from
tests/sipp/fragments stands; {{>file body=sdp_hold}} gives the fragment the parameter sdp_hold under the name body."""

import re
from pathlib import Path

from . import sip_message
from .ports import HOST, free_port, is_bound
from .waiting import wait_until

_EXIT = {1: "at least one call failed", 97: "ended by an internal command or its time-out", 99: "no call was made",
         253: "no file or socket", 254: "a fatal error", 255: "a fatal error"}


def session(version=1, direction="sendrecv", payloads="8 0 101", address=HOST):
    """A session description with one audio stream; SIPp puts the port in."""
    return "\n".join([
        "v=0", f"o=- 20518 {version} IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
        f"m=audio [media_port] RTP/AVP {payloads}", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", f"a={direction}"])


SESSIONS = {
    "sdp": session(),
    "sdp_hold": session(2, "sendonly"),
    "sdp_resume": session(3),
    "sdp_answer": session(payloads="8 101"),
    "sdp_hold_answer": session(2, "recvonly", "8 101"),
    "sdp_resume_answer": session(3, payloads="8 101"),
}


def lines(*fields):
    """Header lines as scenarios take them: after another one."""
    return "".join(f"\n{field}" for field in fields)


# What a scenario finds when its test says nothing.
USUAL = {
    "hold_ms": 300, "ring_ms": 200, "expires_s": 3600, "challenge": 401, "reason": "Refused", "domain": "customer.invalid",
    "caller": "4930100", "number": "4420200",
    "callee_host": "[local_ip]:[local_port]",
    "contact": "<sip:{{number}}@[local_ip]:[local_port];transport=[transport]>",
    # Further header lines of INVITE, UPDATE and their 2xx, and of answers to refreshes (see `lines`).
    "allow": "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO", "lines": "", "refresh_lines": "",
    "update_status": "200 OK", "options_status": "200 OK",
    **SESSIONS,
}

_MARK = re.compile(r"\{\{(>?)(\w+)((?: \w+=\w+)*)\}\}")


def fill(path, values):
    """Returns the scenario's text with its fragments and parameters put in; a parameter that nobody gave is a mistake."""
    def put(match):
        is_fragment, name, renamed = match[1], match[2], dict(pair.split("=") for pair in match[3].split())
        if is_fragment:
            inner = {**values, **{name: values[other] for name, other in renamed.items()}}
            return fill(fragments / f"{name}.xml", inner).rstrip("\n")
        assert name in values, f"{path.name} wants a value for {name}"
        return _MARK.sub(put, str(values[name]))
    path = Path(path)
    fragments = path.parent if path.parent.name == "fragments" else path.parent / "fragments"
    return _MARK.sub(put, path.read_text())


class Sipp:
    """One SIPp. `to` is where its calls go: a Switch, a port, or None for a scenario that waits for calls.

    `calls` is how many it makes or takes before it ends; `user` and `password` answer a challenge; further keywords are
    the scenario's parameters (USUAL has their usual values)."""

    def __init__(self, rig, path, port=None, to=None, calls=1, rate=10, transport="udp", user=None, password="",
                 timeout_s=30, **values):
        rig.require_program("sipp")
        self.rig, self.path, self.calls, self.rate = rig, path, calls, rate
        self.transport, self.timeout_s, self.user, self.password = transport, timeout_s, user, password
        self.name = rig.fresh_name(path.stem)
        self.port = port or free_port()
        self.to_port = to if to is None or isinstance(to, int) else to.port
        self.values = {**USUAL, **values}
        self.process = None

    def _file(self, suffix):
        return self.rig.directory / f"{self.name}.{suffix}"

    def start(self):
        scenario = self._file("xml")
        scenario.write_text(fill(self.path, self.values))
        command = ["sipp"] + ([f"{HOST}:{self.to_port}"] if self.to_port else []) + [
            "-sf", scenario, "-i", HOST, "-bind_local", "-p", self.port, "-cp", free_port(), "-mp", free_port(4),
            "-t", {"udp": "u1", "tcp": "t1"}[self.transport], "-m", self.calls, "-l", self.calls, "-r", self.rate,
            "-timeout", f"{self.timeout_s}s", "-timeout_error", "-nostdin",
            "-trace_err", "-error_file", self._file("errors"), "-trace_msg", "-message_file", self._file("messages")]
        if self.user:
            command += ["-au", self.user, "-ap", self.password]
        self.process = self.rig.process(self.name, command)
        if self.to_port is None:
            wait_until(lambda: is_bound(self.port, self.transport) or not self.process.is_running,
                       f"{self.name} listens on {self.port}")
        return self

    def done(self, deadline_s=None):
        """Waits until SIPp has ended, and fails when a call of its did not go as the scenario says. Returns itself."""
        status = self.process.wait(deadline_s or self.timeout_s + 5)
        assert status == 0, f"{self.name}: {_EXIT.get(status, f'exit status {status}')}\n{self.tail()}"
        return self

    def failed(self, deadline_s=None):
        """Waits until SIPp has ended, and fails when everything went as the scenario says."""
        assert self.process.wait(deadline_s or self.timeout_s + 5) != 0, f"{self.name} went through, and should not have"
        return self

    def stop(self):
        self.process.stop()

    @property
    def messages(self):
        """All SIP messages it has sent and received so far, in order."""
        return read_messages(self._file("messages"))

    def received(self, what):
        """The messages received: requests of a method (`received("INVITE")`), or responses of a status (`received(200)`)."""
        if isinstance(what, int):
            return sip_message.responses(self.messages, what)
        return sip_message.requests(self.messages, what)

    def sent(self, what):
        if isinstance(what, int):
            return sip_message.responses(self.messages, what, direction="sent")
        return sip_message.requests(self.messages, what, "sent")

    def wait_for(self, what, deadline_s=10.0):
        """Waits until it has received a request of that method, or a response of that status; returns the first."""
        return wait_until(lambda: self.received(what), f"{self.name} receives {what}\n{self.tail()}", deadline_s)[0]

    def tail(self, lines=25):
        errors = self._file("errors")
        text = errors.read_text(errors="replace") if errors.exists() else ""
        return "\n".join(text.splitlines()[:lines])


_LOG_HEAD = re.compile(r"^-{20,} \d{4}-\d\d-\d\d[ \t].*\n(?:UDP|TCP|TLS) message (received|sent) ?(?:\[\d+\]|\(\d+ bytes\)).*:\n\n",
                       re.MULTILINE)


def read_messages(path):
    """Returns the SipMessages of a SIPp message log."""
    text = path.read_text(errors="replace") if path.exists() else ""
    heads = list(_LOG_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    messages = [sip_message.parse(text[head.end():end], head[1]) for head, end in zip(heads, ends)]
    return [message for message in messages if message]
