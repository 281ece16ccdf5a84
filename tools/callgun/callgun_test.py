#!/usr/bin/env python3
"""callgun against itself: its caller calls its own callee directly, so every count must agree."""
import json
import socket
import subprocess
import sys


def free_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


def run(*arguments):
    done = subprocess.run([sys.argv[1], *arguments, "--json"], stdout=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


def calls_complete_and_are_counted_on_both_ends():
    address = free_address()
    status, report = run("calls", "--target", address, "--answer", address, "--rate", "2000", "--count", "500",
                         "--ring-ms", "10", "--talk-ms", "50")
    assert status == 0, report
    for name in ("started", "answered", "completed", "callee_seen", "callee_ended"):
        assert report[name] == 500, (name, report)
    assert report["unexpected"] == 0 and report["setup_us"]["p50"] >= 10000, report


def a_target_that_is_silent_is_a_loss():
    status, report = run("calls", "--target", free_address(), "--count", "3", "--rate", "100", "--time-limit", "2")
    assert status == 1 and report["completed"] == 0 and report["retransmissions"] > 0, report


TESTS = [calls_complete_and_are_counted_on_both_ends, a_target_that_is_silent_is_a_loss]
print(f"1..{len(TESTS)}")
failed = 0
for number, test in enumerate(TESTS, 1):
    try:
        test()
        print(f"ok {number} - {test.__name__}")
    except Exception as error:  # every failure is a line of the report
        failed = 1
        print(f"# {error!r}\nnot ok {number} - {test.__name__}")
sys.exit(failed)
