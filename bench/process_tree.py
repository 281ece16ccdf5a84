"""What a program and its children cost: processor time and memory, read from /proc."""

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # in what follows the name in /proc/PID/stat


def _descendants(pid):
    """The process and all below it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(word) for word in children.read_text().split()]
    return found


def processor_s(pid):
    """User and system time of all threads of the process and its children so far."""
    ticks = 0
    for each in _descendants(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[_UTIME]) + int(fields[_STIME])
    return ticks * _TICK_S


def memory_bytes(pid):
    """What they keep resident, pages shared among them counted once (PSS)."""
    kilobytes = 0
    for each in _descendants(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024


def own_bytes(pid):
    """What they keep resident of their own, mapped files left out. Unlike PSS it is read at once: to add up the pages of a
    gigabyte takes the kernel some tenths of a second, in which who is measured and who measures wait."""
    kilobytes = 0
    for each in _descendants(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024
