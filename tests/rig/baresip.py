"""Driving baresip through its ctrl_tcp module: commands and events are JSON objects, each framed as a netstring.

Traps of 1.0: `net_interface lo` fails, `net_interface 127.0.0.1` is right; it opens TLS on the port after its SIP port;
UPDATE is answered 501, and there are no session timers."""

import json
import os
import re
import socket
import time

from .place import HERE
from .ports import HOST, free_port, is_bound
from .process import ProcessEnded
from .waiting import wait_until

_CONFIG = """poll_method epoll
sip_listen {host}:{port}
audio_player aubridge,nil
audio_source aubridge,nil
audio_alert aubridge,nil
call_local_timeout 600
call_max_calls 4
net_interface {host}
rtp_ports {rtp_port}-{rtp_port_last}
module_path {modules}
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control_host}:{control_port}
{trust}
"""

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_MODULE_PATHS = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules",
                 "/usr/lib/aarch64-linux-gnu/baresip/modules"]


class Baresip:
    """One baresip with one number. `server` (a Switch or a port) makes it register there with `password`; without one it
    calls and is called directly. `place` is where it runs. Over TLS it takes certificates of `authority` only.
    `account` is a line that stands for all that is said of the account here."""

    def __init__(self, rig, number, server=None, password=None, transport="udp", expires_s=3600, place=HERE, authority=None,
                 account=None):
        rig.require_program("baresip")
        self.rig, self.number, self.transport, self.place = rig, number, transport, place
        self.name = rig.fresh_name(f"baresip-{number}")
        self.port, self.control_port, self.rtp_port = free_port(2), free_port(), free_port(8)
        self.server_port = server if server is None or isinstance(server, int) else server.port_for(transport)
        self.trust = f"sip_cafile {authority.certificate}" if authority else ""
        self.home = rig.directory / f"{self.name}-home"
        self.process = self.control = None
        self.events, self.seen, self.unread, self.token = [], 0, b"", 0
        options = ["audio_codecs=PCMA,PCMU", "answermode=manual"]
        host = place.server_host
        if self.server_port:
            host = f"{place.server_host}:{self.server_port}"
            options += [f"auth_user={number}", f'auth_pass="{password}"', f"regint={expires_s}",
                        f'outbound="sip:{host};transport={transport}"']
        else:
            options += ["regint=0"]
        self.account = f"<sip:{number}@{host};transport={transport}>;{';'.join(options)}\n"
        self.account = account or self.account

    def start(self):
        self.home.mkdir(parents=True)
        modules = next((path for path in _MODULE_PATHS if os.path.isdir(path)), _MODULE_PATHS[0])
        (self.home / "config").write_text(_CONFIG.format(
            host=self.place.host, control_host=HOST, port=self.port, control_port=self.control_port, rtp_port=self.rtp_port, trust=self.trust,
            rtp_port_last=self.rtp_port + 7, modules=modules))
        (self.home / "accounts").write_text(self.account)
        (self.home / "contacts").touch()
        self.process = self.rig.process(self.name, [*self.place.enter, "baresip", "-f", self.home, "-v"],
                                        environment={**os.environ, "HOME": str(self.home)})
        with self.place.inside():
            wait_until(lambda: is_bound(self.control_port, "tcp") or not self.process.is_running, f"{self.name} is up")
            self.control = socket.create_connection((HOST, self.control_port), timeout=5)
        return self

    def _read(self, deadline):
        """Takes what has arrived; netstrings that are whole become events or answers."""
        self.control.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            data = self.control.recv(65536)
        except TimeoutError:
            return
        if not data:
            raise ProcessEnded(f"{self.name} closed its control connection\n{self.process.tail()}")
        self.unread += data
        while b":" in self.unread:
            length, _, rest = self.unread.partition(b":")
            if len(rest) <= int(length):
                return
            self.events.append(json.loads(rest[:int(length)].decode(errors="replace"), strict=False))
            self.unread = rest[int(length) + 1:]

    def _wait_for(self, accepts, what, deadline_s, start):
        """Returns the first event from index `start` on that `accepts` takes, and its index."""
        deadline = time.monotonic() + deadline_s
        while True:
            for index in range(start, len(self.events)):
                if accepts(self.events[index]):
                    return self.events[index], index
            assert time.monotonic() < deadline, f"not within {deadline_s:g} s: {self.name}: {what}; events: {self.events}"
            self._read(min(deadline, time.monotonic() + 0.5))

    def say(self, command, parameters="", deadline_s=10.0):
        """Sends a command and returns the text of its answer."""
        self.token += 1
        token = f"rig-{self.token}"
        text = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))
        answer, _ = self._wait_for(lambda event: event.get("token") == token, f"an answer to {command}", deadline_s, 0)
        assert answer["ok"], f"{self.name}: {command} {parameters}: {answer}"
        return _COLOUR.sub("", answer["data"])

    def expect(self, *types, deadline_s=15.0):
        """Waits for an event of one of these types, after those that earlier calls of this have consumed; returns it."""
        event, index = self._wait_for(lambda event: event.get("type") in types, f"{'|'.join(types)}", deadline_s, self.seen)
        self.seen = index + 1
        return event

    def wait_until_registered(self):
        """It registers before anybody can listen for the event: asked for instead."""
        wait_until(lambda: re.search(r"\bOK\b", self.say("reginfo")), f"{self.name} is registered", 15, 0.05)

    def wait_until_refused(self):
        """Its registration was not accepted."""
        wait_until(lambda: re.search(r"\bERR\b", self.say("reginfo")), f"{self.name} is refused", 15, 0.05)

    def call(self, number, port=None):
        """Calls a number through its server, or directly at a port of 127.0.0.1."""
        self.say("dial", f"sip:{number}@{self.place.server_host}:{port or self.server_port}")

    def wait_for_ringing(self):
        """The far end rings."""
        self.expect("CALL_RINGING")

    def wait_for_incoming(self):
        """Somebody calls; returns the URI it takes for the caller's."""
        return self.expect("CALL_INCOMING")["peeruri"]

    def answer(self):
        self.say("accept")
        self.wait_until_connected()

    def wait_until_connected(self):
        self.expect("CALL_ESTABLISHED")

    def reject(self):
        self.say("hangup")

    def hang_up(self):
        self.say("hangup")
        self.wait_until_ended()

    def wait_until_ended(self):
        """The call is over, for whatever reason; returns baresip's words for it."""
        return self.expect("CALL_CLOSED").get("param", "")

    def hold(self):
        self.say("hold")

    def resume(self):
        self.say("resume")

    def quit(self):
        """Un-registers and ends."""
        self.say("quit")
        self.process.wait(10)
