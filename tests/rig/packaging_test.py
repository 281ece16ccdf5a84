"""What stands in packaging/ fits the switch: names of metrics, the log's lines, the commands."""

import configparser
import json
import re
import subprocess
from pathlib import Path

from rig.api import Api
from rig.claims import needs
from rig.ports import HOST

PACKAGING = Path(__file__).resolve().parent.parent.parent / "packaging"


def metrics_of(switch):
    text = Api(HOST, switch.admin_port).ask("GET", "/metrics").text
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


@needs("switch")
def test_dashboard_and_alert_rules_name_metrics_that_exist(rig):
    known = metrics_of(rig.switch())
    dashboard = json.loads((PACKAGING / "grafana/belfry.json").read_text())
    words = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    words += re.findall(r"expr: >?-?([^#]*?)\n\s+(?:for|labels):", (PACKAGING / "prometheus/belfry.rules.yml").read_text())
    assert len(words) > 40, words
    for text in words:
        unknown = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bbelfry_\w+", text)} - known
        assert not unknown, unknown


@needs("switch")
def test_every_metric_has_a_help_text_and_counters_say_that_they_count(rig):
    text = Api(HOST, rig.switch().admin_port).ask("GET", "/metrics").text
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert set(helps) == set(types) and all(len(words) > 10 for words in helps.values()), set(helps) ^ set(types)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in types.items()), types


def test_the_fail2ban_filter_reads_the_lines_and_only_those(rig):
    parser = configparser.RawConfigParser()
    parser.read(PACKAGING / "fail2ban/belfry.conf")
    definition = parser["Definition"]

    def matches(line, mode):
        events = definition[f"events-{mode}"].replace("<events-proven>", definition["events-proven"])
        expression = definition["failregex"].replace("<events-<mode>>", events)
        found = re.search(expression.replace("<HOST>", r"\[?(?P<host>[0-9a-f.:]+)\]?"), line)
        return found and found["host"]

    stamp = "2026-11-22T17:30:01.123456Z "
    for event in ("device-wrong-password", "device-suspended", "sign-in-refused", "sign-in-locked-out", "token-refused"):
        assert matches(f'{stamp}security event={event} address=192.0.2.7 user="1001"', "proven") == "192.0.2.7", event
    assert matches(f"{stamp}security event=token-refused address=[2001:db8::1]", "proven") == "2001:db8::1"
    assert matches(f'{stamp}security event=stranger address=192.0.2.7 user="x%22"', "all") == "192.0.2.7"
    assert not matches(f"{stamp}security event=stranger address=192.0.2.7", "proven")
    assert not matches(f'{stamp}something security event=stranger address=192.0.2.7', "all")


@needs("switch", "bash")
def test_the_completion_knows_every_command_and_parameter(rig):
    switch = rig.switch()

    def completed(*words):
        script = f"""PATH={switch.rig.binary.parent}:$PATH; source {PACKAGING}/bash-completion/belfry
            COMP_WORDS=(belfry {' '.join(words)}); COMP_CWORD={len(words)}; _belfry; printf '%s\\n' "${{COMPREPLY[@]}}" """
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20).stdout.split()

    assert {"calls", "hangup", "status", "serve", "preset"} <= set(completed('""'))
    assert completed("ha") == ["hangup"]
    data = str(switch.data)
    assert "SS_SIP_SESSION_TTL" in completed("get", "--data", data, '""')
    assert completed("set", "SS_X", "--data", data, '""') == []
    assert completed("preset", "wh") == ["wholesale"]
    assert not any(word.startswith("-") for word in completed('""'))
    assert completed("serve", "--tls-c") == ["--tls-certificate", "--tls-clients"]
