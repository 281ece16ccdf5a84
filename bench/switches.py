"""The switches under test: each is started afresh, pinned to its core, for one piece of work."""

import json
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

from rig.ports import HOST, free_port, is_bound
from rig.process import ProcessEnded
from rig.rig import BINARY, BUILD, Rig
from rig.switch import Switch, mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until

from . import process_tree
from .gun import Gun

HERE = Path(__file__).resolve().parent
CALLGUN = BUILD / "tools" / "callgun" / "callgun"
FLOOR = BUILD / "bench" / "floor"
UDP_FLOOR = BUILD / "bench" / "bench_udp_floor"
USER_PREFIX, PASSWORD = "7", "bench-secret"


class PinnedRig(Rig):
    """Starts everything on one core."""

    def __init__(self, directory, core):
        super().__init__(directory)
        self.core = core

    def process(self, name, command, **options):
        return super().process(name, ["taskset", "-c", self.core, *command], **options)


class UnderTest:
    """One running switch, with a callgun that knows it. `users`: so many phones may register; none: it carries calls;
    `keep_alive_s`: each gets a keep-alive in so many seconds; 0: none does; `session_s`: sessions of calls are so long;
    0: as by default.
    A `with` block ends it."""

    name = ""

    def __init__(self, directory, cores, users=0, keep_alive_s=0, session_s=0, calls_max=200000, clock_rate=None):
        self.rig, self.cores = PinnedRig(directory, cores[0]), cores
        self.users, self.keep_alive_s, self.session_s = users, keep_alive_s, session_s
        self.calls_max, self.clock_rate = calls_max, clock_rate
        self.port, self.local_port, self.answer_port = free_port(), free_port(), free_port()
        self.pid = self.start()
        self.gun = Gun(CALLGUN, cores[1], f"{HOST}:{self.port}", f"{HOST}:{self.local_port}", f"{HOST}:{self.answer_port}")

    def start(self):
        """Starts it, waits until it serves, and returns its process id."""
        raise NotImplementedError

    @staticmethod
    def missing():
        """Why it cannot run here, or an empty string."""
        raise NotImplementedError

    def records(self):
        """How many call records it has written; None when it writes none."""
        return None

    def processor_s(self):
        return process_tree.processor_s(self.pid)

    def resident_bytes(self):
        return process_tree.memory_bytes(self.pid)

    def memory_bytes(self):
        """What it uses, transactions that are over left out as far as the switch allows that."""
        return process_tree.own_bytes(self.pid)

    def floor_us(self, work, *words):
        """What the kernel alone takes for such datagrams, on the same cores now (bench_udp_floor); None where that is not
        built."""
        if not UDP_FLOOR.exists():
            return None
        command = [UDP_FLOOR, work, *self.cores, *words]
        return json.loads(subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout)["us"]

    def idle_share(self, seconds):
        """The share of its core that it takes without load."""
        before = self.processor_s()
        time.sleep(seconds)
        return (self.processor_s() - before) / seconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.rig.close()


