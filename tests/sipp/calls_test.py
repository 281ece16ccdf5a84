"""Calls through the switch, played by SIPp, each with its record."""

import hashlib
import re

from rig.cdr import absent, between, expect_cdr, matching, one_of, present
from rig.claims import needs
from rig.switch import mapping_gateway, password_of, phone, routing_gateway
from rig.waiting import wait_until

CUSTOMER, CALLED = "4930100", "4420200"


def at(port):
    """The address of a device on 127.0.0.1, as a record names it."""
    return matching(rf"127\.0\.0\.1:{port}$")


def trunk(rig, vendors=1, parameters=None, **configuration):
    """A switch between one customer's gateway and some vendors' (vendor-a is tried first).
    Returns it, the customer's port, and the vendors' ports."""
    customer, ports = rig.port(), [rig.port() for _ in range(vendors)]
    gateways = [routing_gateway(f"vendor-{chr(97 + i)}", port, priority=1 + i) for i, port in enumerate(ports)]
    switch = rig.switch(parameters=parameters or {}, mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=gateways, **configuration)
    return switch, customer, ports


# --- who reaches whom -------------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_a_customer_reaches_a_vendor(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_calls", port=customer, to=switch, hold_ms=600).done()
    callee.done()
    expect_cdr(switch.cdr(), caller=CUSTOMER, callee=CALLED, caller_out=CUSTOMER, callee_out=CALLED,
               caller_device="customer-a", callee_device="vendor-a", caller_address=at(customer), callee_address=at(vendor),
               caller_call_id=caller.sent("INVITE")[0]["call-id"], callee_call_id=callee.received("INVITE")[0]["call-id"],
               started_at=present, ringing_at=present, answered_at=present, ended_at=present,
               pdd_ms=between(0, 2000), setup_ms=between(200, 3000), hold_time_ms=between(600, 2600), fee_time_s=between(0, 3),
               end_direction="caller", end_reason="normal", end_cause=absent, sip_status=200, q850_cause=16,
               last_alive_at=present)


def is_right_answer(message, hash_of, password):
    """Whether the credentials in a request are what RFC 7616 makes of this password."""
    said = dict(re.findall(r'(\w+)="?([^",]*)"?', message["authorization"].removeprefix("Digest ")))
    digest = lambda *parts: hash_of(":".join(parts).encode()).hexdigest()  # noqa: E731
    method = message["cseq"].split()[1]
    wanted = digest(digest(said["username"], said["realm"], password), said["nonce"], said["nc"], said["cnonce"], said["qop"],
                    digest(method, said["uri"]))
    assert said["username"] == "trunk-7" and said["opaque"] == "5ccc069c", message
    return said["response"] == wanted


@needs("switch", "sipp")
def test_a_vendor_that_demands_credentials_gets_them_and_nobody_sees_the_password(rig):
    for algorithm, hash_of in (("MD5", hashlib.md5), ("SHA-256", hashlib.sha256)):
        customer, vendor = rig.port(), rig.port()
        gateway = routing_gateway("vendor-a", vendor, user="trunk-7", password="s3cret-word", realm="carrier.example")
        switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)], routing_gateways=[gateway])
        callee = rig.sipp("callee_challenges", port=vendor, algorithm=algorithm)
        rig.sipp("gateway_calls", port=customer, to=switch).done()
        callee.done()
        first, second = callee.received("INVITE")
        bye, = callee.received("BYE")
        assert not first.all("authorization") and is_right_answer(second, hash_of, "s3cret-word"), second
        assert "nc=00000001" in second["authorization"] and "nc=00000002" in bye["authorization"]
        assert is_right_answer(bye, hash_of, "s3cret-word"), bye
        expect_cdr(switch.cdr(), end_reason="normal", callee_device="vendor-a")
        shown = switch.api.ask("GET", "/api/v1/routing-gateways/vendor-a").text
        assert '"trunk-7"' in shown and "s3cret" not in shown, shown
        trace = switch.api.ask("GET", f"/api/v1/trace.txt?number={CALLED}").text
        assert "trunk-7" in trace and "84a4cc6f" not in trace.split("Authorization: Digest", 1)[1].split("\n", 1)[0], trace


