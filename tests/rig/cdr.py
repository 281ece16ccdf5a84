"""Call detail records: comparing one field by field, and what must hold for every record."""

import datetime
import re

FIELDS = """id state caller callee caller_out callee_out caller_device callee_device caller_address callee_address
    caller_call_id callee_call_id started_at ringing_at answered_at ended_at pdd_ms setup_ms hold_time_ms fee_time_s
    end_direction end_reason end_cause end_text sip_status q850_cause explanation last_alive_at last_alive_by caller_timer
    callee_timer end_leg end_timer end_message billed_until""".split()

END_REASONS = """normal cancelled busy no_answer rejected session_timeout duration_limit media_timeout operator
    route_not_found not_registered illegal_call forbidden authentication_failed capacity gateway_timeout protocol_error
    switch_restart trunk_test""".split()

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Matcher:
    """An expectation that is more than equality; its words stand in the failure."""

    def __init__(self, words, accepts):
        self.words, self.accepts = words, accepts

    def __eq__(self, value):
        return self.accepts(value)

    def __repr__(self):
        return self.words


def between(low, high):
    return Matcher(f"{low}…{high}", lambda value: isinstance(value, (int, float)) and low <= value <= high)


def one_of(*choices):
    return Matcher(f"one of {choices}", lambda value: value in choices)


def matching(pattern):
    return Matcher(f"/{pattern}/", lambda value: isinstance(value, str) and re.search(pattern, value) is not None)


def with_fields(**expected):
    """An object that has at least these."""
    return Matcher(f"with {expected}", lambda value: isinstance(value, dict) and expected.items() <= value.items())


present = Matcher("something", lambda value: value not in (None, "", 0))
absent = Matcher("nothing", lambda value: value in (None, "", 0))


def expect_cdr(cdr, **expected):
    """Fails with every field that differs, not only the first. A value may be a Matcher."""
    check_record(cdr)
    differing = [f"  {name}: expected {want!r}, got {cdr.get(name)!r}" for name, want in expected.items()
                 if not want == cdr.get(name)]
    assert not differing, "the CDR differs:\n" + "\n".join(differing) + f"\n  the whole record: {cdr}"


def time_of(stamp):
    """Seconds since 1970 of an RFC 3339 stamp with milliseconds, in UTC."""
    assert isinstance(stamp, str) and _STAMP.fullmatch(stamp), f"not RFC 3339 in UTC with milliseconds: {stamp!r}"
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def check_record(cdr):
    """What holds for every record of an ended call, whatever became of the call."""
    wrong = []

    def claim(is_so, words):
        if not is_so:
            wrong.append("  " + words)

    missing = [name for name in FIELDS if name not in cdr]
    claim(not missing, f"fields are missing: {missing}")
    claim(cdr.get("end_reason") in END_REASONS, f"end_reason {cdr.get('end_reason')!r} is none of the known")
    claim(cdr.get("end_direction") in ("caller", "callee", "switch"), f"end_direction is {cdr.get('end_direction')!r}")
    claim(cdr.get("id"), "it has no id")
    try:
        moments = {name: time_of(cdr[name]) if cdr.get(name) else None
                   for name in ("started_at", "ringing_at", "answered_at", "ended_at")}
    except AssertionError as error:
        moments = {}
        claim(False, str(error))
    if moments.get("started_at") and moments.get("ended_at"):
        _check_moments(cdr, moments, claim)
    elif moments:
        claim(False, "started_at and ended_at belong in every record")
    assert not wrong, "no CDR may look like this:\n" + "\n".join(wrong) + f"\n  the whole record: {cdr}"


def _check_moments(cdr, moments, claim):
    known = [moment for moment in moments.values() if moment is not None]
    claim(known == sorted(known), f"its moments are out of order: {moments}")

    def lasts(field, start, end):
        if moments[start] is None or moments[end] is None:
            claim(not cdr.get(field), f"{field} is {cdr.get(field)!r} in a call without {start} or {end}")
        else:
            expected_ms = (moments[end] - moments[start]) * 1000
            claim(isinstance(cdr.get(field), int) and abs(cdr[field] - expected_ms) <= 2,
                  f"{field} is {cdr.get(field)!r}, its moments say {expected_ms:.0f}")

    lasts("pdd_ms", "started_at", "ringing_at")
    lasts("setup_ms", "started_at", "answered_at")
    lasts("hold_time_ms", "answered_at", "ended_at")
    talk_ms = cdr.get("hold_time_ms") or 0
    if cdr.get("billed_until") != cdr.get("ended_at"):  # of a device that was found dead
        claim(cdr.get("end_reason") == "session_timeout" or not cdr.get("answered_at"), "it is not charged until its end")
        return
    claim(cdr.get("fee_time_s") in (talk_ms // 1000, -(-talk_ms // 1000)) or not cdr.get("fee_time_s") and not talk_ms,
          f"fee_time_s is {cdr.get('fee_time_s')!r} for {talk_ms} ms")
