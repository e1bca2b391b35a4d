# SPDX-License-Identifier: Apache-2.0
"""Places where a server runs and clients reach it, the same way on each transport.

A lab starts programs under build/sluice and clients beside them: on the host kernel's loopback (KernelLab), behind a TAP
device (TapLab) or behind a veth pair (VethLab), the latter two in network namespaces that the lab makes and removes. Each has
addresses of one family, IPv4 or IPv6. Test traffic never leaves the loopback interface and those namespaces.
"""

import contextlib
import http.client
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build" / "sluice"))
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
START_LIMIT_S = 30
SERVER_ADDRESS, CLIENT_ADDRESS = "10.91.0.2", "10.91.0.1"
SERVER_ADDRESS_6, CLIENT_ADDRESS_6 = "fd00:91::2", "fd00:91::1"
LISTENING = r"listening on http://(?:\[[^]]*\]|[^ :\[]+):(\d+)"
_numbers = itertools.count()


def wait_until(condition, limit_s, what):
    """Polls `condition` until it is true; fails the test, naming `what`, after `limit_s`."""
    deadline = time.monotonic() + limit_s
    pause = 0.002
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {limit_s} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return value


class Process:
    """A child with its output collected by threads; always ended at the end of the test."""

    def __init__(self, command, **options):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, errors="replace", **options)
        self.lines = {"stdout": [], "stderr": []}
        self._threads = [threading.Thread(target=self._collect, args=(name,), daemon=True) for name in self.lines]
        for thread in self._threads:
            thread.start()

    def _collect(self, name):
        for line in getattr(self.process, name):
            self.lines[name].append(line.rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return "\n".join(self.lines["stdout"] + self.lines["stderr"])

    def wait_for(self, pattern, limit_s=START_LIMIT_S):
        """The match of `pattern` in what the process has printed."""

        def look():
            found = re.search(pattern, self.output())
            if not found and self.process.poll() is not None:
                for thread in self._threads:
                    thread.join(1)
                found = re.search(pattern, self.output())
                if not found:
                    raise AssertionError(f"{' '.join(self.command)} ended with {self.process.returncode}:\n{self.output()}")
            return found

        try:
            return wait_until(look, limit_s, f"{pattern!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\noutput of {' '.join(self.command)}:\n{self.output()}") from None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, limit_s=START_LIMIT_S):
        code = self.process.wait(limit_s)
        for thread in self._threads:
            thread.join(1)
        return code

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for thread in self._threads:
            thread.join(1)
        for name in self.lines:
            getattr(self.process, name).close()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


def need_root(what):
    if os.geteuid() != 0:
        raise unittest.SkipTest(f"{what} needs root (CAP_NET_ADMIN)")


def need_program(name, package):
    if not shutil.which(name):
        raise unittest.SkipTest(f"{name} is not installed (Debian: {package})")


class Lab:
    """What the tests see. `address` is where the server is reached; run() and client() act where the clients are, at
    `client_address`."""

    transport = ""
    server_prefix, client_prefix = [], []
    transport_arguments = []
    loopback = ("127.0.0.1", "::1")

    def __init__(self, family=4, mtu=None):
        self.family = family
        self.mtu = mtu
        self.address = self.client_address = self.loopback[family == 6]
        self._stack = contextlib.ExitStack()

    def close(self):
        self._stack.close()

    def start(self, *arguments, ready=LISTENING, environment=None):
        """Starts sluice with `arguments` behind those of the transport. Returns the Process with .port."""
        process = Process([*self.server_prefix, SLUICE, *self.transport_arguments, *arguments],
                          env={**os.environ, **(environment or {})})
        self._stack.callback(process.stop)
        process.port = None
        if ready:
            match = process.wait_for(ready)
            process.port = int(match.group(1)) if match.groups() else None
            self.after_start()
        return process

    def after_start(self):
        pass

    def run(self, *command, limit_s=120, check=True, text=True):
        """Runs a client to its end."""
        done = subprocess.run([*self.client_prefix, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=text, errors="replace" if text else None, timeout=limit_s)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def background(self, *command, **options):
        process = Process([*self.client_prefix, *map(str, command)], **options)
        self._stack.callback(process.stop)
        return process

    def url(self, process, path="/"):
        return f"http://{self.in_url(self.address)}:{process.port}{path}"

    @staticmethod
    def in_url(address):
        return f"[{address}]" if ":" in address else address

    @contextlib.contextmanager
    def inside(self):
        """Sockets that are made inside belong to where the clients are."""
        yield

    def connect(self, port, limit_s=10):
        with self.inside():
            return socket.create_connection((self.address, port), timeout=limit_s)

    def http(self, process, limit_s=30):
        connection = http.client.HTTPConnection(self.address, process.port, timeout=limit_s)
        connection.sock = self.connect(process.port, limit_s)
        return connection


class KernelLab(Lab):
    transport = "kernel"


def _system(*command):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}")
    return done.stdout


