#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs Node's own test files, from any checkout of its test/ folder, under build/sluice: ./dev test node.

    run.py PROGRAM --suite DIR [--list FILE] [--module NAME] [--jobs N] [--json FILE] [--update] [PART...]

DIR is the folder that holds common/, parallel/ and so on. --list names the files, one a line, relative to DIR; without it all of
parallel/, sequential/ and es-module/ are run. --module and PART (a part of a file's name) choose among them.

Each file is a process of its own: in a network namespace with nothing but loopback, with a temporary directory of its own,
with the `// Flags:` and `// Env:` of its head, and with a limit of time. It passes when it ends with code 0.

tests/node/known_failures lists what is known to fail, one a line: FILE CAUSE. The run fails when another file fails; --update
writes the list anew from this run. Nothing of the suite is part of this repository.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KNOWN = HERE / "known_failures"
LIMIT_S = 30
FOLDERS = ("parallel", "sequential", "es-module")

# Flags that turn on what is always on here, and that the program does not know by name.
NOTHING = {"--no-experimental-require-module-warnings"}

# The beginning of a file's name -> the module that it tests. The longest one counts.
MODULES = {
    "async-hooks": "async_hooks", "async-local-storage": "async_hooks", "async-wrap": "async_hooks", "als": "async_hooks", "child-process": "child_process",
    "diagnostics-channel": "diagnostics_channel", "diagnostic-channel": "diagnostics_channel", "string-decoder": "string_decoder", "stringbytes": "buffer",
    "stream2": "stream", "stream3": "stream", "streams": "stream", "readable": "stream", "writable": "stream", "webstream": "webstreams", "whatwg-url": "whatwg-url",
    "whatwg-encoding": "whatwg-encoding", "whatwg-webstreams": "webstreams", "whatwg-readable": "webstreams", "whatwg-events": "events", "event-emitter": "events",
    "event-capture": "events", "event-target": "events", "eventtarget": "events", "eventemitter": "events", "events": "events", "perf-hooks": "perf_hooks",
    "performance": "perf_hooks", "fs-promises": "fs", "filehandle": "fs", "file": "fs", "fileurltopath": "url", "require": "module", "esm": "es-module",
    "import": "es-module", "stdin": "process", "stdout": "process", "stdio": "process", "signal": "process", "kill": "process", "promise": "process",
    "unhandled": "process", "next-tick": "process", "microtask": "process", "file-write-stream": "fs", "file-read": "fs", "global": "globals", "structuredClone": "globals",
    "abortsignal": "globals", "abortcontroller": "globals", "domexception": "globals", "webcrypto": "webcrypto", "messagechannel": "worker", "messageevent": "worker",
    "message-channel": "worker", "broadcastchannel": "worker", "x509": "crypto", "blocklist": "net", "socket": "net", "pipe": "stream",
}
# Ends of messages that say why a file fails.
MISSING = re.compile(r"No such built-in module: (?:node:)?([\w/]+)|Cannot find module '(?:node:)?([\w/]+)'")


def module_of(path):
    folder, name = path.split("/", 1)
    if folder == "es-module":
        return "es-module"
    name = re.sub(r"\.[cm]?js$", "", name.rsplit("/", 1)[-1])
    name = name.removeprefix("test-")
    for size in range(len(name), 0, -1):
        if name[:size] in MODULES and (size == len(name) or not name[size].isalnum()):
            return MODULES[name[:size]]
    return re.split(r"[-.]", name)[0]


def head_of(text):
    """Flags and variables of the environment that a file asks for."""
    flags, variables = [], {}
    match = re.search(r"^// Flags:[ \t]+(--.*)$", text, re.M)
    if match:
        flags = match[1].split()
    match = re.search(r"^// Env:[ \t]+(.*)$", text, re.M)
    if match:
        variables = dict(pair.split("=", 1) for pair in match[1].split() if "=" in pair)
    return flags, variables


def cause_of(output):
    """Why a file failed, in a few words."""
    missing = MISSING.search(output)
    if missing:
        return f"module {missing[1] or missing[2]}"
    for line in output.splitlines():
        match = re.match(r"^(?:Uncaught )?([A-Z]\w*(?:Error|Exception)\b(?: \[\w+\])?: .*)", line.strip())
        if match:
            return re.sub(r"\s+", " ", re.sub(r"/\S*/", "", match[1]))[:110]
    return "fails"


def run_file(program, suite, path, limit_s, namespace):
    begin = time.monotonic()

    def done(status, cause="", output=""):
        return {"file": path, "module": module_of(path), "status": status, "cause": cause, "seconds": round(time.monotonic() - begin, 2), "output": output[-4000:]}

    text = (suite / path).read_text(errors="replace")
    flags, variables = head_of(text[:3000])
    environment = {**os.environ, **variables, "NODE_SKIP_FLAG_CHECK": "1", "TEST_THREAD_ID": "0"}
    for name in ("NODE_OPTIONS", "NODE_PATH", "NODE_DEBUG", "FORCE_COLOR", "NO_COLOR"):
        if name not in variables:
            environment.pop(name, None)
    options = [flag for flag in flags if flag not in NOTHING]
    directory = tempfile.mkdtemp(prefix="sluice-node-")
    environment["NODE_TEST_DIR"] = directory
    process = subprocess.Popen([*namespace, program, *options, str(suite / path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=environment, cwd=directory, start_new_session=True)
    try:
        output = process.communicate(timeout=limit_s)[0].decode(errors="replace")
        code = process.returncode
    except subprocess.TimeoutExpired:
        code = None
        output = ""
    finally:
        # Of this file's own session: what it started and left behind.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if process.poll() is None:
            output = process.communicate()[0].decode(errors="replace")
        shutil.rmtree(directory, ignore_errors=True)
    if code is None:
        return done("timeout", "time", output)
    if code == 0:
        return done("skip" if re.search(r"^1\.\.0 # Skipped", output, re.M) else "pass", "", "")
    if code < 0:
        return done("crash", f"signal {-code}", output)
    if code == 9 and (match := re.search(r"bad option: (\S+?);", output)):
        return done("flag", f"flag {match[1]}", output)
    return done("fail", cause_of(output), output)


def namespace_command():
    inner = ["sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"]
    for command in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return [*command, *inner]
    sys.exit("run.py: a network namespace cannot be made (unshare --net): the tests are not run without one")


def read_known():
    known = {}
    if KNOWN.exists():
        for line in KNOWN.read_text().splitlines():
            if line and not line.startswith("#"):
                file, _, cause = line.partition(" ")
                known[file] = cause
    return known


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--suite", required=True, type=pathlib.Path)
    parser.add_argument("--list", type=pathlib.Path)
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for each file")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true", help="print the output of what fails")
    parser.add_argument("--update", action="store_true", help="write tests/node/known_failures from this run")
    parser.add_argument("parts", nargs="*")
    given = parser.parse_args()
    suite = given.suite.resolve()
    if not (suite / "common/index.js").exists():
        sys.exit(f"run.py: {suite} is not the test/ folder of Node: there is no common/index.js")
    if given.list:
        files = [line.strip() for line in given.list.read_text().splitlines() if line.strip()]
    else:
        files = sorted(str(path.relative_to(suite)) for folder in FOLDERS for path in (suite / folder).glob("test-*.*js"))
    files = [path for path in files if (suite / path).exists()]
    if given.module:
        files = [path for path in files if module_of(path) in given.module]
    if given.parts:
        files = [path for path in files if any(part in path for part in given.parts)]
    namespace = namespace_command()
    program = str(pathlib.Path(given.program).resolve())
    results = []
    parallel = [path for path in files if not path.startswith("sequential/")]
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        waiting = [pool.submit(run_file, program, suite, path, given.limit, namespace) for path in parallel]
        for each in concurrent.futures.as_completed(waiting):
            results.append(each.result())
    results += [run_file(program, suite, path, given.limit, namespace) for path in files if path.startswith("sequential/")]
    results.sort(key=lambda result: result["file"])
    return report(results, given)


def report(results, given):
    table = collections.defaultdict(collections.Counter)
    causes = collections.Counter()
    for result in results:
        table[result["module"]][result["status"]] += 1
        if result["status"] not in ("pass", "skip"):
            causes[result["cause"]] += 1
            if given.verbose:
                print(f"--- {result['file']}: {result['status']}\n{result['output']}")
    print(f"{'module':22} {'passed':>7} {'of':>5} {'%':>5}   failed timeout crash flag skipped")
    total = collections.Counter()
    for module, counts in sorted(table.items()):
        total.update(counts)
        print(row(module, counts))
    print(row("all", total))
    print("\nmost frequent causes:")
    for cause, count in causes.most_common(25):
        print(f"  {count:5}  {cause}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    known = read_known()
    bad = {result["file"]: result["cause"] for result in results if result["status"] not in ("pass", "skip")}
    if given.update:
        ran = {result["file"] for result in results}
        merged = {**{file: cause for file, cause in known.items() if file not in ran}, **bad}
        head = "# Files of Node's test suite that fail here, and why; written by run.py --update.\n"
        KNOWN.write_text(head + "".join(f"{file} {cause}\n" for file, cause in sorted(merged.items())))
        return 0
    new = sorted(file for file in bad if file not in known)
    mended = sorted(result["file"] for result in results if result["status"] == "pass" and result["file"] in known)
    for file in new:
        print(f"fails, and is not known to: {file}: {bad[file]}")
    for file in mended:
        print(f"passes now: {file}")
    print(f"{total['pass']} passed, {sum(bad_count(total).values())} failed, {total['skip']} skipped")
    return 1 if new else 0


def bad_count(counts):
    return {status: counts[status] for status in ("fail", "timeout", "crash", "flag")}


def row(name, counts):
    everything = sum(counts.values())
    share = 100 * counts["pass"] / everything if everything else 0
    return (f"{name:22} {counts['pass']:7} {everything:5} {share:5.1f}   {counts['fail']:6} {counts['timeout']:7} {counts['crash']:5} {counts['flag']:4} {counts['skip']:7}")


sys.exit(main())
