"""The disk is really full while calls are made: a small tmpfs, filled to the last byte."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from rig.claims import Skip, needs, time_limit
from rig.ports import HOST, free_port
from rig.switch import Switch, mapping_gateway, routing_gateway
from rig.waiting import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parent))
import campaign  # noqa: E402  (the path must be set first)


@contextmanager
def small_disk(path, megabytes):
    path.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)]).returncode != 0:
        raise Skip("a small disk can only be mounted by root: the full disk is NOT tested")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def fill(directory):
    filler = directory / "filler"
    with open(filler, "wb", buffering=0) as stream:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while stream.write(bytes(size)):
                    pass
            except OSError:
                pass
    return filler


def calls(rig, switch, ports, count):
    log = rig.directory / "calls.log"
    gun = rig.process("callgun", [
        campaign.CALLGUN, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{ports[0]}", "--answer",
        f"{HOST}:{ports[1]}", "--rate", 50, "--count", count, "--ring-ms", 20, "--talk-ms", 300, "--log", log])
    gun.wait(60)
    return {call: facts for call, facts in campaign.read_log(log).items() if facts[2] == "completed"}


@needs("switch")
@time_limit(120)
def test_calls_go_on_while_the_disk_is_full_and_their_records_are_caught_up(rig):
    ports = free_port(), free_port()
    switch = Switch(rig, tcp=False, mapping_gateways=[mapping_gateway("customer", ports[0])],
                    routing_gateways=[routing_gateway("vendor", ports[1])])
    with small_disk(switch.data, 256):
        switch.start()
        filler = fill(switch.data)
        completed = calls(rig, switch, ports, 100)
        assert len(completed) == 100, f"{len(completed)} calls were completed while the disk was full"
        wait_until(lambda: not switch.api.get("/api/v1/status")["store"]["ok"], "the store says that it is full", 20)
        assert switch.api.get("/api/v1/status")["journal"]["ok"], "the journal has room of its own"
        switch.kill()  # what it had not in the database yet is in the journal
        filler.unlink()
        switch.start()
        wait_until(lambda: {record["caller_call_id"] for record in campaign.all_records(switch)} >= set(completed),
                   "all records are caught up with", 30)
        assert len(campaign.all_records(switch)) == 100
        switch.terminate()
