"""The benchmarks. Each starts a switch afresh, loads it with callgun, and returns figures by the keys of ROWS."""

import time
from dataclasses import dataclass
from statistics import median

from .desk import desk
from .gun import losses
from .recovery import recover
from .switches import PASSWORD, USER_PREFIX

RING_MS = 20
SESSION_EXPIRES_S = 1800
SETUP_LIMIT_US = 100_000  # 99 of 100 calls must be set up within this
RAMP_FACTOR, RAMP_PRECISION = 1.4, 1.05


@dataclass(frozen=True)
class Sizes:
    """How much of everything. Transactions live for 32 s (RFC 3261 Timers J and L), so it takes so long until the load is
    a steady one: as many come as go."""

    rates: tuple = (1500, 3000)
    warm_s: float = 34
    window_s: float = 34  # what is done for 50,000 records at once (store/record_lookup.h) falls into it as often as it is due
    idle_s: float = 3
    settle_s: float = 12  # until Kamailio has dropped its transactions
    step_s: float = 5
    ramp_from: int = 2000
    ramp_to: int = 40000
    held: int = 50000
    held_rate: int = 1500
    users: int = 20000
    burst_s: float = 5  # of OPTIONS and REGISTER as fast as they go
    window: int = 200
    register_window: int = 100
    request_bytes: int = 500  # of a REGISTER and its answer, challenged or not, in the mean
    answer_bytes: int = 480
    floor_datagrams: int = 500000
    devices: int = 100000
    registrations: int = 1000000
    registration_rate: int = 6000
    registration_ping_s: int = 120
    pages: int = 100
    keep_alive_s: int = 10
    supervised: int = 100000
    supervised_million: int = 1000000
    session_s: int = 90  # the shortest of RFC 4028; each end is refreshed every 45 s
    session_million_s: int = 600
    refresh_window_s: float = 60
    recovered: int = 100000
    recovered_million: int = 1000000
    recorder_rounds: int = 6
    recorder_s: tuple = (6, 9)  # wait, window
    desk_held: int = 50000
    desk_rate: int = 500
    desk_phones: int = 20000
    desk_s: float = 45  # so long is looked
    desk_rounds: int = 40
    desk_browser: bool = True
    clock_rate: int = 1  # of the switch, for sessions; more than 1 measures nothing


SMOKE = Sizes(rates=(100, 200), warm_s=0.3, window_s=0.5, idle_s=0.2, settle_s=0.2, step_s=0.5, ramp_from=100, ramp_to=200, held=200,
              held_rate=500, users=50, burst_s=0.3, window=20, register_window=20,
              devices=200, floor_datagrams=5000, registrations=500, registration_rate=500, registration_ping_s=10, pages=5,
              supervised=200, supervised_million=400, session_s=90, session_million_s=90,
              refresh_window_s=4, recovered=200, recovered_million=400, clock_rate=30,
              recorder_rounds=1, recorder_s=(0.2, 0.5), desk_held=200, desk_rate=50, desk_phones=100, desk_s=4, desk_rounds=2, desk_browser=False)


@dataclass(frozen=True)
class Row:
    """One line of the table. `goal` is Belfry's, `better` says which way."""

    key: str
    title: str
    unit: str
    goal: float = None
    better: str = "less"
    digits: int = 1


def call_rows(key, rate):
    """Of whole calls at so many a second."""
    return [
        Row(f"{key}_us", f"whole call INVITE…BYE at {rate}/s", "µs of processor", goal=100),
        Row(f"{key}_setup_p50", "… set-up beyond the callee's {ring} ms, median", "ms", digits=2),
        Row(f"{key}_setup_p99", "… 99th percentile", "ms", digits=2),
        Row(f"{key}_lost", "… calls lost", "calls", goal=0, digits=0),
        Row(f"{key}_no_record", "… calls without record", "calls", goal=0, digits=0),
    ]


def refresh_rows(key, held):
    """Of so many supervised calls."""
    return [
        Row(f"{key}_us", f"session refresh of one leg, {held} calls held", "µs of processor", goal=15),
        Row(f"{key}_rate", "… refreshes", "a second", digits=0),
        Row(f"{key}_most", "… most in a second, of the mean", "times", goal=2, digits=2),
        Row(f"{key}_off_p50", "… before or after its time, median", "ms", digits=1),
        Row(f"{key}_off_max", "… the furthest", "ms", digits=1),
        Row(f"{key}_bytes", "… memory of a supervised call, both legs", "bytes", goal=2048, digits=0),
        Row(f"{key}_lost", "… calls lost, refreshes overdue", "", goal=0, digits=0),
    ]


