# SPDX-License-Identifier: Apache-2.0
"""The same Node programs (perf/programs/node) under the installed Node and under sluice, interleaved in one run, on one server
core: over kernel sockets on loopback, and under sluice also over the user-space wire. What npm has is installed by
tests/frameworks/run.py's lock file.

    perf/run node [--seconds S] [--rounds N] [--only hello,json,...] [--json FILE]

A row's figures: work per second; the ratio to Node's; work per second of server CPU. --latency adds p99.9 of hello at 70 % of
each one's highest rate.
"""

import argparse
import importlib.util
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS, LOADS = HERE / "programs/node", HERE / "programs/load"
# name: (title, program, how it is loaded: options of `sluice bench`, or the name of another load)
ROWS = {
    "hello": ("http hello", "hello.cjs", ["-c", "64"]),
    "json": ("http JSON echo, 1 KB", "json.cjs", ["-c", "64", "-H", "Content-Type: application/json"]),
    "upload": ("http POST of 1 MB", "upload.cjs", ["-c", "8"]),
    "download": ("http file of 1 MB by streams", "download.cjs", ["-c", "8"]),
    "express": ("Express hello", "express.cjs", ["-c", "64"]),
    "fastify": ("Fastify hello", "fastify.cjs", ["-c", "64"]),
    "koa": ("Koa hello", "koa.cjs", ["-c", "64"]),
    "hono": ("Hono hello", "hono.mjs", ["-c", "64"]),
    "agent": ("http.Agent to an upstream", "agent.cjs", "proxy"),
    "proxy": ("reverse proxy by http-proxy", "http_proxy.cjs", "proxy"),
    "socketio": ("Socket.IO, heard of 1,000", "socketio.cjs", "broadcast"),
    "net": ("net echo, 64 bytes", "net_echo.cjs", "tcp"),
    "dgram": ("dgram echo, 64 bytes", "dgram_echo.cjs", "udp"),
}
SYSTEMS = ("sluice, wire", "sluice, kernel", "Node, kernel")


def install(directory):
    """The programs beside the packages they require."""
    spec = importlib.util.spec_from_file_location("frameworks", HERE.parent / "tests/frameworks/run.py")
    frameworks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(frameworks)
    frameworks.install(directory)
    programs = directory / "bench"
    shutil.rmtree(programs, True)
    shutil.copytree(PROGRAMS, programs)
    return programs


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """One run. `run` is the module perf/run: servers, wires, pinning."""

    def __init__(self, run, programs, directory, seconds):
        self.run, self.programs, self.directory, self.seconds = run, programs, directory, seconds
        self.body = pathlib.Path(directory) / "body"
        self.body.write_bytes(b"b" * (1 << 20))

    def command(self, system, program, wire, *arguments):
        if system.startswith("Node"):
            return ["node", self.programs / program, *arguments]
        return [self.run.SLUICE, *(wire.server() if wire else []), self.programs / program, *arguments]

    def measure(self, system, row):
        title, program, load = ROWS[row]
        run = self.run
        wire = run.Wire(self.directory) if system.endswith("wire") else None
        port = run.PORT if wire else 0
        address = run.SERVER_ADDRESS if wire else "127.0.0.1"
        upstream_port = run.UPSTREAM_PORT if wire else free_port()
        upstream = [f"http://{run.CLIENT_ADDRESS if wire else '127.0.0.1'}:{upstream_port}"] if load == "proxy" else []
        server = run.Server(self.command(system, program, wire, port, *upstream))
        try:
            if not wire:
                port = int(server.wait_ready().group(1))
            before = server.cpu_seconds()
            # Over a wire the start of the program is part of the run: the other end has to be there for its port to come up.
            seconds = self.seconds + (1 if wire else 0)
            rate = getattr(self, "load_" + (load if isinstance(load, str) else "http"))(wire, address, port, seconds, row, upstream_port)
            cpu = server.cpu_seconds() - before
            return {"per_second": rate["per_second"], "per_cpu_second": rate["per_second"] * seconds / max(cpu, 0.01),
                    "errors": rate.get("errors", 0), **{key: rate[key] for key in ("p50_ms", "p99_ms") if key in rate}}
        finally:
            server.stop()

    def load_http(self, wire, address, port, seconds, row, _, more=()):
        body = ["-b", json.dumps({"text": "x" * 990, "n": 1})] if row == "json" else \
            ["-b", f"@{self.body}"] if row == "upload" else []
        found = json.loads(self.run.client([self.run.SLUICE, "bench", f"http://{address}:{port}/", "--json", "-q", *(wire.client() if wire else []),
                                            *ROWS[row][2], *body, *more, "-d", f"{seconds}s"]))
        return {"per_second": found["responses_per_second"], "errors": sum(value for name, value in found["errors"].items() if name != "backlog"),
                "p50_ms": found["latency_ms"]["p50"], "p99_ms": found["latency_ms"]["p99"], "p999_ms": found["latency_ms"].get("p99.9")}

    def load_proxy(self, wire, address, port, seconds, row, upstream_port):
        out = self.run.client([self.run.RESPONDER, upstream_port, "--load", f"http://{address}:{port}/", 64, seconds, *(wire.client() if wire else [])])
        found = json.loads(out.strip().splitlines()[-1])
        return {"per_second": found["responses"] / max(found["seconds"], 1e-9), "errors": found["errors"] + found["responses"] - found["2xx"],
                "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"]}

    def load_script(self, wire, name, *arguments):
        out = self.run.client([self.run.SLUICE, *(wire.client() if wire else []), LOADS / name, *arguments])
        return json.loads(out.strip().splitlines()[-1])

    def load_tcp(self, wire, address, port, seconds, *_):
        return self.load_script(wire, "echo_load.mjs", "tcp", address, port, seconds)

    def load_udp(self, wire, address, port, seconds, *_):
        return self.load_script(wire, "echo_load.mjs", "udp", address, port, seconds)

    def load_broadcast(self, wire, address, port, seconds, *_):
        return self.load_script(wire, "broadcast_load.mjs", address, port, seconds, 1000)

    def latency(self, system, highest):
        """p99.9 of hello at 70 % of what this system reached."""
        wire = self.run.Wire(self.directory) if system.endswith("wire") else None
        server = self.run.Server(self.command(system, "hello.cjs", wire, self.run.PORT if wire else 0))
        try:
            port = self.run.PORT if wire else int(server.wait_ready().group(1))
            return self.load_http(wire, self.run.SERVER_ADDRESS if wire else "127.0.0.1", port, self.seconds + 2, "hello", None,
                                  ["-R", str(int(highest * 0.7))])["p999_ms"]
        finally:
            server.stop()


