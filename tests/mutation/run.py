#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants known faults (faults.py) into a copy of the data plane, one after the other, and shows which test finds each.

    ./dev test mutation [NAME...]       NAME: a part of a fault's name or file; all of them take about half an hour

Works in build-mutation/ on a copy of the sources; the checkout is only read. A fault counts as found when a test fails, crashes
or does not come to its end. At least 90 % must be found, and each fault must still apply. The last line says how many.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from faults import FAULTS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build-mutation"
SOURCE, BUILD = WORK / "source", WORK / "build"
COPIED = ["meson.build", "meson_options.txt", "drivers", "dataplane", "perf", "tests/meson.build", "tests/simulation", "tests/scenarios",
          "tests/packetdrill"]
LEAST_SHARE = 0.9
TEST_LIMIT_S = 90
SIMULATION_SEEDS = 100

# By folder below dataplane/: what is built and run, in this order, until something fails.
UNIT_TESTS = {
    "tcp": ["dataplane/tcp/tcp_*_test"],
    "ip": ["dataplane/ip/ip_*_test", "dataplane/tcp/tcp_ipv6_test", "dataplane/tcp/tcp_connection_test"],
    "http": ["dataplane/http/head_parser_test", "dataplane/http/http_server_test", "dataplane/http/http_client_test"],
}
# By file: the test that most likely finds what is wrong there. It is built and run first, alone.
LIKELY = {
    "receive.cc": "tcp_segment_test", "acknowledge.cc": "tcp_segment_test", "reassembly.cc": "tcp_segment_test",
    "deliver.cc": "tcp_connection_test", "receive_window.cc": "tcp_segment_test", "send.cc": "tcp_sending_test",
    "connection.cc": "tcp_sending_test", "recovery.cc": "tcp_recovery_test", "scoreboard.cc": "tcp_recovery_test",
    "congestion.cc": "tcp_congestion_test", "cubic.cc": "tcp_tables_test", "undo.cc": "tcp_recovery_test",
    "rack.cc": "tcp_recovery_test", "time_wait.cc": "tcp_listener_test", "isn.hh": "randomness_test", "ports.hh": "randomness_test",
    "syn_cookie.cc": "tcp_tables_test", "listener.cc": "tcp_listener_test", "fast_open.cc": "tcp_fast_open_test",
    "tcp.cc": "tcp_segment_test", "ipv4_input.cc": "ip_ipv4_test", "neighbour.cc": "ip_neighbour_test", "arp.cc": "ip_neighbour_test",
    "icmpv6.cc": "ip_neighbour_discovery_test", "duplicate_detection.cc": "ip_neighbour_discovery_test", "ipv4_output.cc": "ip_ipv4_test",
    "head_parser.cc": "head_parser_test",
}
WHOLE = ["tests/scenarios/simulation", "tests/scenarios/*_test", "tests/packetdrill/sluice-packetdrill"]


def copy_sources():
    """The checkout as it is now; files that did not change keep their time, so that little is compiled again."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *COPIED], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True).stdout.split()
    wanted = {name for name in listed if (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, SOURCE / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode & 0o777)
    for path in SOURCE.rglob("*"):
        if path.is_file() and str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()


def targets(patterns):
    """Executables among ninja's targets."""
    listed = subprocess.run(["ninja", "-C", str(BUILD), "-t", "targets", "all"], check=True, stdout=subprocess.PIPE, text=True).stdout
    names = [line.split(": ")[0] for line in listed.splitlines() if "LINKER" in line]
    return [name for pattern in patterns for name in sorted(names) if pathlib.PurePath(name).match(pattern)]


