"""Session timers through the real binary, its time 30 times faster: refreshes, the guard, the cap, and what records say.

A leg whose timers are not the test's business is quiet: its device's are off, and so is the probe."""

import signal
import time

from rig.cdr import between, expect_cdr, matching, with_fields
from rig.claims import needs, time_limit
from rig.ports import HOST, is_bound
from rig.rig import ROOT
from rig.sipp import lines
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until

RATE = 30
GUN = ROOT / "build" / "tools" / "callgun" / "callgun"
TIMER = "Supported: timer"
USUAL = {"SS_SIP_SESSION_TTL": 90, "SS_SIP_NO_TIMER_REINVITE_INTERVAL": 0, "BF_NO_TIMER_PROBE": "off"}


def at_rate(rig, caller_timer=False, callee_timer=False, **parameters):
    """A switch between customer-a and vendor-a. Returns it, and both ports."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(clock_rate=RATE, parameters={**USUAL, **parameters},
                        mapping_gateways=[mapping_gateway("customer-a", customer, sip_timer=caller_timer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, sip_timer=callee_timer)])
    return switch, customer, vendor


def expires(seconds, refresher=None):
    return f"Session-Expires: {seconds}" + (f";refresher={refresher}" if refresher else "")


def wait_for_refreshes(client, method, count, deadline_s=15):
    """Waits until the client has got so many of them inside its call, and returns them."""
    first = 1 if method == "INVITE" and client.to_port is None else 0
    return wait_until(lambda: client.received(method)[first:first + count][count - 1:] and client.received(method)[first:],
                      f"{client.name} gets {count} {method}", deadline_s)


def metrics(switch):
    """What the switch tells Prometheus, by name and labels."""
    text = switch.api.ask("GET", "/metrics").text
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


def check_rhythm(messages):
    """CSeq rises by one each, and each names the interval and us as the refresher."""
    numbers = [int(m["cseq"].split()[0]) for m in messages]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
    for message in messages:
        assert message["session-expires"].endswith(";refresher=uac"), message


@time_limit(60)
@needs("switch", "sipp")
def test_the_seed_flow_ends_at_10_32_when_the_refresh_at_10_00_is_unanswered(rig):
    """TTL 600: refreshed at 300 s, unanswered at 600 s, ended by 632 s."""
    switch, customer, vendor = at_rate(rig, callee_timer=True, SS_SIP_SESSION_TTL=600)
    callee = rig.sipp("callee_is_refreshed", port=vendor, timeout_s=60, lines=lines(TIMER, expires(600, "uac")),
                      refresh_lines=lines(expires(600, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch, timeout_s=60)
    update, = wait_for_refreshes(callee, "UPDATE", 1)
    assert update["session-expires"] == "600;refresher=uac" and not update.body, update
    wait_until(lambda: switch.calls()[0]["callee_leg"]["timer"]["refreshes"] == 1, "the refresh is counted")
    callee.process.signal(signal.SIGSTOP)
    caller.done(40)
    cdr = switch.cdr()
    expect_cdr(cdr, end_direction="switch", end_reason="session_timeout", end_cause="refresh_unanswered",
               end_leg="callee", end_timer="session", end_message="UPDATE, no answer",
               hold_time_ms=between(631500, 634000), last_alive_by="callee: 200 to UPDATE",
               explanation=matching(r"The callee's device stopped answering: UPDATE sent \S+, resent 10 times, no answer in 32 s; "
                                    r"last heard \S+ \(200 to UPDATE\)\."))
    assert cdr["callee_timer"] == {"interval_s": 600, "refresher": "us", "method": "UPDATE", "refreshes": 1}, cdr
    assert "Q.850" in caller.received("BYE")[0]["reason"]


@time_limit(60)
@needs("switch")
def test_no_call_is_lost_whose_devices_stand_still_for_less_than_a_transaction(rig):
    """callgun is both devices of each call. The world does not run faster with the switch: a second in which they stand
    still is ten of the switch's, and 3.2 of them are a device that is silent for 32 s."""
    customer, vendor, count = rig.port(), rig.port(), 200
    switch = rig.switch(clock_rate=10, parameters={"SS_SIP_SESSION_TTL": 90},
                        mapping_gateways=[mapping_gateway("customer-a", customer, capacity=count)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, capacity=count)])
    gun = rig.process("callgun", [GUN, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{customer}", "--answer",
                                  f"{HOST}:{vendor}", "--rate", 100, "--count", count, "--talk-ms", 600000, "--ring-ms", 10,
                                  "--session-expires", 90])
    wait_until(lambda: switch.api.get("/api/v1/calls", state="up", limit=1)["total"] == count, f"{count} calls talk", 20)
    gun.signal(signal.SIGSTOP)
    time.sleep(2)  # the time that passes is what is tested
    gun.signal(signal.SIGCONT)
    def refreshed():
        value = metrics(switch)
        return sum(value[name] for name in value if name.startswith("belfry_session_refreshes") and 'result="accepted"' in name)
    before = refreshed()
    wait_until(lambda: refreshed() > before + 4 * count, "each end is refreshed twice more", 30)
    assert switch.api.get("/api/v1/calls", state="up", limit=1)["total"] == count


