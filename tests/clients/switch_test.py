"""Real phones through the switch: linphonec and baresip register and call each other, each call with its record."""

import os

from rig.cdr import absent, between, expect_cdr, matching, one_of, present, time_of, with_fields
from rig.claims import Skip, needs, time_limit
from rig.switch import mapping_gateway, password_of, phone, routing_gateway
from rig.two_phones import BARESIP, LINPHONE, check_calls_both_ways, talk, two_phones
from rig.waiting import wait_until

LINPHONE_REFRESHES = 2  # of its session_expires_refresher_value: 0 leaves it open


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


@needs("switch", "linphonec", "baresip")
def test_the_phones_call_each_other(rig):
    check_calls_both_ways(*two_phones(rig))


@needs("switch", "linphonec", "baresip")
def test_the_phones_call_each_other_over_tcp(rig):
    check_calls_both_ways(*two_phones(rig, "tcp"))


@needs("switch", "linphonec", "baresip")
def test_the_called_phone_hangs_up(rig):
    switch, linphone, baresip = two_phones(rig)
    talk(linphone, baresip)
    baresip.hang_up()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="callee", end_reason="normal")


@needs("switch", "linphonec", "baresip")
def test_linphone_holds_and_resumes_through_the_switch(rig):
    switch, linphone, baresip = two_phones(rig)
    talk(linphone, baresip)
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
    talk(linphone, baresip)
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


# --- session timers -----------------------------------------------------------------------------------------------------

def linphone_with_timer(rig, refresher, **configuration):
    """linphonec wants a session of 90 s."""
    return two_phones(rig, session_timer=(90, refresher), **configuration)


def timer_of(switch, leg):
    return switch.wait_for_calls(1)[0][leg]["timer"]


@needs("switch", "linphonec", "baresip")
def test_linphone_negotiates_a_session_of_90_s_as_caller(rig):
    switch, linphone, baresip = linphone_with_timer(rig, LINPHONE_REFRESHES)
    talk(linphone, baresip)
    timer = timer_of(switch, "caller_leg")
    assert (timer["interval_s"], timer["refresher"]) == (90, "them"), timer
    linphone.hang_up()
    baresip.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal")


@needs("switch", "linphonec", "baresip")
def test_linphone_is_refreshed_by_us_and_keeps_its_call(rig):
    """Only the switch's time runs faster: linphonec itself has nothing to do in this call."""
    switch, linphone, baresip = linphone_with_timer(rig, 0, clock_rate=10, parameters={
        "SS_SIP_SESSION_TTL": 90, "BF_NO_TIMER_PROBE": "off"})
    talk(baresip, linphone)
    wait_until(lambda: timer_of(switch, "callee_leg")["refreshes"] >= 2, "two refreshes", 15)
    timer = timer_of(switch, "callee_leg")
    assert (timer["interval_s"], timer["refresher"]) == (90, "us"), timer
    baresip.hang_up()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal")


@needs("switch", "linphonec", "baresip")
def test_baresip_without_timers_is_refreshed_by_re_invite_and_found_dead(rig):
    switch, linphone, baresip = two_phones(rig, clock_rate=10, parameters={"SS_SIP_SESSION_TTL": 90})
    talk(linphone, baresip)
    wait_until(lambda: timer_of(switch, "callee_leg")["refreshes"] >= 2, "two refreshes", 15)
    assert timer_of(switch, "callee_leg")["refresher"] == "us"
    baresip.process.kill()
    linphone.wait_until_ended()
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="session_timeout", end_cause="refresh_unanswered",
               explanation=matching("^The callee's device stopped answering: "))


# --- session timers at real speed, some minutes each ------------------------------------------------------------------

def real_speed(limit_s):
    """Marks a test that is run only when BELFRY_REAL_SPEED is set."""
    def mark(function):
        def run_or_skip(rig):
            if not os.environ.get("BELFRY_REAL_SPEED"):
                raise Skip("minutes long: set BELFRY_REAL_SPEED=1")
            function(rig)
        run_or_skip.__name__ = function.__name__
        return time_limit(limit_s)(needs("switch", "linphonec", "baresip")(run_or_skip))
    return mark


def wait_for_three_refreshes(switch, leg):
    return wait_until(lambda: timer_of(switch, leg)["refreshes"] >= 3, f"three refreshes of the {leg}", 200, 1)


@real_speed(420)
def test_at_real_speed_linphone_refreshes_three_times_and_is_missed_when_killed(rig):
    switch, linphone, baresip = linphone_with_timer(rig, LINPHONE_REFRESHES)
    talk(linphone, baresip)
    wait_for_three_refreshes(switch, "caller_leg")
    linphone.process.kill()
    cdr = switch.cdrs(deadline_s=100)[0]
    expect_cdr(cdr, end_direction="switch", end_reason="session_timeout", end_cause="session_expired")
    assert time_of(cdr["ended_at"]) - time_of(cdr["last_alive_at"]) <= 91, cdr
    baresip.wait_until_ended()


@real_speed(420)
def test_at_real_speed_both_phones_are_refreshed_three_times_by_us(rig):
    switch, linphone, baresip = linphone_with_timer(rig, 0, parameters={"SS_SIP_SESSION_TTL": 90})
    talk(baresip, linphone)
    wait_for_three_refreshes(switch, "callee_leg")
    wait_for_three_refreshes(switch, "caller_leg")
    linphone.process.kill()
    cdr = switch.cdrs(deadline_s=100)[0]
    expect_cdr(cdr, end_direction="switch", end_reason="session_timeout", end_cause="refresh_unanswered",
               callee_timer=with_fields(interval_s=90, refresher="us"))
    assert time_of(cdr["ended_at"]) - time_of(cdr["last_alive_at"]) <= 45 + 33, cdr
    baresip.wait_until_ended()


@real_speed(420)
def test_at_real_speed_baresip_is_refreshed_three_times_by_re_invite(rig):
    switch, linphone, baresip = two_phones(rig, parameters={"SS_SIP_SESSION_TTL": 90})
    talk(linphone, baresip)
    wait_for_three_refreshes(switch, "callee_leg")
    assert timer_of(switch, "callee_leg")["method"] == "INVITE"
    baresip.process.kill()
    cdr = switch.cdrs(deadline_s=100)[0]
    expect_cdr(cdr, end_direction="switch", end_reason="session_timeout", end_cause="refresh_unanswered")
    linphone.wait_until_ended()
