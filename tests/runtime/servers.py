# SPDX-License-Identifier: Apache-2.0
"""Cases with a program that serves: its life under signals, the watchdog, a full heap, a reload; its numbers.

Each is a function test_NAME(program) that returns a list of what is wrong; assertions count as such.
"""

import contextlib
import http.client
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT_S = 30


class Server:
    """A running sluice, its standard error read line by line."""

    def __init__(self, program, source, *options, suffix=".mjs"):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name) / f"program{suffix}"
        self.path.write_text(source)
        self.process = subprocess.Popen([program, *options, str(self.path)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.seen = ""
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, pattern):
        """Until standard error has it, from what was looked at last on."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if line is None:
                raise AssertionError(f"ended without {pattern!r}; it said:\n{self.seen}")
            self.seen += line

    def rest(self):
        """What it still says until its end."""
        while (line := self.lines.get(timeout=LIMIT_S)) is not None:
            self.seen += line
        return self.seen

    def port(self):
        return int(self.wait_for(r"listening on http://127\.0\.0\.1:(\d+)")[1])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(LIMIT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.directory.cleanup()


@contextlib.contextmanager
def running(program, source, *options, **more):
    server = Server(program, source, *options, **more)
    try:
        yield server
    finally:
        server.close()


def get(port, path="/", connection=None):
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    own.request("GET", path)
    response = own.getresponse()
    body = response.read().decode()
    if connection is None:
        own.close()
    return response.status, body


def equal(a, b):
    if a != b:
        raise AssertionError(f"{a!r} is not {b!r}")


HELLO = """
import { serve } from 'sluice:http';
serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => res.end('first'));
"""

TROUBLE = """
import { serve } from 'sluice:http';
let count = 0;
serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => {
  count++;
  if (req.url === '/loop') spin();
  if (req.url === '/fill') { const kept = []; for (;;) kept.push(new Array(1000).fill({ count })); }
  if (req.url === '/exit') { res.end('bye'); process.exit(4); }
  if (req.url === '/later') { setTimeout(() => { throw new Error('from a timer'); }, 1); }
  res.end(String(count));
});
function spin() {
  for (;;);
}
"""


def test_serves_and_says_where(program):
    with running(program, HELLO) as server:
        line = server.wait_for(r"listening on http://127\.0\.0\.1:(\d+) \(kernel transport, (io_uring|epoll), 1 core\)\n")
        equal(get(int(line[1])), (200, "first"))


def test_sigterm_drains_and_exits_0(program):
    source = """
import { serve } from 'sluice:http';
serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => {
  console.error('begun');
  process.exitCode = 0;
  setTimeout(() => res.end('whole'), 300);
});
process.on('exit', (code) => console.error('exit', code));
"""
    with running(program, source) as server:
        port = server.port()
        idle = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        idle.connect()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(get(port)))
        asking.start()
        server.wait_for("begun")
        server.signal(signal.SIGTERM)
        asking.join(LIMIT_S)
        equal(answers, [(200, "whole")])
        equal(server.wait(), 0)
        server.wait_for("exit 0")
        idle.close()


def test_sigterm_listener_decides(program):
    source = """