@needs("switch", "sipp")
def test_both_legs_are_refreshed_by_update_again_and_again(rig):
    switch, customer, vendor = at_rate(rig, caller_timer=True, callee_timer=True)
    callee = rig.sipp("callee_is_refreshed", port=vendor, lines=lines(TIMER, expires(90, "uac")),
                      refresh_lines=lines(expires(90, "uac")))
    caller = rig.sipp("gateway_is_refreshed", port=customer, to=switch, lines=lines(TIMER, expires(90, "uas")),
                      refresh_lines=lines(expires(90, "uac")))
    assert wait_for_refreshes(caller, "UPDATE", 3) and wait_for_refreshes(callee, "UPDATE", 3)
    assert caller.received(200)[0]["session-expires"] == "90;refresher=uas"
    timer = switch.calls()[0]["callee_leg"]["timer"]
    assert timer["interval_s"] == 90 and timer["refresher"] == "us" and timer["method"] == "UPDATE", timer
    assert 0 <= timer["next_refresh_in_s"] <= 45 and 45 <= timer["expires_in_s"] <= 90, timer
    assert metrics(switch)['belfry_session_legs{refresher="us"}'] == 2
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    caller.done()
    callee.done()
    for client in (caller, callee):
        check_rhythm(client.received("UPDATE"))
    told = metrics(switch)
    for leg in ("caller", "callee"):
        assert told[f'belfry_session_refreshes_total{{leg="{leg}",method="UPDATE",result="accepted"}}'] >= 3, told
    assert told["belfry_session_guard_margin_seconds_count"] >= 6, told
    assert told['belfry_session_guard_margin_seconds_bucket{le="30"}'] == 0, "refreshed late"
    cdr = switch.cdr()
    expect_cdr(cdr, end_reason="operator")
    assert min(cdr[leg]["refreshes"] for leg in ("caller_timer", "callee_timer")) >= 3, cdr


