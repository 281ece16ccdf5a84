"""Finds the black-box tests and runs each in a process and a process group of its own, several at a time; prints TAP.

A test is a function `test_…(rig)` in tests/*/…_test.py, named as a claim. `@needs("sipp", "switch")` says which programs
it cannot do without (`switch` is the binary itself), `@time_limit(60)` gives it more than the usual time."""

import argparse
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from .claims import Skip
from .process import die_with_parent
from .rig import BINARY, ROOT, Rig

USUAL_LIMIT_S = 60
NO_SWITCH = "build/belfry does not serve yet"
KEPT = ROOT / "build" / "black-box"


@dataclass
class Case:
    name: str
    function: object
    number: int = 0
    pid: int = 0
    directory: Path = None
    started: float = 0.0

    @property
    def limit_s(self):
        return getattr(self.function, "limit_s", USUAL_LIMIT_S)


def load(path):
    """Returns the test functions of one file, in its order."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    claims = [value for name, value in vars(module).items() if name.startswith("test_") and callable(value)]
    return [Case(f"{path.parent.name}: {claim.__name__}", claim) for claim in claims]


def missing_of(case):
    """Why this test cannot run here, or an empty string."""
    for program in getattr(case.function, "needs", ()):
        if program == "switch":
            if not BINARY.exists():
                return NO_SWITCH
        elif not shutil.which(program):
            return f"{program} is not installed (scripts/install-dependencies test)"
    return ""


def run_in_child(case):
    """Runs the test and ends the process: 0 passed, 1 failed, 2 skipped; the words are in DIRECTORY/verdict."""
    os.setsid()
    die_with_parent()
    with open(os.devnull) as nothing, open(case.directory / "test.out", "w") as output:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    rig = Rig(case.directory)
    status, words = 0, ""
    try:
        case.function(rig)
        rig.end_switches()
    except Skip as reason:
        status, words = 2, str(reason)
    except BaseException as error:
        status, words = 1, explain(error, rig)
    (case.directory / "verdict").write_text(words)
    try:
        rig.close()
    finally:
        sys.stdout.flush()
        os._exit(status)


def explain(error, rig):
    """What failed, where in the test, and the last words of every program that took part."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("_test.py")]
    where = [f"{Path(frame.filename).name}:{frame.lineno}: {frame.line}" for frame in frames]
    if isinstance(error, AssertionError):
        what = [str(error) or "assertion failed"]
    else:
        what = traceback.format_exception(error)
    words = where + what
    for process in rig.processes:
        words += ["", f"--- {process.name}: {' '.join(process.command)}", process.tail(25)]
    return "\n".join(words)


def start(case):
    case.directory = Path(tempfile.mkdtemp(prefix="belfry-"))
    case.started = time.monotonic()
    sys.stdout.flush()
    case.pid = os.fork()
    if case.pid == 0:
        run_in_child(case)


def kill_group(case):
    try:
        os.killpg(case.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def finish(case, wait_status, keep):
    """Ends what the test left behind and prints its line. Returns whether it failed."""
    kill_group(case)
    took_s = time.monotonic() - case.started
    verdict = case.directory / "verdict"
    status = os.WEXITSTATUS(wait_status) if os.WIFEXITED(wait_status) else 1
    if verdict.exists():
        words = verdict.read_text()
    else:
        is_late = took_s > case.limit_s
        words = f"no end within {case.limit_s} s" if is_late else f"the test itself ended with wait status {wait_status}"
        words += "".join(f"\n--- {path.name}\n{last_lines(path)}" for path in sorted(case.directory.glob("*.out")))
    is_failed = status not in (0, 2)
    if is_failed or keep:
        kept = KEPT / case.function.__name__
        shutil.rmtree(kept, ignore_errors=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        shutil.move(case.directory, kept)
        if is_failed:
            words += f"\n(all its files: {kept.relative_to(ROOT)}; again: tests/rig/run -k {case.function.__name__})"
    else:
        shutil.rmtree(case.directory, ignore_errors=True)
    if is_failed:
        print("\n".join(f"# {line}" for line in words.splitlines()))
    skip = f" # SKIP {words}" if status == 2 else ""
    print(f"{'not ok' if is_failed else 'ok'} {case.number} - {case.name} ({took_s:.1f} s){skip}", flush=True)
    return is_failed


def last_lines(path, lines=20):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def run_all(cases, at_once, keep):
    """Runs the cases, at most `at_once` together; returns how many failed."""
    waiting, running, failed = list(cases), {}, 0
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                case = waiting.pop(0)
                start(case)
                running[case.pid] = case
            pid, wait_status = os.waitpid(-1, os.WNOHANG)
            if pid in running:
                failed += finish(running.pop(pid), wait_status, keep)
                continue
            for case in running.values():
                if time.monotonic() > case.started + case.limit_s:
                    kill_group(case)
            time.sleep(0.02)
    finally:
        for case in running.values():
            kill_group(case)
    return failed


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/rig/run", description="Runs the black-box tests; prints TAP.")
    parser.add_argument("-k", metavar="TEXT", default="", help="only tests with TEXT in their name")
    parser.add_argument("-j", metavar="N", type=int, default=2 * (os.cpu_count() or 1), help="so many at a time")
    parser.add_argument("--keep", action="store_true", help="keep the files of tests that pass, too (build/black-box)")
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("files", nargs="*", type=Path, help="test files (all, unless named)")
    options = parser.parse_args(arguments)
    files = [path.resolve() for path in options.files] or sorted(ROOT.glob("tests/*/*_test.py"))
    if not options.files:  # a browser needs the processor for itself: `tests/run browser`
        files = [path for path in files if path.parent.name != "browser"]
    cases = [case for path in files for case in load(path) if options.k in case.name]
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"1..{len(cases)}")
    able = []
    for number, case in enumerate(cases, 1):
        case.number = number
        reason = missing_of(case)
        if reason:
            print(f"ok {number} - {case.name} # SKIP {reason}")
        else:
            able.append(case)
    return 1 if run_all(able, max(options.j, 1), options.keep) else 0
