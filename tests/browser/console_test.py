"""The operators' console in a real browser, on a real switch under real calls. Screenshots: build/browser."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from rig.cdr import expect_cdr
from rig.claims import Skip, needs, time_limit
from rig.ports import HOST
from rig.process import die_with_parent
from rig.switch import mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHOTS = ROOT / "build" / "browser"


def require_modules():
    """Installs what package-lock.json names where that is not there; where that is not possible, the test cannot run."""
    wanted = (HERE / "package-lock.json").read_text()
    stamp = HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    try:
        installed = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise Skip("npm could not install playwright-core and axe-core within 60 s") from None
    if installed.returncode != 0:
        raise Skip(f"npm cannot install playwright-core and axe-core: {installed.stderr.strip().splitlines()[-1:]}")
    stamp.write_text(wanted)


def use(switch, *steps, deadline_s=180):
    """Does steps of console.mjs against the switch; fails with its words."""
    require_modules()
    environment = {**os.environ, "BELFRY_URL": f"http://{HOST}:{switch.admin_port}", "BELFRY_SHOTS": str(SHOTS),
                   "BELFRY_TOKEN": (switch.data / "admin.token").read_text().strip()}
    done = subprocess.run(["node", HERE / "console.mjs", *steps], env=environment, capture_output=True, text=True,
                          timeout=deadline_s, preexec_fn=die_with_parent)
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"
    return done.stdout


def trunk(rig, **configuration):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)], **configuration)
    return switch, customer, vendor


def held_call(rig, switch, customer, vendor):
    """A call that talks until it is hung up; returns both sides and the call."""
    callee = rig.sipp("callee_is_refreshed", port=vendor, timeout_s=150)
    caller = rig.sipp("gateway_is_refreshed", port=customer, to=switch, timeout_s=150)
    caller.wait_for(200)
    call = wait_until(lambda: [c for c in switch.calls() if c.get("answered_at")], "the call is listed as answered")[0]
    return caller, callee, call


@needs("switch", "sipp", "node", "npm", "chromium")
@time_limit(300)
def test_every_screen_is_sound_in_both_themes_and_widths(rig):
    """axe-core finds nothing, nothing is wider than the screen, nothing is asked of other hosts, no script fails."""
    gun = ROOT / "build" / "tools" / "callgun" / "callgun"
    ports = {name: rig.port() for name in ("berlin", "london", "vendor-a", "vendor-b", "answer")}
    switch = rig.switch(
        phones=[phone(str(1001 + i), display=f"Desk {1 + i}") for i in range(12)],
        mapping_gateways=[mapping_gateway("customer-berlin", ports["berlin"]), mapping_gateway("customer-london", ports["london"], capacity=60)],
        routing_gateways=[routing_gateway("vendor-europe", ports["vendor-a"], prefixes=("44", "49"), capacity=200),
                          routing_gateway("vendor-world", ports["vendor-b"], priority=2)])
    for i in range(4):
        rig.phone(switch, str(1001 + i))
    refused = rig.sipp("callee_refuses", port=ports["vendor-b"], status=486, reason="Busy Here", calls=3)
    rig.sipp("gateway_is_refused", port=ports["london"], to=switch, status=486, number="331234", calls=3).done()
    refused.done()
    for local, rate, talk in (("berlin", 6, 5000), ("london", 1, 25000)):
        answer = ports["vendor-a"] if local == "berlin" else ports["vendor-b"]
        rig.process(f"callgun-{local}", [gun, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{ports[local]}",
                                         "--answer", f"{HOST}:{answer}", "--rate", rate, "--count", 100000, "--talk-ms", talk,
                                         "--ring-ms", 400, "--session-expires", 600, "--number", "4420" if local == "berlin" else "3312"])
    wait_until(lambda: len(switch.api.get("/api/v1/cdrs", limit=100)["items"]) > 12, "there are records", 30)
    use(switch, "look_at_everything", "look_in_chinese", deadline_s=280)


@needs("switch", "node", "npm", "chromium")
@time_limit(200)
def test_screens_with_nothing_on_them_are_sound(rig):
    use(rig.switch(), "look_at_emptiness")


@needs("switch", "node", "npm", "chromium")
@time_limit(200)
def test_users_sign_in_devices_and_parameters_change_and_chinese_is_spoken(rig):
    switch = rig.switch(phones=[phone(str(3001 + i), display=f"Desk {1 + i}", **({"address": f"{HOST}:{rig.port()}"} if i == 199 else {}))
                                for i in range(300)])
    rig.phone(switch, "3007")
    use(switch, "speak_chinese", "sign_in_and_out", "set_a_parameter", "apply_a_preset", "find_devices", "configure_devices")
    ttl = switch.api.get("/api/v1/parameters/SS_SIP_SESSION_TTL")
    assert ttl["value"] == 300 and ttl["changed_by"] == "token", ttl
    made = switch.api.get("/api/v1/phones/2001")
    assert (made["capacity"], made["keep_alive_period_s"]) == (2, 25) and "password" not in made, made
    assert switch.api.get("/api/v1/routing-gateways")["items"] == []
    rig.phone(switch, "2001")
    audit = switch.api.get("/api/v1/audit")["items"]
    changes = [(entry["change"]["from"], entry["change"]["to"]) for entry in audit if "parameter" in (entry["change"] or {})]
    assert (600, 777) in changes, audit
    assert {"sign-in", "sign-in refused"} <= {entry["what"] for entry in audit}, audit
    assert not any(secret in json.dumps(audit) for secret in ("correct horse", "secret of 2001", "secret of vendor-z", "surely not the token"))


@needs("switch", "sipp", "node", "npm", "chromium")
@time_limit(200)
def test_running_calls_obey_parameters_and_operators_records_are_found_and_many_calls_scroll(rig):
    switch, customer, vendor = trunk(rig)
    for status, reason in ((486, "Busy Here"), (603, "Decline")):
        callee = rig.sipp("callee_refuses", port=vendor, status=status, reason=reason)
        rig.sipp("gateway_is_refused", port=customer, to=switch, status=status).done()
        callee.done()
    switch.cdrs(2)
    caller, callee, call = held_call(rig, switch, customer, vendor)
    use(switch, "search_records", f"find_calls={call['caller']}", "scroll_through_calls=100000", f"shorten_refreshes={call['id']}", f"hang_up={call['caller']}")
    caller.done()
    callee.done()
    expect_cdr(switch.cdrs(3)[-1], id=call["id"], end_direction="switch", end_reason="operator")


@needs("switch", "sipp", "node", "npm", "chromium")
@time_limit(200)
def test_a_trunk_is_tested_and_a_trace_kept_from_the_console(rig):
    switch, _, vendor = trunk(rig)
    far_side = rig.sipp("callee_is_tried", port=vendor, calls=2, alone_status="200 OK", timeout_s=100)
    use(switch, "test_a_trunk=4420999", "keep_a_trace=4420999")
    far_side.done()
    expect_cdr(switch.cdr(), end_reason="trunk_test", end_direction="switch", callee="4420999")
    assert switch.api.get("/api/v1/debug-traces")["items"] == []


@needs("node", "npm")
@time_limit(120)
def test_the_console_has_no_errors_of_types(rig):
    require_modules()
    if not (ROOT / "web/node_modules/preact").is_dir():
        raise Skip("the console could not be built, so what it stands on is not there")
    done = subprocess.run([HERE / "node_modules/.bin/tsc", "--project", ROOT / "web"], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout
