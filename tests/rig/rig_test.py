"""The rig's own parts: what they say when something is wrong, above all."""

from rig import cdr, sip_message, tap
from rig.claims import needs
from rig.process import ProcessEnded
from rig.sipp import read_messages
from rig.waiting import wait_until

GOOD = {name: None for name in cdr.FIELDS} | {
    "id": "1", "state": "ended", "end_reason": "normal", "end_direction": "caller",
    "started_at": "2026-01-02T03:04:05.000Z", "ringing_at": "2026-01-02T03:04:05.100Z",
    "answered_at": "2026-01-02T03:04:06.000Z", "ended_at": "2026-01-02T03:04:08.500Z",
    "billed_until": "2026-01-02T03:04:08.500Z",
    "pdd_ms": 100, "setup_ms": 1000, "hold_time_ms": 2500, "fee_time_s": 3}


def words_of_failure(function, *arguments, **named):
    """Returns what the function complains about; fails when it does not complain."""
    try:
        function(*arguments, **named)
    except (AssertionError, ProcessEnded) as error:
        return str(error)
    raise AssertionError(f"{function.__name__} complained about nothing")


def test_a_tap_stream_is_counted(rig):
    outcome = tap.parse("1..4\nok 1 - a\n# why\nnot ok 2 - b\nok 3 - c # SKIP no moon\nok 4 - d\n")
    assert (outcome.passed, outcome.failures, outcome.skips) == (2, [("b", "why")], [("c", "no moon")])
    assert outcome.summary() == "2 passed, 1 failed, 1 skipped"
    assert tap.parse("1..1\nok 1 - a\n").summary() == "1 passed, 0 failed"


def test_a_tap_stream_that_breaks_off_is_a_failure(rig):
    assert tap.parse("1..2\nok 1 - a\n").failures == [("ran to its end", "only 1 of 2 tests reported")]
    assert tap.parse("ok 1 - a\n").failures and tap.parse("").failures
    assert tap.parse("1..1\nok 1 - a\nBail out! no more\n").failures


def test_waiting_ends_with_the_words_of_what_did_not_come(rig):
    assert "the moon rises" in words_of_failure(wait_until, lambda: False, "the moon rises", 0.05)
    assert wait_until(lambda: 7, "seven") == 7


def test_a_good_record_is_accepted_and_compared_field_by_field(rig):
    cdr.expect_cdr(GOOD, end_reason="normal", pdd_ms=cdr.between(0, 200), end_text=cdr.absent)
    words = words_of_failure(cdr.expect_cdr, GOOD, end_reason="busy", pdd_ms=cdr.between(200, 300), setup_ms=1000)
    assert "end_reason" in words and "pdd_ms" in words and "setup_ms: " not in words


def test_records_that_cannot_be_are_refused(rig):
    for change in ({"end_reason": "whatever"}, {"hold_time_ms": 2400}, {"ended_at": "2026-01-02T03:04:05.500Z"},
                   {"started_at": "2026-01-02 03:04:05"}, {"answered_at": None}, {"fee_time_s": 9}, {"end_direction": "nobody"}):
        words_of_failure(cdr.check_record, GOOD | change)
    words_of_failure(cdr.check_record, {key: value for key, value in GOOD.items() if key != "caller_timer"})


def test_a_sip_message_is_read(rig):
    text = "INVITE sip:1@b SIP/2.0\r\nv: SIP/2.0/UDP a\r\nFrom: <sip:a@a>;tag=x\r\nVia: two\r\n folded\r\n\r\nv=0\r\nm=audio\r\n"
    message = sip_message.parse(text, "sent")
    assert message.all("via") == ["SIP/2.0/UDP a", "two folded"] and message.tag("from") == "x"
    assert message.method == "INVITE" and message.request_uri == "sip:1@b" and message.sdp("m") == ["audio"]
    assert sip_message.parse("HELLO", "received") is None


def test_a_program_that_ends_too_early_is_told_with_its_last_words(rig):
    process = rig.process("early", ["sh", "-c", "echo so long; exit 3"])
    words = words_of_failure(process.wait_for_output, "never said")
    assert "ended with 3" in words and "so long" in words


@needs("sipp")
def test_a_call_that_goes_wrong_is_told_with_sipps_reason(rig):
    callee = rig.sipp("callee_refuses", status=486)
    caller = rig.sipp("gateway_calls", to=callee.port)
    assert "486" in words_of_failure(caller.done)
    assert read_messages(rig.directory / "gateway_calls.messages")


def test_a_switch_that_does_not_get_ready_is_told_with_its_last_words(rig):
    rig.binary = rig.directory / "broken"
    rig.binary.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 2\n")
    rig.binary.chmod(0o755)
    words = words_of_failure(rig.switch)
    assert "ended with 2" in words and "no such thing" in words
    rig.switches.clear()
