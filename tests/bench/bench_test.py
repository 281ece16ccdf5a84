"""The benchmarks, tiny: they run through, count every call, and write what they found."""

import json
import shutil
import subprocess
import sys

from rig.claims import Skip, time_limit
from rig.rig import BINARY, BUILD, ROOT


def kinds_here():
    kinds = (["belfry"] if BINARY.exists() else []) + (["kamailio"] if shutil.which("kamailio") else [])
    if not kinds:
        raise Skip("neither build/belfry nor kamailio (scripts/install-dependencies test)")
    return kinds


@time_limit(180)
def test_the_benchmarks_measure_each_switch_and_write_a_table(rig):
    kinds = kinds_here()
    done = subprocess.run([sys.executable, ROOT / "bench" / "run", "--smoke", "--rounds", "1", "--results", rig.directory],
                          capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(next(rig.directory.glob("2*.json")).read_text())
    floor = written["rounds"].pop("floor", [])
    assert sorted(written["rounds"]) == sorted(kinds), written["rounds"].keys()
    if (BUILD / "bench" / "floor").exists():
        assert floor and floor[0]["calls_low_us"] > 0 and floor[0]["calls_low_lost"] == 0, floor
    for kind, rounds in written["rounds"].items():
        figures = {key: value for one in rounds for key, value in one.items()}
        for key in ("calls_low_us", "most_calls", "options_rate", "register_rate"):
            assert figures[key] > 0, (kind, key, figures)
        for key in ("calls_low_lost", "calls_high_lost", "held_lost"):
            assert figures[key] == 0, (kind, key, figures)
        assert figures.get("calls_low_no_record") in (None, 0), (kind, figures)
    ours = {key: value for one in written["rounds"].get("belfry", []) for key, value in one.items()}
    if ours:
        refreshes = ours["refresh_rate"] * written["sizes"]["refresh_window_s"]
        assert refreshes > written["sizes"]["supervised"] and ours["refresh_lost"] == 0, ours
        assert ours["refresh_off_max"] < 1000, ours
    table = next(rig.directory.glob("2*.md")).read_text()
    assert "| whole call INVITE…BYE at 100/s " in table and "- processor: " in table, table
