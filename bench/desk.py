"""The operators' desk under load: what each question of the console's screens takes while calls are held and placed."""

import http.client
import json
import os
import re
import subprocess
import time
import urllib.parse
from pathlib import Path
from statistics import median

from rig.process import die_with_parent

from .gun import losses
from .switches import PASSWORD, USER_PREFIX

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MS = 200  # of each answer
SCREEN = "limit=33"  # so many rows are in sight

# (screen, question): every GET of web/src. {call}, {cdr} … are found out before.
QUESTIONS = [
    ("frame", "session"), ("frame", "status"),
    ("overview", "history?span=hour&step=5"), ("overview", "history?span=week&step=10"), ("overview", "traffic"),
    ("calls", f"calls?q=&sort=-talk&offset=0&{SCREEN}"), ("calls", f"calls?sort=-talk&offset={{middle}}&{SCREEN}"),
    ("calls", f"calls?sort=caller&{SCREEN}"), ("calls", f"calls?q=4420&sort=-talk&{SCREEN}"),
    ("calls", f"calls?state=up&refresher=us&expires_within_s=300&sort=expires&{SCREEN}"), ("calls", "calls/{call}"),
    ("registrations", f"registrations?sort=number&{SCREEN}"), ("registrations", f"registrations?sort=-source&offset={{far}}&{SCREEN}"),
    ("registrations", f"registrations?q=127.64&state=reachable&sort=expires&{SCREEN}"),
    ("phones", f"phones?sort=name&{SCREEN}"), ("phones", f"phones?sort=-changed&offset={{far}}&{SCREEN}"),
    ("phones", f"phones?q=99&sort=lines&{SCREEN}"),
    ("gateways", f"mapping-gateways?sort=name&{SCREEN}"), ("gateways", f"routing-gateways?sort=-asr&{SCREEN}"),
    ("gateways", "mapping-gateways?limit=500"), ("gateways", "routing-gateways/vendor/test"),
    ("records", "cdrs?limit=200"), ("records", "cdrs?limit=200&cursor={cursor}"), ("records", "cdrs?reason=normal&limit=200"),
    ("records", "cdrs?reason=busy&limit=200"), ("records", "cdrs?gateway=vendor&limit=200"), ("records", "cdrs?gateway=nobody&limit=200"),
    ("records", "cdrs?caller={caller}&limit=200"), ("records", "cdrs?callee={callee}&from={from}&limit=200"), ("records", "cdrs/{cdr}"),
    ("records", "cdrs/{cdr}/explanation"),
    ("trace", "trace?call={call}&keepalives=0"), ("trace", "trace?call={cdr}&keepalives=0"), ("trace", "trace?number={callee}&since=15m&keepalives=0"),
    ("trace", "trace?device=vendor&since=15m&keepalives=0"), ("trace", "trace?since=5m&keepalives=0"), ("trace", "debug-traces"),
    ("doctor", "doctor?latest=1&again=1"),
    ("parameters", "parameters"), ("parameters", "presets"), ("parameters", "parameters/SS_SIP_SESSION_TTL/effect?value=300"),
    ("parameters", "audit?limit=1000"),
    ("users", "users"), ("users", "tokens"), ("monitors", "../../metrics"), ("monitors", "../../healthz"),
]


def asked_by_console():
    """The first words of the paths that web/src asks for with GET."""
    text = "".join(path.read_text() for path in sorted((ROOT / "web" / "src").rglob("*.ts*")))
    asked = re.findall(r"\b(?:get|useFound|all)<[^(]*>\(\s*[`\"]([a-z-]+)", text)
    return set(asked)