@needs("switch", "sipp")
def test_who_knows_no_update_gets_re_invites_that_repeat_the_session_byte_for_byte(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True)
    callee = rig.sipp("callee_is_refreshed", port=vendor, allow="INVITE, ACK, CANCEL, BYE",
                      lines=lines(TIMER, expires(90, "uac")), refresh_lines=lines(TIMER, expires(90, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    again = wait_for_refreshes(callee, "INVITE", 3)
    check_rhythm(again)
    assert {m.body for m in again} == {callee.received("INVITE")[0].body}
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    caller.done()
    callee.done()
    assert not callee.received("UPDATE")
    assert switch.cdr()["callee_timer"]["method"] == "INVITE"


@needs("switch", "sipp")
def test_refused_update_is_followed_by_re_invite_at_once_and_not_tried_again(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True)
    callee = rig.sipp("callee_is_refreshed", port=vendor, lines=lines(TIMER, expires(90, "uac")),
                      update_status="501 Not Implemented", refresh_lines=lines(TIMER, expires(90, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    assert wait_for_refreshes(callee, "INVITE", 2) and len(callee.received("UPDATE")) == 1
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    caller.done()
    callee.done()


@needs("switch", "sipp")
def test_a_caller_that_refreshes_keeps_its_call(rig):
    switch, customer, vendor = at_rate(rig, caller_timer=True)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_refreshes", port=customer, to=switch, lines=lines(TIMER, expires(90, "uac")),
                      refresh_ms=1500).done()
    callee.done()
    for answer in caller.received(200)[:4]:
        assert answer["session-expires"] == "90;refresher=uac" and answer["require"] == "timer", answer
    cdr = switch.cdr()
    expect_cdr(cdr, end_reason="normal", hold_time_ms=between(170000, 260000))
    assert cdr["caller_timer"] == {"interval_s": 90, "refresher": "them", "method": "UPDATE", "refreshes": 3}, cdr


@needs("switch", "sipp")
def test_a_silent_refresher_is_ended_at_expiry(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True, BF_SESSION_REFRESHER="them")
    callee = rig.sipp("callee_answers", port=vendor, lines=lines(TIMER, expires(90, "uas")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    caller.done()
    callee.done()
    assert callee.received("INVITE")[0]["session-expires"] == "90;refresher=uas"
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="session_timeout", end_cause="session_expired",
               hold_time_ms=between(90000, 91500), explanation=matching("was to refresh its session within 90 s and did not"))


@needs("switch", "sipp")
def test_early_hang_up_ends_before_expiry(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True, BF_SESSION_REFRESHER="them",
                                       SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="auto")
    callee = rig.sipp("callee_answers", port=vendor, lines=lines(TIMER, expires(90, "uas")))
    rig.sipp("gateway_is_hung_up", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), end_cause="session_expired", hold_time_ms=between(60000, 61500))


@needs("switch", "sipp")
def test_too_short_an_offer_is_answered_422_and_accepted_when_raised(rig):
    switch, customer, vendor = at_rate(rig, caller_timer=True, BF_SESSION_MIN_SE=120, SS_SIP_SESSION_TTL=600)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_raises", port=customer, to=switch, short_lines=lines(TIMER, expires(100)),
                      lines=lines(TIMER, expires(120), "Min-SE: 120")).done()
    callee.done()
    assert caller.received(422)[0]["min-se"] == "120"
    assert caller.received(200)[0]["session-expires"].startswith("120;")
    expect_cdr(switch.cdr(), end_reason="normal")


@needs("switch", "sipp")
def test_a_422_of_the_callee_is_followed_by_a_longer_offer(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True)
    callee = rig.sipp("callee_raises", port=vendor, min_se_s=300, lines=lines(TIMER, expires(300, "uac")))
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    first, second = callee.received("INVITE")
    assert (first["session-expires"], second["session-expires"], second["min-se"]) == (
        "90;refresher=uac", "300;refresher=uac", "300")
    assert int(second["cseq"].split()[0]) == int(first["cseq"].split()[0]) + 1
    assert switch.cdr()["callee_timer"]["interval_s"] == 300


@needs("switch", "sipp")
def test_a_caller_without_timers_talks_until_the_cap_and_is_probed(rig):
    switch, customer, vendor = at_rate(rig, SS_SIP_NO_TIMER_REINVITE_INTERVAL=120, BF_NO_TIMER_PROBE="options")
    callee = rig.sipp("callee_is_refreshed", port=vendor)
    caller = rig.sipp("gateway_is_refreshed", port=customer, to=switch)
    caller.done()
    callee.done()
    assert [len(client.received("OPTIONS")) for client in (caller, callee)] == [2, 2]
    expect_cdr(switch.cdr(), end_direction="switch", end_reason="session_timeout", end_cause="no_timer_cap",
               hold_time_ms=between(120000, 121500), explanation=matching("has no session timer: its call may last 120 s"))


@needs("switch", "sipp")
def test_a_dead_device_without_timers_is_found_by_the_probe(rig):
    switch, customer, vendor = at_rate(rig, BF_NO_TIMER_PROBE="options")
    callee = rig.sipp("callee_is_refreshed", port=vendor)
    caller = rig.sipp("gateway_is_refreshed", port=customer, to=switch)
    wait_for_refreshes(callee, "OPTIONS", 1)
    callee.process.kill()
    caller.done()
    expect_cdr(switch.cdr(), end_reason="session_timeout", end_cause="refresh_unanswered", hold_time_ms=between(120000, 126000))


def refreshed_call(rig, switch, customer, vendor):
    """A call to a vendor that knows no UPDATE although it says so; returns what it got as refreshes."""
    callee = rig.sipp("callee_is_refreshed", port=vendor, lines=lines(TIMER, expires(90, "uac")),
                      update_status="501 Not Implemented", refresh_lines=lines(TIMER, expires(90, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    wait_for_refreshes(callee, "INVITE", 1)
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    caller.done()
    callee.done()
    return [m.method for m in callee.messages if m.direction == "received" and m.method in ("UPDATE", "INVITE")][1:]


@needs("switch", "sipp")
def test_what_a_vendor_cannot_do_is_remembered_over_kill_9(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True)
    assert refreshed_call(rig, switch, customer, vendor) == ["UPDATE", "INVITE"]
    assert refreshed_call(rig, switch, customer, vendor) == ["INVITE"]
    time.sleep(0.5)  # written within 200 ms; nothing shows when
    switch.kill()
    switch.start()
    assert refreshed_call(rig, switch, customer, vendor) == ["INVITE"]


@needs("switch", "sipp")
def test_a_parameter_changed_in_mid_call_holds_for_that_call(rig):
    switch, customer, vendor = at_rate(rig, callee_timer=True, SS_SIP_SESSION_TTL=86400)
    callee = rig.sipp("callee_is_refreshed", port=vendor, lines=lines(TIMER, expires(86400, "uac")),
                      refresh_lines=lines(expires(90, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    wait_until(lambda: switch.calls() and switch.calls()[0]["state"] == "up", "the call is up")
    assert switch.calls()[0]["callee_leg"]["timer"]["next_refresh_in_s"] > 40000
    preview = switch.command_line("preview", "SS_SIP_SESSION_TTL", "90")
    assert "1 of 1 calls will refresh sooner." in preview.stdout, preview
    assert switch.command_line("preview", "SS_SIP_SESSION_TTL", "89").returncode == 1
    assert switch.command_line("set", "SS_SIP_SESSION_TTL", "90").returncode == 0
    update, = wait_for_refreshes(callee, "UPDATE", 1)
    assert update["session-expires"] == "90;refresher=uac", update
    wait_until(lambda: switch.calls()[0]["callee_leg"]["timer"]["interval_s"] == 90, "the interval is taken over")
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    caller.done()
    callee.done()


# --- through a proxy that minds session timers, too -------------------------------------------------------------------

def kamailio(rig, port, to):
    """A proxy that records its route and passes each call on."""
    process = rig.process("kamailio", [
        "kamailio", "-f", ROOT / "bench" / "kamailio.cfg", "-l", f"udp:{HOST}:{port}", "-m", "64", "-M", "8", "-DD", "-E",
        "-A", f'CALLEE="sip:{HOST}:{to}"', "-Y", rig.directory, "-w", rig.directory,
        "-P", rig.directory / "kamailio.pid", "-x", "tlsf", "-X", "tlsf"])
    wait_until(lambda: is_bound(port, "udp") or not process.is_running, "kamailio listens")


def hang_up(switch, *clients):
    assert switch.command_line("hangup", switch.calls()[0]["id"]).returncode == 0
    for client in clients:
        client.done()


@needs("switch", "sipp", "kamailio")
def test_a_callee_behind_kamailio_is_refreshed_through_it(rig):
    customer, proxy, vendor = rig.port(), rig.port(), rig.port()
    kamailio(rig, proxy, vendor)
    switch = rig.switch(clock_rate=RATE, parameters=USUAL,
                        mapping_gateways=[mapping_gateway("customer-a", customer, sip_timer=False)],
                        routing_gateways=[routing_gateway("vendor-a", proxy)])
    callee = rig.sipp("callee_is_refreshed", port=vendor, lines=lines(TIMER, expires(90, "uac")),
                      refresh_lines=lines(expires(90, "uac")))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch)
    updates = wait_for_refreshes(callee, "UPDATE", 3)
    check_rhythm(updates)
    assert all(len(update.all("via")) == 2 for update in updates), updates[0]
    hang_up(switch, caller, callee)
    expect_cdr(switch.cdr(), end_reason="operator", callee_timer=with_fields(interval_s=90, refresher="us"))


@needs("switch", "sipp", "kamailio")
def test_a_caller_behind_kamailio_is_refreshed_through_it(rig):
    customer, proxy, vendor = rig.port(), rig.port(), rig.port()
    switch = rig.switch(clock_rate=RATE, parameters=USUAL, mapping_gateways=[mapping_gateway("customer-a", proxy)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, sip_timer=False)])
    kamailio(rig, proxy, switch.port)
    callee = rig.sipp("callee_answers", port=vendor)
    caller = rig.sipp("gateway_is_refreshed", port=customer, to=proxy, lines=lines(TIMER, expires(90, "uas")),
                      refresh_lines=lines(expires(90, "uac")))
    updates = wait_for_refreshes(caller, "UPDATE", 3)
    check_rhythm(updates)
    assert all(len(update.all("via")) == 2 for update in updates), updates[0]
    hang_up(switch, caller, callee)
    expect_cdr(switch.cdr(), end_reason="operator", caller_timer=with_fields(interval_s=90, refresher="us"))
