"""The switch is killed under load: the short version of tests/faults/run; and while it takes up what it had."""

import re
import subprocess
import sys
import time
from pathlib import Path

from rig.claims import needs, time_limit
from rig.ports import HOST
from rig.rig import ROOT
from rig.switch import Switch, mapping_gateway, routing_gateway
from rig.waiting import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parent))
import campaign  # noqa: E402  (the path must be set first)


@needs("switch")
@time_limit(150)
def test_each_answered_call_has_exactly_one_record_after_kill_9(rig):
    tally = campaign.Tally()
    campaign.run(rig, tally, rate=60, seconds=5.0, kills=3, drain_s=12)
    print(tally)
    assert tally.calls > 50, str(tally)
    tally.check()


def killed_while_it_rings(rig, callee):
    """A switch that was killed and started again while the scenario `callee` rang, and that scenario; its caller is told."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer", customer)],
                        routing_gateways=[routing_gateway("vendor", vendor)])
    ringing = rig.sipp(callee, port=vendor)
    caller = rig.sipp("gateway_is_refused", to=switch, number="4420", port=customer, status=500)
    wait_until(lambda: caller.received(180), "it rings")
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    caller.done()
    refusal = caller.received(500)[0]
    assert "switch_restart" in refusal["Reason"], refusal
    return switch, ringing


def expect_one_record_of_the_attempt(switch):
    record = switch.cdr()
    assert record["end_reason"] == "switch_restart" and not record["answered_at"], record
    assert record["callee"] == "4420" and record["callee_device"] == "vendor" and record["sip_status"] == 500, record
    assert switch.calls() == []


@needs("switch", "sipp")
def test_who_rang_when_the_switch_was_killed_is_cancelled_and_the_caller_told(rig):
    switch, callee = killed_while_it_rings(rig, "callee_rings")
    callee.done()
    invite, cancel = callee.received("INVITE")[0], callee.received("CANCEL")[0]
    assert cancel["Via"] == invite["Via"], cancel
    assert cancel["CSeq"].split() == [invite["CSeq"].split()[0], "CANCEL"], cancel
    expect_one_record_of_the_attempt(switch)


@needs("switch", "sipp")
def test_who_answers_when_he_is_cancelled_after_the_restart_is_hung_up_at_once(rig):
    switch, callee = killed_while_it_rings(rig, "callee_answers_too_late")
    callee.done()
    expect_one_record_of_the_attempt(switch)


@needs("switch")
@time_limit(150)
def test_calls_go_on_when_the_switch_is_stopped_and_started_again(rig):
    tally = campaign.Tally()
    campaign.run(rig, tally, rate=40, seconds=4.0, kills=1, drain_s=12, gently=True)
    assert tally.calls > 30, str(tally)
    tally.check()


def switch_with_open_calls(rig, count, *arguments):
    """A switch that does not run, in whose journal so many calls are open. Both of its gateways are silent."""
    customer, vendor = rig.port(), rig.port()
    switch = Switch(rig, arguments=["--workers", "2", *arguments], tcp=False,
                    mapping_gateways=[mapping_gateway("customer", customer, capacity=100000)],
                    routing_gateways=[routing_gateway("vendor", vendor, capacity=100000)])
    switch.data.mkdir(mode=0o700)
    rig.switches.append(switch)
    command = [ROOT / "build" / "bench" / "open_calls", switch.data, count, 2, f"{HOST}:{switch.port}", f"{HOST}:{customer}",
               f"{HOST}:{vendor}", 0]
    subprocess.run([str(word) for word in command], capture_output=True, check=True)
    return switch


@needs("switch")
@time_limit(120)
def test_a_switch_that_is_killed_while_it_takes_its_calls_up_has_them_all_at_the_next_start(rig):
    switch = switch_with_open_calls(rig, 30000)
    for number in range(12):  # from the reading of the journal to the first seconds of work
        process = subprocess.Popen([str(rig.binary), "serve", "--data", str(switch.data), *map(str, switch.arguments)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.06 * number)
        process.kill()
        process.wait()
    switch.start(60)
    assert switch.wait_for_log(r"(\d+) calls go on")[1] == "30000"
    assert switch.api.get("/api/v1/status")["calls"]["answered"] == 30000
    assert campaign.all_records(switch) == []


@needs("switch")
@time_limit(120)
def test_calls_for_which_a_smaller_switch_has_no_room_have_their_records(rig):
    switch = switch_with_open_calls(rig, 50000, "--calls-max", 1000, "--registrations-max", 1000)
    switch.start(60)
    go_on = int(switch.wait_for_log(r"(\d+) calls go on")[1])
    ended = int(switch.wait_for_log(r"(\d+) calls that were open when the switch stopped cannot go on")[1])
    assert (go_on, ended) == (2000, 48000), (go_on, ended)
    wait_until(lambda: re.search(r"(?m)^belfry_records_written_total 48000$", switch.api.ask("GET", "/metrics").text),
               "their records are in the store", 40)
    page = switch.api.get("/api/v1/cdrs", limit=1000)["items"]
    assert len(page) == 1000 and all(record["end_reason"] == "switch_restart" for record in page), page[0]
