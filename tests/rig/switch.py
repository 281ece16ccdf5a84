"""A running Belfry with a data directory and ports of its own."""

import json
import re
import signal
import subprocess

from .api import Api
from .cdr import check_record
from .ports import HOST, free_port
from .process import ProcessEnded, die_with_parent
from .waiting import wait_until

_READY = re.compile(r"^ready sip=(\S+) admin=(http://\S+) data=(.+)$", re.MULTILINE)


def password_of(number):
    """The password that every phone of the tests has."""
    return f"secret of {number}"


def phone(number, **settings):
    """A phone's entry in the configuration."""
    return {"number": number, "password": password_of(number), **settings}


def mapping_gateway(name, port, **settings):
    """A customer's gateway on 127.0.0.1."""
    return {"name": name, "addresses": [f"{HOST}:{port}"], "capacity": 1000, "number_rules": [], **settings}


def routing_gateway(name, port, prefixes=("*",), priority=1, **settings):
    """A vendor's gateway on 127.0.0.1."""
    return {"name": name, "address": f"{HOST}:{port}", "prefixes": list(prefixes), "priority": priority, "capacity": 1000,
            "number_rules": [], **settings}


class Switch:
    """One Belfry. Sections of the configuration are keywords: `parameters`, `phones`, `mapping_gateways`,
    `routing_gateways`; `arguments` are added to its command line, `clock_rate` makes its time run faster, `tls` (an Identity) lets it listen at `tls_port`."""

    def __init__(self, rig, arguments=(), clock_rate=None, tcp=True, tls=None, environment=None, **configuration):
        self.rig, self.configuration, self.environment = rig, configuration, environment
        self.name = rig.fresh_name("belfry")
        self.data = rig.directory / f"{self.name}-data"
        self.port, self.admin_port = free_port(), free_port()
        self.arguments = ["--sip", f"udp:{HOST}:{self.port}"] + (["--sip", f"tcp:{HOST}:{self.port}"] if tcp else [])
        self.tls_port = free_port() if tls else None
        if tls:
            self.arguments += ["--sip", f"tls:{HOST}:{self.tls_port}", "--tls-certificate", tls.certificate, "--tls-key", tls.key]
        self.arguments += ["--admin", f"{HOST}:{self.admin_port}"]
        self.arguments += ["--clock-rate", str(clock_rate)] if clock_rate else []
        self.arguments += list(arguments)
        self.process = self.ready_line = None

    def start(self, deadline_s=15.0):
        """Starts it (again), with its configuration applied, and waits for the `ready` line. Returns itself."""
        applied = self.rig.directory / f"{self.name}.json"
        applied.write_text(json.dumps(self.configuration, indent=1))
        self.process = self.rig.process(
            self.name, [self.rig.binary, "serve", "--data", self.data, *self.arguments, "--apply", applied],
            environment=self.environment, keep_errors_apart=True)

        def ready():
            found = _READY.search(self.process.output_since_start)
            if not found and not self.process.is_running:
                raise ProcessEnded(f"belfry ended with {self.process.popen.returncode}\n{self.process.tail()}")
            return found
        self.ready_line = wait_until(ready, "belfry says that it is ready", deadline_s)
        return self

    @property
    def api(self):
        token = (self.data / "admin.token").read_text().strip()
        return Api(HOST, self.admin_port, token)

    def command_line(self, *words, deadline_s=10):
        """Runs another command of the binary against this switch; returns subprocess.CompletedProcess (text)."""
        return subprocess.run([str(self.rig.binary), *map(str, words), "--data", str(self.data)], capture_output=True,
                              text=True, timeout=deadline_s, preexec_fn=die_with_parent)

    def terminate(self, deadline_s=5.0):
        """SIGTERM; it must be gone, with exit status 0, within the 5 s that it promises."""
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(deadline_s)
        assert status == 0, f"belfry ended with {status} after SIGTERM\n{self.process.tail()}"
        self.process = None

    def kill(self):
        """kill -9; start() brings it back, with the same data and ports."""
        self.process.kill()
        self.process = None

    def port_for(self, transport):
        return self.tls_port if transport == "tls" else self.port

    def wait_for_log(self, pattern, deadline_s=10.0):
        """Waits for a line on its standard error that matches, and returns the match."""
        return wait_until(lambda: re.search(pattern, self.process.errors), f"{self.name} logs /{pattern}/", deadline_s)

    def calls(self):
        return self.api.get("/api/v1/calls")["items"]

    def registrations(self):
        return self.api.get("/api/v1/registrations")["items"]

    def wait_for_journal(self):
        """Waits until all that was answered so far would survive a kill, also what no answer waits for."""
        wait_until(lambda: re.search(r"(?m)^belfry_journal_waiting_bytes 0$", self.api.ask("GET", "/metrics").text),
                   "the journal has it all")

    def wait_for_calls(self, count, deadline_s=10.0):
        """Waits until exactly so many calls are listed, and returns them."""
        return wait_until(lambda: len(self.calls()) == count and (self.calls() or [None]),
                          f"{count} calls are listed", deadline_s)

    def wait_for_registration(self, number, deadline_s=10.0):
        """Waits until that phone is registered, and returns the registration."""
        def find():
            return [r for r in self.registrations() if r["number"] == number]
        return wait_until(find, f"{number} is registered", deadline_s)[0]

    def cdrs(self, count=1, deadline_s=10.0, **query):
        """Waits for exactly `count` records of ended calls that match the query, oldest first, each well formed."""
        def find():
            items = [cdr for cdr in self.api.get("/api/v1/cdrs", **query)["items"] if cdr.get("ended_at")]
            assert len(items) >= count, f"there are {len(items)}"
            return [items]
        [items] = wait_until(find, f"{count} CDRs {query or ''}", deadline_s)
        assert len(items) == count, f"expected {count} CDRs, there are {len(items)}:\n" + "\n".join(map(str, items))
        for cdr in items:
            check_record(cdr)
        return sorted(items, key=lambda cdr: cdr["started_at"])

    def cdr(self, **query):
        """The one record there is."""
        return self.cdrs(1, **query)[0]
