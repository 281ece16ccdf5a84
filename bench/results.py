"""Medians, ratios, the table, and the files in bench/results."""

import json
from dataclasses import asdict
from statistics import median

from . import measures

NOTES = """\
- Medians of alternating rounds, least and most in brackets. Processor time is user and system time of the whole switch
  (all threads, all processes) from /proc, without what it takes when idle. UDP on loopback.
- A call is INVITE, 100, 180, 200 after {ring} ms, ACK, BYE, 200 with session timers offered; Belfry is two legs and
  writes a record of each, Kamailio passes one dialog through and writes none. The window of {window:g} s lies in steady
  load: transactions of {warm:g} s are there, and as many come as go; lookups of records are made in it once or twice.
- The floor is no switch: a program that receives and sends the same datagrams, thirteen a call, in batches as Belfry
  does, and does nothing in between (bench/floor.c). What is above it is the switch's own; machines differ in both.
- Times count from when a call was due to start, so that a late generator cannot flatter the switch.
- The flight recorder is switched off and on in one run, {turns} windows of {recorder:g} s in the order with, without,
  without, with, medians of each; its files are full, and written over, once in some four seconds at {low}/s.
- Most calls: {step:g} s at each rate, all calls completed, 99 of 100 set up within 100 ms.
- Memory of a call or registration is what comes on top of memory that short calls, or OPTIONS, at the same pace had used
  before: of Belfry what is its own (files that it maps left out), of Kamailio what its own allocator counts as used after 12 s, which is kinder. Everything
  resident is the PSS of all processes and does have room for transactions, which live for 5 s in Kamailio and for the
  32 s of RFC 3261 in Belfry. Kamailio's registrar answers without transactions and knows one password for all.
- Session refreshes: UPDATE and its 200, on each leg by itself, every {refresh:g} s ({million:g} s with a million), at the
  switch's usual clock; callgun is both ends and compares each refresh with the moment of the answer and so many periods.
- Recovery: the middle itself has written the journal (bench/open_calls.c), whose files are still in memory, as after a
  kill; processor time includes what every start takes. Callers of twenty calls say BYE from before the start on.
- Keep-alives: devices on addresses of their own (callgun --apart), Belfry's text HELLO, Kamailio's four zero bytes
  (nathelper, one process). The cost holds the REGISTERs that fall due meanwhile, some five a second.
- What the kernel alone takes is measured in the same round on the same cores (bench_udp_floor), without anything else to do
  or to have in the caches: a loop of recvmmsg and sendmmsg with {request:,} bytes in and {answer:,} out, and one of sendmmsg
  with five bytes. On the loopback the receiving half of what is sent is done in the sender's time.
"""


def figures_of(rounds, key):
    """All values of a row, of every round that has it."""
    return [figures[key] for figures in rounds if figures.get(key) is not None]


def _number(value, digits):
    return f"{value:,.{digits}f}"


def _cell(values, digits):
    if not values:
        return "–"
    spread = f" ({_number(min(values), digits)}–{_number(max(values), digits)})" if min(values) != max(values) else ""
    return _number(median(values), digits) + spread


def _ratio(ours, theirs):
    if not ours or not theirs or median(theirs) <= 0 or median(ours) <= 0:
        return ""
    return f"{median(ours) / median(theirs):.2f}"


def _verdict(row, ours):
    """The goal, and whether Belfry's median keeps it."""
    if row.goal is None:
        return ""
    sign = "≥" if row.better == "more" else "≤"
    kept = not ours or (median(ours) >= row.goal if row.better == "more" else median(ours) <= row.goal)
    return f"{sign} {row.goal:,g}" + (" ✓" if ours and kept else " ✗" if ours else "")


def table(results, sizes):
    """Lines of a Markdown table. `results` maps a switch's name to its rounds, each a dict of figures."""
    names = {"low": sizes.rates[0], "high": sizes.rates[1], "held": f"{sizes.held:,}", "users": f"{sizes.users:,}",
             "ring": measures.RING_MS, "devices": f"{sizes.devices:,}", "keep_alive": sizes.keep_alive_s,
             "registrations": f"{sizes.registrations:,}", "registration_rate": f"{sizes.registration_rate:,}",
             "registration_ping": sizes.registration_ping_s,
             "recovered": f"{sizes.recovered:,}", "recovered_million": f"{sizes.recovered_million:,}",
             "desk_held": f"{sizes.desk_held:,}", "desk_rate": sizes.desk_rate, "desk_phones": f"{sizes.desk_phones:,}",
             "supervised": f"{sizes.supervised:,}", "supervised_million": f"{sizes.supervised_million:,}"}
    cells = [["", "unit", "Belfry", "Kamailio", "ratio", "floor", "goal"]]
    for row in measures.ROWS:
        ours, theirs, floor = (figures_of(results.get(name, []), row.key) for name in ("belfry", "kamailio", "floor"))
        if ours or theirs or floor:
            cells.append([row.title.format(**names), row.unit, _cell(ours, row.digits), _cell(theirs, row.digits),
                          _ratio(ours, theirs), _cell(floor, row.digits), _verdict(row, ours)])
    widths = [max(len(line[column]) for line in cells) for column in range(7)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def write(directory, stamp, machine, results, sizes):
    """Writes STAMP.md and STAMP.json; returns the path of the former."""
    directory.mkdir(parents=True, exist_ok=True)
    notes = NOTES.format(ring=measures.RING_MS, window=sizes.window_s, warm=sizes.warm_s, step=sizes.step_s,
                         turns=4 * sizes.recorder_rounds, recorder=sizes.recorder_s[1], low=f"{sizes.rates[0]:,}", request=sizes.request_bytes, answer=sizes.answer_bytes,
                         refresh=sizes.session_s / measures.SEGMENT, million=sizes.session_million_s / measures.SEGMENT)
    described = "\n".join(f"- {what}: {value}" for what, value in machine.items())
    text = f"# Benchmarks, {stamp}\n\n{described}\n\n" + "\n".join(table(results, sizes)) + f"\n\n{notes}"
    path = directory / f"{stamp}.md"
    path.write_text(text)
    whole = {"stamp": stamp, "machine": machine, "sizes": asdict(sizes), "rounds": results}
    path.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n")
    return path
