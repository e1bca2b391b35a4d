# SPDX-License-Identifier: Apache-2.0
"""Our TCP against Linux's, each side opening, over both families: on wires that lose, repeat, damage and reorder segments, with
small and large frames, after the end of connections, and through a hundred thousand of them. What is carried is compared by
its SHA-256.

SLUICE_LONG=1: more bytes, and the wait for the end of TIME-WAIT.
"""

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading

from lab import LABS, PROGRAMS, ROOT, SLUICE, LabTest, TapLab, VethLab, _system, need_program, on_each_transport, wait_until

LONG = os.environ.get("SLUICE_LONG") == "1"
BYTES = 64_000_000 if LONG else 3_000_000
CONNECTIONS = int(os.environ.get("SLUICE_CONNECTIONS", 100_000))
RELAY = ROOT / "build" / "tests" / "e2e" / "relay"
CONDITIONS = {
    "loss": ["loss=2"],
    "duplicates": ["duplicate=5"],
    "flipped bits": ["corrupt=2"],
    "reordering": ["reorder=5"],
    "all of it": ["loss=0.5", "duplicate=1", "corrupt=0.5", "reorder=1"],
}
COUNTED_AS = {"loss": "lost", "duplicate": "duplicated", "corrupt": "corrupted", "reorder": "reordered"}


# ---- labs with a bad wire --------------------------------------------------------------------------------------------


class BadWire:
    """The clients' end lies behind a relay: OURS = (ours, or what is left of the tap) = relay = near - far = the kernel."""

    def set_up_client(self, interface):
        names = self.namespace
        # The kernel has no say at this end any more.
        self._quiet(interface)
        if not os.path.exists(RELAY):
            raise AssertionError(f"{RELAY} was not built")
        if self.run("ip", "link", "show", "slfar", check=False).returncode != 0:
            _system("ip", "-n", names, "link", "add", "slnear", "type", "veth", "peer", "name", "slfar")
            self._quiet("slnear")
            _system("ip", "netns", "exec", names, "ethtool", "-K", "slfar", "tx", "off", "gro", "off")
            super().set_up_client("slfar")
        self.near = interface
        self.wire = None
        self.relay()

    def _quiet(self, interface):
        names = self.namespace
        _system("ip", "netns", "exec", names, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        # Segments pass as they were sent, not merged.
        _system("ip", "netns", "exec", names, "ethtool", "-K", interface, "gro", "off", "tx", "off")
        _system("ip", "-n", names, "link", "set", interface, "arp", "off", "up")

    def relay(self, *odds):
        """From now on the wire is as bad as that. Returns what the relay before has counted."""
        counts = None
        if self.wire:
            self.wire.signal(signal.SIGTERM)
            self.wire.wait()
            counts = json.loads(self.wire.lines["stdout"][-1])
        self.wire = self.background(RELAY, self.near, "slnear", *odds)
        self.wire.wait_for("relaying")
        return counts


class BadTapLab(BadWire, TapLab):
    pass


class BadVethLab(BadWire, VethLab):
    pass


LABS["badtap"] = BadTapLab
LABS["badveth"] = BadVethLab


# ---- transfers -------------------------------------------------------------------------------------------------------


class Streams:
    """programs/streams.mjs on our side; the test's own sockets, which are the kernel's, on the other."""

    def start_streams(self, lab=None):
        lab = lab or self.lab
        server = lab.start("--admin", "127.0.0.1:0", PROGRAMS / "streams.mjs", lab.address, ready="ready")
        lab.after_start()
        server.metrics_url = server.wait_for(r"metrics on (http://\S+/metrics)").group(1)
        return server

    def start_bad_streams(self):
        server = self.lab.start("--admin", "127.0.0.1:0", PROGRAMS / "streams.mjs", self.lab.address, ready="ready")
        server.metrics_url = server.wait_for(r"metrics on (http://\S+/metrics)").group(1)
        return server

    def metrics(self, server, lab=None):
        """Sums over cores: {name or name{labels}: value}. A core that has no time to tell its own is asked again."""
        text = wait_until(lambda: "sluice_port_buffers" in (told := (lab or self.lab).run("curl", "-sS", server.metrics_url).stdout)
                          and told, 30, "all metrics")
        values = {}
        for line in text.splitlines():
            match = re.match(r'sluice_(\w+)(?:\{core="\d+",?([^}]*)\})? (\S+)$', line)
            if match:
                name = match.group(1) + (f"{{{match.group(2)}}}" if match.group(2) else "")
                values[name] = values.get(name, 0) + float(match.group(3))
        return values

    def give_and_take(self, lab, data, limit_s=60):
        """They open: all that the kernel sends comes back."""
        digest, count, errors = hashlib.sha256(), 0, []
        with lab.connect(8080, limit_s) as client:

            def feed():
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                except OSError as error:
                    errors.append(error)

            feeder = threading.Thread(target=feed)
            feeder.start()
            while (piece := client.recv(1 << 18)):
                digest.update(piece)
                count += len(piece)
            feeder.join()
        self.assertEqual(errors, [])
        self.assertEqual(count, len(data))
        self.assertEqual(digest.digest(), hashlib.sha256(data).digest())

    def carry(self, lab, data, limit_s=60):
        """We open, twice: what one of the kernel's listeners sends arrives at the other."""
        family = socket.AF_INET6 if lab.family == 6 else socket.AF_INET
        received, count, errors = hashlib.sha256(), [0], []
        with lab.inside():
            source, sink = socket.create_server((lab.client_address, 0), family=family), socket.create_server((lab.client_address, 0), family=family)

        def guarded(function):
            def run():
                try:
                    function()
                except OSError as error:
                    errors.append(error)
            thread = threading.Thread(target=run)
            thread.start()
            return thread

        def feed():
            peer, _ = source.accept()
            with peer:
                peer.settimeout(limit_s)
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1)

        def swallow():
            peer, _ = sink.accept()
            with peer:
                peer.settimeout(limit_s)
                while (piece := peer.recv(1 << 18)):
                    received.update(piece)
                    count[0] += len(piece)

        with source, sink:
            source.settimeout(limit_s)
            sink.settimeout(limit_s)
            threads = [guarded(feed), guarded(swallow)]
            with lab.connect(8081, limit_s) as control:
                control.sendall(f"{lab.client_address} {source.getsockname()[1]} {sink.getsockname()[1]}\n".encode())
                answer = control.makefile().readline()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(answer, f"{len(data)}\n")
        self.assertEqual(count[0], len(data))
        self.assertEqual(received.digest(), hashlib.sha256(data).digest())


