"""Real phones through the switch: linphonec and baresip register and call each other, each call with its record."""

from rig.cdr import absent, between, expect_cdr, one_of, present
from rig.claims import Skip, needs, time_limit
from rig.switch import mapping_gateway, password_of, phone, routing_gateway

LINPHONE, BARESIP = "1001", "1002"


def two_phones(rig, transport="udp", **configuration):
    """A switch at which linphonec (1001) and baresip (1002) are registered. Returns switch, linphone, baresip."""
    switch = rig.switch(phones=[phone(LINPHONE), phone(BARESIP)], **configuration)
    linphone = rig.linphone(LINPHONE, server=switch, password=password_of(LINPHONE), transport=transport)
    baresip = rig.baresip(BARESIP, server=switch, password=password_of(BARESIP), transport=transport)
    linphone.wait_until_registered()
    baresip.wait_until_registered()
    return switch, linphone, baresip


@needs("switch", "linphonec", "baresip")
def test_both_phones_register_and_unregister(rig):
    switch, linphone, baresip = two_phones(rig)
    assert "Linphone" in switch.wait_for_registration(LINPHONE)["user_agent"]
    assert "baresip" in switch.wait_for_registration(BARESIP)["user_agent"]
    linphone.quit()
    baresip.quit()
    assert switch.registrations() == []


@needs("switch", "linphonec", "baresip")
def test_wrong_passwords_are_refused(rig):
    switch = rig.switch(phones=[phone(LINPHONE), phone(BARESIP)])
    linphone = rig.linphone(LINPHONE, server=switch, password="a guess")
    baresip = rig.baresip(BARESIP, server=switch, password="a guess")
    linphone.wait_until_refused()
    baresip.wait_until_refused()
    assert switch.registrations() == []


def check_calls_both_ways(rig, transport):
    switch, linphone, baresip = two_phones(rig, transport)
    linphone.call(BARESIP)
    assert LINPHONE in baresip.wait_for_incoming()
    linphone.wait_for_ringing()
    baresip.answer()
    linphone.wait_until_connected()
    linphone.wait_until_it_hears()
    linphone.hang_up()
    baresip.wait_until_ended()

    baresip.call(LINPHONE)
    assert BARESIP in linphone.wait_for_incoming()
    baresip.wait_for_ringing()
    linphone.answer()
    baresip.wait_until_connected()
    baresip.hang_up()
    linphone.wait_until_ended()

    for cdr, caller, callee in zip(switch.cdrs(2), (LINPHONE, BARESIP), (BARESIP, LINPHONE)):
        expect_cdr(cdr, caller=caller, callee=callee, caller_device=caller, callee_device=callee, ringing_at=present,
                   answered_at=present, end_direction="caller", end_reason="normal", sip_status=200)


@needs("switch", "linphonec", "baresip")
def test_the_phones_call_each_other(rig):
    check_calls_both_ways(rig, "udp")


@needs("switch", "linphonec", "baresip")
def test_the_phones_call_each_other_over_tcp(rig):
    check_calls_both_ways(rig, "tcp")


@needs("switch", "linphonec", "baresip")
def test_the_called_phone_hangs_up(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.answer()
    linphone.wait_until_connected()
    baresip.hang_up()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="normal")


@needs("switch", "linphonec", "baresip")
def test_linphone_holds_and_resumes_through_the_switch(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.answer()
    linphone.wait_until_connected()
    linphone.hold()
    linphone.resume()
    linphone.hang_up()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal")


@needs("switch", "linphonec", "baresip")
def test_the_caller_gives_up_while_it_rings(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    linphone.wait_for_ringing()
    linphone.hang_up()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="cancelled", sip_status=487, answered_at=absent,
               ringing_at=present)


@needs("switch", "linphonec", "baresip")
def test_a_phone_rejects_a_call(rig):
    switch, linphone, baresip = two_phones(rig)
    baresip.call(LINPHONE)
    linphone.wait_for_incoming()
    linphone.reject()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="rejected", sip_status=603, answered_at=absent)


@needs("switch", "linphonec", "baresip")
def test_baresip_turns_a_call_down_as_busy(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.reject()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason=one_of("busy", "rejected"), sip_status=one_of(486, 603),
               answered_at=absent)


@needs("switch", "linphonec", "baresip")
def test_a_phone_that_nobody_answers_stops_ringing(rig):
    switch, linphone, baresip = two_phones(rig, parameters={"SS_SIP_TIMEOUT_RINGING": 1})
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.wait_until_ended()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="no_answer", sip_status=480, answered_at=absent)


@needs("switch", "linphonec", "baresip")
def test_an_operator_hangs_up_on_both_phones(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.answer()
    linphone.wait_until_connected()
    call = switch.wait_for_calls(1)[0]
    switch.api.delete(f"/api/v1/calls/{call['id']}")
    linphone.wait_until_ended()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), id=call["id"], end_direction="switch", end_reason="operator")


@needs("switch", "linphonec", "sipp")
def test_a_customer_reaches_linphone(rig):
    customer = rig.port()
    switch = rig.switch(phones=[phone(LINPHONE)], mapping_gateways=[mapping_gateway("customer-a", customer)])
    linphone = rig.linphone(LINPHONE, server=switch, password=password_of(LINPHONE))
    linphone.wait_until_registered()
    caller = rig.sipp("gateway_calls", port=customer, to=switch, number=LINPHONE, hold_ms=500)
    linphone.wait_for_incoming()
    linphone.answer()
    caller.done()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), caller_device="customer-a", callee_device=LINPHONE, end_reason="normal",
               hold_time_ms=between(500, 3000))


@needs("switch", "baresip", "sipp")
def test_baresip_reaches_a_vendor(rig):
    vendor = rig.port()
    switch = rig.switch(phones=[phone(BARESIP)], routing_gateways=[routing_gateway("vendor-a", vendor)])
    callee = rig.sipp("callee_answers", port=vendor)
    baresip = rig.baresip(BARESIP, server=switch, password=password_of(BARESIP))
    baresip.wait_until_registered()
    baresip.call("4420200")
    baresip.wait_until_connected()
    baresip.hang_up()
    callee.done()
    expect_cdr(switch.cdr(), caller_device=BARESIP, callee="4420200", callee_device="vendor-a", end_direction="caller",
               end_reason="normal")


@time_limit(150)
@needs("switch", "linphonec", "baresip")
def test_linphones_session_timer_keeps_a_call_alive(rig):
    switch, linphone, baresip = two_phones(rig)
    linphone.quit()
    linphone = rig.linphone(LINPHONE, server=switch, password=password_of(LINPHONE), session_timer=(90, 0))
    linphone.wait_until_registered()
    linphone.call(BARESIP)
    baresip.wait_for_incoming()
    baresip.answer()
    linphone.wait_until_connected()
    timer = switch.wait_for_calls(1)[0]["caller_leg"]["timer"]
    if timer["interval_s"] is None:
        raise Skip("the switch negotiates no session timers yet")
    assert timer["interval_s"] == 90, timer
    linphone.hang_up()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal")
