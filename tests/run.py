#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs every test and counts them: what `./dev test` and `./dev fuzz` do.

Four kinds, in this order: `unit` and `simulation` (meson's tests; each case of a googletest program counts), `fuzz` (each
target for a while on top of its kept corpus, instrumented by clang), `e2e` (tests/e2e/run, which ends with a line
"N passed, N failed, N skipped" of its own). The last line printed is the sum.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

COUNT_LINE = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
E2E_LIMIT_S = 1200  # of the half hour that continuous integration has
KINDS = ("unit", "simulation", "fuzz", "e2e")


class Tally:
    """What was counted so far, with the names of the failures and the reasons of the skips."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.reasons = collections.Counter()

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)

    def skip(self, name, reason, count=1):
        self.skipped += count
        self.reasons[reason.strip() or f"{name} gives no reason"] += count


def say(text):
    print(text, flush=True)


def ninja(directory, *targets):
    """Builds; on failure shows ninja's output and ends the run."""
    done = subprocess.run(["ninja", "-C", directory, *targets], stdin=subprocess.DEVNULL)
    return done.returncode == 0


# ---- unit and simulation ---------------------------------------------------------------------------------------------


def count_googletest(name, output, result, tally):
    """Adds the cases of one googletest program; False when the output is not that of googletest."""
    if "[==========] Running" not in output:
        return False
    passed = len(re.findall(r"^\[       OK \] ", output, re.M))
    failed = re.findall(r"^\[  FAILED  \] ([\w/.]+)(?:, where .*)? \(\d+ ms\)$", output, re.M)
    skipped = len(re.findall(r"^\[  SKIPPED \] [\w/.]+ \(\d+ ms\)$", output, re.M))
    tally.passed += passed
    for case in failed:
        tally.fail(f"{name}: {case}")
    if skipped:
        reasons = re.findall(r": Skipped\n(.*)\n", output)
        for reason in reasons[:skipped]:
            tally.skip(name, reason)
        if len(reasons) < skipped:
            tally.skip(name, "", skipped - len(reasons))
    if result not in ("OK", "SKIP") and not failed:
        tally.fail(f"{name}: {result}, after {passed} cases")
    return True


