#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A soak: mixed traffic (keep-alive, pipelining, uploads, slow readers, peers that go away, upgrades, errors thrown in handlers,
rubbish) against a program on node:http, on both transports. Nothing may stay unanswered, no connection may be left over, and
memory may not grow.

    tests/soak/run.py [--minutes M] [--on kernel,tap] [--program node]
"""

import argparse
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import lab as labs  # noqa: E402

# From a quarter of the time on; caches and pools are warm by then. What is freed is not always given back to the system at once.
LIMITS = {"rss": (24 << 20, 0.2), "heapUsed": (4 << 20, 0.1)}  # bytes, or share


def soak(lab_name, minutes, program):
    lab = labs.LABS[lab_name]()
    try:
        environment = {"HOST": lab.address} | ({} if lab_name == "kernel" else {"PORT": "8080"})
        flags = ["--expose-gc"]
        process = lab.start(*flags, HERE / "program.cjs", environment=environment)
        out = lab.run(sys.executable, HERE / "load.py", lab.address, process.port, minutes * 60, limit_s=minutes * 60 + 120).stdout
        found = json.loads(out.strip().splitlines()[-1])
        if process.process.poll() is not None:
            found["wrong"].append(f"the program ended with {process.process.returncode}:\n{process.output()[-3000:]}")
    finally:
        lab.close()
    wrong, figures, last = found["wrong"], found["figures"], found["last"]
    if last["connections"] != 1:
        wrong.append(f"{last['connections'] - 1} connections are left over")
    if last["closed"] != last["requests"] - 1:  # the one that asks is under way
        wrong.append(f"of {last['requests'] - 1} responses {last['closed']} were closed")
    if last["upgradesOpen"] != 0:
        wrong.append(f"{last['upgradesOpen']} upgraded sockets were never closed")
    for what, (limit_bytes, limit_share) in LIMITS.items():
        before, after = figures[0][what], last[what]
        if after - before > max(limit_bytes, before * limit_share):
            wrong.append(f"{what} grew from {before >> 20} to {after >> 20} MB")
    print(f"{lab_name}: {last['requests']} requests in {minutes} min: " + ", ".join(f"{name} {count}" for name, count in found["done"].items()))
    print(f"  rss {' '.join(str(one['rss'] >> 20) for one in [*figures, last])} MB, heap {' '.join(str(one['heapUsed'] >> 20) for one in [*figures, last])} MB")
    for line in wrong:
        print("  wrong: " + line)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--on", default="kernel,tap")
    parser.add_argument("--program")
    options = parser.parse_args()
    if options.program:
        labs.SLUICE = pathlib.Path(shutil.which(options.program) or options.program)
    results = [soak(name, options.minutes, options.program) for name in options.on.split(",")]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
