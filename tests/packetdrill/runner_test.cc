// SPDX-License-Identifier: Apache-2.0
// That scripts are judged: each of these says one thing that is not so.
#include "tests/packetdrill/runner.hh"

#include <gtest/gtest.h>

namespace sluice::packetdrill {
namespace {

const std::string kServer =
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    "+0 bind(3, ..., ...) = 0\n"
    "+0 listen(3, 1) = 0\n"
    "+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop>\n";
const std::string kEstablished = kServer +
                                 "+0 > S. 0:0(0) ack 1 <mss 1460,sackOK>\n"
                                 "+.1 < . 1:1(0) ack 1 win 20000\n"
                                 "+0 accept(3, ..., ...) = 4\n";

Verdict play(const std::string& text) {
  const Parsed parsed = parse(text);
  if (const auto* mistake = std::get_if<Mistake>(&parsed))
    return {Verdict::Kind::kFailed,
            "mistake in line " + std::to_string(mistake->line) + ": " + mistake->text};
  if (const auto* foreign = std::get_if<NotApplicable>(&parsed))
    return {Verdict::Kind::kNotApplicable, foreign->reason};
  return run(std::get<Script>(parsed), 1, "");
}
void expect_failure(const std::string& text, const std::string& part) {
  const Verdict verdict = play(text);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kFailed);
  EXPECT_NE(verdict.text.find(part), std::string::npos) << verdict.text;
}
void expect_not_applicable(const std::string& text, const std::string& part) {
  const Verdict verdict = play(text);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kNotApplicable);
  EXPECT_NE(verdict.text.find(part), std::string::npos) << verdict.text;
}

TEST(Packetdrill, TrueScriptPasses) {
  const Verdict verdict = play(kEstablished + "+0 write(4, ..., 2000) = 2000\n+0 > P. 1:2001(2000) ack 1\n");
  EXPECT_EQ(verdict.kind, Verdict::Kind::kPassed) << verdict.text;
}

TEST(Packetdrill, PacketsAreCompared) {
  expect_failure(kServer + "+0 > S. 0:0(0) ack 2 <mss 1460,sackOK>\n", "another acknowledgement");
  expect_failure(kServer + "+0 > S. 0:0(0) ack 1 <mss 1400,sackOK>\n", "other options");
  expect_failure(kServer + "+0 > S. 0:0(0) ack 1 <mss 1460>\n", "other options");
  expect_failure(kServer + "+0 > S 0:0(0) <...>\n", "other flags");
  expect_failure(kServer + "+0 > S. 0:0(0) ack 1 win 5 <mss 1460,sackOK>\n", "another window");
  expect_failure(kEstablished + "+0 write(4, ..., 2000) = 2000\n+0 > P. 1:3001(3000) ack 1\n",
                 "other sequence numbers");
  expect_failure(kEstablished + "+0 write(4, ..., 10) = 10\n+0 > P. 2:12(10) ack 1\n",
                 "other sequence numbers");
}

TEST(Packetdrill, TimeCounts) {
  expect_failure(kEstablished + "+0 > . 1:1(0) ack 1\n", "no packet came");
  expect_failure(kEstablished + "+0 write(4, ..., 10) = 10\n+.5 > P. 1:11(10) ack 1\n",
                 "the packet came at 0.1");
  expect_failure(kEstablished + "+0...0.2 read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 100\n",
                 "returned now");
  expect_failure(kEstablished + "+0...0.2 read(4, ..., 10) = 10\n", "never returned");
  expect_failure(kEstablished + "+0 read(4, ..., 10) = 10\n", "blocks");
}

TEST(Packetdrill, CallsAreCompared) {
  expect_failure(kEstablished + "+0 < P. 1:11(10) ack 1 win 100\n+0 read(4, ..., 20) = 20\n",
                 "read() gave 10");
  expect_failure(kEstablished + "+0 read(9, ..., 20) = 0\n", "EBADF");
  expect_failure(kEstablished + "+0 < R. 1:1(0) ack 1 win 0\n+0 read(4, ..., 20) = 0\n", "ECONNRESET");
  expect_failure(kEstablished + "+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0\n",
                 "filled in something else");
}

TEST(Packetdrill, AssertionsAreChecked) {
  expect_failure(kEstablished + "+0 %{ assert tcpi_snd_cwnd == 3, tcpi_snd_cwnd }%\n", "tcpi_snd_cwnd is 10");
  expect_failure(kEstablished + "+0 %{\nx = 1 + 2 * 3\nassert x == 7 and (x < 7 or not x > 6)\n}%\n",
                 "assert x == 7");
  const Verdict verdict =
      play(kEstablished + "+0 %{ assert 5 < tcpi_snd_cwnd <= 10 and tcpi_ca_state == TCP_CA_Open }%\n");
  EXPECT_EQ(verdict.kind, Verdict::Kind::kPassed) << verdict.text;
  expect_not_applicable(kEstablished + "+0 %{ assert tcpi_unheard_of == 3 }%\n", "tcpi_unheard_of");
}

TEST(Packetdrill, WhatIsForeignIsSaid) {
  expect_not_applicable("`tc qdisc add dev tun0 root fq`\n" + kServer, "tc qdisc add");
  expect_not_applicable("`sysctl -q net.ipv4.tcp_sack=0`\n" + kServer, "tcp_sack=0");
  expect_not_applicable(kEstablished + "+0 setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0\n",
                        "SO_ZEROCOPY");
  expect_not_applicable(kEstablished + "+0 splice(4, 0, 0, 0, 1, 0) = 0\n", "splice()");
}

TEST(Packetdrill, BitsAndSumsOfAssertionsCount) {
  expect_failure(kEstablished + "+0 %{ assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0, 'a; b' }%\n",
                 "tcpi_options is 2");
  expect_failure(kEstablished + "+0 %{ n = 1; n += tcpi_snd_cwnd; print(n); assert n == 12 }%\n",
                 "assert n == 12");
}

TEST(Packetdrill, OnlyWhatIsExcusedMayBeMissing) {
  const std::string data = kEstablished + "+0 < . 1:501(500) ack 1 win 20000\n+0 write(4, ..., 10) = 10\n";
  const Verdict verdict = play(data + "+0 > P. 1:11(10) ack 501\n");
  EXPECT_EQ(verdict.kind, Verdict::Kind::kPassed) << verdict.text;
  // An answer to a segment that says nothing new is one too many.
  expect_failure(
      kEstablished + "+0 < . 0:0(0) ack 1 win 20000\n+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n",
      "came . 1:1(0) ack 1");
}

TEST(Packetdrill, MistakesHaveTheirLine) {
  expect_failure("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 > Q 1:1(0)\n", "line 2");
  expect_failure("// comment\n/* and\nanother */\n+0 > . 1:5(0)\n", "line 4");
  expect_failure("+0 %{ assert True\n", "'}%' is missing");
  expect_failure("+0 ?\n", "neither a packet");
}

}  // namespace
}  // namespace sluice::packetdrill
