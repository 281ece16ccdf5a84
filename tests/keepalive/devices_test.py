"""Very many devices, each on a way of its own, played by callgun on 127.64.0.0 and up. BELFRY_DEVICES=100000 makes them
many: `make devices`, which prints a histogram of the time between two keep-alives of a device."""

import os
import signal
import socket
import time

from rig.claims import Skip, needs, time_limit
from rig.ports import HOST
from rig.rig import ROOT
from rig.switch import Switch, phone
from rig.waiting import wait_until

CALLGUN = ROOT / "build" / "tools" / "callgun" / "callgun"
DEVICES = int(os.environ.get("BELFRY_DEVICES", "2000"))
PERIOD_S = 10 if DEVICES <= 50000 else 30
ROUNDS = 2
LATE_S = 1.0  # what a batch, and a machine that is busy with other tests, may add


def register_all(rig, method, json=True):
    """A switch at which all devices are registered, and the callgun that plays them."""
    if not CALLGUN.exists():
        raise Skip("tools/callgun is not built")
    switch = Switch(
        rig, tcp=False, arguments=["--registrations-max", DEVICES + 1000],
        parameters={"BF_NAT_KEEP_ALIVE_METHOD": method, "SS_SIP_NAT_KEEP_ALIVE_PERIOD": PERIOD_S},
        phones=[phone(f"7{n}") | {"password": "many"} for n in range(DEVICES)])
    rig.switches.append(switch)
    switch.start(deadline_s=15 + DEVICES / 1000)
    gun = rig.process("callgun", [
        CALLGUN, "register", "--target", f"{HOST}:{switch.port}", "--count", DEVICES, "--window", "200", "--user", "7",
        "--password", "many", "--expires", "3600", "--apart", "--hold", *(["--json"] if json else [])])
    gun.wait_for_output("holding", 30 + DEVICES / 500)
    return switch, gun


def hold(gun, seconds):
    time.sleep(seconds)
    gun.signal(signal.SIGTERM)
    gun.wait(60)
    return gun.output


@needs("switch")
@time_limit(90 + DEVICES / 300)
def test_every_device_gets_its_keep_alive_in_every_period(rig):
    switch, gun = register_all(rig, "message", json=False)
    wait_until(lambda: switch.api.get("/api/v1/status")["keep_alive"]["devices"] == DEVICES, "each is a device", 10)
    words = hold(gun, (ROUNDS + 0.5) * PERIOD_S)
    print(words)
    lines = {line[:35].strip(): line[35:].split() for line in words.splitlines() if len(line) > 35}
    once, twice = (int(word.rstrip(",")) for word in lines["phones that got one, two"])
    assert (once, twice) == (DEVICES, DEVICES), words
    gap = dict(zip(*[iter(lines["from one to the next of a phone"][:10])] * 2))
    assert int(gap["max"]) < (PERIOD_S + LATE_S) * 1e6, words
    mean, most = (lines["keep-alives a second"][at] for at in (0, 4))  # "… in the mean, … at most"
    assert DEVICES < 50000 or int(most) < 2 * float(mean), words
    status = switch.api.get("/api/v1/status")["keep_alive"]
    assert status["round_is_kept"] and status["rounds_skipped"] == 0, status


@needs("switch")
@time_limit(120 + DEVICES / 200)
def test_after_kill_9_in_mid_round_no_device_waits_longer_than_1_2_periods(rig):
    switch, gun = register_all(rig, "message", json=False)
    time.sleep(1.3 * PERIOD_S)
    switch.wait_for_journal()
    switch.kill()
    switch.configuration = {}  # it is in the store
    switch.start(deadline_s=15 + DEVICES / 1000)
    words = hold(gun, 1.5 * PERIOD_S)
    gap = next(line[35:].split() for line in words.splitlines() if line.startswith("from one to the next"))
    longest_us = int(gap[gap.index("max") + 1])
    assert PERIOD_S * 1e6 < longest_us < (1.2 * PERIOD_S + LATE_S) * 1e6, words


@needs("switch")
@time_limit(90 + DEVICES / 300)
def test_devices_that_answer_options_are_all_reachable_and_timed(rig):
    switch, gun = register_all(rig, "options")
    wait_until(lambda: switch.api.get("/api/v1/status")["keep_alive"]["answered"] >= DEVICES,
               "each has answered", PERIOD_S * 3)
    status = switch.api.get("/api/v1/status")["keep_alive"]
    assert status["unreachable"] == 0 and status["missed"] == 0, status
    listed = switch.api.get("/api/v1/registrations")["items"][0]["keep_alive"]
    assert listed["reachable"] and listed["round_trip_ms"] is not None, listed
    networks = switch.api.get("/api/v1/keep-alive-networks")["items"]
    assert sum(network["devices"] for network in networks) == DEVICES, networks
    assert networks[0]["network"].startswith("127.") and networks[0]["safe_period_s"] is None, networks[0]
    hold(gun, 0)


@needs("switch")
def test_pings_of_devices_are_answered_on_the_sip_port(rig):
    """CRLFCRLF by CRLF over UDP and TCP (RFC 5626), a STUN binding request by the address it came from (RFC 8489), and what
    else devices send is taken without a word."""
    switch = rig.switch(phones=[phone("1001")])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_connection((HOST, switch.port)) as tcp:
        udp.settimeout(5)
        tcp.settimeout(5)
        udp.bind((HOST, 0))
        udp.connect((HOST, switch.port))
        udp.send(b"\r\n\r\n")
        assert udp.recv(100) == b"\r\n"
        tcp.sendall(b"\r\n\r\n")
        assert tcp.recv(100) == b"\r\n"
        cookie, transaction = bytes.fromhex("2112a442"), bytes(range(12))
        udp.send(bytes.fromhex("00010000") + cookie + transaction)
        answer = udp.recv(200)
        assert answer[:2] == b"\x01\x01" and answer[4:20] == cookie + transaction, answer
        assert answer[20:24] == bytes.fromhex("00200008"), answer
        port = int.from_bytes(answer[26:28], "big") ^ 0x2112
        ip = bytes(a ^ b for a, b in zip(answer[28:32], cookie))
        assert (socket.inet_ntoa(ip), port) == udp.getsockname()
        for silent in (b"HELLO", b"\0\0\0\0", b"x", b"\r\n"):
            udp.send(silent)
        udp.send(b"\r\n\r\n")
        assert udp.recv(100) == b"\r\n"
        counters = wait_until(lambda: (c := switch.api.get("/api/v1/status")["counters"])["life_signs_received"] >= 8 and c,
                              "all are taken for life signs", 5)
        assert counters["messages_malformed"] == 0, counters
