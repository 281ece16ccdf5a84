"""Programs that a test starts. All of them stay in the process group of the test, which is killed at its end."""

import ctypes
import re
import signal
import subprocess
from pathlib import Path

from .waiting import wait_until

_PR_SET_PDEATHSIG = 1
_METER = re.compile(r"audio=\d+/\d+ \(bit/s\)")  # baresip's, many a second
_libc = ctypes.CDLL(None)


def die_with_parent():
    """Called in a fresh child: the kernel kills it when its parent ends, however that came."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One running program. What it prints goes to DIRECTORY/NAME.out (and .err, where `keep_errors_apart`)."""

    def __init__(self, name, command, directory, stdin=subprocess.DEVNULL, environment=None, keep_errors_apart=False):
        self.name = name
        self.command = [str(word) for word in command]
        self.output_path = Path(directory) / f"{name}.out"
        self.error_path = Path(directory) / f"{name}.err" if keep_errors_apart else self.output_path
        self._output_begin = self.output_path.stat().st_size if self.output_path.exists() else 0
        with open(self.output_path, "ab") as output, open(self.error_path, "ab") as errors:
            self.popen = subprocess.Popen(self.command, cwd=directory, stdin=stdin, stdout=output, stderr=errors,
                                          env=environment, preexec_fn=die_with_parent)

    @property
    def output(self):
        return self.output_path.read_text(errors="replace")

    @property
    def output_since_start(self):
        """Without what an earlier program of that name has printed."""
        return self.output_path.read_bytes()[self._output_begin:].decode(errors="replace")

    @property
    def errors(self):
        return self.error_path.read_text(errors="replace")

    @property
    def is_running(self):
        return self.popen.poll() is None

    def wait(self, deadline_s):
        """Returns the exit status (negative: the signal); fails when the program does not end in time."""
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {deadline_s:g} s") from None

    def wait_for_output(self, text, deadline_s=10.0):
        """Waits until the program has printed `text`; fails at once when it ends without having done so."""
        def printed():
            if text in self.output:
                return True
            if not self.is_running and text not in self.output:
                raise ProcessEnded(f"{self.name} ended with {self.popen.returncode} before it said {text!r}\n{self.tail()}")
            return False
        wait_until(printed, f"{self.name} says {text!r}", deadline_s)

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """kill -9, and waits until it is gone."""
        if self.is_running:
            self.popen.kill()
        self.popen.wait(5)

    def stop(self, deadline_s=3.0):
        """SIGTERM, and SIGKILL when that is not enough."""
        if self.is_running:
            self.popen.terminate()
            try:
                self.popen.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self, lines=30):
        """The end of what it printed, for a failure's diagnostics."""
        paths = dict.fromkeys([self.output_path, self.error_path])
        text = "\n".join(path.read_text(errors="replace") for path in paths if path.exists())
        told = [line for line in text.replace("\r", "\n").splitlines() if line.strip() and not _METER.search(line)]
        return "\n".join(told[-lines:])


class ProcessEnded(Exception):
    """A program ended while something was expected from it: not an AssertionError, so that no wait goes on."""