def recovery_rows(key, calls, goal_s):
    """Of a start with so many calls in the journal."""
    return [
        Row(f"{key}_s", f"from the start until it serves, {calls} calls in its journal", "s", goal=goal_s, digits=2),
        Row(f"{key}_us", "… for each call", "µs of processor", goal=10),
        Row(f"{key}_mb", "… everything resident then", "MB", digits=0),
        Row(f"{key}_lost", "… calls lost, callers denied who hang up meanwhile", "", goal=0, digits=0),
    ]


ROWS = [
    Row("idle", "idle, started for calls", "ms of processor/s"),
    *call_rows("calls_low", "{low}"),
    *call_rows("calls_high", "{high}"),
    Row("most_calls", "most calls a second, one core", "calls/s", better="more", digits=0),
    Row("held_bytes", "memory of a held call, {held} held", "bytes", goal=4096, digits=0),
    Row("held_resident_mb", "… everything resident then", "MB", digits=0),
    Row("held_lost", "… calls lost", "calls", goal=0, digits=0),
    *refresh_rows("refresh", "{supervised}"),
    *refresh_rows("million", "{supervised_million}"),
    *recovery_rows("recovery", "{recovered}", goal_s=None),
    *recovery_rows("recovery_million", "{recovered_million}", goal_s=10),
    Row("recorder_with_us", "whole call at {low}/s with the flight recorder", "µs of processor"),
    Row("recorder_without_us", "… without it, in the same run by turns", "µs of processor"),
    Row("recorder_share", "… its share", "%", goal=5),
    Row("recorder_lost", "… calls lost", "calls", goal=0, digits=0),
    Row("options_us", "stateful OPTIONS → 200", "µs of processor"),
    Row("options_rate", "… a second, one core", "requests/s", goal=100_000, better="more", digits=0),
    Row("options_gun_share", "… share of its core that callgun needed", "%", digits=0),
    Row("register_us", "REGISTER with digest", "µs of processor"),
    Row("register_floor_us", "… what the kernel alone takes for it, in and out", "µs of processor"),
    Row("register_rate", "… a second, one core", "requests/s", better="more", digits=0),
    Row("register_refused", "… refused for overload", "requests", goal=0, digits=0),
    Row("ping_us", "keep-alive (text) to each of {devices} devices", "µs of processor", goal=3, digits=2),
    Row("ping_floor_us", "… what the kernel alone takes for it: sendmmsg to as many addresses", "µs of processor", digits=2),
    Row("ping_gap_p50", "… from one to the next, {keep_alive} s wanted, median", "s", digits=2),
    Row("ping_gap_max", "… the longest", "s", digits=2),
    Row("ping_most", "… most in a second", "keep-alives", digits=0),
    Row("ping_missing", "… devices that got none in a period", "devices", goal=0, digits=0),
    Row("device_bytes", "memory of a registration and its device, {devices} of them", "bytes", goal=400, digits=0),
    Row("desk_median", "answers to the console, {desk_held} calls held, {desk_rate}/s, {desk_phones} phones: median", "ms"),
    Row("desk_slowest_p99", "… 99th percentile of the slowest question", "ms", goal=200),
    Row("desk_slowest_max", "… the longest", "ms"),
    Row("desk_browser_max", "… the longest in Chromium", "ms"),
    Row("desk_lost", "… calls lost", "calls", goal=0, digits=0),
    Row("desk_busy", "… processor of the switch meanwhile", "%"),
    Row("registration_bytes", "memory of a registration, {users} of them", "bytes", digits=0),
    Row("many_bytes", "memory of a registration and its device, {registrations} of them", "bytes", goal=400, digits=0),
    Row("many_resident_mb", "… everything resident then", "MB", digits=0),
    Row("many_register_us", "… a REGISTER with digest, each request, at {registration_rate} phones/s", "µs of processor"),
    Row("many_lost", "… phones that could not register", "phones", goal=0, digits=0),
    Row("many_ping_us", "… keep-alive (text) to each", "µs of processor", digits=2),
    Row("many_gap_p50", "… from one to the next, {registration_ping} s wanted, median", "s", digits=2),
    Row("many_gap_p99", "… 99 of 100 within", "s", digits=2),
    Row("many_gap_max", "… the longest", "s", digits=2),
    Row("many_most", "… most keep-alives in a second, of the mean", "times", goal=2, digits=2),
    Row("many_missing", "… devices that got none in a period", "devices", goal=0, digits=0),
    Row("many_page_ms", "… a page of GET /registrations, median", "ms"),
    Row("many_page_max_ms", "… the slowest", "ms"),
    Row("many_page_items", "… registrations on it", "registrations", digits=0),
    Row("many_start_s", "… from the start after kill -9 until all are registered again", "s"),
]