@on_each_transport("badtap", "badtap6", "badveth", "badveth6")
class BadWires(Streams):
    """A relay in user space between the two stacks; both directions of the wire are equally bad."""

    def test_whole_and_in_order(self):
        server = self.start_bad_streams()
        data = os.urandom(BYTES)
        for name, odds in CONDITIONS.items():
            self.lab.relay(*odds)
            self.give_and_take(self.lab, data)
            self.carry(self.lab, data)
            counts = self.lab.relay()
            # The wire was bad indeed.
            for odd in odds:
                self.assertGreater(counts[COUNTED_AS[odd.split("=")[0]]], 0, f"{name}: {counts}")
        self.assertIsNone(server.process.poll())


@on_each_transport("veth", "veth6")
class KernelsOwnDamage(Streams):
    """The kernel's packet filter loses and repeats frames in both directions, without anybody between the stacks."""

    def test_whole_and_in_order(self):
        need_program("nft", "nftables")
        lab = self.lab
        server = self.start_streams()
        # At the sender's end of each direction a frame is repeated, or lost.
        rules = "add table netdev bad;"
        for interface in ("slport", lab.interface):
            rules += (f"add chain netdev bad {interface} {{ type filter hook egress device {interface} priority 0; }};"
                      f"add rule netdev bad {interface} numgen random mod 100 < 2 drop;"
                      f"add rule netdev bad {interface} numgen random mod 100 < 3 counter dup to {interface};")
        rules += (f"add chain netdev bad in {{ type filter hook ingress device {lab.interface} priority 0; }};"
                  "add rule netdev bad in numgen random mod 100 < 1 drop;")
        lab.run("nft", rules)
        data = os.urandom(BYTES)
        self.give_and_take(lab, data)
        self.carry(lab, data)
        for interface in ("slport", lab.interface):
            said = lab.run("nft", "list", "chain", "netdev", "bad", interface).stdout
            self.assertGreater(int(re.search(r"counter packets (\d+)", said).group(1)), 0)


