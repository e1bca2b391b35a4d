#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs made with the frameworks and drivers that people use on Node, each from npm, booted by build/sluice and driven from
outside on both transports. Prints a scorecard.

    tests/frameworks/run.py [--on kernel,tap] [--program PROGRAM] [--packages DIR] [--json FILE] [NAME...]

    --program   another runtime, for comparison: `--program node` (kernel only)
    --packages  where npm's packages are installed; made when it is not there (build/frameworks)
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "e2e")]
import drivers  # noqa: E402
import lab as labs  # noqa: E402

# What a case needs beside itself.
NEEDS = {"pg": "postgres", "ioredis": "redis", "mysql2": "mysql",
         **dict.fromkeys(["http-proxy", "http-proxy-middleware", "axios", "got", "undici", "node-fetch", "superagent"], "upstream")}


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise AssertionError(f"{self.status}, not JSON: {self.body[:2000]!r}") from None


class Case:
    """A running program, and the requests of its driver: over one connection as long as that is kept."""

    def __init__(self, lab, process):
        self.lab, self.process = lab, process
        self.connection = None

    def request(self, method, target, body=None, headers=None):
        for attempt in (0, 1):
            reused = self.connection is not None
            if not reused:
                self.connection = self.lab.http(self.process)
            try:
                self.connection.request(method, target, body, headers or {})
                answer = Answer(self.connection.getresponse())
            except (ConnectionError, http.client.BadStatusLine):
                self.connection.close()
                self.connection = None
                if not reused or attempt:
                    raise
                continue
            if answer.headers.get("Connection", "").lower() == "close":
                self.connection.close()
                self.connection = None
            return answer

    def get(self, target, headers=None):
        return self.request("GET", target, None, headers)

    def post(self, target, body, headers=None):
        return self.request("POST", target, body, headers)

    def post_json(self, target, value):
        return self.post(target, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def socket(self):
        return self.lab.connect(self.process.port)


# ---- what cases need beside themselves: real servers, where the clients of the lab are

def upstream(lab, stack):
    process = lab.background(sys.executable, HERE / "upstream.py", lab.client_address)
    port = process.wait_for(r"listening on (\d+)").group(1)
    return {"UPSTREAM": f"http://{lab.in_url(lab.client_address)}:{port}"}


def free_port(lab):
    import socket
    with lab.inside():
        with socket.socket() as found:
            found.bind((lab.client_address, 0))
            return found.getsockname()[1]


def scratch(stack, user=None):
    directory = tempfile.mkdtemp(prefix="sluice-frameworks-")
    stack.callback(shutil.rmtree, directory, True)
    if user and os.geteuid() == 0:
        shutil.chown(directory, user)
    return directory


def find_program(name, package, *places):
    for place in [None, *places]:
        found = shutil.which(name, path=place)
        if found:
            return found
    raise unittest.SkipTest(f"{name} is not installed (Debian: {package})")


def as_user(user):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []


def redis(lab, stack):
    program = find_program("redis-server", "redis-server")
    port = free_port(lab)
    process = lab.background(program, "--port", port, "--bind", lab.client_address, "--protected-mode", "no", "--save", "", "--dir", scratch(stack))
    process.wait_for("Ready to accept connections")
    return {"REDIS": f"redis://{lab.client_address}:{port}"}


def postgres(lab, stack):
    places = sorted(map(str, pathlib.Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb, program = (find_program(name, "postgresql", *places) for name in ("initdb", "postgres"))
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    directory = scratch(stack, user)
    subprocess.run([*as_user(user), initdb, "-D", f"{directory}/data", "-U", "sluice", "--auth=trust", "--no-sync"], check=True,
                   stdout=subprocess.DEVNULL, cwd=directory)
    with open(f"{directory}/data/pg_hba.conf", "a") as rules:
        rules.write("host all all all trust\n")
    port = free_port(lab)
    process = lab.background(*as_user(user), program, "-D", f"{directory}/data", "-p", port, "-h", lab.client_address, "-k", directory,
                             "-c", "fsync=off", cwd=directory)
    process.wait_for("ready to accept connections")
    return {"POSTGRES": f"postgres://sluice@{lab.client_address}:{port}/postgres"}


def mysql(lab, stack):
    install, program = (find_program(name, "mariadb-server", "/usr/sbin") for name in ("mariadb-install-db", "mariadbd"))
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    directory = scratch(stack, user)
    data = f"{directory}/data"
    subprocess.run([install, "--no-defaults", f"--datadir={data}", f"--user={user}", "--auth-root-authentication-method=normal", "--skip-test-db"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = f"{directory}/first.sql"
    pathlib.Path(first).write_text("CREATE USER sluice@'%' IDENTIFIED BY 'open';\nGRANT ALL ON *.* TO sluice@'%';\n")
    os.chmod(first, 0o644)
    port = free_port(lab)
    process = lab.background(program, "--no-defaults", f"--datadir={data}", f"--user={user}", f"--port={port}", f"--bind-address={lab.client_address}",
                             f"--socket={directory}/socket", f"--init-file={first}", "--skip-name-resolve", f"--pid-file={directory}/pid")
    process.wait_for("ready for connections")
    return {"MYSQL": f"mysql://sluice:open@{lab.client_address}:{port}/mysql"}


SERVICES = {"upstream": upstream, "redis": redis, "postgres": postgres, "mysql": mysql}

# ---- the run


def install(directory):
    """npm's packages, by the lock file, beside a copy of the cases: modules are found as a user's are."""
    lock = (HERE / "package-lock.json").read_bytes()
    mark = directory / "installed.json"
    if not mark.exists() or mark.read_bytes() != lock:
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, directory / name)
        print("npm ci ...", flush=True)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory)
        if done.returncode != 0:
            sys.exit("tests/frameworks: npm ci failed; the packages are listed in tests/frameworks/package.json")
        mark.write_bytes(lock)
    cases = directory / "cases"
    shutil.rmtree(cases, True)
    shutil.copytree(HERE / "cases", cases)
    return cases


def run_case(path, lab_name):
    """'ok', or what went wrong."""
    with contextlib.ExitStack() as stack:
        lab = labs.LABS[lab_name]()
        stack.callback(lab.close)
        environment = {"HOST": lab.address, "NODE_ENV": "production"}
        if lab_name != "kernel":
            environment["PORT"] = "8080"
        process = None
        try:
            service = SERVICES[NEEDS[path.stem]] if path.stem in NEEDS else None
            if service and lab_name == "kernel":
                environment |= service(lab, stack)
            elif service:
                # Its address has to be there before it: on loopback for now, on the port's interface once that is there.
                labs._system("ip", "-n", lab.namespace, "address", "add", f"{lab.client_address}/32", "dev", "lo")
                environment |= service(lab, stack)
            process = lab.start(path, environment=environment)
            drivers_name = path.stem.replace("-", "_")
            getattr(drivers, drivers_name)(Case(lab, process))
            if process.process.poll() is not None:
                raise AssertionError(f"the program ended with {process.process.returncode}")
            return "ok"
        except unittest.SkipTest as reason:
            return f"skipped: {reason}"
        except Exception as error:  # whatever it is, it is this case's
            text = f"{error}" if isinstance(error, AssertionError) else traceback.format_exc(limit=4)
            said = process.output() if process else ""
            return f"FAILED: {text}\n{said[-3000:]}".rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", default="kernel,tap")
    parser.add_argument("--program")
    parser.add_argument("--packages", type=pathlib.Path, default=ROOT / "build" / "frameworks")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    on = options.on.split(",")
    if options.program:
        labs.SLUICE = pathlib.Path(shutil.which(options.program) or options.program)
    cases = install(options.packages.resolve())
    paths = sorted(path for path in cases.iterdir() if path.is_file() and hasattr(drivers, path.stem.replace("-", "_")))
    if options.names:
        paths = [path for path in paths if any(name in path.stem for name in options.names)]
    results = {}
    for path in paths:
        for lab_name in on:
            try:
                word = run_case(path, lab_name)
            except unittest.SkipTest as reason:
                word = f"skipped: {reason}"
            results.setdefault(path.stem, {})[lab_name] = word
            print(f"{path.stem} on {lab_name}: {word}", flush=True)
    print(f"\n{'':24}{''.join(f'{name:10}' for name in on)}")
    for name, words in results.items():
        print(f"{name:24}{''.join(f'{word.split(chr(58))[0]:10}' for word in words.values())}")
    everything = [word for words in results.values() for word in words.values()]
    failed = sum(word.startswith("FAILED") for word in everything)
    skipped = sum(word.startswith("skipped") for word in everything)
    print(f"{len(everything) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