class Cost:
    """Processor time that a switch takes in a `with` block beyond what it takes when idle."""

    def __init__(self, switch, idle_share):
        self.switch, self.idle_share = switch, idle_share

    def __enter__(self):
        self.start, self.before = time.monotonic(), self.switch.processor_s()
        return self

    def __exit__(self, *_):
        used_s = self.switch.processor_s() - self.before
        self.seconds = time.monotonic() - self.start
        self.processor_s = max(used_s - self.idle_share * self.seconds, 0)

    def us_each(self, count):
        return self.processor_s / max(count, 1) * 1e6


def call_options(**options):
    return {"ring_ms": RING_MS, "session_expires": SESSION_EXPIRES_S, "window": 200_000, **options}


def missing_records(switch, ended):
    """How many of the calls that ended have no record after 10 s; None when the switch writes none."""
    if switch.records() is None:
        return None
    deadline = time.monotonic() + 10
    while switch.records() < ended and time.monotonic() < deadline:
        time.sleep(0.2)
    return abs(ended - switch.records())


def calls(launch, sizes, which):
    """Whole calls at a fixed rate, without talk time: processor time per call within a window of steady load."""
    rate = sizes.rates[which]
    with launch() as switch:
        idle_share = switch.idle_share(sizes.idle_s)
        count = int(rate * (sizes.warm_s + sizes.window_s + 0.5))
        gun = switch.gun.start("calls", **call_options(rate=rate, count=count))
        gun.sleep_until(sizes.warm_s)
        with Cost(switch, idle_share) as cost:
            gun.sleep_until(sizes.warm_s + sizes.window_s)
        report = gun.report()
        no_record = missing_records(switch, report["started"])
    setup = report.get("setup_us", {"p50": 0, "p99": 0})
    prefix = ("calls_low", "calls_high")[which]
    return {
        "idle": idle_share * 1000,
        f"{prefix}_us": cost.us_each(rate * cost.seconds),
        f"{prefix}_setup_p50": setup["p50"] / 1000,
        f"{prefix}_setup_p99": setup["p99"] / 1000,
        f"{prefix}_lost": losses(report),
        f"{prefix}_no_record": no_record,
        "report": report,
    }


def recorder(launch, sizes):
    """What the flight recorder takes of a call, in one run under one load: it is switched off and on again by turns, so that
    what else changes in the course of a run falls on both, and what comes in lumps (lookups of records) moves no median. Its
    files begin empty; they have been filled once, and are written over, before a window begins."""
    rate, turns = sizes.rates[0], (64, 0, 0, 64) * sizes.recorder_rounds
    with launch() as switch:
        idle_share = switch.idle_share(sizes.idle_s)
        count = int(rate * (sizes.warm_s + len(turns) * sum(sizes.recorder_s) + 5))
        gun = switch.gun.start("calls", limit_s=3600, **call_options(rate=rate, count=count))
        gun.sleep_until(sizes.warm_s)
        used = {size: [] for size in turns}
        for size in turns:
            switch.switch.api.put("/api/v1/parameters/BF_TRACE_SIZE", {"value": size})
            time.sleep(sizes.recorder_s[0])
            with Cost(switch, idle_share) as cost:
                time.sleep(sizes.recorder_s[1])
            used[size].append(cost.us_each(rate * cost.seconds))
        report = gun.report()
    with_it, without = (median(used[size]) for size in turns[:2])
    return {
        "recorder_with_us": with_it,
        "recorder_without_us": without,
        "recorder_share": (with_it - without) / with_it * 100,
        "recorder_lost": losses(report),
        "windows": used,
        "report": report,
    }


