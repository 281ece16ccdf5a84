"""linphonec and baresip, registered at one switch: what tests of real phones begin with."""

from rig.cdr import expect_cdr, present
from rig.switch import password_of, phone

LINPHONE, BARESIP = "1001", "1002"


def two_phones(rig, transport="udp", session_timer=None, authority=None, **configuration):
    """A switch at which linphonec (1001, with `session_timer`) and baresip (1002, which knows no timers) are registered.
    Returns switch, linphone, baresip."""
    switch = rig.switch(phones=[phone(LINPHONE), phone(BARESIP)], **configuration)
    linphone = rig.linphone(LINPHONE, server=switch, password=password_of(LINPHONE), transport=transport,
                            session_timer=session_timer, authority=authority)
    baresip = rig.baresip(BARESIP, server=switch, password=password_of(BARESIP), transport=transport, authority=authority)
    linphone.wait_until_registered()
    baresip.wait_until_registered()
    return switch, linphone, baresip


def talk(caller, callee):
    caller.call(callee.number)
    assert caller.number in callee.wait_for_incoming()
    callee.answer()
    caller.wait_until_connected()


def check_calls_both_ways(switch, linphone, baresip):
    """Each calls the other and hangs up; the callee's ringing is heard, linphonec hears baresip, both calls have records."""
    for caller, callee in (linphone, baresip), (baresip, linphone):
        caller.call(callee.number)
        assert caller.number in callee.wait_for_incoming()
        caller.wait_for_ringing()
        callee.answer()
        caller.wait_until_connected()
        if caller is linphone:
            linphone.wait_until_it_hears()
        caller.hang_up()
        callee.wait_until_ended()
    for cdr, caller, callee in zip(switch.cdrs(2), (LINPHONE, BARESIP), (BARESIP, LINPHONE)):
        expect_cdr(cdr, caller=caller, callee=callee, caller_device=caller, callee_device=callee, ringing_at=present,
                   answered_at=present, end_direction="caller", end_reason="normal", sip_status=200)