class Belfry(UnderTest):
    """One worker, everything at its defaults but the limits; the record of each call goes to the embedded store."""

    name = "belfry"
    limits = ["--workers", "1", "--transactions-max", "4000000"]
    registrations_least = 200000

    @staticmethod
    def missing():
        return "" if BINARY.exists() else "build/belfry is not there"

    def start(self):
        capacity = {"capacity": 2000000}
        registrations = ["--registrations-max", max(self.registrations_least, self.users)]
        self.switch = Switch(
            self.rig, arguments=[*self.limits, *registrations, "--calls-max", self.calls_max], tcp=False,
            clock_rate=self.clock_rate if self.clock_rate != 1 else None,
            parameters=self.parameters(),
            phones=[phone(f"{USER_PREFIX}{n}") | {"password": PASSWORD} for n in range(self.users)],
            mapping_gateways=[mapping_gateway("customer", self.local_port) | capacity],
            routing_gateways=[routing_gateway("vendor", self.answer_port) | capacity])
        self.port = self.switch.port
        return self.switch.start(deadline_s=120 + self.users / 5000).process.popen.pid

    def parameters(self):
        if self.session_s:
            return {"SS_SIP_SESSION_TTL": self.session_s}
        if self.keep_alive_s:
            return {"SS_SIP_NAT_KEEP_ALIVE_PERIOD": self.keep_alive_s, "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 100000,
                    "SS_ENDPOINT_EXPIRE": 36000}
        return {"BF_NAT_KEEP_ALIVE_METHOD": "off"} if self.users else {}  # the peer sends none either

    def start_again_after_kill_s(self):
        """kill -9, and how long it then takes from its start until it serves and all registrations are there."""
        before = self.switch.api.get("/api/v1/status")["registrations"]
        self.switch.wait_for_journal()
        self.switch.kill()
        self.switch.configuration = {}  # it is in the store
        started = time.monotonic()
        self.pid = self.switch.start(deadline_s=300).process.popen.pid
        wait_until(lambda: self.switch.api.get("/api/v1/status")["registrations"] >= before, "all are registered again", 300)
        return time.monotonic() - started

    def page_s(self, pages):
        """How long GET /registrations takes for each of its first pages, the shortest first, and how many it lists on them."""
        times, items, cursor = [], 0, {}
        while len(times) < pages and cursor is not None:
            started = time.monotonic()
            answer = self.switch.api.get("/api/v1/registrations", **cursor)
            times.append(time.monotonic() - started)
            items += len(answer["items"])
            cursor = {"cursor": answer["next_cursor"]} if answer["next_cursor"] else None
        return sorted(times), items

    def records(self):
        days = (self.switch.data / "records").glob("????????.db")
        return sum(self.records_of(day) for day in days)

    @staticmethod
    def records_of(day):
        with sqlite3.connect(f"file:{day}?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM cdrs WHERE ended_at IS NOT NULL").fetchone()[0]


class Kamailio(UnderTest):
    """A proxy, stateful for transactions and dialogs, with the allocator that is best for it (its default one triples its
    cost). Its figures hold for one dialog passing through, without a second leg or a record."""

    name = "kamailio"

    @staticmethod
    def missing():
        return "" if shutil.which("kamailio") else "kamailio is not installed (scripts/install-dependencies bench)"

    @staticmethod
    def version():
        return subprocess.run(["kamailio", "-v"], capture_output=True, text=True).stdout.splitlines()[0]

    def memory_bytes(self):
        """What its own allocator has handed out of the memory that its processes share: the kindest figure, without
        what transactions that are over have left free."""
        words = subprocess.run(["kamcmd", "-s", f"unix:{self.rig.directory}/kamailio_ctl", "core.shmmem"],
                               capture_output=True, text=True, check=True).stdout
        return int(re.search(r"real_used: (\d+)", words)[1])

    def start(self):
        directory = self.rig.directory
        defines = ["-A", f'CALLEE="sip:{HOST}:{self.answer_port}"']
        defines += ["-A", "REGISTRAR=1", "-A", f'PASSWORD="{PASSWORD}"'] if self.users else []
        defines += ["-A", f"KEEP_ALIVE_S={self.keep_alive_s}"] if self.keep_alive_s else []
        process = self.rig.process("kamailio", [
            "kamailio", "-f", HERE / "kamailio.cfg", "-l", f"udp:{HOST}:{self.port}", "-m", "4096", "-M", "64",
            "-x", "tlsf", "-X", "tlsf", "-DD", "-E", "-Y", directory, "-w", directory, "-P", directory / "pid", *defines])

        def serves():
            if not process.is_running:
                raise ProcessEnded(f"kamailio ended with {process.popen.returncode}\n{process.tail()}")
            return is_bound(self.port)
        wait_until(serves, "kamailio has its port", 15)
        time.sleep(1)  # its processes are forked after the port is bound
        return process.popen.pid


class Floor(UnderTest):
    """No switch: the kernel's part of one, the same datagrams received and sent and nothing in between (floor.c)."""

    name = "floor"

    @staticmethod
    def missing():
        return "" if FLOOR.exists() else f"{FLOOR} is not there"

    def start(self):
        process = self.rig.process("floor", [FLOOR, self.port, self.local_port, self.answer_port])
        wait_until(lambda: is_bound(self.port), "the floor has its port", 15)
        return process.popen.pid


KINDS = [Belfry, Kamailio, Floor]
