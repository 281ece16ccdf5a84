"""Kills the real switch under load, again and again, and afterwards holds its records against what callgun lived
through: each answered call has exactly one record, of the right length, each end was answered to the last, and nothing is
left."""

import json
import random
import time

from rig.ports import HOST, free_port
from rig.rig import ROOT
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until

CALLGUN = ROOT / "build" / "tools" / "callgun" / "callgun"
LENGTH_TOLERANCE_S = 1.0
ACK_WAIT_S = 32  # then a callee whose answer nobody acknowledges gives up (RFC 3261 13.3.1.4)
RESERVE_S = 8  # for a machine that has other things to do
RESENT_FACTOR = 2  # of the time that the switch was away: a request is sent again after twice the time, at the most


class Tally:
    """What a campaign came to."""

    def __init__(self):
        self.runs = self.calls = self.kills = self.superseded = self.stranded = self.early = 0
        self.lost, self.doubled, self.wrong, self.cut, self.unanswered = [], [], [], [], []

    def __str__(self):
        return (f"{self.runs} runs, {self.kills} kills, {self.calls} answered calls, {len(self.lost)} losses, "
                f"{len(self.doubled)} duplicates, {len(self.wrong)} wrong lengths, {len(self.cut)} cut by a restart, "
                f"{len(self.unanswered)} left unanswered, {self.stranded} left at the callee; "
                f"{self.superseded} answers never reached their caller, {self.early} attempts were cut before their answer")

    def details(self):
        return self.lost[:3] + self.doubled[:3] + self.wrong[:3] + self.cut[:3] + self.unanswered[:3]

    def check(self):
        for what, calls in (("without a record", self.lost), ("with two records", self.doubled),
                            ("with a wrong length", self.wrong), ("cut by a restart", self.cut),
                            ("left unanswered", self.unanswered)):
            assert not calls, f"{len(calls)} calls {what}, among them {calls[:5]}\n{self}"
        assert self.stranded == 0, f"{self.stranded} calls never ended at the callee\n{self}"


def _start(rig):
    ports = {"caller": free_port(), "callee": free_port()}
    switch = rig.switch(
        arguments=["--workers", "2"], tcp=False, parameters={"BF_JOURNAL_WAIT_MS": 500},
        mapping_gateways=[mapping_gateway("customer", ports["caller"], capacity=100000)],
        routing_gateways=[routing_gateway("vendor", ports["callee"], capacity=100000)])
    return switch, ports


def _gun(rig, switch, ports, rate, seconds, talk_ms, drain_s):
    log = rig.directory / "calls.log"
    return log, rig.process(
        "callgun", [CALLGUN, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{ports['caller']}",
                    "--answer", f"{HOST}:{ports['callee']}", "--rate", rate, "--count", int(rate * seconds), "--ring-ms", 50,
                    "--talk-ms", talk_ms, "--drain", drain_s, "--log", log, "--json"])


def read_log(path):
    """The calls that were answered: Call-ID → [answered, ended or None, how], in seconds since 1970."""
    calls = {}
    for line in path.read_text().splitlines():
        word, call_id, stamp = line.split()
        if word == "answered":
            calls[call_id] = [int(stamp) / 1e6, None, None]
        elif call_id in calls:
            calls[call_id][1:] = [int(stamp) / 1e6, word]
    return calls


def all_records(switch):
    records, cursor = [], None
    while True:
        page = switch.api.get("/api/v1/cdrs", limit=1000, **({"cursor": cursor} if cursor else {}))
        records += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return records


def _records_of_answered(switch):
    by_call = {}
    for record in all_records(switch):
        if record["answered_at"]:
            by_call.setdefault(record["caller_call_id"], []).append(record)
    return by_call


def _without_the_superseded(records):
    """An answer that never reached the caller (the switch was killed just before) is a call of its own for the callee;
    the caller's INVITE, sent again, made a further one."""
    records = sorted(records, key=lambda record: record["started_at"])
    return [record for record in records[:-1] if record["end_reason"] != "switch_restart"] + records[-1:]


def _tolerance_s(away, began, ended):
    """A switch that is not there hears nobody: an answer or a BYE of that time is as late as it was away, and is sent again
    later still."""
    return LENGTH_TOLERANCE_S + sum(RESENT_FACTOR * (until - since) for since, until in away
                                    if since < ended + LENGTH_TOLERANCE_S and until > began - LENGTH_TOLERANCE_S)


def _weigh(tally, calls, by_call, away):
    for call_id, (answered, ended, how) in calls.items():
        records = _without_the_superseded(by_call.get(call_id, []))
        tally.superseded += len(by_call.get(call_id, [])) - len(records)
        if not records:
            tally.lost.append(call_id)
            continue
        if len(records) > 1:
            tally.doubled.append(call_id)
        record = records[-1]
        if how not in ("completed", "hung-up-on"):
            tally.unanswered.append((call_id, how))
        if record["end_reason"] == "switch_restart":
            tally.cut.append((call_id, how, record))
        elif how == "completed" and (abs(record["hold_time_ms"] / 1000 - (ended - answered)) >
                                     _tolerance_s(away, answered, ended)):
            tally.wrong.append((call_id, record["hold_time_ms"] / 1000, ended - answered))


def _has_none(switch):
    left = switch.calls()
    assert not left, f"{len(left)} are left, the first: {left[0]}"
    return True


def patience_s(seconds):
    """How long after the last call's start callgun waits at most. The last kill comes about as long after it as the load
    has lasted, and who had answered just before that hears nobody and gives up ACK_WAIT_S later."""
    return int(seconds + ACK_WAIT_S + RESERVE_S)


def run(rig, tally, rate=100, seconds=6.0, kills=3, talk_ms=1500, drain_s=None, seed=None, gently=False):
    """One switch, one load, some kills at random moments; `gently`: it is told to stop instead. `drain_s` cuts patience_s
    short: ends at the callee are not counted then."""
    is_patient, drain_s = drain_s is None, drain_s or patience_s(seconds)
    chance = random.Random(seed)
    switch, ports = _start(rig)
    log, gun = _gun(rig, switch, ports, rate, seconds, talk_ms, drain_s)
    away = []
    for _ in range(kills):
        time.sleep(chance.uniform(0.3, 2 * seconds / (kills + 1) - 0.3))
        since = time.time()
        switch.terminate() if gently else switch.kill()
        switch.start()
        away.append((since, time.time()))
        tally.kills += 1
    gun.wait(120)
    counts = json.loads(gun.output_since_start.splitlines()[-1])
    calls = read_log(log)
    wait_until(lambda: _has_none(switch), "no call is left", 60)
    wait_until(lambda: set(calls) <= set(_records_of_answered(switch)), "each answered call has a record", 10)
    tally.runs += 1
    tally.calls += len(calls)
    tally.early += counts["unfinished"]
    if is_patient:
        tally.stranded += (counts["callee_seen"] - counts["callee_ended"] - counts["callee_cancelled"]
                           - counts["callee_no_ack"])
    _weigh(tally, calls, _records_of_answered(switch), away)
    switch.terminate()