def carries(switch, rate, sizes):
    """Whether the switch carries so many calls a second, all of them and in time. Returns (verdict, report)."""
    report = switch.gun.run("calls", **call_options(rate=rate, count=int(rate * sizes.step_s), drain=5))
    in_time = report.get("setup_us", {"p99": SETUP_LIMIT_US + 1})["p99"] <= SETUP_LIMIT_US
    return losses(report) == 0 and in_time, report


def most_calls(launch, sizes):
    """Raises the rate until calls are lost or late, then narrows down. A switch that was driven too far is started
    afresh."""
    good, bad, rate, steps = 0, None, sizes.ramp_from, []
    switch = launch()
    while rate <= sizes.ramp_to:
        is_good, report = carries(switch, rate, sizes)
        steps.append({"rate": rate, "good": is_good, "report": report})
        if is_good:
            good = rate
        else:
            bad = rate
            switch.__exit__()
            switch = launch()
        if bad and (good and bad / good < RAMP_PRECISION or bad < sizes.ramp_from / 8):
            break
        rate = round((good + bad) / 2 if bad else good * RAMP_FACTOR, -1)
        time.sleep(0.3)
    switch.__exit__()
    return {"most_calls": good, "steps": steps}


def held(launch, sizes):
    """Memory of calls that talk. Before, as many short calls a second as are set up afterwards have filled the pools of
    transactions, so that only what a held call keeps is new."""
    rate = sizes.held_rate
    with launch() as switch:
        switch.gun.run("calls", **call_options(rate=rate, count=int(rate * sizes.warm_s)))
        time.sleep(sizes.settle_s)
        before = switch.memory_bytes()
        gun = switch.gun.start("calls", **call_options(rate=rate, count=sizes.held, hold=True))
        there = gun.wait_until_holding()
        time.sleep(sizes.settle_s)
        after, resident = switch.memory_bytes(), switch.resident_bytes()
        report = gun.report(end=True)
    return {
        "held_bytes": (after - before) / max(there, 1),
        "held_resident_mb": resident / 1e6,
        "held_lost": losses(report),
        "report": report,
    }


SEGMENT = 2  # SS_SIP_SESSION_UPDATE_SEGMENT's default


def supervised(launch, sizes, prefix, count, session_s):
    """Calls that talk, each end refreshed by the switch twice a session. They are set up at an even rate over one period of
    refreshes, so that these come evenly, too; then transactions of the set-up run out, and what follows is refreshes only.
    Short calls before have filled the pools of transactions, as for `held`."""
    every_s = session_s / SEGMENT / sizes.clock_rate
    rate = count / every_s
    sessions = call_options(rate=rate) | {"session_expires": session_s}
    with launch(session_s=session_s, calls_max=count * 2, clock_rate=sizes.clock_rate) as switch:
        idle_share = switch.idle_share(sizes.idle_s)
        switch.gun.run("calls", **sessions, count=int(rate * sizes.warm_s))
        time.sleep(sizes.settle_s)
        before = switch.memory_bytes()
        gun = switch.gun.start("calls", **sessions, count=count, hold=True, refresh_every=every_s)
        there = gun.wait_until_holding()
        time.sleep(sizes.warm_s)
        with Cost(switch, idle_share) as cost:
            time.sleep(sizes.refresh_window_s)
        after = switch.memory_bytes()
        report = gun.report(end=True, at_once=True)
    off = report.get("refresh_off_us", {"p50": 0, "max": 0})
    per_s = report.get("refreshes_per_s", 0)
    figures = {
        "us": cost.us_each(per_s * cost.seconds),
        "rate": per_s,
        "most": report.get("most_refreshes_in_a_second", 0) / max(per_s, 1),
        "off_p50": off["p50"] / 1e3,
        "off_max": off["max"] / 1e3,
        "bytes": (after - before) / max(there, 1),
        "lost": count - there + report["ended_by_far_side"] + report.get("refreshes_overdue", count),
    }
    return {f"{prefix}_{key}": value for key, value in figures.items()} | {"report": report}


