# SPDX-License-Identifier: Apache-2.0
"""`./dev bench tcp`: what our TCP costs, each figure beside the one that it is to be judged by, in one run.

    perf/run tcp [--seconds S] [--rounds N] [--only cost,stages,echo,bulk,kernel,open,goodput,idle] [--idle-connections N]
            [--json FILE]

Everything runs in network namespaces of its own. Rounds of what is compared alternate. Programs that take processor time
from others do so only while they measure (the process group's autogroup is raised). Believe the ratios.
"""

import argparse
import glob
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
LOAD, STREAM, RELAY = BUILD / "perf/tcp_load", BUILD / "perf/kernel_stream", BUILD / "perf/relay"
COST, PORT_ECHO, GOODPUT, IDLE = BUILD / "perf/tcp_cost", BUILD / "drivers/ethdev/port_echo", BUILD / "tests/scenarios/goodput", BUILD / "perf/idle_connections"
NEAR, FAR = "192.0.2.2", "192.0.2.1"
START_LIMIT_S = 20
PARTS = ("cost", "stages", "echo", "bulk", "kernel", "open", "goodput", "idle")


class Failure(Exception):
    pass


class Process:
    """A program in the background: its output goes to files, and it never outlives the measurement."""

    count = 0

    def __init__(self, command, directory, namespace=None, stdin=subprocess.DEVNULL):
        Process.count += 1
        base = pathlib.Path(directory) / f"process{Process.count}"
        self.out, self.err = base.with_suffix(".out"), base.with_suffix(".err")
        self.command = inside(namespace, command)
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(self.command, stdin=stdin, stdout=out, stderr=err)

    def wait_for(self, text):
        deadline = time.monotonic() + START_LIMIT_S
        while text not in self.out.read_text() + self.err.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Failure(f"{' '.join(self.command)}: {self.out.read_text()}{self.err.read_text()}")
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return last_json(self.out.read_text())


def inside(namespace, command):
    words = [str(word) for word in command]
    return words if namespace is None else ["nsenter", f"--net=/proc/{namespace}/ns/net", "--", *words]


def run(command, namespace=None, limit_s=60):
    words = inside(namespace, command)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{' '.join(words)}: took longer than {limit_s} s") from error
    if done.returncode:
        raise Failure(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def last_json(text):
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}


class Wire:
    """A fresh pair of ports: the words for the end that is started first, and for the other one."""

    count = 0

    def __init__(self, kind, directory, near="", far=""):
        Wire.count += 1
        self.kind, self.group = kind, f"sluicebench{os.getpid()}x{Wire.count}"
        path = f"{directory}/wire{Wire.count}"
        if kind == "rings":
            # Shared memory cannot corrupt: nobody computes checksums, as nobody does for the bare port.
            near, far = near + ",checksum=trusted", far + ",checksum=trusted"
            self.near = [f"ring:w,side=a{near}", "--primary", "--group", self.group]
            self.far = [f"ring:w,side=b{far}", "--secondary", "--group", self.group]
        else:
            self.near = [f"virtio_user:{path},server=1{near}"]
            self.far = [f"vhost:{path},client=1{far}"]

    def close(self):
        for path in glob.glob(f"/dev/hugepages/{self.group}map_*"):
            os.unlink(path)
        shutil.rmtree(f"/var/run/dpdk/{self.group}", ignore_errors=True)


def pair(wire, directory, near, far, limit_s=40):
    """Starts `near` with the wire's first end on core 0, runs `far` with the other end on core 1; gives what both said."""
    server = Process([near[0], near[1], *wire.near, *near[2:], "--cpu", "0"], directory)
    try:
        if wire.kind == "rings":
            server.wait_for(", mac ")
        else:
            time.sleep(0.3)
        out = run([far[0], far[1], *wire.far, *far[2:], "--cpu", "1"], limit_s=limit_s)
    finally:
        said = server.stop()
        wire.close()
    return said, out


