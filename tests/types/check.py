#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Type-checks jsapi/types, what is written against them here, and the examples, with the locked TypeScript.

check.py ROOT: exits with 0, with 1 after the complaints, or with 77 after one line that says what is missing."""

import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    compiler = root / "node_modules/typescript/bin/tsc"
    if not shutil.which("node") or not compiler.exists():
        print("types: node and the locked npm modules are needed (./dev setup)")
        return SKIPPED
    done = subprocess.run(["node", compiler, "--pretty", "false", "-p", "tests/types/tsconfig.json"], cwd=root,
                          stdin=subprocess.DEVNULL)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