@needs("switch", "sipp")
def test_nothing_of_one_side_is_seen_on_the_other(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    for client, other in ((callee, caller), (caller, callee)):
        secrets = [f":{other.port}", other.sent("INVITE" if other is caller else 200)[0]["call-id"], "rig-caller"]
        if client is callee:
            secrets.append(caller.sent("INVITE")[0].tag("from"))
        for message in [m for m in client.messages if m.direction == "received"]:
            head = str(message).split("\n\n", 1)[0]
            leaked = [secret for secret in secrets if secret in head]
            assert not leaked, f"{client.name} sees {leaked} of {other.name}:\n{message}"
    invite = callee.received("INVITE")[0]
    assert f"127.0.0.1:{switch.port}" in invite["contact"], f"not our own Contact:\n{invite}"
    assert invite["max-forwards"] == "69", f"Max-Forwards is not one less:\n{invite}"
    assert len(invite.all("via")) == 1, f"not our own Via alone:\n{invite}"


@needs("switch", "sipp")
def test_a_customer_reaches_a_phone(rig):
    switch, customer, _ = trunk(rig, phones=[phone("1001")])
    port = rig.phone(switch, "1001")
    callee = rig.sipp("callee_answers", port=port)
    rig.sipp("gateway_calls", port=customer, to=switch, number="1001").done()
    callee.done()
    assert callee.received("INVITE")[0].request_uri.startswith(f"sip:1001@127.0.0.1:{port}")
    expect_cdr(switch.cdr(), caller=CUSTOMER, callee="1001", caller_device="customer-a", callee_device="1001",
               callee_address=at(port), end_direction="caller", end_reason="normal", sip_status=200)


@needs("switch", "sipp")
def test_phones_reach_each_other_both_ways(rig):
    switch = rig.switch(phones=[phone("1001"), phone("1002")])
    ports = {number: rig.phone(switch, number) for number in ("1001", "1002")}
    for caller, callee in (("1001", "1002"), ("1002", "1001")):
        called = rig.sipp("callee_answers", port=ports[callee])
        rig.sipp("phone_calls", port=ports[caller], to=switch, caller=caller, number=callee, user=caller,
                 password=password_of(caller), domain=f"127.0.0.1:{switch.port}").done()
        called.done()
    for cdr, caller, callee in zip(switch.cdrs(2), ("1001", "1002"), ("1002", "1001")):
        expect_cdr(cdr, caller=caller, callee=callee, caller_device=caller, callee_device=callee,
                   caller_address=at(ports[caller]), callee_address=at(ports[callee]), end_direction="caller",
                   end_reason="normal", sip_status=200, hold_time_ms=between(300, 2300))


@needs("switch", "sipp")
def test_a_phone_reaches_a_vendor(rig):
    switch, _, (vendor,) = trunk(rig, phones=[phone("1001")])
    callee = rig.sipp("callee_answers", port=vendor)
    rig.sipp("phone_calls", port=rig.phone(switch, "1001"), to=switch, caller="1001", user="1001",
             password=password_of("1001"), domain=f"127.0.0.1:{switch.port}").done()
    callee.done()
    expect_cdr(switch.cdr(), caller="1001", callee=CALLED, caller_device="1001", callee_device="vendor-a", end_reason="normal")


@needs("switch", "sipp")
def test_a_customer_calls_over_tcp_and_the_vendor_hears_udp(rig):
    customer_port = rig.port()
    vendor = rig.port()
    # Over TCP a caller comes from a port of the kernel's choice: the gateway is known by its address alone.
    switch = rig.switch(mapping_gateways=[{"name": "customer-a", "addresses": ["127.0.0.1"], "capacity": 10}],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_calls", port=customer_port, to=switch, transport="tcp").done()
    callee.done()
    assert "/TCP" in caller.received(200)[0]["via"] and "/UDP" in callee.received("INVITE")[0]["via"]
    expect_cdr(switch.cdr(), caller_device="customer-a", callee_device="vendor-a", end_reason="normal")


@needs("switch", "sipp")
def test_the_longest_prefix_decides(rig):
    customer, short, long = rig.port(), rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)], routing_gateways=[
        routing_gateway("short", short, prefixes=["44", "*"], priority=1),
        routing_gateway("long", long, prefixes=["44202"], priority=9)])
    callee = rig.sipp("callee_answers", port=long)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), callee_device="long")