def as_fast_as_it_goes(switch, sizes, idle_share, work, window, **options):
    """Keeps a window of requests full for some seconds. Returns the cost and the report."""
    trial = switch.gun.run(work, count=sizes.window * 50, window=window, **options)
    count = max(int(trial["rate"] * sizes.burst_s), window)
    with Cost(switch, idle_share) as cost:
        report = switch.gun.run(work, count=count, window=window, **options)
    return cost, report


def recovery(launch, prefix, count):
    """Its start with a journal of so many calls, while callers hang up who are in some of them."""
    with launch(calls_max=count + count // 4 + 1000) as switch:
        switch.switch.terminate()
        found = recover(switch.switch, count, 1, (switch.local_port, switch.answer_port))
    return {
        f"{prefix}_s": found["seconds"],
        f"{prefix}_us": found["processor_s"] / count * 1e6,
        f"{prefix}_mb": found["memory"] / 1e6,
        f"{prefix}_lost": count - found["go_on"] + found["denied"],
        "report": found,
    }


def options(launch, sizes):
    with launch() as switch:
        cost, report = as_fast_as_it_goes(switch, sizes, switch.idle_share(sizes.idle_s), "options", sizes.window)
    return {
        "options_us": cost.us_each(report["started"]),
        "options_rate": report["completed"] / report["seconds"],
        "options_gun_share": report["processor_s"] / report["seconds"] * 100,
        "report": report,
    }


def register(launch, sizes):
    """Registrations of phones that answer a challenge and keep it; a request is every REGISTER that gets an answer, be it
    a challenge. Memory: transactions that are over before have left room for those of the registrations."""
    phones = {"user": USER_PREFIX, "password": PASSWORD, "users": sizes.users}
    with launch(users=sizes.users) as switch:
        idle_share = switch.idle_share(sizes.idle_s)
        switch.gun.run("options", count=sizes.users * 3, window=sizes.window)
        time.sleep(sizes.warm_s)
        before = switch.memory_bytes()
        first = switch.gun.run("register", count=sizes.users, window=sizes.window, **phones)
        time.sleep(sizes.settle_s)
        after = switch.memory_bytes()
        cost, report = as_fast_as_it_goes(switch, sizes, idle_share, "register", sizes.register_window, **phones)
        floor_us = switch.floor_us("answers", sizes.floor_datagrams, sizes.request_bytes, sizes.answer_bytes)
    requests = report["completed"] + report["challenged"]
    return {
        "register_us": cost.us_each(requests),
        "register_floor_us": floor_us,
        "register_rate": requests / report["seconds"],
        "register_refused": report["rejected"],
        "registration_bytes": (after - before) / max(first["completed"], 1),
        "report": {"first": first, "later": report},
    }


def keep_alive(launch, sizes):
    """Devices on ways of their own (callgun --apart), each pinged once in a period: what a ping costs over two whole periods.
    Half of them register beforehand, and so often that what is as large for one as for all has been filled (the queue of the
    journal, 32 MiB), so that what comes on top is what the other half keeps."""
    phones = {"user": USER_PREFIX, "password": PASSWORD, "expires": 36000, "apart": True}
    half = sizes.devices // 2
    with launch(users=sizes.devices, keep_alive_s=sizes.keep_alive_s) as switch:
        idle_share = switch.idle_share(sizes.idle_s)
        switch.gun.run("register", count=half * 8, window=sizes.register_window, users=half, **phones)
        time.sleep(sizes.warm_s)
        before = switch.memory_bytes()
        gun = switch.gun.start("register", count=sizes.devices, window=sizes.register_window, users=sizes.devices, hold=True,
                               **phones)
        there = gun.wait_until_holding()
        time.sleep(max(sizes.settle_s, sizes.keep_alive_s))
        after = switch.memory_bytes()
        time.sleep(sizes.warm_s)
        with Cost(switch, idle_share) as cost:
            time.sleep(2 * sizes.keep_alive_s)
        report = gun.report(end=True)
        floor_us = switch.floor_us("pings", sizes.floor_datagrams, sizes.devices)
    gap = report.get("ping_gap_us", {"p50": 0, "max": 0})
    return {
        "ping_us": cost.us_each(report.get("pings_per_s", 0) * cost.seconds),
        "ping_floor_us": floor_us,
        "ping_gap_p50": gap["p50"] / 1e6,
        "ping_gap_max": gap["max"] / 1e6,
        "ping_most": report.get("most_pings_in_a_second", 0),
        "ping_missing": there - report.get("phones_pinged_twice", 0),
        "device_bytes": (after - before) / max(there - half, 1),
        "report": report,
    }


def million_registrations(launch, sizes):
    """So many phones on ways of their own, registered at an even pace, pinged for two rounds, listed, and there again after
    kill -9. callgun sleeps where it can: with --spin it would keep a core busy for minutes."""
    count, ping_s = sizes.registrations, sizes.registration_ping_s
    phones = {"user": USER_PREFIX, "password": PASSWORD, "expires": 36000, "apart": True, "spin": False}
    with launch(users=count, keep_alive_s=ping_s) as switch:
        switch.gun.run("options", count=count // 2, window=sizes.window, spin=False)  # the flight recorder's files are there
        time.sleep(sizes.settle_s)
        idle_share, before = switch.idle_share(sizes.idle_s), switch.memory_bytes()
        with Cost(switch, idle_share) as registering:
            gun = switch.gun.start("register", limit_s=3600, rate=sizes.registration_rate, count=count, window=count, users=count,
                                   hold=True, **phones)
            there = gun.wait_until_holding()
        time.sleep(sizes.settle_s)
        after, resident = switch.memory_bytes(), switch.resident_bytes()
        with Cost(switch, idle_share) as pinging:
            time.sleep(2 * ping_s + 1)
        pages, items = switch.page_s(sizes.pages)
        report = gun.report(end=True)
        start_s = switch.start_again_after_kill_s()
    gap = report.get("ping_gap_us", {"p50": 0, "p99": 0, "max": 0})
    per_s = report.get("pings_per_s", 0)
    return {
        "many_bytes": (after - before) / max(there, 1),
        "many_resident_mb": resident / 1e6,
        "many_register_us": registering.us_each(there * 2),
        "many_lost": count - there,
        "many_ping_us": pinging.us_each(per_s * pinging.seconds),
        "many_gap_p50": gap["p50"] / 1e6,
        "many_gap_p99": gap["p99"] / 1e6,
        "many_gap_max": gap["max"] / 1e6,
        "many_most": report.get("most_pings_in_a_second", 0) / max(per_s, 1),
        "many_missing": there - report.get("phones_pinged_twice", 0),
        "many_page_ms": pages[len(pages) // 2] * 1e3,
        "many_page_max_ms": pages[-1] * 1e3,
        "many_page_items": items / len(pages),
        "many_start_s": start_s,
        "report": report,
    }


@dataclass(frozen=True)
class Measure:
    name: str
    function: object
    rounds_max: int = 9
    only_belfry: bool = False  # the peer does nothing of the kind
    has_floor: bool = False  # it is measured, too, what the kernel asks for the same datagrams
    on_request: bool = False  # takes long: only when it is named


MEASURES = [
    Measure("calls-low", lambda launch, sizes: calls(launch, sizes, 0), has_floor=True),
    Measure("calls-high", lambda launch, sizes: calls(launch, sizes, 1), has_floor=True),
    Measure("recorder", recorder, rounds_max=1, only_belfry=True, on_request=True),
    Measure("most", most_calls),
    Measure("memory", held, rounds_max=2),
    Measure("supervised", lambda launch, sizes: supervised(launch, sizes, "refresh", sizes.supervised, sizes.session_s),
            rounds_max=2, only_belfry=True),
    Measure("million", lambda launch, sizes: supervised(launch, sizes, "million", sizes.supervised_million,
                                                        sizes.session_million_s),
            rounds_max=1, only_belfry=True, on_request=True),
    Measure("recovery", lambda launch, sizes: recovery(launch, "recovery", sizes.recovered), only_belfry=True),
    Measure("recovery-million", lambda launch, sizes: recovery(launch, "recovery_million", sizes.recovered_million),
            rounds_max=1, only_belfry=True, on_request=True),
    Measure("options", options),
    Measure("register", register),
    Measure("keep-alive", keep_alive, rounds_max=2),
    Measure("million-registrations", million_registrations, rounds_max=1, only_belfry=True, on_request=True),
    Measure("desk", desk, rounds_max=1, only_belfry=True, on_request=True),
]
