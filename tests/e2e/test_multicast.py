# SPDX-License-Identifier: Apache-2.0
"""Groups and broadcast between a program of ours and sockets of the host's, both ways."""

import re
import socket
import struct

from lab import on_each_transport, wait_until

IP_RECVTTL = 12  # not among Python's names

# Echoes to the group what it gets from there, in capitals, and tells what it got.
PROGRAM = """
import { bindUdp } from 'sluice:net';
const [group, port, on, any] = process.argv.slice(2);
const socket = bindUdp({ port: Number(port), hostname: any, reuseAddress: true }, (message, from) => {
  const text = new TextDecoder().decode(message);
  console.log('got', text);
  if (text === 'leave') { socket.dropMembership(group, on); console.log('left'); return; }
  if (text === 'shout') {
    try { socket.send('x', Number(port) + 1, '255.255.255.255'); } catch (error) { console.log(error.code); }
    socket.setBroadcast(true);
    socket.send('for everybody', Number(port) + 1, '255.255.255.255');
    return;
  }
  if (text === text.toLowerCase()) socket.send(text.toUpperCase(), Number(port) + 1, group);
});
if (on) socket.setMulticastInterface(on);
socket.setMulticastTTL(3);
socket.setMulticastLoopback(false);
socket.addMembership(group, on);
try { socket.addMembership(group, on); } catch (error) { console.log('again', error.code); }
console.log('joined');
"""


@on_each_transport("tap", "veth", "tap6", "veth6")
class Multicast:
    PORT = 5007

    def peer(self):
        """A member among the clients, and what it sends with."""
        lab, six = self.lab, self.lab.family == 6
        with lab.inside():
            index = socket.if_nametoindex(lab.interface)
            peer = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        peer.settimeout(10)
        with lab.inside():
            peer.bind(("::" if six else "", self.PORT + 1))
            if six:
                group = socket.inet_pton(socket.AF_INET6, self.group)
                peer.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
                peer.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                peer.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            else:
                request = socket.inet_aton(self.group) + socket.inet_aton(lab.client_address) + struct.pack("@i", index)
                peer.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
                peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
                peer.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        return peer

    def to_group(self, text):
        self.sender.sendto(text.encode(), (self.group, self.PORT))

    def start(self):
        lab, six = self.lab, self.lab.family == 6
        self.group = "ff05::7:7" if six else "239.7.7.7"
        return lab.start(self.source(PROGRAM), self.group, self.PORT, lab.address, "::" if six else "0.0.0.0", ready="joined")

    def test_both_ways(self):
        lab = self.lab
        program = self.start()
        self.assertIn("again EADDRINUSE", program.output())
        self.sender = self.peer()
        def greeted():
            self.to_group("hello")
            return "got hello" in program.output()
        wait_until(greeted, 20, "a datagram to the group")
        data, ancillary, _, source = self.sender.recvmsg(100, 100)
        self.assertEqual(data, b"HELLO")
        self.assertEqual(source[0], lab.address)
        self.assertEqual(struct.unpack("@i", ancillary[0][2])[0], 3)  # hops
        self.to_group("leave")
        program.wait_for("left")
        before = program.output().count("got")
        for _ in range(5):
            self.to_group("nobody")
        # What is sent to the host itself comes after those.
        self.sender.sendto(b"ALONE", (lab.address, self.PORT))
        program.wait_for("got ALONE")
        self.assertEqual(program.output().count("got"), before + 1)

    def test_reports_reach_the_kernel(self):
        """A querier hears which group is wanted."""
        lab, six = self.lab, self.lab.family == 6
        with lab.inside():
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.addCleanup(sniffer.close)
        self.start()
        sniffer.bind((lab.interface, 0)) if lab.transport == "veth" else None
        sniffer.settimeout(10)
        self.sender = self.peer()
        group = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, self.group)
        with lab.inside():
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) if six else \
                socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
            index = socket.if_nametoindex(lab.interface)
        with raw:
            if six:
                link = wait_until(lambda: re.search(r"inet6 (fe80\S+)/64 scope link\s*$", lab.run(
                    "ip", "-6", "address", "show", "dev", lab.interface).stdout, re.M), 20, "an address of the link").group(1)
                raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
                raw.bind((link, 0, 0, index))
                query = struct.pack(">BBHHH16sBBH", 130, 0, 0, 100, 0, bytes(16), 0, 0, 0)
                raw.sendto(query, ("ff02::1", 0, 0, index))
            else:
                raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client_address))
                query = struct.pack(">BBH4sBBH", 0x11, 1, 0, bytes(4), 0, 0, 0)
                total = sum(struct.unpack(">6H", query))
                query = query[:2] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + query[4:]
                raw.sendto(query, ("224.0.0.1", 0))
            source = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, lab.address)
            while True:
                frame = sniffer.recv(2000)
                if six and frame[12:14] == b"\x86\xdd" and frame[20] == 0 and frame[62] == 143 and group in frame[70:]:
                    own = [each for each in frame[22:38]]
                    self.assertNotEqual(bytes(own), socket.inet_pton(socket.AF_INET6, link))
                    break
                if not six and frame[12:14] == b"\x08\0" and frame[23] == 2 and frame[26:30] == source:
                    self.assertEqual((frame[38], frame[-4:] == group or group in frame), (0x22, True))
                    break


@on_each_transport("tap", "veth")
class Broadcast:
    PORT = 5007
    group = "239.7.7.7"

    def test_both_ways(self):
        lab = self.lab
        program = lab.start(self.source(PROGRAM), self.group, self.PORT, lab.address, "0.0.0.0", ready="joined")
        with lab.inside():
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        peer.settimeout(10)
        with lab.inside():
            peer.bind(("", self.PORT + 1))
        # To everybody in the network: the kernel asks nobody for an address.
        peer.sendto(b"SHOUTED", ("10.91.0.255", self.PORT))
        program.wait_for("got SHOUTED")
        peer.sendto(b"shout", (lab.address, self.PORT))
        program.wait_for("EACCES")
        self.assertEqual(peer.recvfrom(100)[0], b"for everybody")


@on_each_transport("kernel")
class OnTheKernel:
    """The same program on the host's sockets; nothing leaves its loopback interface."""

    def test_a_member_on_loopback(self):
        program = self.lab.start(self.source(PROGRAM), "239.7.7.7", 5017, "127.0.0.1", "0.0.0.0", ready="joined")
        self.assertIn("again EADDRINUSE", program.output())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            sender.sendto(b"HELLO", ("239.7.7.7", 5017))
            program.wait_for("got HELLO")
            sender.sendto(b"leave", ("239.7.7.7", 5017))
            program.wait_for("left")