# --- how calls end ----------------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_the_callee_hangs_up(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_hangs_up", port=vendor, hold_ms=500)
    rig.sipp("gateway_is_hung_up", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="normal", sip_status=200, q850_cause=16,
               hold_time_ms=between(450, 2500))


@needs("switch", "sipp")
def test_the_caller_gives_up(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_rings", port=vendor)
    rig.sipp("gateway_cancels", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="cancelled", sip_status=487, ringing_at=present,
               answered_at=absent, hold_time_ms=absent, fee_time_s=absent, callee_device="vendor-a")


@needs("switch", "sipp")
def test_a_busy_callee_is_told_as_busy(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_refuses", port=vendor, status=486, reason="Busy Here")
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=486).done()
    callee.done()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="busy", sip_status=486, q850_cause=17, ringing_at=absent,
               answered_at=absent, callee_device="vendor-a")


@needs("switch", "sipp")
def test_a_callee_that_rejects_is_told_as_rejecting(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_rings_and_refuses", port=vendor, status=603, reason="Decline")
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=603).done()
    callee.done()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="rejected", sip_status=603, q850_cause=21, ringing_at=present,
               answered_at=absent)


@needs("switch", "sipp")
def test_a_callee_that_only_rings_is_cancelled(rig):
    switch, customer, (vendor,) = trunk(rig, parameters={"SS_SIP_TIMEOUT_RINGING": 1})
    callee = rig.sipp("callee_rings", port=vendor)
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=480).done()
    callee.done()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="no_answer", sip_status=480, q850_cause=19, ringing_at=present,
               answered_at=absent)


@needs("switch", "sipp")
def test_a_vendor_from_whom_nothing_comes_is_told_apart_from_no_answer(rig):
    silent, customer = rig.silent_peer(), rig.port()
    switch = rig.switch(parameters={"SS_SIP_TIMEOUT_INVITE": 2}, mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", silent.port)])
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=504).done()
    invites = [m for m in silent.received() if m.method == "INVITE"]
    assert len(invites) == 3, f"0, 0.5 and 1.5 s are within 2 s, {len(invites)} INVITEs came"
    assert not [m for m in silent.received() if m.method == "CANCEL"], "nothing provisional came, so nothing may be cancelled"
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="gateway_timeout", sip_status=504, ringing_at=absent,
               answered_at=absent, callee_device="vendor-a")


@needs("switch", "sipp")
def test_a_number_that_nobody_serves_is_not_found(rig):
    customer = rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", rig.port(), prefixes=["33"])])
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=404).done()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="route_not_found", sip_status=404, callee=CALLED,
               caller_device="customer-a", callee_device=absent)


@needs("switch", "sipp")
def test_a_phone_that_is_not_registered_cannot_be_reached(rig):
    switch, customer, _ = trunk(rig, phones=[phone("1001")])
    rig.sipp("gateway_is_refused", port=customer, to=switch, number="1001", status=480).done()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="not_registered", sip_status=480, callee="1001")


@needs("switch", "sipp")
def test_a_stranger_is_forbidden_and_recorded(rig):
    switch, _, (vendor,) = trunk(rig)
    stranger = rig.sipp("gateway_is_refused", to=switch, status=403).done()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="illegal_call", sip_status=403, caller=CUSTOMER, callee=CALLED,
               caller_device=absent, callee_device=absent, caller_address=at(stranger.port))


@needs("switch", "sipp")
def test_a_phone_with_the_wrong_password_cannot_call(rig):
    switch, _, _ = trunk(rig, phones=[phone("1001")])
    rig.sipp("phone_is_refused", to=switch, caller="1001", user="1001", password="a guess",
             domain=f"127.0.0.1:{switch.port}", status=401, timeout_s=10).done()
    assert switch.calls() == []