class NamespaceLab(Lab):
    """Base of the labs whose network is a namespace of their own."""

    def __init__(self, transport_title, **options):
        super().__init__(**options)
        ipv6 = self.family == 6
        self.address = SERVER_ADDRESS_6 if ipv6 else SERVER_ADDRESS
        self.client_address = CLIENT_ADDRESS_6 if ipv6 else CLIENT_ADDRESS
        self.prefix = 64 if ipv6 else 24
        need_root(transport_title)
        need_program("ip", "iproute2")
        self.namespace = f"sluice-{os.getpid()}-{next(_numbers)}"
        _system("ip", "netns", "add", self.namespace)
        self._stack.callback(_system, "ip", "netns", "del", self.namespace)
        _system("ip", "-n", self.namespace, "link", "set", "lo", "up")
        self.client_prefix = ["ip", "netns", "exec", self.namespace]
        self.server_prefix = self.client_prefix

    @contextlib.contextmanager
    def inside(self):
        # A thread of its own would be cleaner, but setns() of this thread and back is exact and cheap.
        with open("/proc/thread-self/ns/net") as home, open(f"/var/run/netns/{self.namespace}") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def port(self, device):
        """What --port says of the server's end."""
        mtu = f",mtu={self.mtu}" if self.mtu else ""
        # The check takes a second at each start: test_ipv6.py has it.
        check = ",duplicate_detection=off" if self.family == 6 else ""
        return f"{device},address={self.address}/{self.prefix},gateway={self.client_address}{mtu}{check}"

    def set_up_client(self, interface):
        """Addresses and state of the clients' end."""
        checked = ["nodad"] if self.family == 6 else []
        _system("ip", "-n", self.namespace, "address", "replace", f"{self.client_address}/{self.prefix}", "dev", interface, *checked)
        _system("ip", "-n", self.namespace, "link", "set", interface, "up", *(["mtu", self.mtu] if self.mtu else []))

    def drop(self, interface, percent):
        """Random loss of frames that come in on `interface`, by the kernel."""
        need_program("nft", "nftables")
        _system(*self.client_prefix, "nft", f"add table netdev loss; add chain netdev loss in "
                f"{{ type filter hook ingress device {interface} priority 0; }}; "
                f"add rule netdev loss in numgen random mod 100 < {percent} drop")


def _setns(descriptor):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class TapLab(NamespaceLab):
    transport = "tap"
    interface = "sl0"

    def __init__(self, **options):
        super().__init__("a TAP device", **options)
        if not os.path.exists("/dev/net/tun"):
            self.close()
            raise unittest.SkipTest("a TAP device needs /dev/net/tun")
        self.transport_arguments = ["--transport", "bypass", "--port", self.port(f"tap:{self.interface}")]

    def after_start(self):
        self.set_up_client(self.interface)


class VethLab(NamespaceLab):
    transport = "veth"
    interface = "slpeer"

    def __init__(self, kind="af_packet", **options):
        super().__init__("a veth pair", **options)
        need_program("ethtool", "ethtool")
        namespace = self.namespace
        _system("ip", "-n", namespace, "link", "add", "slport", "type", "veth", "peer", "name", self.interface)
        for interface in ("slport", self.interface):
            # No checksum or segment is left to a device that is not there.
            _system("ip", "netns", "exec", namespace, "ethtool", "-K", interface, "tx", "off")
            _system("ip", "-n", namespace, "link", "set", interface, "up")
        # The kernel has no say in IPv6 at the end that is ours.
        _system("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.slport.disable_ipv6=1")
        self.set_up_client(self.interface)
        self.transport_arguments = ["--transport", "bypass", "--port", self.port(f"{kind}:slport")]


class IsolatedLab(NamespaceLab):
    """Processes that bring their wires with them: nothing but loopback is there for one that would take another way."""

    transport = "isolated"

    def __init__(self, **options):
        super().__init__("a network namespace", **options)


# By name: with a 6 at its end, the same over IPv6.
LABS = {"kernel": KernelLab, "tap": TapLab, "veth": VethLab}
# Those of single files, which name them: no test runs in all of them.
OTHER_LABS = {}


class LabTest(unittest.TestCase):
    """A test of one lab. Derive one class per transport with on_each_transport()."""

    lab_name = "kernel"
    lab_mtu = None

    def setUp(self):
        lab = IsolatedLab if self.lab_name == "isolated" else (LABS | OTHER_LABS)[self.lab_name.removesuffix("6")]
        self.lab = lab(family=6 if self.lab_name.endswith("6") else 4, mtu=self.lab_mtu)
        self.addCleanup(self.lab.close)

    def program(self, name, *arguments, **options):
        return self.lab.start(PROGRAMS / name, *arguments, **options)

    def source(self, text, suffix=".mjs"):
        """Writes a program and returns its path."""
        directory = tempfile.mkdtemp(prefix="sluice-e2e-")
        self.addCleanup(shutil.rmtree, directory, True)
        path = pathlib.Path(directory) / f"program{suffix}"
        path.write_text(text)
        return path


def on_each_transport(*names):
    """Class decorator: the tests of the class run once in each lab (of IPv4, when none is named); the class itself is not
    collected."""

    def decorate(base):
        import sys
        module = sys.modules[base.__module__]
        for name in names or LABS:
            title = f"{base.__name__}_{name}"
            derived = type(title, (base, LabTest), {"lab_name": name, "__module__": base.__module__})
            setattr(module, title, derived)
        return base

    return decorate
