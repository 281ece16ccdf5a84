"""Debug traces: what a number, a device or an address says is kept by the switch for some minutes, whoever looks."""

import re

from rig.claims import needs
from rig.ports import HOST
from rig.switch import mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until

TRACES = "/api/v1/debug-traces"
NUMBER = "4420200"


def pair(rig, **configuration):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)], **configuration)
    return switch, customer, vendor


def one_call(rig, switch, customer, vendor, **values):
    callee = rig.sipp("callee_answers", port=vendor)
    rig.sipp("gateway_calls", port=customer, to=switch, **values).done()
    callee.done()


def begin(switch, **order):
    answer = switch.api.ask("POST", TRACES, order)
    assert answer.status == 201, answer.text
    return answer.json


def look(switch, trace):
    return [one for one in switch.api.get(TRACES)["items"] if one["id"] == trace["id"]][0]


def said(switch, trace):
    items = switch.api.get("/api/v1/trace", kept=trace["id"], limit=1000)["items"]
    return {(item["leg"], item["summary"].split()[0]) for item in items if item["kind"] == "sip"}


@needs("switch", "sipp")
def test_a_number_is_traced_with_both_legs_and_others_are_not(rig):
    switch, customer, vendor = pair(rig)
    one_call(rig, switch, customer, vendor)  # before: not kept
    trace = begin(switch, number=NUMBER, minutes=5)
    assert trace["state"] == "running" and trace["number"] == NUMBER and trace["by"], trace
    one_call(rig, switch, customer, vendor)
    one_call(rig, switch, customer, vendor, number="3312000")
    wait_until(lambda: {("caller", "BYE"), ("callee", "BYE")} <= said(switch, trace), "the call is kept", 15)
    assert {("caller", "INVITE"), ("callee", "INVITE"), ("caller", "ACK")} <= said(switch, trace)
    items = switch.api.get("/api/v1/trace", kept=trace["id"], limit=1000)["items"]
    assert len({item["call"] for item in items if item.get("call")}) == 1, "one call, and not the others"
    assert look(switch, trace)["records"] == len(items) > 10
    assert "INVITE" in switch.api.ask("GET", "/api/v1/trace.txt", kept=trace["id"]).text


@needs("switch", "sipp")
def test_a_device_is_traced_by_its_addresses_and_the_trace_is_stopped_and_removed(rig):
    switch, customer, vendor = pair(rig)
    trace = begin(switch, device="vendor-a")
    assert trace["label"] == "vendor-a" and trace["addresses"] == [f"{HOST}:{vendor}"] and trace["minutes"] == 10, trace
    one_call(rig, switch, customer, vendor)
    assert switch.api.ask("POST", f"{TRACES}/{trace['id']}/stop").status == 200
    count = look(switch, trace)["records"]
    assert look(switch, trace)["state"] == "stopped" and count > 10
    assert switch.api.ask("POST", f"{TRACES}/{trace['id']}/stop").status == 409
    one_call(rig, switch, customer, vendor)
    assert look(switch, trace)["records"] == count
    switch.kill()
    switch.start()
    assert look(switch, trace)["records"] == count and said(switch, trace)
    assert switch.api.ask("DELETE", f"{TRACES}/{trace['id']}").status == 204
    assert switch.api.ask("GET", "/api/v1/trace", kept=trace["id"]).status == 404
    assert not list((switch.data / "debug").iterdir())


@needs("switch", "sipp")
def test_credentials_are_masked_in_what_is_kept(rig):
    switch = rig.switch(phones=[phone("1001", password="very secret")])
    trace = begin(switch, device="1001")
    rig.sipp("phone_registers", to=switch, user="1001", password="very secret", number="1001").done()
    switch.api.ask("POST", f"{TRACES}/{trace['id']}/stop")
    texts = [item["text"] for item in switch.api.get("/api/v1/trace", kept=trace["id"])["items"] if item.get("text")]
    credentials = [line for text in texts for line in text.splitlines() if line.startswith("Authorization:")]
    assert credentials and all(re.search(r'response="?\*{32}', line) for line in credentials), credentials


@needs("switch", "sipp")
def test_the_command_line_begins_lists_shows_and_ends_traces(rig):
    switch, customer, vendor = pair(rig)
    begun = switch.command_line("trace", "--start", f"number={NUMBER}", "minutes=3")
    assert begun.returncode == 0, begun.stderr
    id_ = begun.stdout.strip()
    one_call(rig, switch, customer, vendor)
    assert switch.command_line("trace", "--stop", id_).returncode == 0
    listed = switch.command_line("trace", "--list")
    assert id_ in listed.stdout and "stopped" in listed.stdout, listed.stdout
    shown = switch.command_line("trace", f"kept={id_}")
    assert shown.returncode == 0 and "INVITE" in shown.stdout, shown.stdout
    assert switch.command_line("trace", "--remove", id_).returncode == 0
    assert switch.command_line("trace", "--stop", id_).returncode == 1
    assert switch.command_line("trace", "--start", "colour=red").returncode == 2


@needs("switch")
def test_an_order_that_means_nothing_is_refused(rig):
    switch = rig.switch()
    for order in ({}, {"minutes": 5}, {"number": "1", "minutes": 0}, {"number": "1", "minutes": 1441}, {"device": "nobody"},
                  {"address": "somewhere"}, {"number": 1}, {"colour": "red"}, [], {"number": "1\n2"}, {"number": "1" * 200}):
        answer = switch.api.ask("POST", TRACES, order)
        assert answer.status == 400 and answer.json["detail"], (order, answer.text)
    for path in ("nothing", "..%2F..", "%2Fetc"):
        assert switch.api.ask("DELETE", f"{TRACES}/{path}").status == 404
    begun = [begin(switch, number="1") for _ in range(16)]
    assert switch.api.ask("POST", TRACES, {"number": "1"}).status == 503
    assert len(switch.api.get(TRACES)["items"]) == 16 and len({one["id"] for one in begun}) == 16
