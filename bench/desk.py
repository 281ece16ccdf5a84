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

from rig.ports import HOST, free_port
from rig.process import die_with_parent

from .gun import Gun, losses
from .switches import PASSWORD, USER_PREFIX

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MS = 200  # of each answer
SHORT_CALLS, TALK_MS = "39", 2000  # numbers of calls that come and go begin so; they talk so long
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
    ("records", "cdrs?reason=busy&limit=200"), ("records", "cdrs?gateway=vendor-2&limit=200"), ("records", "cdrs?gateway=nobody&limit=200"),
    ("records", "cdrs?caller={caller}&limit=200"), ("records", "cdrs?callee={callee}&from={from}&limit=200"), ("records", "cdrs/{cdr}"),
    ("records", "cdrs/{cdr}/explanation"),
    ("trace", "trace?call={call}&keepalives=0"), ("trace", "trace?call={cdr}&keepalives=0"), ("trace", "trace?number={callee}&since=15m&keepalives=0"),
    ("trace", "trace?device=vendor-2&since=15m&keepalives=0"), ("trace", "trace?since=5m&keepalives=0"), ("trace", "debug-traces"),
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
        print("WITHOUT the browser: " + " ".join(line for line in done.stderr.splitlines() if "rror" in line or "waiting" in line)[:500])
        return None
    return json.loads(done.stdout)


def second_gun(under_test):
    """Another callgun, known to the switch as a customer and a vendor of its own: the first one holds its calls."""
    local, answer, capacity = free_port(), free_port(), {"capacity": 100000}
    under_test.switch.api.put("/api/v1/mapping-gateways/customer-2", {"addresses": [f"{HOST}:{local}"]} | capacity)
    under_test.switch.api.put("/api/v1/routing-gateways/vendor-2", {"address": f"{HOST}:{answer}", "prefixes": [SHORT_CALLS]} | capacity)
    return Gun(under_test.gun.binary, under_test.gun.core, under_test.gun.target, f"{HOST}:{local}", f"{HOST}:{answer}")


def look(under_test, sizes, goes_on):
    """Asks everything over and over; returns the times, and what the switch took meanwhile in percent of its core."""
    looker, before_s, began = Desk(under_test.switch), under_test.processor_s(), time.monotonic()
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {under_test.gun.core})  # an operator's browser does not run on the switch's core
    for _ in range(sizes.desk_rounds):
        if not goes_on():
            break
        looker.round()
    os.sched_setaffinity(0, everywhere)
    return looker, (under_test.processor_s() - before_s) / (time.monotonic() - began) * 100


def desk(launch, sizes):
    """Phones register, calls are held, others come and go, and an operator looks at everything meanwhile."""
    missing = asked_by_console() - {re.split(r"[/?]", question)[0] for _, question in QUESTIONS}
    assert not missing, f"the console asks for {missing}, and nobody measures that"
    phones = {"user": USER_PREFIX, "password": PASSWORD, "expires": 36000, "apart": True, "users": sizes.desk_phones}
    each = {"spin": False, "ring_ms": 20, "session_expires": 1800}
    with launch(users=sizes.desk_phones) as under_test:
        under_test.gun.run("register", spin=False, count=sizes.desk_phones, window=sizes.window, **phones)
        holder = under_test.gun.start("calls", rate=sizes.held_rate, count=sizes.desk_held, window=sizes.desk_held, hold=True, number="4420", **each)
        there = holder.wait_until_holding()
        count = int(sizes.desk_rate * sizes.desk_s)
        placer = second_gun(under_test).start("calls", rate=sizes.desk_rate, count=count, window=count, talk_ms=TALK_MS, number=SHORT_CALLS, **each)
        placer.sleep_until(TALK_MS / 1000 + 1)
        looker, busy = look(under_test, sizes, lambda: placer.popen.poll() is None and time.monotonic() < placer.started + sizes.desk_s)
        browser = look_with_browser(under_test.switch, under_test.gun.core) if sizes.desk_browser else None
        still_there = under_test.switch.api.get("/api/v1/calls", limit=1, number="4420")["total"]
        placed = placer.report()
        held = holder.report(end=True, at_once=True)
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
        "desk_lost": losses(placed) + placed["ended_by_far_side"] + sizes.desk_held - still_there,
        "desk_busy": busy,
        "report": {"p99_ms": p99, "browser": browser, "held": there, "still_held": still_there, "placed": placed, "holder": held},
    }
