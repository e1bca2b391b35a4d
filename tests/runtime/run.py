#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs run by build/sluice, with what they are to print and how they are to end.

    tests/runtime/run.py PROGRAM [NAME...]     PROGRAM: the sluice to test; NAME: a part of the name of a case

A case is a file cases/NAME.js, .mjs or .cjs. Comments at its top say how it is run and how it ends:
    // arguments: --cores 2 -- one two      options of sluice, and behind `--` the program's own arguments
    // stdin: text                          what it finds on standard input
    // exit: 3                              exit code, 0 when not given
cases/NAME.out is its standard output, to the letter (empty when there is no such file); each line of cases/NAME.err is a
regular expression found in its standard error, in that order (without the file standard error must be empty). CASES and
MODULES in either stand for the directories. The cases of servers.py follow. The output has googletest's form, so that cases are counted.
"""

import pathlib
import re
import shlex
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
LIMIT_S = 60


def directives(source):
    found = {}
    for line in source.splitlines():
        match = re.match(r"// (arguments|stdin|exit): ?(.*)$", line)
        if match:
            found[match[1]] = match[2]
        elif line and not line.startswith(("//", "#!")):
            break
    return found


def run_case(program, path):
    """Returns what is wrong, an empty list when nothing is."""
    found = directives(path.read_text())
    words = shlex.split(found.get("arguments", ""))
    split = words.index("--") if "--" in words else len(words)
    done = subprocess.run([program, *words[:split], str(path), *words[split + 1:]], input=found.get("stdin", ""),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, cwd=CASES)
    wrong = []
    expected_code = int(found.get("exit", 0))
    if done.returncode != expected_code:
        wrong.append(f"exit code {done.returncode}, not {expected_code}")
    out = path.with_suffix(".out")
    expected = out.read_text().replace("CASES", str(CASES)).replace("MODULES", str(HERE / "modules")) if out.exists() else ""
    if done.stdout != expected:
        ours, theirs = done.stdout.splitlines(), expected.splitlines()
        for number in range(max(len(ours), len(theirs))):
            a = ours[number] if number < len(ours) else "(end)"
            b = theirs[number] if number < len(theirs) else "(end)"
            if a != b:
                wrong.append(f"line {number + 1} of its output:\n  is        {a}\n  should be {b}")
                break
        else:
            wrong.append("its output ends differently")
    err = path.with_suffix(".err")
    if err.exists():
        position = 0
        for line in err.read_text().splitlines():
            match = re.compile(line.replace("CASES", re.escape(str(CASES))).replace("MODULES", re.escape(str(HERE / "modules"))), re.M).search(done.stderr, position)
            if not match:
                wrong.append(f"its standard error lacks {line}")
                break
            position = match.end()
    elif done.stderr:
        wrong.append("its standard error is not empty")
    if wrong:
        wrong.append(f"standard error:\n{done.stderr}")
    return wrong


def main():
    program, names = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:]
    sys.path.insert(0, str(HERE))
    import servers
    cases = [(path.stem, lambda path=path: run_case(program, path))
             for path in sorted(CASES.iterdir()) if path.suffix in (".js", ".mjs", ".cjs")]
    cases += [(name, lambda test=test: test(program)) for name, test in servers.cases()]
    if names:
        cases = [case for case in cases if any(name in case[0] for name in names)]
    print(f"[==========] Running {len(cases)} programs.")
    failed = 0
    for name, test in cases:
        begin = time.monotonic()
        print(f"[ RUN      ] runtime.{name}", flush=True)
        try:
            wrong = test()
        except Exception:
            wrong = [traceback.format_exc()]
        spent = int((time.monotonic() - begin) * 1000)
        if wrong:
            failed += 1
            print("\n".join(wrong))
        print(f"[{'  FAILED  ' if wrong else '       OK '}] runtime.{name} ({spent} ms)", flush=True)
    print(f"[==========] {len(cases)} programs ran, {failed} failed.")
    return 1 if failed else 0


sys.exit(main())