import { serve } from 'sluice:http';
const server = serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => res.end('x'));
process.once('SIGTERM', (name, number) => { console.error(name, number); process.exit(9); });
"""
    with running(program, source) as server:
        server.port()
        server.signal(signal.SIGTERM)
        server.wait_for("SIGTERM 15")
        equal(server.wait(), 9)


def test_sigint_ends_at_once(program):
    with running(program, HELLO) as server:
        server.port()
        server.signal(signal.SIGINT)
        equal(server.wait(), -signal.SIGINT)


def test_sigint_ends_a_computing_script(program):
    with running(program, "console.error('on'); for (;;);") as server:
        server.wait_for("on\n")
        server.signal(signal.SIGINT)
        equal(server.wait(), -signal.SIGINT)
        equal(server.rest(), "")


def test_signals_end_what_does_not_serve(program):
    for number in (signal.SIGTERM, signal.SIGHUP):
        for source in ("console.error('on'); setInterval(() => {}, 1000);", "console.error('on'); for (;;);"):
            with running(program, source) as server:
                server.wait_for("on")
                server.signal(number)
                equal(server.wait(), -number)


def test_process_exit_in_a_handler(program):
    with running(program, TROUBLE) as server:
        port = server.port()
        equal(get(port, "/exit"), (200, "bye"))
        equal(server.wait(), 4)


def test_uncaught_in_a_timer_ends_with_its_line(program):
    with running(program, TROUBLE) as server:
        port = server.port()
        get(port, "/later")
        server.wait_for(r"program\.mjs:9\n.*throw new Error\('from a timer'\); }, 1\); }\n +\^\n\nError: from a timer\n    at ")
        equal(server.wait(), 1)


def test_watchdog_replaces_the_isolate(program):
    with running(program, TROUBLE, "--watchdog-ms", "300") as server:
        port = server.port()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        equal(get(port, "/", kept), (200, "1"))
        equal(get(port, "/loop")[0], 503)
        server.wait_for(r"watchdog: .* 300 ms .*\n    at spin \(file://.*program\.mjs:13:3\)")
        # The connection outlived the isolate; the program began anew.
        equal(get(port, "/", kept), (200, "1"))
        kept.close()


def test_full_heap_replaces_the_isolate(program):
    with running(program, TROUBLE, "--heap-mb", "48") as server:
        port = server.port()
        equal(get(port, "/fill")[0], 503)
        server.wait_for(r"heap reached its limit of 48 MB")
        server.wait_for("started anew")
        equal(get(port), (200, "1"))


def test_gives_up_after_too_many_replacements(program):
    with running(program, TROUBLE, "--watchdog-ms", "100") as server:
        port = server.port()
        for _ in range(6):
            with contextlib.suppress(OSError, http.client.HTTPException):
                get(port, "/loop")
            server.wait_for("watchdog|giving up")
            with contextlib.suppress(AssertionError):
                server.wait_for("started anew")
        equal(server.wait(), 70)


def test_full_heap_of_a_script_ends_it(program):
    with running(program, "const a = []; for (;;) a.push(new Array(1000).fill({ a }));", "--heap-mb", "48") as server:
        server.wait_for("heap reached its limit of 48 MB")
        equal(server.wait(), 70)


def test_reload(program):
    with running(program, HELLO) as server:
        port = server.port()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        equal(get(port, "/", kept), (200, "first"))
        server.path.write_text(HELLO.replace("first", "second"))
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        equal(get(port, "/", kept), (200, "second"))
        # What does not evaluate leaves everything as it was.
        server.path.write_text(HELLO + "\nthrow new Error('not today');")
        server.signal(signal.SIGHUP)
        server.wait_for(r"Error: not today")
        server.wait_for(r"the old one goes on")
        equal(get(port, "/", kept), (200, "second"))
        equal(get(port), (200, "second"))
        kept.close()


def test_reload_lets_begun_requests_end(program):
    source = """
import { serve } from 'sluice:http';
serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => {
  console.error('begun');
  const timer = setInterval(() => {
    if (process.memoryUsage().rss === 0) return;
    clearInterval(timer);
    res.end('old');
  }, 700);
});
"""
    with running(program, source) as server:
        port = server.port()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(get(port)))
        asking.start()
        server.wait_for("begun")
        server.path.write_text(HELLO)
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        equal(get(port), (200, "first"))
        asking.join(LIMIT_S)
        equal(answers, [(200, "old")])


def test_reload_keeps_tcp_and_udp_ports(program):
    source = """
import { listen, bindUdp } from 'sluice:net';
const word = 'first';
const tcp = listen({ hostname: '127.0.0.1', port: 0 }, (socket) => { socket.end(word); });
bindUdp({ hostname: '127.0.0.1', port: PORT }, (message, from, socket) => { socket.send(word, from); });
"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        udp = probe.getsockname()[1]
    source = source.replace("PORT", str(udp))

    def ask(tcp):
        with socket.create_connection(("127.0.0.1", tcp), LIMIT_S) as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.settimeout(LIMIT_S)
            datagram.sendto(b"x", ("127.0.0.1", udp))
            return stream.recv(100), datagram.recv(100)

    with running(program, source) as server:
        tcp = int(server.wait_for(r"listening on tcp://127\.0\.0\.1:(\d+)")[1])
        server.wait_for(rf"listening on udp://127\.0\.0\.1:{udp}")
        equal(ask(tcp), (b"first", b"first"))
        server.path.write_text(source.replace("first", "second"))
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        equal(ask(tcp), (b"second", b"second"))
        server.path.write_text(source.replace("first", "third") + "throw new Error('no');")
        server.signal(signal.SIGHUP)
        server.wait_for("the old one goes on")
        equal(ask(tcp), (b"second", b"second"))