class FrameSizes(Streams, LabTest):
    """From the least that a network may carry to jumbo frames."""

    def sizes(self, lab_class, family, sizes):
        data = os.urandom(BYTES)
        for mtu in sizes:
            lab = lab_class(family=family, mtu=mtu)
            try:
                if lab_class is VethLab:
                    lab.run("ip", "link", "set", "slport", "mtu", mtu)
                self.start_streams(lab)
                self.give_and_take(lab, data)
                self.carry(lab, data)
                with lab.connect(8080) as client:
                    segment = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                # Of a full frame, with the timestamps in it.
                self.assertEqual(segment, mtu - (60 if family == 6 else 40) - 12)
            finally:
                lab.close()

    def test_veth_ipv4(self):
        self.sizes(VethLab, 4, (576, 1500, 9000))

    def test_veth_ipv6(self):
        self.sizes(VethLab, 6, (1280, 1500, 9000))

    def test_tap_ipv4(self):
        self.sizes(TapLab, 4, (576, 1280, 1500))

    def test_tap_ipv6(self):
        self.sizes(TapLab, 6, (1280, 1500))


# ---- the end of connections ------------------------------------------------------------------------------------------


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """One of TCP as it was seen on the wire."""

    def __init__(self, frame, family):
        header = 14 + (40 if family == 6 else (frame[14] & 15) * 4)
        self.length = (14 + 40 + struct.unpack("!H", frame[18:20])[0] if family == 6 else 14 + struct.unpack("!H", frame[16:18])[0])
        (self.source, self.destination, self.sequence, self.acknowledgement, offset, self.flags) = struct.unpack(
            "!HHIIBB", frame[header:header + 14])
        self.options = frame[header + 20:header + (offset >> 4) * 4]
        self.payload = frame[header + (offset >> 4) * 4:self.length]
        at = self.options.find(b"\x08\x0a")
        self.stamp = struct.unpack("!II", self.options[at + 2:at + 10]) if at >= 0 else (0, 0)


FIN, SYN, RST, ACK = 1, 2, 4, 16


