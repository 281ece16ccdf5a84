"""Journals that other versions have written: older ones are read, and a newer one is refused in words.

tests/faults/journals/version_N is what the last switch that wrote version N left when it was killed: 1 has two calls, 2 a
call, an attempt, and the phone 1001, which has been given more than a century."""

import shutil
import struct
from pathlib import Path

from rig.claims import needs
from rig.process import ProcessEnded
from rig.switch import Switch, phone

JOURNALS = Path(__file__).resolve().parent / "journals"
HEADER_BYTES = 40


def crc32c(salt, data):
    crc = ~salt & 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return ~crc & 0xFFFFFFFF


def switch_with(rig, version, **configuration):
    """One that is yet to be started. Its calls have no cap: they are as old as their journal."""
    switch = Switch(rig, tcp=False, arguments=["--workers", "1"],
                    parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": 0}, **configuration)
    switch.data.mkdir(mode=0o700)
    shutil.copytree(JOURNALS / f"version_{version}", switch.data / "journal")
    return switch


def hang_up(switch):
    for call in switch.calls():
        switch.api.delete(f"/api/v1/calls/{call['id']}")


@needs("switch")
def test_calls_that_version_1_has_kept_go_on(rig):
    switch = switch_with(rig, 1).start()
    rig.switches.append(switch)
    calls = switch.wait_for_calls(2)
    assert {call["callee"] for call in calls} == {"44200", "44201"}, calls
    assert {call["caller_device"] for call in calls} == {"customer"}, calls
    hang_up(switch)
    assert [record["end_reason"] for record in switch.cdrs(2)] == ["operator", "operator"]


@needs("switch")
def test_what_version_2_has_kept_goes_on(rig):
    switch = switch_with(rig, 2, phones=[phone("1001")]).start()
    rig.switches.append(switch)
    [call] = switch.wait_for_calls(1)
    assert call["callee"] == "44200", call
    [registration] = switch.registrations()
    assert registration["number"] == "1001" and registration["user_agent"] == "rig-phone", registration
    [attempt] = switch.cdrs(1)
    assert attempt["end_reason"] == "switch_restart" and attempt["callee"] == "5500", attempt
    hang_up(switch)
    switch.cdrs(2)


@needs("switch")
def test_a_journal_of_a_later_version_is_refused_in_words(rig):
    switch = switch_with(rig, 2)
    [file] = (switch.data / "journal").iterdir()
    salt = int(file.stem.split("-")[2], 16)
    content = bytearray(file.read_bytes())
    [length] = struct.unpack_from("<I", content, 8)
    struct.pack_into("<I", content, HEADER_BYTES, 99)
    struct.pack_into("<I", content, 4, crc32c(salt, content[8:HEADER_BYTES + length]))
    file.write_bytes(content)
    try:
        switch.start()
    except ProcessEnded as error:
        assert "journal is of version 99, this program knows up to 3" in str(error), error
    else:
        raise AssertionError("it is taken for a journal that can be read")
    assert file.read_bytes() == content
