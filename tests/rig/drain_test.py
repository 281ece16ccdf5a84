"""`belfry drain`: a switch that is to be stopped takes no new calls, and says when the last one is over."""

import json
import signal

from rig.cdr import expect_cdr
from rig.claims import needs
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until


def call_that_runs(rig, hold_ms):
    """A switch with one running call; another one can be tried from `other`. Returns switch, other, the ends' programs."""
    customer, other, vendor = rig.port(), rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer), mapping_gateway("customer-b", other)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_calls", port=customer, to=switch, hold_ms=hold_ms)
    wait_until(lambda: switch.api.get("/api/v1/status")["calls"]["answered"] == 1, "the call is up")
    return switch, other, caller, callee


def drain(rig, switch, *words):
    return rig.process("drain", [rig.binary, "drain", *words, "--data", switch.data], keep_errors_apart=True)


def is_draining(switch):
    return switch.api.get("/api/v1/status")["draining"]


@needs("switch", "sipp")
def test_drain_refuses_new_calls_with_503_and_waits_for_the_running_one(rig):
    switch, other, caller, callee = call_that_runs(rig, hold_ms=4000)
    assert not is_draining(switch)
    waiting = drain(rig, switch)
    waiting.wait_for_output("1 call is left after 0 s\n")
    assert is_draining(switch)
    rig.sipp("gateway_is_refused", port=other, to=switch, status=503, reason="Service Unavailable").done()
    assert waiting.is_running, "the first call is not over yet"
    caller.done()
    callee.done()
    assert waiting.wait(10) == 0, waiting.tail()
    assert waiting.output.splitlines()[-1] == "no call is left; new ones stay refused until `belfry drain off` or a restart"
    first, refused = switch.cdrs(2)
    expect_cdr(first, end_reason="normal", caller_device="customer-a")
    expect_cdr(refused, end_reason="capacity", sip_status=503, caller_device="customer-b")


@needs("switch", "sipp")
def test_drain_off_takes_new_calls_again_and_so_does_a_restart(rig):
    switch, other, caller, callee = call_that_runs(rig, hold_ms=300)
    assert switch.command_line("drain", "timeout=0").stdout == "new calls are refused; running calls go on\n"
    assert is_draining(switch)
    assert switch.command_line("drain", "off").stdout == "new calls are taken again\n"
    assert not is_draining(switch)
    caller.done()
    callee.done()
    assert switch.command_line("drain").returncode == 0
    switch.terminate()
    switch.start()
    assert not is_draining(switch)


@needs("switch", "sipp")
def test_drain_tells_its_steps_as_json(rig):
    switch, _, caller, _ = call_that_runs(rig, hold_ms=1500)
    waiting = drain(rig, switch, "-j")
    caller.done()
    assert waiting.wait(10) == 0, waiting.tail()
    steps = [json.loads(line) for line in waiting.output.splitlines()]
    assert [step["state"] for step in steps] == ["waiting", "done"], steps
    assert [step["calls"] for step in steps] == [1, 0] and steps[1]["waited_s"] >= 1, steps


@needs("switch", "sipp")
def test_drain_ends_with_1_when_its_time_is_over_and_leaves_new_calls_refused(rig):
    switch, other, caller, _ = call_that_runs(rig, hold_ms=4000)
    late = switch.command_line("drain", "timeout=1")
    assert late.returncode == 1
    assert late.stdout.splitlines() == [
        "1 call is left after 0 s", "the time is over, and calls are left; new ones stay refused until `belfry drain off`"]
    rig.sipp("gateway_is_refused", port=other, to=switch, status=503, reason="Service Unavailable").done()
    caller.done()


@needs("switch", "sipp")
def test_the_first_signal_lets_new_calls_in_again_and_the_second_ends_at_once(rig):
    switch, _, caller, _ = call_that_runs(rig, hold_ms=5000)
    waiting = drain(rig, switch)
    waiting.wait_for_output("1 call is left")
    waiting.signal(signal.SIGINT)
    assert waiting.wait(5) == 1, waiting.tail()
    assert waiting.output.endswith("new calls are taken again\n") and not is_draining(switch)
    waiting = rig.process("drain-2", [rig.binary, "drain", "--data", switch.data])
    waiting.wait_for_output("1 call is left")
    for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):  # both come before it can do anything
        waiting.signal(number)
    assert waiting.wait(5) in (-signal.SIGINT, -signal.SIGTERM), waiting.tail()
    assert is_draining(switch)
    caller.done()


@needs("switch")
def test_drain_says_what_it_does_not_understand(rig):
    switch = rig.switch()
    for word in ("of", "timeout=", "timeout=1x", "timeout=-1", "timeout=99999999"):
        wrong = switch.command_line("drain", word)
        assert wrong.returncode == 2 and f'not "{word}"' in wrong.stderr, wrong
    assert switch.api.ask("POST", "/api/v1/drain", {"draining": "yes"}).status == 400
    assert not is_draining(switch)