class Bench:
    def __init__(self, options, directory, distance):
        self.options, self.directory, self.distance = options, directory, distance
        self.report = {"core_distance_ns": [distance()], "results": {}, "failures": []}
        self.rows = []

    def row(self, what, value, unit, reference=None, name="", target=None):
        ratio = value / reference if reference else None
        met = None if target is None or ratio is None else ratio >= target
        self.report["results"][what] = {"value": value, "unit": unit, "reference": reference, "ratio": ratio, "target": target}
        text = f"{what:46}{value:12,.2f} {unit:14}"
        if reference:
            text += f"{ratio:8.2f} of {name} ({reference:,.2f})"
        if met is not None:
            text += f", wanted {target:.2f}: {'yes' if met else 'NO'}"
        print(text)
        sys.stdout.flush()

    def alternate(self, **measures):
        """Rounds of all measures in turn; the middle of each."""
        values = {name: [] for name in measures}
        for _ in range(self.options.rounds):
            for name, measure in measures.items():
                try:
                    values[name].append(measure())
                except (Failure, ValueError, KeyError) as error:
                    self.report["failures"].append(f"{name}: {error}")
        self.report["core_distance_ns"].append(self.distance())
        return {name: statistics.median(each) if each else float("nan") for name, each in values.items()}

    # ---- the wire between two processes

    def load(self, kind, mode, *more, near="", far="", serve=()):
        wire = Wire(kind, self.directory, near, far)
        said, out = pair(wire, self.directory, [LOAD, "serve", *serve], [LOAD, mode, "--seconds", self.options.seconds, *more])
        return said, last_json(out)

    def bare_echo(self, kind, window):
        wire = Wire(kind, self.directory)
        _, out = pair(wire, self.directory, [PORT_ECHO, "echo"],
                      [PORT_ECHO, "ping", "--window", window, "--seconds", self.options.seconds])
        return float(out.split("median ")[1].split()[0])

    def copy(self, bytes_of_frame, near="", far=""):
        wire = Wire("virtio_user", self.directory, near, far)
        # The direction of the bulk transfer: from the vhost end to the virtio_user end.
        said, _ = pair(wire, self.directory, [LOAD, "drain", "--seconds", self.options.seconds],
                       [LOAD, "fill", "--seconds", self.options.seconds + 1, "--bytes", bytes_of_frame])
        return said["per_second"] * 8 / 1e9

    def echo(self):
        for kind in ("rings", "virtio_user"):
            for window in (32, 256):
                got = self.alternate(**{
                    f"echo {kind}": lambda: self.load(kind, "echo", "--connections", window)[1]["per_second"] / 1e6,
                    f"port {kind}": lambda: self.bare_echo(kind, window)})
                self.row(f"64-byte echo, {window} connections, {kind}", got[f"echo {kind}"], "M/s", got[f"port {kind}"],
                         "the bare port's echo", 0.25)

    def stages(self):
        for mode, what in (("echo", "a 64-byte echo"), ("push", "1448 bytes in bulk")):
            said, _ = self.load("rings", mode, "--connections", 32 if mode == "echo" else 1, serve=["--account"])
            parts = {name.removeprefix("cycles_"): value for name, value in said.items() if name.startswith("cycles_")}
            if not parts:
                raise Failure("the server gave no account")
            self.report["results"][f"stages {mode}"] = parts
            parts.pop("idle", None)
            print(f"cycles of the server for {what}, rings: " + ", ".join(f"{name} {value:,.0f}" for name, value in parts.items()))

    def cost(self):
        """Both hosts in one thread: no other core's cache and no driver in the figures."""
        for mode, count, what in (("echo", 300_000, "a 64-byte echo"), ("bulk", 500_000, "1448 bytes"), ("open", 100_000, "a connection")):
            measure = lambda *more: last_json(run(["taskset", "-c", "0", COST, mode, count, *more]))["cycles"]
            got = self.alternate(merged=measure, plain=lambda: measure("plain"))
            self.row(f"both hosts in one thread: {what}", got["merged"], "cycles", got["plain"], "without software GRO and GSO")

    def bulk(self):
        got = self.alternate(
            tcp=lambda: self.load("virtio_user", "push", "--connections", 1)[1]["per_second"] * 8 / 1e9,
            back=lambda: self.load("virtio_user", "pull", "--connections", 1)[1]["per_second"] * 8 / 1e9,
            copy=lambda: self.copy(1448))
        self.row("bulk, vhost to virtio_user", got["tcp"], "Gb/s", got["copy"], "a plain copy", 0.8)
        self.row("bulk, virtio_user to vhost", got["back"], "Gb/s", got["copy"], "a plain copy", 0.8)

    def open(self):
        for kind in ("rings", "virtio_user"):
            got = self.alternate(**{
                f"open {kind}": lambda kind=kind: self.load(kind, "open", "--connections", 1024)[1]["per_second"] / 1e3})
            self.row(f"opened, a byte, closed, {kind}", got[f"open {kind}"], "thousand/s", 400.0, "400,000 a second", 1.0)

    # ---- the kernel

    def kernel(self):
        """Over veth, checksums and segmentation off at both ends. The kernel is the peer, or both."""
        for driver in ("af_packet", "af_xdp"):
            got = self.alternate(**{
                f"push {driver}": lambda driver=driver: self.veth_ours(driver, True),
                f"kernels to {driver}": lambda: self.veth_kernels(True),
                f"pull {driver}": lambda driver=driver: self.veth_ours(driver, False)})
            kernels = got[f"kernels to {driver}"]
            self.row(f"to the kernel, {driver}", got[f"push {driver}"], "Gb/s", kernels, "two kernels", 1.0)
            self.row(f"from the kernel, {driver}", got[f"pull {driver}"], "Gb/s", kernels, "two kernels", 1.0)

    def veth_kernels(self, push):
        with Veth(self.directory) as veth:
            for end, namespace, address in (("near", veth.near, NEAR), ("far", veth.far, FAR)):
                run(["ip", "address", "add", f"{address}/24", "dev", end], namespace)
            server = Process(["taskset", "-c", "0", STREAM, "serve"], self.directory, veth.near)
            try:
                server.wait_for("listening")
                out = run(["taskset", "-c", "1", STREAM, "push" if push else "pull", NEAR, self.options.seconds], veth.far)
            finally:
                server.stop()
            return last_json(out)["per_second"] * 8 / 1e9

    def veth_ours(self, driver, push):
        with Veth(self.directory) as veth:
            run(["ip", "address", "add", f"{FAR}/24", "dev", "far"], veth.far)
            ours = ["--address", NEAR, "--to", FAR, "--cpu", "0"]
            if push:
                server = Process(["taskset", "-c", "1", STREAM, "serve"], self.directory, veth.far)
                try:
                    server.wait_for("listening")
                    out = run([LOAD, "push", f"{driver}:near", "--connections", 1, "--seconds", self.options.seconds, *ours], veth.near)
                finally:
                    server.stop()
                return last_json(out)["per_second"] * 8 / 1e9
            server = Process([LOAD, "serve", f"{driver}:near", *ours], self.directory, veth.near)
            try:
                server.wait_for("running")
                out = run(["taskset", "-c", "1", STREAM, "push", NEAR, self.options.seconds], veth.far)
            finally:
                server.stop()
            return last_json(out)["per_second"] * 8 / 1e9

    # ---- losses

    def goodput(self):
        conditions = {"loss": 1, "rate-mbps": 100, "queue-frames": 200}
        seconds = max(20, int(self.options.seconds * 5))
        linux = []
        for seed in range(1, self.options.rounds + 1):
            linux.append(self.linux_goodput(conditions, seconds, seed))
        kernel = statistics.mean(linux)
        for control in ("cubic", "bbr"):
            ours = []
            for seed in range(1, 6):
                words = [word for name, value in conditions.items() for word in (f"--{name}", value)]
                out = run([GOODPUT, "--rtt-ms", 20, "--congestion", control, "--seed", seed, "--seconds", 60, *words], limit_s=120)
                ours.append(float(out.split(": ")[1].split()[0]))
            self.row(f"goodput, 1 % loss, 20 ms, our {control}", statistics.mean(ours), "Mb/s", kernel, "Linux' CUBIC", 1.0)

    def linux_goodput(self, conditions, seconds, seed):
        with Namespace() as near, Namespace() as far:
            words = [word for name, value in conditions.items() for word in (f"--{name}", value)]
            relay = Process([RELAY, "near", "far", "--delay-ms", 10, "--seed", seed, *words], self.directory, stdin=subprocess.PIPE)
            server = None
            try:
                relay.wait_for("ready")
                for name, namespace, address in (("near", near, NEAR), ("far", far, FAR)):
                    run(["ip", "link", "set", name, "netns", namespace])
                    plain(name, namespace)
                    run(["ip", "address", "add", f"{address}/24", "dev", name], namespace)
                    run(["ip", "link", "set", name, "up"], namespace)
                server = Process([STREAM, "serve"], self.directory, near)
                server.wait_for("listening")
                out = run([STREAM, "push", NEAR, seconds, "cubic"], far, limit_s=seconds + 30)
                return last_json(out)["whole_per_second"] * 8 / 1e6
            finally:
                if server:
                    server.stop()
                relay.stop()

    # ---- idle connections

    def idle(self):
        if not IDLE.exists():
            print("idle connections: perf/idle_connections is not built")
            return
        out = run([IDLE, "--connections", str(self.options.idle_connections)], limit_s=900)
        self.report["results"]["idle"] = [line.split() for line in out.splitlines()[1:]]
        print(out.rstrip())


