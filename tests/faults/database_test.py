"""The database of the day is locked by somebody, is spoilt, or may not be written any more: calls go on, the journal holds
their records, metric, health and alarm say so, and all is caught up with."""

import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from rig.claims import Skip, needs, time_limit
from rig.ports import free_port
from rig.switch import Switch, mapping_gateway, routing_gateway
from rig.waiting import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parent))
import campaign  # noqa: E402  (the path must be set first)
import disk_test  # noqa: E402

ALL_SAY_SO_S = 30  # SQLite waits 5 s for a lock; alarms are looked at once a second


def begin(rig):
    """A switch that has one day's database. Returns it, its gateways' ports, and the database's path."""
    ports = free_port(), free_port()
    switch = rig.switch(tcp=False, mapping_gateways=[mapping_gateway("customer", ports[0])],
                        routing_gateways=[routing_gateway("vendor", ports[1])])
    assert len(disk_test.calls(rig, switch, ports, 5)) == 5
    wait_until(lambda: len(campaign.all_records(switch)) == 5, "the first records are stored")
    return switch, ports, next((switch.data / "records").glob("????????.db"))


def what_is_said(switch):
    """store_ok of the metrics, the health's status and words, and whether there is the alarm."""
    health = switch.api.ask("GET", "/healthz")
    metrics = switch.api.ask("GET", "/metrics").text.splitlines()
    status = switch.api.get("/api/v1/status")
    alarms = [alarm["name"] for alarm in status.get("alarms", [])]
    return ("belfry_store_ok 0" not in metrics, health.status == 200, "store_failed" not in alarms), health.json.get("problem", "")


def wait_until_all_say(switch, is_well, words=""):
    def agree():
        said, problem = what_is_said(switch)
        return said == (is_well,) * 3 and words in problem
    wait_until(agree, f"metric, health and alarm say that the store is {'well' if is_well else 'not well'}", ALL_SAY_SO_S)


def make_calls_meanwhile(rig, switch, ports, words):
    completed = disk_test.calls(rig, switch, ports, 40)
    assert len(completed) == 40, f"{len(completed)} calls were completed meanwhile"
    wait_until_all_say(switch, False, words)
    assert switch.api.get("/api/v1/status")["journal"]["ok"]
    return set(completed)


def expect_caught_up(switch, completed):
    wait_until(lambda: {record["caller_call_id"] for record in campaign.all_records(switch)} >= completed,
               "all records are caught up with", 30)
    wait_until_all_say(switch, True)
    ids = [record["id"] for record in campaign.all_records(switch)]
    assert len(ids) == len(set(ids)), "a record is there twice"


@needs("switch")
@time_limit(120)
def test_a_locked_database_is_said_so_and_caught_up_with(rig):
    switch, ports, path = begin(rig)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    completed = make_calls_meanwhile(rig, switch, ports, "database is locked")
    other.execute("COMMIT")
    other.close()
    expect_caught_up(switch, completed)


@needs("switch")
@time_limit(120)
def test_records_made_while_the_database_is_locked_survive_kill_9(rig):
    switch, ports, path = begin(rig)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    completed = make_calls_meanwhile(rig, switch, ports, "database is locked")
    switch.kill()
    other.execute("COMMIT")
    other.close()
    switch.start()
    expect_caught_up(switch, completed)


@needs("switch")
@time_limit(120)
def test_a_switch_whose_database_is_locked_stops_in_time_and_its_records_are_there_at_the_next_start(rig):
    switch, ports, path = begin(rig)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    completed = set(disk_test.calls(rig, switch, ports, 40))
    assert len(completed) == 40
    switch.terminate()
    other.execute("COMMIT")
    other.close()
    switch.start()
    expect_caught_up(switch, completed)


def make_immutable(files, how):
    subprocess.run(["chattr", how, *map(str, files)], check=True, capture_output=True)


def can_forbid_writing(directory):
    """True where this holds for a file that is open already, as on ext4; tmpfs lets it be written."""
    probe = directory / "probe"
    try:
        with open(probe, "wb", buffering=0) as stream:
            make_immutable([probe], "+i")
            try:
                stream.write(b"x")
            except PermissionError:
                return True
            finally:
                make_immutable([probe], "-i")
    except (OSError, subprocess.CalledProcessError):
        pass
    finally:
        probe.unlink()
    return False


@needs("switch")
@time_limit(120)
def test_a_database_that_may_not_be_written_any_more_is_said_so_and_caught_up_with(rig):
    switch, ports, path = begin(rig)
    if not can_forbid_writing(path.parent):
        raise Skip("files can only be made immutable by root, and not on every file system: lost permission is NOT tested")
    files = [file for file in path.parent.iterdir() if file.is_file()]
    make_immutable(files, "+i")
    try:
        completed = make_calls_meanwhile(rig, switch, ports, "records cannot be written")
    finally:
        make_immutable(files, "-i")
    expect_caught_up(switch, completed)


@needs("switch")
@time_limit(120)
def test_a_spoilt_database_is_put_aside_and_records_go_on(rig):
    switch, ports, path = begin(rig)
    switch.kill()
    for file in path.parent.glob(path.name + "-*"):
        file.unlink()
    with open(path, "r+b") as stream:
        stream.write(b"this is no database any more" * 100)
    switch.start()
    completed = set(disk_test.calls(rig, switch, ports, 40))
    assert len(completed) == 40
    expect_caught_up(switch, completed)
    assert list(path.parent.glob(path.name + ".damaged-*")), "what is left of it is kept for a person"


def as_nobody(rig):
    """A switch that runs as a user to whom the directories can be forbidden, and must not write what is forbidden."""
    ports = free_port(), free_port()
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("another user can only be had by root: a forbidden directory is NOT tested")
    nobody = pwd.getpwnam("nobody")
    binary = rig.directory / "as-nobody"
    binary.write_text(f'#!/bin/sh\nexec setpriv --reuid {nobody.pw_uid} --regid {nobody.pw_gid} --clear-groups '
                      f'{rig.binary} "$@"\n')
    binary.chmod(0o755)
    rig.binary = binary
    return ports, nobody


@needs("switch")
@time_limit(120)
def test_directories_that_are_forbidden_to_the_switchs_user_are_said_so_and_caught_up_with(rig):
    ports, nobody = as_nobody(rig)
    rig.directory.chmod(0o755)
    switch = Switch(rig, tcp=False, mapping_gateways=[mapping_gateway("customer", ports[0])],
                    routing_gateways=[routing_gateway("vendor", ports[1])])
    switch.data.mkdir(mode=0o700)
    os.chown(switch.data, nobody.pw_uid, nobody.pw_gid)
    switch.start()
    rig.switches.append(switch)
    assert len(disk_test.calls(rig, switch, ports, 5)) == 5
    records = switch.data / "records"
    wait_until(lambda: len(campaign.all_records(switch)) == 5, "the first records are stored")
    records.chmod(0)
    try:
        completed = make_calls_meanwhile(rig, switch, ports, "")
    finally:
        records.chmod(0o700)
    expect_caught_up(switch, completed)