def middle(rounds, key):
    values = [one[key] for one in rounds if one.get(key) is not None]
    return statistics.median(values) if values else float("nan")


def main(arguments, run):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--packages", type=pathlib.Path, default=run.BUILD / "frameworks")
    parser.add_argument("--json", default=str(run.BUILD / "bench_node.json"))
    options = parser.parse_args(arguments)
    if not shutil.which("node"):
        print("bench: there is no node to compare with (Debian: nodejs)")
        return 77
    programs = install(options.packages.resolve())
    run.enter_own_network()
    report = {"node": subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip(), "rows": {}, "failures": []}
    print(f"{report['node']} beside sluice; the server on core {run.SERVER_CORE}\n")
    print(f"{'':30}{'':16}{'per second':>12}{'of Node':>9}{'per CPU s':>12}{'of Node':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        bench = Bench(run, programs, directory, options.seconds)
        for row in options.only.split(","):
            found = report["rows"][row] = {system: [] for system in SYSTEMS}
            for _ in range(options.rounds):
                for system in SYSTEMS:
                    try:
                        found[system].append(bench.measure(system, row))
                    except (run.Failure, subprocess.TimeoutExpired, ValueError, KeyError, IndexError) as error:
                        report["failures"].append(f"{ROWS[row][0]}, {system}: {error}")
            of = {key: middle(found["Node, kernel"], key) for key in ("per_second", "per_cpu_second")}
            for system in SYSTEMS:
                rate, cpu = (middle(found[system], key) for key in ("per_second", "per_cpu_second"))
                print(f"{ROWS[row][0]:30}{system:16}{rate:12,.0f}{rate / of['per_second']:9.2f}{cpu:12,.0f}{cpu / of['per_cpu_second']:9.2f}"
                      f"{middle(found[system], 'p50_ms'):9.3f}{middle(found[system], 'p99_ms'):9.3f}{sum(one['errors'] for one in found[system]):8d}", flush=True)
        if options.latency and "hello" in report["rows"]:
            report["latency"] = {}
            print("\nhello at 70 % of the highest rate, p99.9 in ms:", end="")
            for system in SYSTEMS:
                try:
                    values = [bench.latency(system, middle(report["rows"]["hello"][system], "per_second")) for _ in range(options.rounds)]
                    report["latency"][system] = values
                    print(f"  {system} {statistics.median(values):.3f}", end="", flush=True)
                except (run.Failure, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
                    report["failures"].append(f"latency, {system}: {error}")
            print()
    for failure in report["failures"]:
        print("failed: " + failure)
    pathlib.Path(options.json).write_text(json.dumps(report, indent=1))
    print(f"written to {options.json}")
    return 1 if report["failures"] else 0