@needs("switch", "sipp")
def test_a_gateway_that_is_full_takes_no_further_call(rig):
    first, second, vendor = rig.port(), rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", first), mapping_gateway("customer-b", second)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, capacity=1)])
    callee = rig.sipp("callee_hangs_up", port=vendor, hold_ms=2000)
    caller = rig.sipp("gateway_is_hung_up", port=first, to=switch)
    caller.wait_for(200)
    rig.sipp("gateway_is_refused", port=second, to=switch, status=503).done()
    caller.done()
    callee.done()
    accepted, refused = switch.cdrs(2)
    expect_cdr(accepted, caller_device="customer-a", end_reason="normal")
    expect_cdr(refused, caller_device="customer-b", end_direction="switch", end_reason="capacity", sip_status=503)


@needs("switch", "sipp")
def test_an_operator_ends_a_call(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    caller.wait_for(200)
    call = wait_until(lambda: [c for c in switch.calls() if c.get("answered_at")], "the call is listed as answered")[0]
    switch.api.delete(f"/api/v1/calls/{call['id']}")
    caller.done()
    callee.done()
    for client in (caller, callee):
        assert client.received("BYE")[0].has("reason"), "a BYE says why (RFC 3326)"
    expect_cdr(switch.cdr(), id=call["id"], end_direction="switch", end_reason="operator", answered_at=present)
    assert switch.calls() == []


# --- fail-over --------------------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_a_failing_vendor_is_replaced_by_the_next(rig):
    switch, customer, (first, second) = trunk(rig, vendors=2)
    failing = rig.sipp("callee_refuses", port=first, status=503, reason="Service Unavailable")
    callee = rig.sipp("callee_answers", port=second)
    caller = rig.sipp("gateway_calls", port=customer, to=switch).done()
    failing.done()
    callee.done()
    assert not caller.received(503)
    expect_cdr(switch.cdr(), callee_device="vendor-b", callee_address=at(second), end_reason="normal",
               callee_call_id=callee.received("INVITE")[0]["call-id"])


@needs("switch", "sipp")
def test_a_silent_vendor_is_replaced_by_the_next(rig):
    customer, silent, second = rig.port(), rig.silent_peer(), rig.port()
    switch = rig.switch(parameters={"SS_SIP_TIMEOUT_INVITE": 1}, mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", silent.port),
                                          routing_gateway("vendor-b", second, priority=2)])
    callee = rig.sipp("callee_answers", port=second)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    assert [m.method for m in silent.received()][:1] == ["INVITE"]
    expect_cdr(switch.cdr(), callee_device="vendor-b", end_reason="normal", pdd_ms=between(900, 4000))


@needs("switch", "sipp")
def test_a_vendor_that_is_not_there_is_replaced_by_the_next(rig):
    switch, customer, (nobody, second) = trunk(rig, vendors=2)
    callee = rig.sipp("callee_answers", port=second)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), callee_device="vendor-b", end_reason="normal")


@needs("switch", "sipp")
def test_a_busy_callee_is_not_tried_elsewhere(rig):
    switch, customer, (first, second) = trunk(rig, vendors=2)
    callee = rig.sipp("callee_refuses", port=first, status=486, reason="Busy Here")
    other = rig.sipp("callee_answers", port=second)
    rig.sipp("gateway_is_refused", port=customer, to=switch, status=486).done()
    callee.done()
    assert not other.received("INVITE")
    expect_cdr(switch.cdr(), callee_device="vendor-a", end_reason="busy")


@needs("switch", "sipp")
def test_when_every_vendor_fails_the_caller_hears_so_once(rig):
    switch, customer, ports = trunk(rig, vendors=2)
    failing = [rig.sipp("callee_refuses", port=port, status=503, reason="Service Unavailable") for port in ports]
    caller = rig.sipp("gateway_is_refused", port=customer, to=switch, status=503).done()
    for client in failing:
        client.done()
    assert len([m for m in caller.messages if m.status >= 200]) == 1
    expect_cdr(switch.cdr(), end_reason="capacity", sip_status=503, answered_at=absent, callee_device=one_of("vendor-a", "vendor-b"))


