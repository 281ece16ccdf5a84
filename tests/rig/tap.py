"""Reading the Test Anything Protocol, which every suite of the project speaks."""

import re
from dataclasses import dataclass, field

_PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*SKIP\s*(.*))?$", re.IGNORECASE)
_LINE = re.compile(r"^(not )?ok\b\s*(\d*)\s*-?\s*(.*)$")
_DIRECTIVE = re.compile(r"\s#\s*(SKIP|TODO)\b\s*(.*)$", re.IGNORECASE)


@dataclass
class Outcome:
    """What a suite came to. `failures` and `skips` are pairs: a claim, and why."""

    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def summary(self):
        """`12 passed, 0 failed`, with `, 1 skipped` only where something was skipped."""
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f", {len(self.skips)} skipped" if self.skips else "")


def parse(text, source=""):
    """Returns the Outcome of one TAP stream. Diagnostics (`# …`) belong to the line they stand before. Lines promised by
    the plan that never came, a missing plan and `Bail out!` are failures, named after `source`."""
    outcome = Outcome()
    prefix = f"{source}: " if source else ""
    planned, seen, notes = None, 0, []
    for line in text.splitlines():
        plan, result = _PLAN.match(line), _LINE.match(line)
        if plan:
            planned = int(plan[1])
            if planned == 0:
                outcome.skips.append((source or "everything", plan[2] or "no tests"))
        elif line.startswith("Bail out!"):
            outcome.failures.append((prefix + "ran to its end", line))
        elif line.startswith("#"):
            notes.append(line[1:].strip())
        elif result:
            seen += 1
            _take_line(outcome, prefix, bool(result[1]), result[3], "\n".join(notes))
            notes = []
    if planned is None:
        outcome.failures.append((prefix + "printed a plan", "no line 1..N"))
    elif seen < planned:
        why = "\n".join([f"only {seen} of {planned} tests reported"] + notes)
        outcome.failures.append((prefix + "ran to its end", why))
    return outcome


def _take_line(outcome, prefix, is_not_ok, name, notes):
    directive = _DIRECTIVE.search(name)
    claim = prefix + (name[: directive.start()] if directive else name)
    if directive and directive[1].upper() == "SKIP":
        outcome.skips.append((claim, directive[2]))
    elif is_not_ok and not directive:
        outcome.failures.append((claim, notes))
    else:
        outcome.passed += 1
