"""bench/run: the switch on one core, callgun on the other, Belfry, Kamailio and the kernel's floor by turns.

Prints a table of medians and ratios, and writes it with the machine's description to bench/results/."""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from rig.process import die_with_parent

from . import machine, measures, results, switches

ROOT = Path(__file__).resolve().parent.parent
PRIORITY = -19  # so that what else runs on the machine disturbs less; needs a privilege
AUTOGROUP = Path("/proc/self/autogroup")  # Linux weighs sessions first, processes within them second


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__.partition("\n")[0])
    names = [measure.name for measure in measures.MEASURES]
    kinds = [kind.name for kind in switches.KINDS]
    usual = [measure.name for measure in measures.MEASURES if not measure.on_request]
    parser.add_argument("--only", nargs="+", choices=names, default=usual,
                        help="some benchmarks only; without it all but those that take long: "
                        + ", ".join(set(names) - set(usual)))
    parser.add_argument("--switch", nargs="+", choices=kinds, default=kinds, help="one of the switches only")
    parser.add_argument("--rounds", type=int, default=3, help="of each switch (3)")
    parser.add_argument("--smoke", action="store_true", help="tiny: proves that the benchmarks work, measures nothing")
    parser.add_argument("--beside", action="store_true", help="at usual priority, beside other work")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results", metavar="DIR", help="where to write")
    return parser.parse_args(arguments)


def choose_cores():
    """One for the switch, one for callgun."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("bench/run: needs two cores: one for the switch, one for callgun")
    return cores[0], cores[-1]


def choose_kinds(names):
    """The switches that can run here; says loudly which cannot."""
    kinds = []
    for kind in switches.KINDS:
        if kind.name not in names:
            continue
        if kind.missing():
            print(f"WITHOUT {kind.name}: {kind.missing()}", file=sys.stderr)
        else:
            kinds.append(kind)
    if not kinds or not switches.CALLGUN.exists():
        sys.exit("bench/run: nothing to measure (make build, scripts/install-dependencies bench)")
    return kinds


def kinds_for(measure, kinds):
    """Those that take part: the floor only where it is asked for."""
    here = [kind for kind in kinds if kind is not switches.Floor or measure.has_floor]
    return [kind for kind in here if kind is switches.Belfry or not measure.only_belfry]


def enter_session():
    """Goes on in a session of its own with high priority; the caller's process waits for it and hands on its status."""
    child = os.fork()
    if child:
        try:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) and 1)
        except KeyboardInterrupt:
            os.kill(child, signal.SIGTERM)
            sys.exit(130)
    die_with_parent()
    os.setsid()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        if AUTOGROUP.exists():
            AUTOGROUP.write_text(str(PRIORITY))
    except OSError:
        print("bench/run: runs at usual priority; on a busy machine run it as root", file=sys.stderr)


def run_once(kind, measure, sizes, cores):
    """One round of one benchmark with one switch, in a directory on the project's own disk."""
    scratch = ROOT / "build" / "bench"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        def launch(**options):
            return kind(Path(tempfile.mkdtemp(dir=directory)), cores, **options)
        started = time.monotonic()
        figures = measure.function(launch, sizes)
    shown = ", ".join(f"{key} {value:,.2f}" for key, value in figures.items() if isinstance(value, (int, float)))
    print(f"{measure.name:<10} {kind.name:<9} {time.monotonic() - started:5.0f} s   {shown}", flush=True)
    return {"measure": measure.name, **figures}


def main(arguments):
    options = parse(arguments)
    sizes = measures.SMOKE if options.smoke else measures.Sizes()
    cores, kinds = choose_cores(), choose_kinds(options.switch)
    if not options.beside:
        enter_session()
    description = machine.describe(cores)
    found = {kind.name: [] for kind in kinds}
    for measure in measures.MEASURES:
        for _ in range(min(options.rounds, measure.rounds_max) if measure.name in options.only else 0):
            for kind in kinds_for(measure, kinds):
                found[kind.name].append(run_once(kind, measure, sizes, cores))
    print("\n" + "\n".join(results.table(found, sizes)))
    stamp = time.strftime("%Y-%m-%d-%H%M", time.gmtime())
    print(f"\nwritten to {results.write(options.results, stamp, description, found, sizes)}")
    return 0
