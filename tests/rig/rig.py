"""What a test is handed: it starts things by name, and all of them are gone when the test ends."""

import os
import shutil
from pathlib import Path

from .baresip import Baresip
from .claims import Skip
from .linphone import Linphone
from .name_server import NameServer
from .ports import free_port
from .process import Process
from .silent_peer import SilentPeer
from .sipp import Sipp
from .switch import Switch, password_of

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("BELFRY_BUILD", "build")
BINARY = BUILD / "belfry"


class Rig:
    """One test's world: a directory of its own, and everything started for it."""

    def __init__(self, directory, binary=BINARY):
        self.directory = Path(directory)
        self.binary = Path(binary)
        self.processes = []
        self.switches = []
        self._names = {}

    def fresh_name(self, base):
        """`uas`, then `uas-2`, `uas-3`: names of logs and directories."""
        self._names[base] = self._names.get(base, 0) + 1
        return base if self._names[base] == 1 else f"{base}-{self._names[base]}"

    def port(self, neighbours=1):
        return free_port(neighbours)

    def process(self, name, command, **options):
        """Starts any program; see Process."""
        process = Process(name, command, self.directory, **options)
        self.processes.append(process)
        return process

    def switch(self, **configuration):
        """Starts a Belfry and waits until it is ready; see Switch for what can be configured."""
        self.switches.append(Switch(self, **configuration))
        return self.switches[-1].start()

    def end_switches(self):
        """Ends the switches that still run, as an operator would; fails where one does not end well."""
        for switch in self.switches:
            if switch.process:
                switch.terminate()

    def sipp(self, scenario, **options):
        """Starts SIPp with tests/sipp/SCENARIO.xml; see Sipp."""
        return Sipp(self, ROOT / "tests" / "sipp" / f"{scenario}.xml", **options).start()

    def name_server(self, records):
        """Starts a name server; see NameServer."""
        return NameServer(records)

    def silent_peer(self):
        """A peer on a port of its own that never answers."""
        return SilentPeer()

    def phone(self, switch, number, **options):
        """Registers a phone, played by SIPp, and returns the port it can be called at."""
        port = self.port()
        self.sipp("phone_registers", to=switch, port=port, number=number, user=number, password=password_of(number),
                  **options).done()
        return port

    def linphone(self, number, **options):
        """Starts a linphonec; see Linphone."""
        return Linphone(self, number, **options).start()

    def baresip(self, number, **options):
        """Starts a baresip; see Baresip."""
        return Baresip(self, number, **options).start()

    def require_program(self, program):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed (scripts/install-dependencies test)")

    def close(self):
        """Stops what still runs, youngest first, so that clients say goodbye to a living switch."""
        for process in reversed(self.processes):
            process.stop()