# --- session descriptions ---------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_hold_and_resume_are_carried_across(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_is_held", port=vendor)
    caller = rig.sipp("gateway_holds", port=customer, to=switch).done()
    callee.done()
    invites, answers = callee.received("INVITE"), [m for m in caller.received(200) if m.method == "INVITE"]
    assert [m.sdp("a")[-1] for m in invites] == ["sendrecv", "sendonly", "sendrecv"]
    assert [m.sdp("a")[-1] for m in answers] == ["sendrecv", "recvonly", "sendrecv"]
    for messages in (invites, answers):
        origins = [m.sdp("o")[0].split() for m in messages]
        assert len({(o[0], o[1]) for o in origins}) == 1, f"one session, one origin (RFC 3264 §8): {origins}"
        versions = [int(o[2]) for o in origins]
        assert versions == [versions[0], versions[0] + 1, versions[0] + 2], f"versions rise by one (RFC 3264 §8): {versions}"
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal", hold_time_ms=between(850, 4000))


@needs("switch", "sipp")
def test_a_late_offer_is_carried_across(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_offers", port=vendor)
    caller = rig.sipp("gateway_offers_late", port=customer, to=switch).done()
    callee.done()
    assert not callee.received("INVITE")[0].body, "no offer came, so none may be made up"
    assert caller.received(200)[0].sdp("m"), "the callee's offer reaches the caller in the 200"
    assert callee.received("ACK")[0].sdp("m")[0].endswith("RTP/AVP 8 101"), "the caller's answer reaches the callee in the ACK"
    expect_cdr(switch.cdr(), end_reason="normal")


@needs("switch", "sipp")
def test_early_media_are_carried_across(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_answers_early", port=vendor)
    caller = rig.sipp("gateway_calls_early", port=customer, to=switch).done()
    callee.done()
    assert caller.received(183)[0].sdp("m"), "the 183's session description reaches the caller"
    expect_cdr(switch.cdr(), end_reason="normal", ringing_at=present)


# --- many, and again --------------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_fifty_calls_at_once_leave_fifty_records(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_answers", port=vendor, calls=50)
    rig.sipp("gateway_calls", port=customer, to=switch, calls=50, rate=100, hold_ms=1000).done()
    callee.done()
    cdrs = switch.cdrs(50, limit=100)
    assert len({cdr["id"] for cdr in cdrs}) == 50 and len({cdr["caller_call_id"] for cdr in cdrs}) == 50
    for cdr in cdrs:
        expect_cdr(cdr, end_reason="normal", caller_device="customer-a", callee_device="vendor-a")
    assert switch.calls() == []


@needs("switch", "sipp")
def test_a_running_call_is_listed(rig):
    switch, customer, (vendor,) = trunk(rig)
    callee = rig.sipp("callee_hangs_up", port=vendor, hold_ms=1500)
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    caller.wait_for(200)
    call = wait_until(switch.calls, "a call is listed")[0]
    assert call["caller_leg"]["state"] and call["callee_leg"]["peer"].endswith(f"127.0.0.1:{vendor}"), call
    one = switch.api.get(f"/api/v1/calls/{call['id']}")
    assert one["id"] == call["id"] and "timer" in one["caller_leg"], one
    caller.done()
    callee.done()
    assert wait_until(lambda: switch.calls() == [], "no call is left")


@needs("switch", "sipp")
def test_after_kill_9_the_switch_comes_back_with_its_records(rig):
    switch, customer, (vendor,) = trunk(rig)

    def call():
        callee = rig.sipp("callee_answers", port=vendor)
        rig.sipp("gateway_calls", port=customer, to=switch).done()
        callee.done()
    call()
    before = switch.cdrs(1)
    switch.kill()
    switch.start()
    assert switch.cdrs(1) == before
    call()
    assert switch.cdrs(2)[:1] == before
