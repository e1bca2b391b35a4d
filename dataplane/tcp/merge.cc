// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp/merge.hh"

#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpPsh;

// True when the packet has been taken; it goes up with the rest of its run, at the end of the burst at the latest.
bool Tcp::merge(const ip::ReceivedPacket& about, const Flow& flow, const wire::TcpView& view, Buffer* packet,
                uint32_t packet_bytes) {
  const uint32_t header_bytes = view.header_bytes(), length = packet_bytes - header_bytes;
  uint32_t timestamp = 0, echo = 0;
  const bool stamped = header_bytes != wire::kTcpHeaderBytes;
  // A mark of congestion is answered at once, and counts for its own segment (RFC 3168 section 6.1.3).
  const bool plain = (view.flags() | kTcpPsh) == (kTcpAck | kTcpPsh) && length > 0 &&
                     packet->next_segment == nullptr && packet->references == 1 &&
                     (about.traffic_class & 3) != 3 &&
                     (!stamped || wire::parse_tcp_timestamp_only(view.options(), timestamp, echo));
  const bool pushed = view.flags() & kTcpPsh;
  if (SegmentRun* run = runs_.find(flow)) {
    if (plain && view.sequence() == run->next && view.acknowledgement() == run->acknowledgement &&
        header_bytes == run->header_bytes && about.traffic_class == run->about.traffic_class &&
        !(stamped && before(timestamp, run->timestamp))) {
      packet->trim_front(header_bytes);
      run->tail = run->tail->next_segment = packet;
      run->bytes += length;
      run->next += length;
      run->timestamp = timestamp;
      run->window = view.window();
      ++run->segments;
      // The sender has paused: nothing more is to be expected.
      if (pushed || !about.more_follow) deliver_run(*run);
      return true;
    }
    deliver_run(*run);
  }
  if (!plain || pushed || !about.more_follow || length < SegmentRuns::kLeastBytes) return false;
  if (runs_.full()) deliver_run(runs_.oldest());
  SegmentRun& run = runs_.add();
  run.head = run.tail = packet;
  run.flow = flow;
  run.about = about;
  run.bytes = packet_bytes;
  run.segments = 1;
  run.next = view.sequence() + length;
  run.acknowledgement = view.acknowledgement();
  run.timestamp = timestamp;
  run.window = view.window();
  run.header_bytes = static_cast<uint16_t>(header_bytes);
  return true;
}

void Tcp::deliver_run(SegmentRun& whole) {
  // Users are called from here, so the run is out of the table first.
  const SegmentRun run = runs_.take(whole);
  const uint32_t hash = hash_of(run.flow);
  if (run.segments > 1) {
    const FlowReference found = find_flow(run.flow, hash);
    if (found.kind() == FlowReference::kConnection) {
      Connection& connection = connections_[found.number()];
      const uint32_t length = run.bytes - run.header_bytes;
      if (connection.takes_run(run.next - length, length)) {
        ++counters.merged_runs;
        counters.merged_segments += run.segments;
        // The window is the newest; the timestamp the oldest, which is the one to be echoed (RFC 7323 section 4.3).
        wire::store_16(run.head->data + 14, run.window);
        const auto view = wire::TcpView::parse(run.head->bytes());
        connection.receive(*view, run.head, run.bytes, false);
        return;
      }
    }
  }
  for (Buffer* packet = run.head; packet != nullptr;) {
    Buffer* next = packet->next_segment;
    packet->next_segment = nullptr;
    if (packet != run.head) packet->prepend(run.header_bytes);
    const auto view = wire::TcpView::parse(packet->bytes());
    dispatch(run.about, run.flow, hash, *view, packet, packet->length);
    packet = next;
  }
}

void Tcp::end_of_burst() {
  while (!runs_.empty()) deliver_run(runs_.oldest());
}

}  // namespace sluice::tcp