class Namespace:
    """A network namespace that lives as long as a sleeping process; its number names it."""

    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "up":
            raise Failure("no network namespace is to be had")
        return self.process.pid

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def plain(name, namespace):
    """No offloads that a wire would not have, and no address that the kernel makes by itself."""
    run(["ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off"], namespace)
    run(["sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1"], namespace)


def claim_the_processors():
    """Goes on in a session of its own, whose autogroup the scheduler prefers to what else runs on the machine."""
    if child := os.fork():
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except KeyboardInterrupt:
            os.kill(child, signal.SIGINT)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code if code >= 0 else 1)
    os.setsid()
    try:
        pathlib.Path("/proc/self/autogroup").write_text("-20")
    except OSError:
        pass


class Veth:
    def __init__(self, directory):
        self.directory = directory

    def __enter__(self):
        self.spaces = [Namespace(), Namespace()]
        self.near, self.far = (space.__enter__() for space in self.spaces)
        run(["ip", "link", "add", "near", "netns", self.near, "type", "veth", "peer", "name", "far", "netns", self.far])
        for name, namespace in (("near", self.near), ("far", self.far)):
            plain(name, namespace)
            run(["ip", "link", "set", name, "up"], namespace)
        return self

    def __exit__(self, *_):
        for space in self.spaces:
            space.__exit__()


