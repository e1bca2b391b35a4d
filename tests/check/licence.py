#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each source file names the licence in its first three lines. Prints those that do not; exits with 1 if any."""

import pathlib
import subprocess
import sys

SUFFIXES = {".cc", ".hh", ".c", ".h", ".js", ".mjs", ".cjs", ".ts", ".mts", ".py", ".sh"}
NAMES = {"meson.build", "meson_options.txt", "dev", "run"}
NOT_OURS = ("tests/fuzz/corpus/", "third_party/", "node_modules/")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, stdout=subprocess.PIPE,
                            text=True).stdout.splitlines()
    missing = 0
    for name in sorted(set(listed)):
        path = root / name
        if name.startswith(NOT_OURS) or not path.is_file():
            continue
        if path.suffix not in SUFFIXES and path.name not in NAMES:
            continue
        with path.open(errors="replace") as file:
            head = "".join(file.readline() for _ in range(3))
        if head and "SPDX-License-Identifier: Apache-2.0" not in head:
            print(f"{name}: no SPDX-License-Identifier line")
            missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
