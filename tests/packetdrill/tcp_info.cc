// SPDX-License-Identifier: Apache-2.0
// What a connection is like, by the names and in the units (segments) of Linux's tcp_info (linux/tcp.h).
#include <netinet/tcp.h>

#include <algorithm>

#include "tests/packetdrill/socket.hh"

namespace sluice::packetdrill {
namespace {

int linux_state(tcp::State state) {
  switch (state) {
    case tcp::State::kClosed: return TCP_CLOSE;
    case tcp::State::kSynSent: return TCP_SYN_SENT;
    case tcp::State::kSynReceived: return TCP_SYN_RECV;
    case tcp::State::kEstablished: return TCP_ESTABLISHED;
    case tcp::State::kFinWait1: return TCP_FIN_WAIT1;
    case tcp::State::kFinWait2: return TCP_FIN_WAIT2;
    case tcp::State::kCloseWait: return TCP_CLOSE_WAIT;
    case tcp::State::kClosing: return TCP_CLOSING;
    case tcp::State::kLastAck: return TCP_LAST_ACK;
  }
  return TCP_CLOSE;
}

enum LinuxPhase { kOpen, kDisorder, kReduced, kRecovery, kLoss };  // TCP_CA_...

LinuxPhase linux_phase(const tcp::Connection& connection) {
  switch (connection.phase()) {
    case tcp::RecoveryPhase::kFast: return kRecovery;
    case tcp::RecoveryPhase::kLoss: return kLoss;
    case tcp::RecoveryPhase::kOpen: break;
  }
  if (connection.reduced()) return kReduced;
  return connection.recovery() && connection.recovery()->sacked_bytes > 0 ? kDisorder : kOpen;
}

}  // namespace

void Sockets::add_info(int descriptor, std::map<std::string, double>& names) const {
  const auto at = open_.find(descriptor);
  if (at == open_.end()) return;
  const Socket& socket = *at->second;
  if (!socket.stream) {
    if (socket.kind != Socket::Kind::kEnded) return;
    names["tcpi_state"] = TCP_CLOSE;
    names["tcpi_options"] = socket.had_syn_data ? TCPI_OPT_SYN_DATA : 0;
    return;
  }
  const auto& connection = static_cast<const tcp::Connection&>(*socket.stream);
  const double mss = connection.mss_bytes();
  const auto segments = [&](uint32_t bytes) {
    return static_cast<double>((uint64_t{bytes} + connection.mss_bytes() - 1) / connection.mss_bytes());
  };
  names["tcpi_state"] = linux_state(connection.state());
  names["tcpi_snd_mss"] = mss;
  names["tcpi_advmss"] = connection.local_mss_bytes();
  names["tcpi_snd_cwnd"] = static_cast<int64_t>(connection.cwnd_bytes() / connection.mss_bytes());
  names["tcpi_snd_ssthresh"] =
      connection.ssthresh_bytes() >= 0x7fffffff
          ? 2147483647.0
          : static_cast<int64_t>(connection.ssthresh_bytes() / connection.mss_bytes());
  names["tcpi_unacked"] = segments(connection.flight_bytes());
  names["tcpi_rtt"] = connection.smoothed_rtt_us();
  names["tcpi_ca_state"] = linux_phase(connection);
  names["tcpi_options"] =
      (connection.timestamps() ? TCPI_OPT_TIMESTAMPS : 0) | (connection.sack() ? TCPI_OPT_SACK : 0) |
      (connection.window_scaling() ? TCPI_OPT_WSCALE : 0) | (connection.ecn() ? TCPI_OPT_ECN : 0) |
      (connection.syn_data() ? TCPI_OPT_SYN_DATA : 0);
  const tcp::Connection::FlightSummary flight = connection.summarize_flight();
  names["tcpi_sacked"] = segments(flight.sacked_bytes);
  names["tcpi_retrans"] = segments(flight.retransmitted_bytes);
  // In Linux's books what was sent again stays lost until it arrives.
  names["tcpi_lost"] =
      segments(flight.lost_bytes + (linux_phase(connection) >= kRecovery ? flight.retransmitted_bytes : 0));
}

}  // namespace sluice::packetdrill