@on_each_transport("tap", "veth6")
class TimeWait(Streams):
    """RFC 1337 and RFC 6191: what an old segment, a reset and a new SYN do to a connection that is over."""

    def segments(self, sniffer, port):
        """Those to and from that port of the client's, as they come."""
        kind = b"\x86\xdd" if self.lab.family == 6 else b"\x08\0"
        while True:
            frame = sniffer.recv(70000)
            if frame[12:14] != kind or frame[20 if self.lab.family == 6 else 23] != 6:
                continue
            segment = Segment(frame, self.lab.family)
            if port in (segment.source, segment.destination):
                yield segment

    def send(self, raw, port, sequence, acknowledgement, flags, stamp):
        pton = lambda address: socket.inet_pton(socket.AF_INET6 if self.lab.family == 6 else socket.AF_INET, address)
        options = b"\1\1" + struct.pack("!BBII", 8, 10, *stamp)
        tcp = struct.pack("!HHIIBBHHH", port, 8082, sequence, acknowledgement, (5 + len(options) // 4) << 4, flags, 1000, 0, 0) + options
        source, destination = pton(self.lab.client_address), pton(self.lab.address)
        pseudo = source + destination + (struct.pack("!IHBB", len(tcp), 0, 0, 6) if self.lab.family == 6 else struct.pack("!BBH", 0, 6, len(tcp)))
        raw.sendto(tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:], (self.lab.address, 0))

    def test_resets_and_old_segments(self):
        lab = self.lab
        server = self.start_streams()
        waiting = 'tcp_connections{state="time_wait"}'
        with lab.inside():
            family = socket.AF_INET6 if lab.family == 6 else socket.AF_INET
            raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        with raw, sniffer:
            sniffer.bind((lab.interface, 0))
            sniffer.settimeout(10)
            # Our end says first that it is over: it is the one that waits.
            with lab.connect(8082) as client:
                port = client.getsockname()[1]
                self.assertEqual(client.recv(1), b"")
            last = theirs = None
            for segment in self.segments(sniffer, port):
                if segment.source == port and segment.flags & FIN:
                    theirs = segment
                elif theirs and segment.destination == port and segment.acknowledgement == (theirs.sequence + 1) & 0xFFFFFFFF:
                    last = segment
                    break
            # The kernel must not answer for a connection that it has forgotten.
            lab.run("nft", f"add table inet mute; add chain inet mute out {{ type filter hook output priority 0; }};"
                    f"add rule inet mute out tcp sport {port} tcp flags rst meta mark != 7 drop")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
            wait_until(lambda: self.metrics(server).get(waiting) == 1, 10, "TIME-WAIT")
            following = last.acknowledgement
            stamp = (theirs.stamp[0] + 1, last.stamp[0])

            # RFC 1337: a reset, even the exactly right one, ends nothing.
            for sequence in (following, following + 1000):
                self.send(raw, port, sequence, last.sequence, RST, stamp)
            wait_until(lambda: self.metrics(server)['tcp_dropped_total{cause="reset_in_time_wait"}'] == 2, 10, "two resets ignored")
            self.assertEqual(self.metrics(server)[waiting], 1)

            # Their FIN once more is acknowledged once more.
            self.send(raw, port, following - 1, last.sequence, FIN | ACK, stamp)
            again = next(segment for segment in self.segments(sniffer, port) if segment.destination == port)
            self.assertEqual((again.flags, again.sequence, again.acknowledgement), (ACK, last.sequence, following))

            # A SYN from the past is not taken for a new connection, a newer one is.
            self.send(raw, port, following - 50_000, 0, SYN, (stamp[0] - 100, 0))
            answer = next(segment for segment in self.segments(sniffer, port) if segment.destination == port)
            self.assertEqual((answer.flags, answer.acknowledgement), (ACK, following))
            self.assertEqual(self.metrics(server)[waiting], 1)
            self.send(raw, port, following + 50_000, 0, SYN, (stamp[0] + 1000, 0))
            answer = next(segment for segment in self.segments(sniffer, port) if segment.destination == port)
            self.assertEqual((answer.flags, answer.acknowledgement), (SYN | ACK, following + 50_001))
            # Its numbers begin beyond all that the old one can have sent.
            self.assertLess((answer.sequence - last.sequence - 65_536) & 0xFFFFFFFF, 1 << 31)
            self.assertEqual(self.metrics(server)["tcp_time_wait_reused_total"], 1)


@on_each_transport("tap", "veth6")
class HundredThousand(Streams):
    """Connections opened, served and closed, and nothing left of them."""

    def test_nothing_is_left(self):
        lab = self.lab
        for setting in ("net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=1024 65535"):
            lab.run("sysctl", "-qw", setting)
        server = lab.start("--admin", "127.0.0.1:0", PROGRAMS / "kitchen.mjs", "8080")
        server.metrics_url = server.wait_for(r"metrics on (http://\S+/metrics)").group(1)
        # A tap driver keeps some Buffers for what is to come.
        idle = self.metrics(server)["port_buffers"]
        rounds = 0
        count = CONNECTIONS if LONG or lab.family == 4 else CONNECTIONS // 5

        def enough():
            nonlocal rounds
            rounds += 1
            # Now the one side, now the other says first that it is over. On a machine with other things to do it may find no
            # time in its two seconds.
            closing = ["-H", "Connection: close"] if rounds % 2 else []
            lab.run(SLUICE, "bench", lab.url(server, "/hello"), "-c", "64", "-d", "2s", "-q", "--new-connections", *closing, check=False)
            return self.metrics(server).get("tcp_accepted_total", 0) >= count

        wait_until(enough, 300, f"{count} connections")
        now = self.metrics(server)
        for name, value in now.items():
            if name.startswith("tcp_limit_hit_total") and "backlog" not in name:
                self.assertEqual(value, 0, name)
        left = {}

        def nothing():
            left.update(self.metrics(server))
            return left["port_buffers"] <= idle and not any(value for name, value in left.items() if self.counts_connections(name))

        try:
            wait_until(nothing, 30, "the end of all connections")
        except AssertionError as error:
            there = {name: value for name, value in left.items() if value and self.counts_connections(name)}
            self.fail(f"{error}: {there}, {left['port_buffers']} Buffers of {idle}")
        self.assertLessEqual(left['tcp_connections{state="time_wait"}'], 64_512)
        lab.run("curl", "-sS", lab.url(server, "/hello"))
        if LONG:
            wait_until(lambda: self.metrics(server)['tcp_connections{state="time_wait"}'] == 0, 120, "the end of TIME-WAIT")

    @staticmethod
    def counts_connections(name):
        return ((name.startswith("tcp_connections{") and "time_wait" not in name) or name.startswith("http_connections{"))
