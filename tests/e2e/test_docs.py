# SPDX-License-Identifier: Apache-2.0
"""The documents: every command in them is run (how blocks are marked: docs/testing.md), every setting is in the reference."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from lab import ROOT, SLUICE, need_root

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK_LIMIT_S = 90
READY_LIMIT_S = 30
HUGEPAGES_MB = 512
FENCE = re.compile(r"^```(\S*)[ \t]*([^\n]*)\n(.*?)^```$", re.M | re.S)
# What an unmarked block may hold: commands that run the build or the tests themselves.
SELF = re.compile(r"(\./dev|tests/e2e/run|perf/run)( |$)|$")

# Waits until the server that was just started says that it listens, or ends.
PRELUDE = """
set -e
ready() {
  for ((i = 0; i < %d; ++i)); do
    if grep -q 'listening on' "$2"; then return 0; fi
    if ! kill -0 "$1" 2>/dev/null; then echo "the server ended:"; cat "$2"; exit 1; fi
    sleep 0.02
  done
  echo "the server does not listen:"; cat "$2"; exit 1
}
ip link set lo up
mount -t tmpfs tmpfs /run
""" % (READY_LIMIT_S * 50)


class Block:
    def __init__(self, path, line, mark, text):
        self.path, self.line, self.text = path, line, text
        self.mark, *self.parts = mark.split() or [""]

    @property
    def place(self):
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    def script(self, parts):
        """The block as bash runs it, and what it must print."""
        lines, expected, servers = [], [], 0
        for line in "\n".join([*(parts[name] for name in self.parts), self.text]).splitlines():
            command, arrow, wanted = line.partition("# -> ")
            if arrow:
                expected.append(wanted.strip())
            command, waits, _ = command.partition("# waits")
            command = command.rstrip()
            if command.endswith(" &"):
                servers += 1
                log = f"$LOGS/{servers}"
                command = f"{command[:-1]}>{log} 2>&1 &"
                if not waits:
                    command += f"\nready $! {log}"
            lines.append(command)
        return PRELUDE + "\n".join(lines) + "\n", expected


def blocks_of(path):
    text = path.read_text()
    for match in FENCE.finditer(text):
        if match.group(1) == "sh":
            yield Block(path, text.count("\n", 0, match.start()) + 1, match.group(2), match.group(3))


def free_hugepages_mb():
    total = 0
    for folder in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        kilobytes = int(folder.name.removeprefix("hugepages-").removesuffix("kB"))
        total += int((folder / "free_hugepages").read_text()) * kilobytes // 1024
    return total


def can_unshare(arguments):
    return subprocess.run(["unshare", *arguments, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Commands(unittest.TestCase):
    """One test for each block; they are added below."""

    def run_block(self, block, parts):
        root = os.geteuid() == 0
        if block.mark == "test-root":
            need_root(f"the block at {block.place}")
        if block.mark == "test-hugepages" and free_hugepages_mb() < HUGEPAGES_MB:
            self.skipTest(f"a block of docs/ needs {HUGEPAGES_MB} MB of free hugepages")
        # Namespaces of its own for network, mounts and processes: what it starts ends with it.
        isolation = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *([] if root else ["-Ur"])]
        if not can_unshare(isolation):
            self.skipTest("the commands of docs/ need namespaces (root, or unprivileged user namespaces)")
        script, expected = block.script(parts)
        with tempfile.TemporaryDirectory(prefix="sluice-docs-") as folder:
            folder = pathlib.Path(folder)
            (folder / "bin").mkdir()
            (folder / "logs").mkdir()
            (folder / "work").mkdir()
            (folder / "bin" / "sluice").symlink_to(SLUICE.resolve())
            (folder / "work" / "examples").symlink_to(ROOT / "examples")
            environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin", "LOGS": str(folder / "logs")}
            environment.pop("PORT", None)
            process = subprocess.Popen(["unshare", *isolation, "bash", "-c", script], cwd=folder / "work", env=environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, errors="replace", start_new_session=True)
            try:
                output, _ = process.communicate(timeout=BLOCK_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                output += f"\n(ended after {BLOCK_LIMIT_S} s)"
            logs = "".join(f"--- server {path.name}\n{path.read_text(errors='replace')}" for path in sorted((folder / "logs").iterdir()))
        shown = f"{block.place}\n{block.text}\n--- printed\n{output}\n{logs}"
        self.assertEqual(process.returncode, 0, shown)
        at = 0
        for wanted in expected:
            found = output.find(wanted, at)
            self.assertGreaterEqual(found, 0, f"{wanted!r} was not printed, or not in this order: {shown}")
            at = found + len(wanted)


class Marks(unittest.TestCase):
    def test_blocks_that_are_not_run_only_run_the_project_itself(self):
        for path in DOCUMENTS:
            for block in blocks_of(path):
                self.assertIn(block.mark, ("", "test", "test-root", "test-hugepages", "test-part", "machine"), block.place)
                if not block.mark:
                    for line in block.text.splitlines():
                        self.assertRegex(line.partition("#")[0].strip(), rf"^({SELF.pattern})", f"{block.place}: mark it to be run")

    def test_shell_is_nowhere_in_a_block_of_another_kind(self):
        for path in DOCUMENTS:
            for match in FENCE.finditer(path.read_text()):
                self.assertNotIn(match.group(1), ("bash", "shell", "console"), f"{path}: write sh")


class Reference(unittest.TestCase):
    """docs/configuration.md against the program."""

    def has(self, row, text, what):
        if row not in text:
            self.fail(f"{what} is not in the reference: {row}")

    def setUp(self):
        self.text = (ROOT / "docs" / "configuration.md").read_text()

    def test_every_setting_with_its_range(self):
        source = (ROOT / "runtime" / "config" / "settings.cc").read_text()
        keys = re.findall(r'^ *(?:SLUICE_INTEGER\(|\{)"(\w*)", "(\w+)",', source, re.M)
        self.assertGreater(len(keys), 25)
        for section, key in keys:
            if key in ("port", "route", "filter"):
                self.has(f"## `[[{key}]]`", self.text, key)
                continue
            self.has(f"| `{section + '.' if section else ''}{key}` |", self.text, key)
        day = {"kDayMs": 86_400_000, "kMaxExact": 1 << 53, "UINT32_MAX": (1 << 32) - 1}
        for section, key, least, most in re.findall(r'SLUICE_INTEGER\("(\w+)", "(\w+)", ([^,]+), ([^,]+),', source):
            value = lambda word: day[word] if word in day else eval(word.replace("'", ""), {})  # noqa: E731 (numbers and shifts)
            row = re.search(rf"^\| `{section}\.{key}` \| ([^|]*)\|", self.text, re.M)
            self.assertIn(f"{value(least)} to {value(most)}", row.group(1), f"{section}.{key}")

    def test_every_key_of_a_port_and_a_route(self):
        source = (ROOT / "runtime" / "config" / "settings.cc").read_text()
        keys = re.search(r"kKeys = \{(.*?)\}", source, re.S).group(1)
        for key in [*re.findall(r'"(\w+)"', keys), "to", "via", "match", "action", "packets_per_second", "burst_packets"]:
            self.has(f"| `{key}` |", self.text, key)

    def test_every_option_of_the_help(self):
        for arguments, text in ((["--help"], self.text), (["bench", "--help"], (ROOT / "docs" / "bench.md").read_text())):
            done = subprocess.run([SLUICE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=30, check=True)
            options = set(re.findall(r"(?:^|[ ,])(--[a-z][a-z0-9-]*)", done.stdout))
            self.assertGreater(len(options), 8)
            for option in options:
                self.has(option, text, f"{option} of sluice {' '.join(arguments)}")

    def test_links_lead_somewhere(self):
        for path in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
                if "://" not in target:
                    self.assertTrue((path.parent / target).exists(), f"{path}: {target}")


def _add_tests():
    for path in DOCUMENTS:
        parts = {}
        for block in blocks_of(path):
            if block.mark == "test-part":
                parts[block.parts[0]] = block.text
            elif block.mark.startswith("test"):
                title = re.sub(r"\W", "_", path.relative_to(ROOT).with_suffix("").as_posix())
                setattr(Commands, f"test_{title}_line_{block.line}", lambda self, block=block, parts=dict(parts): self.run_block(block, parts))


if shutil.which("unshare"):
    _add_tests()
