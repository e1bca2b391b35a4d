#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the arrows between folders point down only, and that the data plane is a pure machine.

jsapi -> runtime -> dataplane -> drivers. drivers/ and dataplane/ never see V8; dataplane/ calls no clock, no random
source and no socket of the operating system. Prints one line for each breach and exits with 1 if there is any.
"""

import pathlib
import re
import sys

ROOMS = ["drivers", "dataplane", "runtime", "jsapi"]  # from the bottom up
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')

V8_HEADER = re.compile(r"^(v8([-.].*)?|libplatform/.*|cppgc/.*|node(_.*)?\.h|nodejs/.*)$")
OS_HEADER = re.compile(r"^(sys/(socket|epoll|time|select|timerfd|eventfd|un|random)\.h|poll\.h|netdb\.h|liburing.*|"
                       r"random|ctime|time\.h|chrono|thread|mutex|rte_.*)$")
OS_CALL = [
    (re.compile(r"\b(clock_gettime|gettimeofday|clock_nanosleep|nanosleep|usleep|getrandom|getentropy|arc4random\w*|"
                r"epoll_\w+|io_uring_\w+|recvfrom|sendto|recvmsg|sendmsg|setsockopt|getsockopt|getaddrinfo)\s*\("), "the operating system"),
    (re.compile(r"\b(?:system|steady|high_resolution)_clock\b"), "the host's clock"),
    (re.compile(r"\brandom_device\b|(?<![\w.>:])(?:rand|random|srand)\s*\(\s*\)"), "a random source"),
    (re.compile(r"\b__rdtsc\b|\brdtsc\b"), "the host's clock"),
    (re.compile(r"(?<![\w.>])::(?:socket|bind|listen|accept4?|connect|send|recv|time)\s*\("), "a socket or clock"),
    (re.compile(r"(?<![\w.>:])(?:socket|accept4|time)\s*\((?!\))"), "a socket or clock"),
]


def without_comments(text):
    """Blanks out comments, and what stands between quotes except in #include lines; line numbers stay."""
    def blank(match):
        part = match.group(0)
        if part.startswith("/"):
            return re.sub(r"[^\n]", " ", part)
        return part if part[0] == "'" else '"' + " " * (len(part) - 2) + '"'
    lines = []
    kept = {}
    for number, line in enumerate(text.split("\n")):
        if INCLUDE.match(line):
            kept[number] = line
    clean = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    for number, line in enumerate(clean.split("\n")):
        lines.append(kept.get(number, line))
    return lines


def breaches(root, path):
    room = path.relative_to(root).parts[0]
    level = ROOMS.index(room)
    # Tests and measurements may take a simulated wire or a seeded generator; they are no part of the machine.
    proof = path.stem.endswith(("_test", "_bench", "_fuzz")) or path.stem.startswith("test_")
    for number, line in enumerate(without_comments(path.read_text(errors="replace")), 1):
        include = INCLUDE.match(line)
        if include:
            header = include.group(1)
            top = header.split("/")[0]
            if top in ROOMS and ROOMS.index(top) > level:
                yield number, f"{room}/ includes {header}: arrows point down only"
            if top in ("tests", "perf") and not proof:
                yield number, f"{room}/ includes {header}: only tests include tests"
            if level <= 1 and V8_HEADER.match(header):
                yield number, f"{room}/ includes {header}: it has never heard of JavaScript"
            if room == "dataplane" and not proof and OS_HEADER.match(header):
                yield number, f"dataplane/ includes <{header}>: time, entropy and packets are passed in"
        elif room == "dataplane" and not proof:
            for pattern, what in OS_CALL:
                match = pattern.search(line)
                if match:
                    yield number, f"dataplane/ calls {what} ({match.group(0).strip()}...): time, entropy and packets are passed in"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = 0
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".cc", ".hh", ".c", ".h"):
                for number, text in breaches(root, path):
                    print(f"{path.relative_to(root)}:{number}: {text}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
