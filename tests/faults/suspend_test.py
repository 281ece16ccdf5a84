"""The switch is stopped for a while and goes on (SIGSTOP, SIGCONT), as when its machine sleeps: time has passed for its calls,
and no end is given up unasked."""

import signal
import time

from rig.claims import needs, time_limit
from rig.sipp import lines
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until

RATE = 30  # the switch's time runs so many times faster
AWAY_S = 4  # of the world's time: two minutes of the switch's, longer than its sessions
SESSION_S = 90
EXPIRES = f"Session-Expires: {SESSION_S};refresher=uac"


@needs("switch", "sipp")
@time_limit(90)
def test_a_call_goes_on_after_a_stop_that_is_longer_than_its_session(rig):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(clock_rate=RATE, parameters={"SS_SIP_SESSION_TTL": SESSION_S, "BF_NO_TIMER_PROBE": "off"},
                        mapping_gateways=[mapping_gateway("customer", customer, sip_timer=False)],
                        routing_gateways=[routing_gateway("vendor", vendor)])
    callee = rig.sipp("callee_is_refreshed", port=vendor, timeout_s=60, lines=lines("Supported: timer", EXPIRES),
                      refresh_lines=lines(EXPIRES))
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch, timeout_s=60)

    def refreshes():
        return len(callee.received("UPDATE"))
    wait_until(lambda: refreshes() >= 1, "the session is refreshed")
    switch.process.signal(signal.SIGSTOP)
    time.sleep(AWAY_S)
    before = refreshes()
    switch.process.signal(signal.SIGCONT)
    wait_until(lambda: refreshes() >= before + 2, "it is refreshed again and again", 20)
    [call] = switch.calls()
    switch.api.delete(f"/api/v1/calls/{call['id']}")
    caller.done(20)
    record = switch.cdr()
    assert record["end_reason"] == "operator" and record["hold_time_ms"] > AWAY_S * RATE * 1000, record
