"""A network of its own for one test: the switch in the middle of it, NAT boxes around, phones behind them.

    the test and the switch      box (nft masquerade, conntrack)      phone
    198.51.100.1 on lo
    203.0.113.4N+1  ──────────── 203.0.113.4N+2 │ 192.168.N.1 ─────── 192.168.N.10

Each is a network namespace. That of the test is entered by the test's own process, the others are held by sleeping
programs of the test, so nothing has a name and nothing is left behind when the test ends, however it ends."""

import contextlib
import ctypes
import os
import shutil
import subprocess

from rig.claims import Skip
from rig.place import Place
from rig.waiting import wait_until

SWITCH = "198.51.100.1"
SIP_PORT = 5060
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

_RULES = """
table ip translation {{
  chain outward {{
    type nat hook postrouting priority srcnat
    oifname "wan" masquerade {flags}
  }}
}}
table ip wall {{
  chain to_the_box {{
    type filter hook input priority filter
    iifname "wan" drop
  }}
  chain through {{
    type filter hook forward priority filter
    iifname "wan" ct state established,related accept
    iifname "wan" drop
  }}
}}
"""

# The kernel's SIP application layer gateway, as home routers have it switched on.
_ALG = """
table ip alg {{
  ct helper sip {{
    type "sip" protocol udp
    l3proto ip
  }}
  chain before {{
    type filter hook prerouting priority mangle
    udp dport {port} ct helper set "sip"
  }}
}}
"""


class NotAllowed(Skip):
    """Network namespaces cannot be had here."""

    def __init__(self, why):
        super().__init__(f"NO NAT IS TESTED HERE: network namespaces with nft need root and a kernel that has them ({why})")


def _run(*words, stdin=None):
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise NotAllowed(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def enter_private_network():
    """Puts this process, and what it starts from now on, into a network of its own, with the switch's address."""
    for program in ("ip", "nft", "nsenter", "unshare", "conntrack", "sysctl"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed (scripts/install-dependencies test)")
    if _libc.unshare(_CLONE_NEWNET) != 0:
        raise NotAllowed(os.strerror(ctypes.get_errno()))
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", f"{SWITCH}/32", "dev", "lo")


class Namespace(Place):
    """A network namespace; a program is started in it by the words of `enter` in front of its command."""

    def __init__(self, rig, name, host):
        super().__init__(host=host, server_host=SWITCH)
        self.holder = rig.process(rig.fresh_name(f"namespace-{name}"), ["unshare", "--net", "sleep", "3600"])
        self.pid = self.holder.popen.pid
        ours = os.readlink("/proc/self/ns/net")
        wait_until(lambda: self._link() not in ("", ours) and self._command() == "sleep", f"{name} has a network of its own")
        self.enter = ["nsenter", "--target", str(self.pid), "--net"]
        self.run("ip", "link", "set", "lo", "up")

    def _link(self):
        return os.readlink(f"/proc/{self.pid}/ns/net") if self.holder.is_running else ""

    def _command(self):
        with open(f"/proc/{self.pid}/comm") as file:
            return file.read().strip()

    def run(self, *words, stdin=None):
        return _run(*self.enter, *words, stdin=stdin)

    @contextlib.contextmanager
    def inside(self):
        """What this process opens within the block is in the namespace."""
        with open("/proc/self/ns/net") as before, open(f"/proc/{self.pid}/ns/net") as there:
            assert _libc.setns(there.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert _libc.setns(before.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


class NatBox:
    """A router with NAT and one phone's place behind it. Bindings live `binding_s` after the last packet of either
    direction; `is_symmetric`: each gets a port at random, another one for each far end; `has_alg`: it meddles with SIP."""

    def __init__(self, rig, number, binding_s, is_symmetric=False, has_alg=False):
        self.outside, gate = f"203.0.113.{4 * number + 2}", f"203.0.113.{4 * number + 1}"
        inside, phone = f"192.168.{number}.1", f"192.168.{number}.10"
        self.router = Namespace(rig, f"box-{number}", inside)
        self.phone = Namespace(rig, f"phone-{number}", phone)
        _run("ip", "link", "add", f"box{number}", "type", "veth", "peer", "name", "wan", "netns", self.router.pid)
        _run("ip", "address", "add", f"{gate}/30", "dev", f"box{number}")
        _run("ip", "link", "set", f"box{number}", "up")
        self.router.run("ip", "address", "add", f"{self.outside}/30", "dev", "wan")
        self.router.run("ip", "link", "set", "wan", "up")
        self.router.run("ip", "route", "add", "default", "via", gate)
        self.router.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "eth", "netns", self.phone.pid)
        self.router.run("ip", "address", "add", f"{inside}/24", "dev", "lan")
        self.router.run("ip", "link", "set", "lan", "up")
        self.phone.run("ip", "address", "add", f"{phone}/24", "dev", "eth")
        self.phone.run("ip", "link", "set", "eth", "up")
        self.phone.run("ip", "route", "add", "default", "via", inside)
        flags = "random,fully-random" if is_symmetric else ""
        self.router.run("nft", "-f", "-", stdin=_RULES.format(flags=flags))
        self.router.run("sysctl", "-w", "net.ipv4.ip_forward=1", f"net.netfilter.nf_conntrack_udp_timeout={binding_s}",
                        f"net.netfilter.nf_conntrack_udp_timeout_stream={binding_s}")
        if has_alg:
            self._switch_alg_on()

    def _switch_alg_on(self):
        try:
            self.router.run("nft", "-f", "-", stdin=_ALG.format(port=SIP_PORT))
        except NotAllowed as why:
            raise Skip(f"the kernel has no SIP application layer gateway: {why}") from None

    def forget(self):
        """All bindings are gone, as after a restart."""
        self.router.run("conntrack", "-F")

    def bindings(self):
        """What the box remembers of UDP, as text."""
        return self.router.run("conntrack", "-L", "-p", "udp")
