"""Phones stay registered when the switch is killed: they are callable at once, and their keep-alives go on."""

import sys
import time
from datetime import datetime
from pathlib import Path

from rig.claims import needs, time_limit
from rig.ports import HOST
from rig.switch import mapping_gateway, password_of, phone
from rig.waiting import wait_until

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "keepalive"), str(Path(__file__).resolve().parent.parent / "sipp")]
import devices_test  # noqa: E402  (the path must be set first)

TURN_S = devices_test.PERIOD_S


def register(rig, switch, number, **options):
    return rig.sipp("phone_registers", to=switch, number=number, user=number, password=password_of(number), **options).done()


@needs("switch", "sipp")
def test_a_phone_is_called_right_after_kill_9(rig):
    gateway = rig.port()
    switch = rig.switch(phones=[phone("1001"), phone("1002")], mapping_gateways=[mapping_gateway("customer", gateway)])
    one = register(rig, switch, "1001")
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    assert [r["number"] for r in switch.registrations()] == ["1001"]
    callee = rig.sipp("callee_answers", port=one.port)
    rig.sipp("gateway_calls", to=switch, number="1001", port=gateway).done()
    callee.done()
    assert switch.cdr()["end_reason"] == "normal"


@needs("switch", "sipp")
def test_who_is_suspended_stays_suspended(rig):
    switch = rig.switch(phones=[phone("1001")], parameters={"SS_SIP_AUTHENTICATION_RETRY": 0}, arguments=["--workers", "4"])
    rig.sipp("phone_fails_to_register", to=switch, number="1001", user="1001", password="a guess", status=403).done()
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    rig.sipp("phone_fails_to_register", to=switch, number="1001", user="1001", password=password_of("1001"),
             status=403).done()
    assert switch.registrations() == []


@needs("switch", "sipp")
def test_what_a_phone_takes_back_stays_taken_back(rig):
    switch = rig.switch(phones=[phone("1001"), phone("1002")])
    one = register(rig, switch, "1001")
    register(rig, switch, "1002", expires_s=60)
    register(rig, switch, "1001", port=one.port, expires_s=0)
    switch.wait_for_journal()
    before = switch.registrations()
    switch.kill()
    switch.start()
    after = switch.registrations()
    assert [r["number"] for r in after] == ["1002"]
    for field in ("contact", "source", "user_agent", "behind_nat"):
        assert after[0][field] == before[0][field], (field, before, after)
    for field in ("registered_at", "refreshed_at"):  # but for what rounding two clocks makes, each time
        moved = datetime.fromisoformat(after[0][field]) - datetime.fromisoformat(before[0][field])
        assert abs(moved.total_seconds()) < 0.005, (field, before, after)
    assert after[0]["expires_in_s"] <= before[0]["expires_in_s"]


@needs("switch", "sipp")
@time_limit(60)
def test_what_runs_out_while_the_switch_is_away_is_gone(rig):
    switch = rig.switch(phones=[phone("1001")], clock_rate=30)
    register(rig, switch, "1001", expires_s=60)
    switch.wait_for_journal()
    switch.kill()
    time.sleep(2.5)  # 75 s
    switch.start()
    assert switch.registrations() == []
    switch.kill()
    switch.start()
    assert switch.registrations() == []


@needs("switch", "sipp")
@time_limit(60)
def test_a_connection_that_went_with_the_switch_is_not_called(rig):
    switch = rig.switch(phones=[phone("1001")])
    register(rig, switch, "1001", transport="tcp")
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    [registration] = switch.registrations()
    assert registration["transport"] == "TCP" and not registration["keep_alive"]["reachable"], registration


@needs("switch")
@time_limit(120)
def test_keep_alives_go_on_after_kill_9_without_a_burst(rig):
    switch, gun = devices_test.register_all(rig, "message", json=False)
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    began = time.monotonic()
    assert switch.api.get("/api/v1/status")["keep_alive"]["devices"] == devices_test.DEVICES
    sent = [0]
    while time.monotonic() < began + 1.2 * TURN_S:
        time.sleep(0.5)
        sent.append(switch.api.get("/api/v1/status")["counters"]["keepalives_sent"])
    assert sent[-1] >= devices_test.DEVICES, sent
    most = max(later - earlier for earlier, later in zip(sent, sent[1:]))
    assert most < 3 * devices_test.DEVICES * 0.5 / TURN_S, sent
    words = devices_test.hold(gun, 0)
    [line] = [line for line in words.splitlines() if line.startswith("phones that got one, two")]
    assert int(line[35:].split()[0].rstrip(",")) == devices_test.DEVICES, words


@needs("switch", "sipp")
@time_limit(60)
def test_a_phone_that_moved_is_kept_where_it_answers_from(rig):
    """A refresh over another port is a note, and the note counts."""
    switch = rig.switch(phones=[phone("1001")])
    one = register(rig, switch, "1001")
    two = register(rig, switch, "1001", contact=f"<sip:1001@{HOST}:{one.port}>")
    wait_until(lambda: switch.registrations()[0]["source"].endswith(f":{two.port}"), "it is elsewhere")
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    assert switch.registrations()[0]["source"].endswith(f":{two.port}"), switch.registrations()