def test_reload_waits_for_top_level_await(program):
    with running(program, HELLO) as server:
        port = server.port()
        server.path.write_text("await new Promise((resolve) => setTimeout(resolve, 200));\n" + HELLO.replace("first", "second"))
        server.signal(signal.SIGHUP)
        seen = {get(port)[1]}
        server.wait_for("reloaded")
        seen.add(get(port)[1])
        equal(seen, {"first", "second"})


def test_reload_closes_what_is_not_served_any_more(program):
    two = HELLO + "serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => res.end('other'));\n"
    with running(program, two) as server:
        first, second = server.port(), server.port()
        equal(get(second), (200, "other"))
        server.path.write_text(HELLO)
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        equal(get(first), (200, "first"))
        deadline = time.monotonic() + LIMIT_S
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < deadline:
                get(second)
            raise AssertionError("the endpoint that nobody serves is still open")


def test_cores_share_a_port_and_the_loop_of_one_leaves_the_other(program):
    source = """
import { serve } from 'sluice:http';
serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => {
  if (req.url === '/loop') for (;;);
  res.end(String(process.sluice.core));
});
"""
    with running(program, source, "--cores", "2", "--watchdog-ms", "1500") as server:
        port = server.port()
        deadline = time.monotonic() + LIMIT_S
        connections = {}
        while len(connections) < 2 and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
            connections.setdefault(get(port, "/", connection)[1], connection)
        equal(sorted(connections), ["0", "1"])
        looping = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        # Whichever core it lands on, the other one answers meanwhile.
        looping.request("GET", "/loop")
        with contextlib.suppress(TimeoutError):
            for name, connection in connections.items():
                connection.sock.settimeout(0.7)
                with contextlib.suppress(TimeoutError):
                    equal(get(port, "/", connection), (200, name))
                    break
            else:
                raise AssertionError("no core answers while one loops")
        equal(looping.getresponse().status, 503)
        server.wait_for(r"core [01]: watchdog")
        for connection in (*connections.values(), looping):
            connection.close()


def test_metrics(program):
    with running(program, TROUBLE, "--admin", "127.0.0.1:0") as server:
        admin = int(server.wait_for(r"metrics on http://127\.0\.0\.1:(\d+)/metrics")[1])
        port = server.port()
        for _ in range(3):
            get(port)
        status, text = get(admin, "/metrics")
        equal(status, 200)
        for line in ('sluice_http_requests_total{core="0"} 3', 'sluice_http_responses_total{core="0",class="2xx"} 3',
                     'sluice_http_request_duration_seconds_count{core="0"} 3'):
            if line not in text:
                raise AssertionError(f"lacks {line}:\n{text}")
        for name in ("heap_used_bytes", "gc_seconds_total", "reactor_turns_total", "isolate_events_total", "isolates_replaced_total"):
            if f"\nsluice_{name}{{" not in text:
                raise AssertionError(f"lacks sluice_{name}:\n{text}")
        equal(get(admin, "/other")[0], 404)


def test_standard_input_is_a_program(program):
    done = subprocess.run([program, "-", "a", "b"], input="console.log(process.argv.slice(2), __filename)", text=True,
                          stdout=subprocess.PIPE, timeout=LIMIT_S)
    equal((done.returncode, done.stdout), (0, "[ 'a', 'b' ] [stdin]\n"))


def test_eval_and_print(program):
    def run(*arguments):
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT_S)
        return done.returncode, done.stdout

    equal(run("-e", "console.log(require('./x') === undefined)", "x")[0], 1)
    equal(run("-p", "[1, { a: 'b' }]"), (0, "[ 1, { a: 'b' } ]\n"))
    equal(run("-p", "process.argv.slice(1)", "one", "two"), (0, "[ 'one', 'two' ]\n"))
    equal(run("-e", "import { serve } from 'sluice:http'; console.log(typeof serve, import.meta.url.startsWith('file:'))"),
          (0, "function true\n"))
    equal(run("-e", "process.exitCode = 3"), (3, ""))


def cases():
    module = sys.modules[__name__]
    return [("server_" + name.removeprefix("test_"), getattr(module, name)) for name in dir(module) if name.startswith("test_")]