def ninja(names):
    environment = {**os.environ, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": str(WORK)}
    return subprocess.run(["ninja", "-C", str(BUILD), *names], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")


def fails(name):
    """Why this test fails; empty: it does not."""
    command = [str(BUILD / name)]
    if name.endswith("/simulation"):
        command += ["--seeds", str(SIMULATION_SEEDS)]
    elif name.endswith("/sluice-packetdrill"):
        command += [str(SOURCE / "tests/packetdrill/scripts")]
    else:
        command += ["--gtest_brief=1", "--gtest_fail_fast"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=TEST_LIMIT_S)
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return ""
    for line in done.stdout.splitlines():
        if "[  FAILED  ]" in line:
            return line.split("]", 1)[1].strip().split(",")[0].split(" (")[0]
        if line.startswith("seed "):
            return line[:60]
        if name.endswith("packetdrill") and "fail" in line:
            return line.split()[0] if line.split()[0].endswith(".pkt") else line[:60]
    return f"ended with {done.returncode}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true", help="name the faults and whether they apply")
    parser.add_argument("--trust", action="store_true", help="the sound code is known to pass")
    parser.add_argument("--quick", action="store_true", help="ask only the likely test and the simulation: others may know more")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.names or any(name in fault[0] or name in fault[1] for name in options.names)]
    if not chosen:
        print("no fault has such a name")
        return 2
    stale = []
    for name, file, text, _ in chosen:
        count = (ROOT / file).read_text().count(text)
        if count != 1:
            stale.append(name)
            print(f"does not apply: {name}: its text stands {count} times in {file}", flush=True)
        elif options.list:
            print(f"{file}: {name}")
    if options.list:
        return 1 if stale else 0

    copy_sources()
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(BUILD), str(SOURCE), "-Doptimization=1", "-Ddebug=false"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    unit = {room: targets(patterns) for room, patterns in UNIT_TESTS.items()}
    whole = targets(WHOLE)
    rooms = {file.split("/")[1] for _, file, _, _ in chosen}
    sound = [name for room in sorted(rooms) for name in unit[room]] + (whole if rooms - {"http"} else [])
    print(f"building the sound code, and {len(sound)} tests", flush=True)
    built = ninja(sound)
    if built.returncode != 0:
        print(built.stdout[-3000:])
        return 2
    for name in sound if not options.trust else []:
        if reason := fails(name):
            print(f"the sound code fails {name}: {reason}")
            return 2

    # Those of one file after another: it is compiled once for each, and not also to be mended.
    order = sorted(chosen, key=lambda fault: fault[1], reverse=True)
    found, missed = 0, []
    planted = None
    try:
        for name, file, text, replacement in order:
            if name in stale:
                continue
            begin = time.monotonic()
            if planted and planted != file:
                (SOURCE / planted).write_text((ROOT / planted).read_text())
            planted = file
            (SOURCE / file).write_text((ROOT / file).read_text().replace(text, replacement))
            room = file.split("/")[1]
            verdict = ""
            all_of_them = unit[room] + (whole if room != "http" else [])
            likely = [test for test in all_of_them if pathlib.PurePath(test).name == LIKELY.get(pathlib.PurePath(file).name)]
            stages = [likely, unit[room], whole if room != "http" else []]
            if options.quick:
                stages = [likely, [test for test in whole if test.endswith("/simulation")]]
            for stage in stages:
                built = ninja(stage)
                if built.returncode != 0:
                    verdict = "does not compile"
                    print(built.stdout[-1500:])
                    break
                for test in stage:
                    if stage is not likely and test in likely:
                        continue
                    if reason := fails(test):
                        verdict = f"{pathlib.PurePath(test).name}: {reason}"
                        break
                if verdict:
                    break
            if verdict == "does not compile":
                stale.append(name)
            elif verdict:
                found += 1
            else:
                missed.append(name)
            print(f"{'found ' if verdict else 'MISSED'} {pathlib.PurePath(file).name:24} {name:66} {verdict}"
                  f"  ({time.monotonic() - begin:.0f} s)", flush=True)
    finally:
        if planted:
            (SOURCE / planted).write_text((ROOT / planted).read_text())
    tried = found + len(missed)
    for name in missed:
        print(f"not found: {name}")
    print(f"{found} of {tried} faults found" + (f", {len(stale)} do not apply" if stale else ""))
    return 0 if not stale and tried and found >= LEAST_SHARE * tried else 1


if __name__ == "__main__":
    sys.exit(main())
