"""The scenarios themselves, without any switch: caller against callee, directly."""

from rig.claims import needs


def pair(rig, caller, callee, **values):
    """Runs a caller's scenario straight against a callee's; both must go through. Returns them, caller first."""
    waiting = rig.sipp(callee, **values)
    calling = rig.sipp(caller, to=waiting.port, **values)
    return calling.done(), waiting.done()


@needs("sipp")
def test_scenarios_of_a_plain_call_agree(rig):
    caller, callee = pair(rig, "gateway_calls", "callee_answers")
    assert callee.received("INVITE")[0]["call-id"] == caller.sent("INVITE")[0]["call-id"]
    assert callee.received("INVITE")[0].sdp("m") and caller.received(200)[0].sdp("m")


@needs("sipp")
def test_scenarios_of_a_plain_call_agree_over_tcp(rig):
    pair(rig, "gateway_calls", "callee_answers", transport="tcp")


@needs("sipp")
def test_scenarios_of_a_call_the_callee_ends_agree(rig):
    pair(rig, "gateway_is_hung_up", "callee_hangs_up")


@needs("sipp")
def test_scenarios_of_early_media_agree(rig):
    pair(rig, "gateway_calls_early", "callee_answers_early")


@needs("sipp")
def test_scenarios_of_a_refusal_agree(rig):
    pair(rig, "gateway_is_refused", "callee_refuses", status=486)


@needs("sipp")
def test_scenarios_of_a_refusal_after_ringing_agree(rig):
    pair(rig, "gateway_is_refused", "callee_rings_and_refuses", status=603)


@needs("sipp")
def test_scenarios_of_a_cancelled_call_agree(rig):
    pair(rig, "gateway_cancels", "callee_rings")


@needs("sipp")
def test_scenarios_of_hold_and_resume_agree(rig):
    caller, callee = pair(rig, "gateway_holds", "callee_is_held")
    assert [m.sdp("a")[-1] for m in callee.received("INVITE")] == ["sendrecv", "sendonly", "sendrecv"]
    assert [m.sdp("a")[-1] for m in caller.received(200)[:3]] == ["sendrecv", "recvonly", "sendrecv"]


@needs("sipp")
def test_scenarios_of_a_late_offer_agree(rig):
    caller, callee = pair(rig, "gateway_offers_late", "callee_offers")
    assert not callee.received("INVITE")[0].body
    assert callee.received("ACK")[0].sdp("m")


@needs("sipp")
def test_many_calls_at_once_agree(rig):
    callee = rig.sipp("callee_answers", calls=50)
    rig.sipp("gateway_calls", to=callee.port, calls=50, rate=100).done()
    callee.done()
