"""Driving linphonec: commands on its standard input, what happens from its standard output.

Traps: without $HOME/.local/share/linphone it does not start properly; without `ipv6_migration_done` it drops `use_ipv6=0`
and offers IPv6 media; its TLS
library knows no certificates that name an address; without a sound card it must be told to use files; it says nothing about its registration unless asked, and a refused password
makes it ask for another one on standard input."""

import re
import subprocess
import os

from .place import HERE
from .ports import free_port
from .process import ProcessEnded
from .waiting import wait_until

_SECTIONS = """[sip]
sip_port={port}
sip_tcp_port={port}
sip_tls_port={tls_port}
contact=sip:{number}@{host}
use_ipv6=0
ipv6_migration_done=1
guess_hostname=0
bind_address={host}
register_only_when_network_is_up=0
ping_with_options=0
keepalive_period=0
use_rfc2833=1
inc_timeout=300
default_proxy={default_proxy}
{timer}
{trust}
[rtp]
audio_rtp_port={rtp_port}
nortp_timeout=900
bind_address={host}
[net]
mtu=1300
[sound]
echocancellation=0
[misc]
log_collection=0
"""

_ACCOUNT = """[proxy_0]
reg_proxy=<sip:{server_host}:{server_port};transport={transport}>
reg_route=<sip:{server_host}:{server_port};transport={transport};lr>
reg_identity=sip:{number}@{server_host}:{server_port}
reg_expires={expires_s}
reg_sendregister=1
publish=0
[auth_info_0]
username={number}
passwd={password}
"""


class Linphone:
    """One linphonec with one number. `server` (a Switch or a port) makes it register there with `password`; without one it
    calls and is called directly. `session_timer` = (seconds, refresher 0|1|2) turns RFC 4028 on; `place` is where it runs. Over TLS it
    takes certificates of `authority` only."""

    def __init__(self, rig, number, server=None, password=None, transport="udp", session_timer=None, expires_s=3600,
                 place=HERE, authority=None):
        rig.require_program("linphonec")
        self.rig, self.number, self.transport, self.place = rig, number, transport, place
        self.name = rig.fresh_name(f"linphone-{number}")
        self.port = free_port()
        self.server_port = server if server is None or isinstance(server, int) else server.port_for(transport)
        self.home = rig.directory / f"{self.name}-home"
        self.seen = 0
        self.process = None
        timer = "session_expires_enabled=0"
        if session_timer:
            seconds, refresher = session_timer
            timer = (f"session_expires_enabled=1\nsession_expires_value={seconds}\nsession_expires_min_value=90\n"
                     f"session_expires_refresher_value={refresher}")
        self.config = _SECTIONS.format(port=self.port, number=number, rtp_port=free_port(4), host=place.host, timer=timer,
                                       tls_port=-1 if transport == "tls" else 0,
                                       trust=f"root_ca={authority.certificate}\nverify_server_cn=0" if authority else "",
                                       default_proxy=-1 if self.server_port is None else 0)
        if self.server_port:
            self.config += _ACCOUNT.format(server_host=place.server_host, server_port=self.server_port, transport=transport, number=number,
                                           password=password, expires_s=expires_s)

    def start(self):
        (self.home / ".local/share/linphone").mkdir(parents=True)
        config = self.home / "linphonerc"
        config.write_text(self.config)
        environment = {**os.environ, "HOME": str(self.home)}
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            environment.pop(name, None)
        self.process = self.rig.process(
            self.name, [*self.place.enter, "linphonec", "-c", config, "-d", "6", "-l", self.home / "log"],
            stdin=subprocess.PIPE, environment=environment)
        self.say("soundcard use files")
        self.expect("Using wav files instead of soundcard")
        return self

    def say(self, command):
        """Types a command."""
        self.process.popen.stdin.write(f"{command}\n".encode())
        self.process.popen.stdin.flush()

    def expect(self, pattern, deadline_s=15.0):
        """Waits for a line that matches, after those that earlier calls of this have consumed; returns the match."""
        def find():
            found = re.compile(pattern).search(self.process.output, self.seen)
            if not found and not self.process.is_running:
                raise ProcessEnded(f"{self.name} ended with {self.process.popen.returncode}\n{self.process.tail()}")
            return found
        found = wait_until(find, f"{self.name} says /{pattern}/", deadline_s)
        self.seen = found.end()
        return found

    def wait_until_registered(self):
        """It tells only when asked."""
        def told():
            self.say("status register")
            return self.expect(r"registered(, identity=\S+|=-?\d+)")[1].startswith(", identity")
        wait_until(told, f"{self.name} is registered", 15)

    def wait_until_refused(self):
        """Its credentials were not accepted: it asks for another password."""
        self.expect(rf"Password for {self.number} on ")

    def call(self, number, port=None):
        """Calls a number through its server, or directly at a port of its own machine."""
        self.say(f"call sip:{number}@{self.place.server_host}:{port or self.server_port}")
        self.expect(r"Call \d+ to \S+ in progress")

    def wait_for_ringing(self):
        """The far end rings."""
        self.expect(r"Call \d+ to \S+ ringing")

    def wait_for_incoming(self):
        """Somebody calls; returns whom it takes for the caller."""
        return self.expect(r"Receiving new incoming call from (.+), assigned id \d+")[1]

    def answer(self):
        self.say("answer")
        self.wait_until_connected()

    def wait_until_connected(self):
        self.expect(r"Call \d+ with .+ connected")

    def reject(self):
        self.say("terminate")

    def hang_up(self):
        self.say("terminate")
        self.wait_until_ended()

    def wait_until_ended(self):
        """The call is over, for whatever reason; returns linphonec's words for it."""
        return self.expect(r"Call \d+ with .+ (ended.*|error.*)\.")[1]

    def hold(self):
        self.say("pause")
        self.expect(r"Call \d+ with .+ is now paused")

    def resume(self):
        self.say("resume")
        self.expect(r"Resuming call \d+")
        self.expect(r"Media streams established with")

    def wait_until_it_hears(self):
        """Media arrive: its log says once a second how many kbit/s."""
        def rates():
            text = (self.home / "log").read_text(errors="replace")
            return [rate for rate in re.findall(r"\(audio\).*RTP : \[d=\s*([\d.]+)", text) if float(rate) > 1]
        wait_until(rates, f"{self.name} hears something")

    def quit(self):
        """Un-registers and ends."""
        self.say("quit")
        self.process.wait(10)
