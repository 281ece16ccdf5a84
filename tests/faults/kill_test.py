"""The switch is killed under load: the short version of tests/faults/run."""

import sys
from pathlib import Path

from rig.claims import needs, time_limit
from rig.switch import mapping_gateway, routing_gateway
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


@needs("switch", "sipp")
def test_an_attempt_that_rang_when_the_switch_was_killed_has_its_record(rig):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer", customer)],
                        routing_gateways=[routing_gateway("vendor", vendor)])
    callee = rig.sipp("callee_rings", port=vendor)
    rig.sipp("gateway_cancels", to=switch, number="4420", port=customer, ring_ms=20000)
    wait_until(lambda: callee.received("INVITE"), "it rings")
    switch.wait_for_journal()
    switch.kill()
    switch.start()
    record = switch.cdr()
    assert record["end_reason"] == "switch_restart" and not record["answered_at"], record
    assert record["callee"] == "4420" and record["callee_device"] == "vendor", record
    assert switch.calls() == []


@needs("switch")
@time_limit(150)
def test_calls_go_on_when_the_switch_is_stopped_and_started_again(rig):
    tally = campaign.Tally()
    campaign.run(rig, tally, rate=40, seconds=4.0, kills=1, drain_s=12, gently=True)
    assert tally.calls > 30, str(tally)
    tally.check()
