"""Running tools/callgun: a pinned process whose report is one JSON object."""

import json
import subprocess
import time

from rig.process import die_with_parent


class GunFailed(Exception):
    """callgun itself could not do its work; what it said."""


class RunningGun:
    """A callgun at work."""

    def __init__(self, command, limit_s):
        self.command, self.limit_s = command, limit_s
        self.started = time.monotonic()
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, preexec_fn=die_with_parent)

    def wait_until_holding(self):
        """Waits until all that is to be held is there; returns how many."""
        line = self.popen.stdout.readline()
        if "holding" not in line:
            raise GunFailed(f"{' '.join(self.command)}: nothing is held: {line or self.popen.communicate()[1]}")
        return json.loads(line)["holding"]

    def sleep_until(self, seconds):
        """Sleeps until so long after the start."""
        time.sleep(max(self.started + seconds - time.monotonic(), 0))

    def report(self, end=False, at_once=False):
        """Waits for the end (`end`: asks for it; `at_once`: without hanging up) and returns the counts and percentiles."""
        if end:
            self.popen.terminate()
        if end and at_once:
            time.sleep(1)  # two signals at the same time are one
            self.popen.terminate()
        try:
            output, errors = self.popen.communicate(timeout=self.limit_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise GunFailed(f"{' '.join(self.command)}: no end within {self.limit_s:.0f} s") from None
        if self.popen.returncode not in (0, 1):
            raise GunFailed(f"{' '.join(self.command)}: exit status {self.popen.returncode}: {errors}")
        return json.loads(output.splitlines()[-1])


class Gun:
    """Starts callgun on one core, always from the same address, so that a switch may know it by that."""

    def __init__(self, binary, core, target, local, answer):
        self.binary, self.core = binary, core
        self.target, self.local, self.answer = target, local, answer

    def start(self, work, limit_s=600, spin=True, **options):
        """`rate=100, ring_ms=20` become `--rate 100 --ring-ms 20`; True is a flag alone. `spin` False: it sleeps where it
        can, and the switch is charged with waking it."""
        local = self.local.rpartition(":")[0] + ":0" if options.get("apart") else self.local  # that port of all addresses
        words = ["--target", self.target, "--local", local]
        words += ["--answer", self.answer] if work == "calls" else []
        for name, value in options.items():
            words += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
        command = ["taskset", "-c", self.core, self.binary, work, *words, *["--spin"] * spin, "--json"]
        return RunningGun([str(word) for word in command], limit_s)

    def run(self, work, **options):
        return self.start(work, **options).report()


def losses(report):
    """Everything that was due and did not come to a good end."""
    return report["started"] - report["completed"] + report["skipped"]