def run_meson(build, suites, names, tally):
    """Runs meson's tests of these suites (and names, if any are given)."""
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "-t", "5"]
    for suite in suites:
        command += ["--suite", suite]
    subprocess.run(command + list(names), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if not log.exists():
        return
    for line in log.read_text(errors="replace").splitlines():
        entry = json.loads(line)
        name, result = entry["name"], entry["result"]
        output = entry.get("stdout") or ""
        before = tally.failed
        if not count_googletest(name, output, result, tally):
            if result == "OK":
                tally.passed += 1
            elif result == "SKIP":
                lines = [text for text in (output + (entry.get("stderr") or "")).splitlines() if text.strip()]
                tally.skip(name, lines[-1] if lines else "")
            else:
                tally.fail(f"{name}: {result}")
        if tally.failed > before:
            say(f"--- {name}: {result}")
            say("\n".join((output + (entry.get("stderr") or "")).splitlines()[-60:]))
        else:
            say(f"{name}: {result} ({entry.get('duration', 0):.1f} s)")


# ---- fuzz ------------------------------------------------------------------------------------------------------------


def run_fuzzers(root, seconds, names, seed, tally):
    """Builds the fuzzers in build-fuzz and runs them, one on each processor. With `seed` the same inputs in the same order,
    as far as the time reaches; without, new ones each time."""
    if not (root / "tests/fuzz/meson.build").exists():
        return
    if not shutil.which("clang++"):
        tally.skip("fuzz", "the fuzzers need clang++ (Debian: clang, libclang-rt-14-dev)")
        return
    build = root / "build-fuzz"
    if not (build / "build.ninja").exists():
        shutil.rmtree(build, ignore_errors=True)
        configured = subprocess.run(
            ["meson", "setup", str(build), str(root), "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
            env={**os.environ, "CC": "clang", "CXX": "clang++"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if configured.returncode != 0:
            say("\n".join(configured.stdout.splitlines()[-30:]))
            tally.fail("fuzz: meson failed")
            return
    if not ninja(str(build), "fuzzers"):
        tally.fail("fuzz: the build failed")
        return
    waiting = sorted(path for path in (build / "tests/fuzz").glob("*_fuzz") if os.access(path, os.X_OK))
    if names:
        waiting = [path for path in waiting if path.name in names or path.name.removesuffix("_fuzz") in names]
        if not waiting:
            tally.fail(f"fuzz: there is no target {' '.join(names)}")
    running = []
    while waiting or running:
        while waiting and len(running) < max(1, os.cpu_count() or 1):
            program = waiting.pop(0)
            target = program.name.removesuffix("_fuzz")
            kept, found, artifacts = root / "tests/fuzz/corpus" / target, build / "corpus" / target, build / "artifacts"
            for directory in (found, artifacts):
                directory.mkdir(parents=True, exist_ok=True)
            command = [str(program), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=3000", "-print_final_stats=1",
                       f"-artifact_prefix={artifacts}/{target}-", str(found)]
            if kept.is_dir():
                command.append(str(kept))
            if seed is not None:
                command.append(f"-seed={seed}")
            dictionary = root / "tests/fuzz" / f"{target}.dict"
            if dictionary.exists():
                command.append(f"-dict={dictionary}")
            log = build / f"{target}.log"
            with log.open("w") as output:
                child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=build)
            running.append((target, child, log))
        for job in list(running):
            target, child, log = job
            if child.poll() is None:
                continue
            running.remove(job)
            text = log.read_text(errors="replace")
            if child.returncode == 0:
                runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
                tally.passed += 1
                say(f"fuzz {target}: {runs.group(1) if runs else '?'} inputs in {seconds} s")
            else:
                tally.fail(f"fuzz {target}: see {log.relative_to(root)}")
                say("\n".join(text.splitlines()[-60:]))
        time.sleep(0.2)


# ---- end to end ------------------------------------------------------------------------------------------------------


def run_e2e(root, names, tally):
    """Runs tests/e2e/run and takes over its count."""
    program = root / "tests/e2e/run"
    if not program.exists():
        return
    child = subprocess.Popen([str(program), *names], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
    signal.alarm(E2E_LIMIT_S)
    count, failed_lines, skipped_lines = None, [], []
    for line in child.stdout:
        line = line.rstrip("\n")
        match = COUNT_LINE.match(line)
        if match:
            count = [int(number) for number in match.groups()]
            continue
        say(line)
        if re.match(r"^(FAIL|failed)\b", line):
            failed_lines.append(line)
        match = re.match(r"^(?:SKIP|skipped)\b[: ]*(.*)", line)
        if match:
            skipped_lines.append(match.group(1))
    code = child.wait()
    signal.alarm(0)
    if count is None:
        tally.fail(f"e2e: ended with {code} and without a count")
        return
    tally.passed += count[0]
    for index in range(count[1]):
        tally.fail("e2e: " + (failed_lines[index] if index < len(failed_lines) else "see above"))
    for index in range(count[2]):
        tally.skip("e2e", skipped_lines[index] if index < len(skipped_lines) else "")
    if code != 0 and count[1] == 0:
        tally.fail(f"e2e: ended with {code}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--fuzz-seconds", type=int, default=int(os.environ.get("SLUICE_FUZZ_SECONDS", "60")))
    parser.add_argument("--fuzz-seed", type=int, default=1, help="0: another one each time")
    options, rest = parser.parse_known_args()
    root = options.root.resolve()  # what is started runs elsewhere
    build = root / "build"

    if rest and rest[0] == "mutation":
        program = str(root / "tests/mutation/run.py")
        os.execv(sys.executable, [sys.executable, program, *rest[1:]])
    if rest and rest[0] == "sim":
        if not ninja(str(build), "simulation"):
            return 1
        # The executable called `simulation`, wherever below tests/ it is built.
        for runner in sorted((build / "tests").glob("*/simulation")):
            if runner.is_file():
                os.execv(runner, [str(runner), *rest[1:]])
        say("there is no program `simulation` below tests/")
        return 1

    kinds = [word for word in rest if word in KINDS]
    names = [word for word in rest if word not in KINDS]
    tally = Tally()
    wanted = kinds or ([] if names else list(KINDS))
    if wanted != ["fuzz"] and not ninja(str(build), "all"):
        say("the build failed")
        say("0 passed, 1 failed, 0 skipped")
        return 1
    if names and not kinds:
        # Names alone: those that meson knows are its own; what is left belongs to tests/e2e.
        listed = subprocess.run(["meson", "test", "-C", str(build), "--list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True).stdout
        known = {line.rsplit(" / ", 1)[-1].strip() for line in listed.splitlines()}
        ours, others = [name for name in names if name in known], [name for name in names if name not in known]
        if ours:
            run_meson(build, [], ours, tally)
        if others:
            run_e2e(root, others, tally)
    else:
        suites = [kind for kind in ("unit", "simulation") if kind in wanted]
        if suites:
            run_meson(build, suites, names, tally)
        if "fuzz" in wanted:
            run_fuzzers(root, options.fuzz_seconds, names, options.fuzz_seed or None, tally)
        if "e2e" in wanted:
            run_e2e(root, names, tally)

    for reason, count in sorted(tally.reasons.items()):
        say(f"skipped ({count}): {reason}")
    for failure in tally.failures:
        say(f"failed: {failure}")
    say(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed or not (tally.passed or tally.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
