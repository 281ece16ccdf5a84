"""What the figures were measured on."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from rig.rig import BUILD

from .switches import Kamailio

ROOT = Path(__file__).resolve().parent.parent


def _first_line(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.partition("\n")[0].strip()
    except FileNotFoundError:
        return ""


def _build_options():
    """"debugoptimized", and what else sets the build apart from the default one."""
    try:
        listing = json.loads(_first_line("meson", "introspect", "--buildoptions", BUILD) or "[]")
    except ValueError:
        return ""
    values = {option["name"]: option["value"] for option in listing}
    extra = [", with a profile"] * (values.get("b_pgo") == "use") + [", linked as a whole"] * bool(values.get("b_lto"))
    return values.get("buildtype", "") + "".join(extra)


def describe(cores):
    """Lines of (what, value)."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory_kb = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    changed = " with changes" if _first_line("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {
        "processor": f"{processor[1] if processor else platform.machine()}, {os.cpu_count()} cores, "
                     f"the switch on {cores[0]}, callgun on {cores[1]}",
        "memory": f"{memory_kb / 1024 ** 2:.0f} GiB",
        "system": f"{system[1] if system else '?'}, Linux {platform.release()}",
        "belfry": f"{_first_line('git', 'rev-parse', '--short', 'HEAD')}{changed}, {_first_line('cc', '--version')}, "
                  f"{_build_options()}",
        "kamailio": Kamailio.missing() or f"{Kamailio.version()}, -x tlsf -X tlsf, one child",
        "load average at the start": "%.2f %.2f %.2f" % os.getloadavg(),
    }
