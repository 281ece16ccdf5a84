"""Call detail records as files and by days."""

import csv
import socket
import time

from rig.cdr import expect_cdr
from rig.claims import needs
from rig.ports import HOST
from rig.switch import mapping_gateway
from rig.waiting import wait_until


def attempt(switch, number):
    """A stranger's call: refused, and recorded."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(5)
        port = peer.getsockname()[1]
        peer.sendto("\r\n".join([
            f"INVITE sip:{number}@{HOST} SIP/2.0", f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{number}",
            f"From: <sip:stranger@{HOST}>;tag=1", f"To: <sip:{number}@{HOST}>", f"Call-ID: {number}", "CSeq: 1 INVITE",
            "Max-Forwards: 70", f"Contact: <sip:{HOST}:{port}>", "Content-Length: 0", "", ""]).encode(), (HOST, switch.port))
        assert peer.recv(4096).startswith(b"SIP/2.0 403")


def rows_of(switch):
    """All rows of the files, in the order of their names."""
    rows = []
    for path in sorted((switch.data / "cdr").glob("*.csv")):
        with open(path, newline="") as stream:
            rows += csv.DictReader(stream)
    return rows


@needs("switch")
def test_hourly_files_hold_each_record_once_also_over_kill_9(rig):
    switch = rig.switch(clock_rate=720, parameters={  # an hour takes five seconds
        "SS_CDR_RECORD_TO_FILE": "On", "BF_CDR_FILE_COLUMNS": "id,callee,end_reason,started_at"})
    wait_until(lambda: switch.api.get("/api/v1/status")["record_keeping"]["ok"], "files are kept")
    time.sleep(1.5)  # the first hour has begun
    count = 0
    for _ in range(4):
        for _ in range(3):
            attempt(switch, 1000 + count)
            count += 1
            time.sleep(0.7)
        wait_until(lambda: len(switch.api.get("/api/v1/cdrs")["items"]) == count, "the records are stored")
        switch.kill()
        switch.start()
    stored = {cdr["id"]: cdr["callee"] for cdr in switch.api.get("/api/v1/cdrs")["items"]}
    wait_until(lambda: len(rows_of(switch)) >= count, "all are in files", 30)
    rows = rows_of(switch)
    assert sorted(row["id"] for row in rows) == sorted(stored), rows
    assert all(stored[row["id"]] == row["callee"] and list(row) == ["id", "callee", "end_reason", "started_at"] for row in rows)
    assert not list((switch.data / "cdr").glob("*.new"))


@needs("switch")
def test_a_directory_of_files_that_cannot_be_written_is_an_alarm_and_nothing_else(rig):
    place = rig.directory / "elsewhere"
    place.write_text("a file where the directory should be")
    switch = rig.switch(clock_rate=720, arguments=("--cdr-dir", str(place)), parameters={"SS_CDR_RECORD_TO_FILE": "On"})
    time.sleep(1.5)
    attempt(switch, 1)

    def alarms():
        return [alarm["name"] for alarm in switch.api.get("/api/v1/status").get("alarms", [])]
    wait_until(lambda: "cdr_files_failed" in alarms(), "there is an alarm", 15)
    switch.wait_for_log("CDR files cannot be written: .*elsewhere")
    attempt(switch, 2)
    assert len(switch.cdrs(2)) == 2
    place.unlink()
    wait_until(lambda: len(list(place.glob("*.csv"))) >= 1, "it is caught up with", 25)
    wait_until(lambda: "cdr_files_failed" not in alarms(), "the alarm ends", 15)


@needs("switch")
def test_a_column_that_is_no_field_is_refused_by_name(rig):
    switch = rig.switch()
    answer = switch.api.ask("PUT", "/api/v1/parameters/BF_CDR_FILE_COLUMNS", {"value": "id,colour"})
    assert answer.status == 400 and "colour" in answer.text, answer


@needs("switch")
def test_records_are_found_by_gateway_and_a_cursor_that_is_none_is_refused(rig):
    switch = rig.switch()
    attempt(switch, 1)
    switch.cdrs(1, callee=1)
    assert switch.api.get("/api/v1/cdrs", gateway="nobody")["items"] == []
    answer = switch.api.ask("GET", "/api/v1/cdrs?cursor=x")
    assert answer.status == 400 and "next_cursor" in answer.text, answer


def unreadable(number, port, over):
    """An INVITE whose CSeq is another method's; over TCP one that does not say where it ends."""
    lines = [f"INVITE sip:{number}@{HOST} SIP/2.0", f"Via: SIP/2.0/{over} {HOST}:{port};branch=z9hG4bK{number}",
             f"From: <sip:900@{HOST}>;tag=1", f"To: <sip:{number}@{HOST}>", f"Call-ID: {number}",
             "CSeq: 1 " + ("OPTIONS" if over == "UDP" else "INVITE"), "Max-Forwards: 70", f"Contact: <sip:{HOST}:{port}>", "", ""]
    return "\r\n".join(lines).encode()


def attempt_unreadably(switch, number, port, over="UDP"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if over == "UDP" else socket.SOCK_STREAM) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        peer.bind((HOST, port))
        peer.settimeout(5)
        peer.connect((HOST, switch.port))
        peer.send(unreadable(number, peer.getsockname()[1], over))
        assert peer.recv(4096).startswith(b"SIP/2.0 400")


@needs("switch")
def test_an_attempt_that_cannot_be_read_is_recorded_of_a_gateway_and_logged_of_a_stranger(rig):
    customer = rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)])
    attempt_unreadably(switch, 1, customer)
    attempt_unreadably(switch, 2, customer, "TCP")
    attempt_unreadably(switch, 3, 0)
    first, second = sorted(switch.cdrs(2), key=lambda cdr: cdr["callee"])  # by workers of their own, maybe at once
    expect_cdr(first, caller="900", callee="1", caller_device="customer-a", end_reason="protocol_error", sip_status=400,
               end_direction="switch", end_text="CSeq method is not the request's (RFC 3261 8.1.1.5), at byte "
                                                f"{unreadable(1, customer, 'UDP').index(b'1 OPTIONS')}")
    expect_cdr(second, callee="2", caller_device="customer-a", end_reason="protocol_error", sip_status=400)
    assert "Content-Length" in second["explanation"], second
    switch.wait_for_log('security event=stranger address=127.0.0.1 user="900"')
