"""How long a switch takes from its start until it serves again, with so many calls in its journal."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from rig.ports import HOST
from rig.rig import BUILD

from . import process_tree

OPEN_CALLS = BUILD / "bench" / "open_calls"
SAMPLES = 20
ASK_EVERY_S = 0.01
BYE = ("BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKbye{number};rport\r\nMax-Forwards: 70\r\n"
       "From: {sender}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n")


def fill(switch, calls, workers, customer_port, vendor_port):
    """Writes the journal of a switch that does not run. Returns what a request in some of the calls says."""
    command = [OPEN_CALLS, switch.data, calls, workers, f"{HOST}:{switch.port}", f"{HOST}:{customer_port}",
               f"{HOST}:{vendor_port}", SAMPLES]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def chill(directory):
    """The files are not in memory any more, as after a machine's start."""
    for path in Path(directory).iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Hangers:
    """Callers who hang up, from before the switch's start on: each says BYE again and again until it is answered."""

    def __init__(self, port, switch_port, samples):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, port))
        self.socket.settimeout(ASK_EVERY_S)
        self.target = (HOST, switch_port)
        self.requests = [BYE.format(host=HOST, port=port, number=number, target=target, call_id=call_id, sender=sender,
                                    to=to).encode() for number, (target, call_id, sender, to) in enumerate(samples)]
        self.answers, self.first_at, self.ends = {}, None, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _say(self):
        for number, request in enumerate(self.requests):
            if number in self.answers:
                continue
            try:
                self.socket.sendto(request, self.target)
            except OSError:  # nobody is there yet
                return

    def _hear(self):
        try:
            said = self.socket.recv(4096).decode()
        except OSError:
            return False
        if said.startswith("SIP/2.0 "):
            number = int(said.partition("branch=z9hG4bKbye")[2].partition(";")[0])
            self.first_at = self.first_at or time.monotonic()
            self.answers.setdefault(number, int(said.split()[1]))
        return True

    def _run(self):
        while not self.ends and len(self.answers) < len(self.requests):
            self._say()
            until = time.monotonic() + ASK_EVERY_S
            while time.monotonic() < until and self._hear():
                pass

    def end(self, deadline_s=10):
        self.thread.join(deadline_s)
        self.ends = True
        self.thread.join()
        self.socket.close()
        return [self.answers.get(number) for number in range(len(self.requests))]


def recover(switch, calls, workers, ports, cold=False):
    """Lets a switch that does not run find so many calls in its journal when it starts. Returns figures."""
    samples = fill(switch, calls, workers, *ports)
    journal = sum(path.stat().st_blocks * 512 for path in (switch.data / "journal").iterdir())
    if cold:
        chill(switch.data / "journal")
    callers = Hangers(ports[0], switch.port, samples)
    started = time.monotonic()
    switch.start(deadline_s=600)
    took = time.monotonic() - started
    pid = switch.process.popen.pid
    processor_s, memory = process_tree.processor_s(pid), process_tree.memory_bytes(pid)
    statuses = callers.end()
    go_on = switch.wait_for_log(r"(\d+) calls go on")[1]
    return {"calls": calls, "go_on": int(go_on), "seconds": took, "processor_s": processor_s, "memory": memory,
            "journal": journal, "first_answer_s": callers.first_at - started if callers.first_at else None,
            "denied": sum(status != 200 for status in statuses)}
