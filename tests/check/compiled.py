#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Of the source files named on standard input, prints those that are compiled (clang-tidy needs to know how).

A header stands for every compiled file of its own folder, because it is checked through what includes it.
"""

import json
import pathlib
import sys


def main():
    database = pathlib.Path(sys.argv[1]).resolve()
    root = database.parent.parent
    compiled = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in json.loads(database.read_text())}
    wanted = {(root / line.strip()).resolve() for line in sys.stdin if line.strip()}
    folders = {path.parent for path in wanted if path.suffix == ".hh"}
    for path in sorted(compiled):
        if path in wanted or path.parent in folders:
            print(path.relative_to(root) if path.is_relative_to(root) else path)


if __name__ == "__main__":
    main()
