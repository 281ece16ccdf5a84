#!/usr/bin/env python3
"""callgun against itself (its caller calls its own callee, also over a network that loses messages) and against a small
registrar: every count must agree."""
import hashlib
import json
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading

CALLGUN = sys.argv[1]


def bound_socket():
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    return bound


def address_of(bound):
    return "%s:%d" % bound.getsockname()


def free_address():
    with bound_socket() as probe:
        return address_of(probe)


def run(*arguments):
    done = subprocess.run([CALLGUN, *arguments, "--json"], stdout=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


def expect(report, **counts):
    for name, count in counts.items():
        assert report[name] == count, (name, report)


class Background:
    """Calls `take` for every datagram that comes to one of the sockets, in a thread, as long as a `with` lasts."""

    def __init__(self, take, *sockets):
        self.take, self.sockets, self.is_over = take, sockets, threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def loop(self):
        while not self.is_over.is_set():
            for ready in select.select(self.sockets, [], [], 0.05)[0]:
                self.take(ready, *ready.recvfrom(65536))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        for each in self.sockets:
            each.close()


def lossy_relay(callee, per_cent):
    """Passes datagrams between whoever sends to it and the callee; loses some, repeats some. Returns it and its address."""
    front, back, chance, caller = bound_socket(), bound_socket(), random.Random(1), []
    host, port = callee.split(":")

    def take(ready, datagram, source):
        if ready is front:
            caller[:] = [source]
        for _ in range(0 if chance.random() * 100 < per_cent else 2 if chance.random() * 100 < per_cent else 1):
            if ready is front:
                back.sendto(datagram, (host, int(port)))
            elif caller:
                front.sendto(datagram, caller[0])
    return Background(take, front, back), address_of(front)


def calls_complete_and_are_counted_on_both_ends():
    address = free_address()
    for spin in ([], ["--spin"]):
        check_calls(*run("calls", "--target", address, "--answer", address, "--rate", "2000", "--count", "500",
                         "--ring-ms", "10", "--talk-ms", "50", *spin))


def check_calls(status, report):
    assert status == 0, report
    expect(report, started=500, answered=500, completed=500, callee_seen=500, callee_ended=500, unexpected=0, sent=3000)
    assert report["seconds"] >= 0.3 and 0 < report["setup_us"]["p50"] <= report["setup_us"]["max"], report


def calls_complete_over_a_network_that_loses_and_repeats():
    answer = free_address()
    relay, target = lossy_relay(answer, 10)
    with relay:
        _, report = run("calls", "--target", target, "--answer", answer, "--rate", "500", "--count", "300")
    expect(report, started=300, completed=300, callee_seen=300, callee_ended=300, unexpected=0, timed_out=0)
    assert report["retransmissions"] > 0 and report["repeated"] > 0, report


def a_target_that_is_silent_is_a_loss():
    status, report = run("calls", "--target", free_address(), "--count", "3", "--rate", "100", "--time-limit", "2")
    assert status == 1 and report["retransmissions"] > 0, report
    expect(report, started=3, completed=0, unfinished=3)


def starts_keep_their_pace_though_nothing_is_answered():
    _, report = run("options", "--target", free_address(), "--count", "500", "--rate", "1000", "--drain", "0")
    expect(report, started=500, unfinished=500)
    assert report["seconds"] >= 0.499, report


def calls_are_held_until_a_signal_and_hung_up_then():
    address = free_address()
    gun = subprocess.Popen([CALLGUN, "calls", "--target", address, "--answer", address, "--rate", "5000", "--count", "400",
                            "--hold", "--json"], stdout=subprocess.PIPE, text=True)
    held = json.loads(gun.stdout.readline())
    gun.send_signal(signal.SIGTERM)
    report = json.loads(gun.communicate(timeout=20)[0])
    assert held == {"holding": 400} and gun.returncode == 0, (held, report)
    expect(report, completed=400, callee_ended=400)


class Registrar:
    """Challenges whoever comes without a fresh nonce, checks the digest with hashlib, and takes each nonce count once."""

    def __init__(self, uses_of_a_nonce):
        self.socket, self.uses_of_a_nonce = bound_socket(), uses_of_a_nonce
        self.seen, self.accepted, self.problems, self.sources = {}, set(), [], {}

    def take(self, ready, datagram, source):
        text = datagram.decode()
        block = "".join(re.findall(r"(?:Via|From|To|Call-ID|CSeq):.*\r\n", text))
        field = dict(re.findall(r'(\w+)="?([^",\r]+)"?', "".join(re.findall(r"Authorization: Digest (.*)", text))))
        fresh = field and (field["nonce"], field["nc"]) not in self.seen and int(field["nc"], 16) <= self.uses_of_a_nonce
        if fresh:
            self.check(text, field)
            self.sources[source] = ready
            self.seen[field["nonce"], field["nc"]] = True
            answer = "200 OK\r\n"
        else:
            nonce = hashlib.md5(datagram).hexdigest()
            answer = f'401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="{nonce}", qop="auth", opaque="o"\r\n'
        ready.sendto(f"SIP/2.0 {answer}{block}Content-Length: 0\r\n\r\n".encode(), source)

    def check(self, text, field):
        def digest(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()
        number = re.search(r"To: <sip:([^@]+)@", text)[1]
        wanted = digest(digest(number, "r", "secret"), field["nonce"], field["nc"], field["cnonce"], "auth",
                        digest("REGISTER", field["uri"]))
        if field["response"] != wanted or field["username"] != number or field.get("opaque") != "o":
            self.problems.append(text)
        self.accepted.add(number)


def phones_keep_their_challenge_and_answer_a_new_one():
    registrar = Registrar(uses_of_a_nonce=2)
    with Background(registrar.take, registrar.socket):
        status, report = run("register", "--target", address_of(registrar.socket), "--user", "7", "--password", "secret",
                             "--users", "20", "--count", "80", "--window", "5")
    assert status == 0 and not registrar.problems, (report, registrar.problems[:1])
    # Four rounds of each phone: challenged in the first and, its nonce used up, in the third.
    expect(report, started=80, completed=80, challenged=40, rejected=0, unexpected=0)
    assert registrar.accepted == {f"7{number}" for number in range(20)}, registrar.accepted


def phones_apart_have_addresses_of_their_own_and_count_keep_alives():
    registrar = Registrar(uses_of_a_nonce=9)
    with Background(registrar.take, registrar.socket):
        gun = subprocess.Popen([CALLGUN, "register", "--target", address_of(registrar.socket), "--user", "7", "--password",
                                "secret", "--count", "300", "--window", "20", "--apart", "--hold", "--json"],
                               stdout=subprocess.PIPE, text=True)
        assert json.loads(gun.stdout.readline()) == {"holding": 300}
        sources = sorted(registrar.sources)
        for _ in range(2):
            for source in sources:
                registrar.socket.sendto(b"HELLO", source)
        gun.send_signal(signal.SIGTERM)
        report = json.loads(gun.communicate(timeout=30)[0])
    assert len(sources) == 300 and len({port for _, port in sources}) == 1, sources[:3]
    assert {ip for ip, _ in sources} == {f"127.64.{n // 256}.{n % 256}" for n in range(300)}
    expect(report, pings=600, phones_pinged=300, phones_pinged_twice=300, unexpected=0)
    assert report["ping_gap_us"]["max"] < 5_000_000, report


TESTS = [calls_complete_and_are_counted_on_both_ends, calls_complete_over_a_network_that_loses_and_repeats,
         a_target_that_is_silent_is_a_loss, starts_keep_their_pace_though_nothing_is_answered,
         calls_are_held_until_a_signal_and_hung_up_then, phones_keep_their_challenge_and_answer_a_new_one,
         phones_apart_have_addresses_of_their_own_and_count_keep_alives]
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