class Desk:
    """A console's questions, one after the other over one connection, and how long each took."""

    def __init__(self, switch):
        self.api, self.times_ms, self.bytes = switch.api, {}, {}
        self.connection = http.client.HTTPConnection(self.api.host, self.api.port, timeout=30)

    def ask(self, question):
        began = time.monotonic()
        self.connection.request("GET", f"/api/v1/{question}".replace("/api/v1/../..", ""), headers={"Authorization": f"Bearer {self.api.token}"})
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, body, (time.monotonic() - began) * 1000

    def samples(self):
        """What the questions need to know: a call that talks, a record, where a second page begins."""
        calls = self.api.get("/api/v1/calls", sort="-talk", limit=1)
        page = self.api.get("/api/v1/cdrs", limit=200)
        ended = next((cdr for cdr in page["items"] if cdr["ended_at"]), page["items"][0])
        phones = self.api.get("/api/v1/phones", sort="name", limit=1)["total"]
        return {"call": calls["items"][0]["id"], "middle": calls["total"] // 2, "far": max(phones - 100, 0), "cursor": page["next_cursor"] or "",
                "cdr": ended["id"], "caller": ended["caller"], "callee": ended["callee"], "from": ended["started_at"][:10]}

    def round(self):
        """Asks everything once."""
        samples = {name: urllib.parse.quote(str(value)) for name, value in self.samples().items()}
        for screen, question in QUESTIONS:
            if "{cursor}" in question and not samples["cursor"]:
                continue
            status, body, took_ms = self.ask(question.format(**samples))
            assert status in (200, 404) and (status == 200 or "{" in question or "/test" in question), f"{question}: {status} {body[:200]}"
            self.times_ms.setdefault((screen, question), []).append(took_ms)
            self.bytes[screen, question] = len(body)

    def table(self):
        """Lines for people, the slowest first."""
        lines = [f"{'screen':<14} {'question':<78} {'median':>8} {'99th':>8} {'most':>8} {'kB':>8}"]
        rows = sorted(self.times_ms.items(), key=lambda row: -percentile(row[1], 99))
        for (screen, question), times in rows:
            lines.append(f"{screen:<14} {question:<78} {median(times):8.1f} {percentile(times, 99):8.1f} {max(times):8.1f} "
                         f"{self.bytes[screen, question] / 1000:8.1f}")
        return lines


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def look_with_browser(switch, core):
    """Every screen in Chromium, where it is there: what its answers take, and until the screen shows them."""
    environment = {**os.environ, "BELFRY_URL": f"http://{switch.api.host}:{switch.api.port}", "BELFRY_TOKEN": switch.api.token}
    done = subprocess.run(["taskset", "-c", str(core), "node", ROOT / "tests" / "browser" / "desk_load.mjs"], env=environment,
                          capture_output=True, text=True, timeout=150, preexec_fn=die_with_parent)
    if done.returncode != 0:
        print(f"WITHOUT the browser: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        return None
    return json.loads(done.stdout)


def desk(launch, sizes):
    """Phones register, calls are held and as many come as go, and an operator looks at everything meanwhile."""
    missing = asked_by_console() - {re.split(r"[/?]", question)[0] for _, question in QUESTIONS}
    assert not missing, f"the console asks for {missing}, and nobody measures that"
    rate, held_s = sizes.desk_rate, sizes.desk_held / sizes.desk_rate
    phones = {"user": USER_PREFIX, "password": PASSWORD, "expires": 36000, "apart": True, "users": sizes.desk_phones}
    with launch(users=sizes.desk_phones) as under_test:
        switch, gun = under_test.switch, under_test.gun
        gun.run("register", count=sizes.desk_phones, window=sizes.window, **phones)
        count = int(rate * (held_s + sizes.desk_s))
        calls = gun.start("calls", spin=False, rate=rate, count=count, talk_ms=int(held_s * 1000), ring_ms=20, session_expires=1800,
                          window=sizes.desk_held * 2 + rate * 20, number="4420")
        calls.sleep_until(held_s + 2)
        there, processor_s, began = switch.api.get("/api/v1/status")["calls"]["current"], under_test.processor_s(), time.monotonic()
        looker = Desk(switch)
        rounds = 0
        while rounds < sizes.desk_rounds and calls.popen.poll() is None and time.monotonic() < calls.started + held_s + sizes.desk_s:
            looker.round()
            rounds += 1
        busy = (under_test.processor_s() - processor_s) / (time.monotonic() - began) * 100
        browser = look_with_browser(switch, gun.core) if sizes.desk_browser else None
        report = calls.report()
        counters = switch.api.get("/api/v1/status")["counters"]
    print("\n".join(looker.table()))
    for screen in browser or []:
        print(f"browser: {screen['screen']:<20} shown after {screen['shown_ms']:7.0f} ms, slowest answer {screen['slowest_ms']:7.0f} ms ({screen['slowest']})")
    p99 = {f"{screen}: {question}": percentile(times, 99) for (screen, question), times in looker.times_ms.items()}
    return {
        "desk_median": median(time for times in looker.times_ms.values() for time in times),
        "desk_slowest_p99": max(p99.values()),
        "desk_slowest_max": max(time for times in looker.times_ms.values() for time in times),
        "desk_late": sum(value > LIMIT_MS for value in p99.values()),
        "desk_browser_max": max((screen["slowest_ms"] for screen in browser), default=None) if browser else None,
        "desk_lost": losses(report) + report["ended_by_far_side"],
        "desk_dropped": counters.get("kernel_drops", 0) if isinstance(counters, dict) else 0,
        "desk_calls": there,
        "desk_busy": busy,
        "report": {"p99_ms": p99, "rounds": rounds, "browser": browser, "calls": report},
    }
