"""Tests of routing gateways (`belfry trunk-test`), with SIPp as the far side."""

import json
import re

from rig.cdr import expect_cdr
from rig.claims import needs
from rig.sipp import lines
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until

NUMBER = "4420999"
TIMER = ("Server: Vendor/7", "Supported: timer, 100rel", "Require: timer")


def vendor_of(rig, **values):
    """A switch with vendor-a, whose far side is tried: one call for OPTIONS, one for the rest. Returns both."""
    port = rig.port()
    switch = rig.switch(routing_gateways=[routing_gateway("vendor-a", port)])
    return switch, rig.sipp("callee_is_tried", port=port, calls=2, **{"alone_status": "200 OK", **values})


def checks(report):
    return {check["name"]: check["verdict"] for check in report["checks"]}


def tried(switch, *words, status=0):
    run = switch.command_line("trunk-test", "vendor-a", *words, "-j", deadline_s=60)
    assert run.returncode == status, (run.returncode, run.stdout, run.stderr)
    return json.loads(run.stdout)


@needs("switch", "sipp")
def test_a_vendor_with_timers_is_found_to_have_them(rig):
    switch, vendor = vendor_of(rig, lines=lines(*TIMER, "Session-Expires: 90;refresher=uas"),
                               refresh_lines=lines(*TIMER, "Session-Expires: 90;refresher=uas"))
    report = tried(switch, NUMBER)
    vendor.done()
    assert checks(report) == {"options": "works", "invite": "works", "prack": "not_tried", "options_inside": "works", "update": "works",
                              "update_session": "not_tried", "reinvite": "works", "bye": "works"}, report
    assert report["timer"] == {"supported": True, "interval_s": 90, "refresher": "them", "min_se_s": None}, report
    assert report["user_agent"] == "Vendor/7" and report["allows_update"] is True, report
    assert report["ringing_in_ms"] is not None and report["state"] == "done", report
    cdr = switch.cdr()
    assert cdr["id"] == report["id"]
    expect_cdr(cdr, end_direction="switch", end_reason="trunk_test", sip_status=200, callee_device="vendor-a", callee=NUMBER,
               caller="belfry")


@needs("switch", "sipp")
def test_the_session_offered_is_inactive_and_goes_out_again_byte_for_byte(rig):
    switch, vendor = vendor_of(rig)
    tried(switch, NUMBER)
    vendor.done()
    offers = [message.body for message in vendor.received("INVITE")]
    assert len(offers) == 2 and offers[0] == offers[1] and "a=inactive" in offers[0], offers
    bye = vendor.received("BYE")[0]
    assert "trunk_test" in bye["reason"], bye


@needs("switch", "sipp")
def test_a_vendor_without_update_is_found_so_and_says_what_watches_its_calls(rig):
    switch, vendor = vendor_of(rig, update_status="501 Not Implemented", options_status="405 Method Not Allowed",
                               alone_status="404 Not Found", allow="INVITE, ACK, CANCEL, BYE")
    report = tried(switch, NUMBER)
    vendor.done()
    wanted = {"options": "refused", "options_inside": "refused", "update": "refused", "update_session": "refused", "reinvite": "works"}
    assert {name: checks(report)[name] for name in wanted} == wanted, report
    assert report["timer"]["supported"] is False and report["allows_update"] is False
    assert "BF_NO_TIMER_PROBE" in report["conclusion"] and "re-INVITE" in report["conclusion"], report["conclusion"]


@needs("switch", "sipp")
def test_what_was_learnt_rules_the_next_call(rig):
    """UPDATE was refused in the test: the first refresh of a real call is a re-INVITE at once."""
    customer, port = rig.port(), rig.port()
    switch = rig.switch(clock_rate=30, parameters={"SS_SIP_SESSION_TTL": 90, "BF_NO_TIMER_PROBE": "off"},
                        mapping_gateways=[mapping_gateway("customer-a", customer, sip_timer=False)],
                        routing_gateways=[routing_gateway("vendor-a", port)])
    timed = lines("Supported: timer", "Session-Expires: 90;refresher=uac")
    vendor = rig.sipp("callee_is_tried", port=port, calls=2, lines=timed, refresh_lines=timed, alone_status="200 OK",
                      update_status="501 Not Implemented")
    tried(switch, NUMBER)
    vendor.done()
    callee = rig.sipp("callee_is_refreshed", port=port, lines=timed, refresh_lines=timed)
    caller = rig.sipp("gateway_calls", port=customer, to=switch, hold_ms=4000)
    wait_until(lambda: callee.received("INVITE")[1:], "the call is refreshed", 15)
    assert not callee.received("UPDATE"), callee.received("UPDATE")
    caller.done()
    callee.done()


@needs("switch", "sipp")
def test_without_a_number_nothing_is_called(rig):
    port = rig.port()
    switch = rig.switch(routing_gateways=[routing_gateway("vendor-a", port)])
    vendor = rig.sipp("callee_is_tried", port=port, alone_status="200 OK")
    report = tried(switch)
    vendor.done()
    assert checks(report)["options"] == "works" and checks(report)["invite"] == "not_tried", report
    assert report["id"] == "" and switch.api.get("/api/v1/cdrs")["items"] == []


@needs("switch", "sipp")
def test_the_report_is_read_by_people_too_and_a_refusal_ends_with_1(rig):
    port = rig.port()
    switch = rig.switch(routing_gateways=[routing_gateway("vendor-a", port)])
    rig.sipp("callee_refuses", port=port, status=486, reason="Busy Here", calls=2)
    run = switch.command_line("trunk-test", "vendor-a", NUMBER, "caller=4930200", deadline_s=60)
    assert run.returncode == 1 and "refused with 486 Busy Here" in run.stdout, (run.returncode, run.stdout)
    assert re.search(r"invite\s+refused\s+486", run.stdout), run.stdout
    expect_cdr(switch.cdr(), end_reason="trunk_test", end_direction="switch", sip_status=486, caller="4930200")


@needs("switch")
def test_a_silent_vendor_is_given_up_in_bounded_time_and_takes_one_test_at_once(rig):
    silent = rig.silent_peer()
    switch = rig.switch(clock_rate=30, routing_gateways=[routing_gateway("vendor-a", silent.port)])
    path = "/api/v1/routing-gateways/vendor-a/test"
    assert switch.api.ask("GET", path).status == 404
    assert switch.api.ask("POST", path, {"number": NUMBER}).status == 202
    assert switch.api.ask("POST", path, {"number": NUMBER}).status == 409
    report = wait_until(lambda: [r for r in [switch.api.get(path)] if r["state"] == "done"], "the test ends", 20)[0]
    assert "Nothing came back" in report["conclusion"], report
    assert switch.cdr()["end_reason"] == "trunk_test"


@needs("switch")
def test_a_bad_order_is_refused_by_name(rig):
    switch = rig.switch(routing_gateways=[routing_gateway("vendor-a", rig.port())])
    path = "/api/v1/routing-gateways/%s/test"
    assert switch.api.ask("POST", path % "nobody", {}).status == 404
    for body in ({"number": "44 20"}, {"number": 4420}, {"to": "4420"}, [], {"number": "1\n2"}, {"number": "4" * 64}):
        answer = switch.api.ask("POST", path % "vendor-a", body)
        assert answer.status == 400, (body, answer.text)
    run = switch.command_line("trunk-test", "nobody")
    assert run.returncode == 1 and "no routing gateway" in run.stderr, run.stderr
