"""The disk is really full while calls are made: a small tmpfs, filled to the last byte; that of all data, or the journal's
own."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from rig.claims import Skip, needs, time_limit
from rig.ports import HOST, free_port
from rig.switch import Switch, mapping_gateway, phone, routing_gateway
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


@needs("switch")
@time_limit(60)
def test_how_long_answers_wait_for_the_journal_is_measured_and_bounded_by_the_parameter(rig):
    ports = free_port(), free_port()
    switch = rig.switch(tcp=False, parameters={"BF_JOURNAL_WAIT_MS": 1},
                        mapping_gateways=[mapping_gateway("customer", ports[0])],
                        routing_gateways=[routing_gateway("vendor", ports[1])])
    assert len(calls(rig, switch, ports, 100)) == 100
    metrics = dict(line.rsplit(" ", 1) for line in switch.api.ask("GET", "/metrics").text.splitlines() if line[0] != "#")
    count, total_s = (float(metrics[f"belfry_answer_wait_seconds_{what}"]) for what in ("count", "sum"))
    assert count >= 100 and float(metrics['belfry_answer_wait_seconds_bucket{le="+Inf"}']) == count, count
    assert 0 < total_s / count < 0.1, total_s / count  # a loaded machine is late by itself


def grow(path, megabytes):
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(path)], check=True)


def what_is_said(switch):
    """journal_ok of the metrics, the health's status, and whether there is no alarm."""
    metrics = switch.api.ask("GET", "/metrics").text.splitlines()
    alarms = [alarm["name"] for alarm in switch.api.get("/api/v1/status").get("alarms", [])]
    return "belfry_journal_ok 1" in metrics, switch.api.ask("GET", "/healthz").status == 200, "journal_failed" not in alarms


def wait_until_all_say(switch, is_well):
    wait_until(lambda: what_is_said(switch) == (is_well,) * 3,
               f"metric, health and alarm say that the journal is {'well' if is_well else 'not well'}", 20)


@needs("switch", "sipp")
@time_limit(120)
def test_a_journal_without_room_is_said_so_and_hears_of_open_calls_when_it_has_some(rig):
    """A file of the journal takes 16 MiB: there is no room for one until the disk grows. Calls go on and have their
    records; one that was answered meanwhile and is heard nothing of is there after a kill -9, and so is a phone."""
    ports = free_port(), free_port()
    customer, vendor = free_port(), free_port()
    switch = Switch(rig, tcp=False, parameters={"SS_SIP_SESSION_TTL": 0, "BF_NO_TIMER_PROBE": "off"}, phones=[phone("1001")],
                    mapping_gateways=[mapping_gateway("load", ports[0]), mapping_gateway("customer", customer)],
                    routing_gateways=[routing_gateway("load-out", ports[1]),
                                      routing_gateway("vendor", vendor, prefixes=["7720"])])
    switch.data.mkdir(mode=0o700)
    with small_disk(switch.data / "journal", 1):
        rig.switches.append(switch.start())
        wait_until_all_say(switch, False)
        callee = rig.sipp("callee_answers", port=vendor, timeout_s=100)
        caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch, number="7720", timeout_s=100)
        wait_until(lambda: switch.api.get("/api/v1/status")["calls"]["answered"] == 1, "the long call is up")
        rig.phone(switch, "1001")
        completed = calls(rig, switch, ports, 100)
        assert len(completed) == 100, f"{len(completed)} calls were completed while the journal had no room"
        wait_until(lambda: {record["caller_call_id"] for record in campaign.all_records(switch)} >= set(completed),
                   "they have their records", 20)
        time.sleep(2)  # what waits for the journal for longer than a second is let go
        grow(switch.data / "journal", 64)
        wait_until_all_say(switch, True)
        wait_until(lambda: switch.api.get("/api/v1/status")["journal"]["calls"] == 2, "the journal has call and phone", 20)
        switch.wait_for_journal()
        switch.kill()
        switch.start()
        [call] = switch.calls()
        assert call["callee"] == "7720", call
        assert [registration["number"] for registration in switch.registrations()] == ["1001"]
        switch.api.delete(f"/api/v1/calls/{call['id']}")
        caller.done(20)
        callee.done(20)
        wait_until(lambda: len(campaign.all_records(switch)) > 100, "its record is stored")
        ended = [record for record in campaign.all_records(switch) if record["callee"] == "7720"]
        assert [record["end_reason"] for record in ended] == ["operator"], ended
        ids = [record["id"] for record in campaign.all_records(switch)]
        assert len(ids) == len(set(ids)) == 101, len(ids)
        switch.terminate()