def main(words, distance):
    parser = argparse.ArgumentParser(prog="perf/run tcp", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--idle-connections", type=int, default=1_000_000)
    parser.add_argument("--json", default=str(BUILD / "bench_tcp.json"))
    options = parser.parse_args(words)
    if (os.cpu_count() or 1) < 2:
        print("bench: two cores are needed, one for each end")
        return 77
    if not os.path.ismount("/dev/hugepages"):
        # Rings between processes need files in huge pages. The mount namespace is ours alone.
        subprocess.run(["mount", "-t", "hugetlbfs", "none", "/dev/hugepages"], check=False)
    claim_the_processors()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        bench = Bench(options, directory, distance)
        print(f"a cache line takes {bench.report['core_distance_ns'][0]:.0f} ns between the cores and back")
        for part in options.only.split(","):
            if part not in PARTS:
                sys.exit(f"bench: no such part: {part} (known: {', '.join(PARTS)})")
            try:
                getattr(bench, part)()
            except (Failure, ValueError, KeyError, IndexError) as error:
                bench.report["failures"].append(f"{part}: {error}")
    report = bench.report
    report["core_distance_ns"].append(distance())
    print(f"core distances during the run, ns: {', '.join(f'{value:.0f}' for value in report['core_distance_ns'])}")
    for failure in report["failures"]:
        print("failed: " + failure)
    pathlib.Path(options.json).write_text(json.dumps(report, indent=1))
    print(f"written to {options.json}")
    return 1 if report["failures"] else 0
