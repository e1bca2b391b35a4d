// SPDX-License-Identifier: Apache-2.0
// Packets to ourselves where the process has several cores: they go from one to another until they find whom they are for.
#include "dataplane/ip/state.hh"
#include "dataplane/wire/ipv6.hh"

namespace sluice::ip {

void Stack::share_loop(unsigned core, unsigned cores, LoopPasser passer, void* context) {
  SLUICE_ASSERT(core < cores);
  // The number must fit into a packet's tag. Beyond it the last cores are not asked.
  state_->loop_core = core;
  state_->loop_cores = cores < 255 ? cores : 255;
  state_->loop_passer = passer;
  state_->loop_passer_context = context;
}

// Takes the packet; its data is at its L4 header.
void Stack::State::give_to_core(unsigned core, unsigned cores_to_ask, const ReceivedPacket& about,
                                Buffer* packet) {
  packet->prepend(about.network_header_bytes);
  packet->user = loop_tag(about.interface_index, cores_to_ask);
  if (loop_passer(loop_passer_context, core, packet)) {
    ++counters.loop_passed_on;
  } else {
    ++counters.loop_pass_refused;
    release(packet);
  }
}

bool Stack::pass_on(const ReceivedPacket& about, Buffer* packet) {
  State& s = *state_;
  if (about.cores_to_ask == 0 || s.loop_passer == nullptr) return false;
  s.give_to_core((s.loop_core + 1) % s.loop_cores, about.cores_to_ask - 1u, about, packet);
  return true;
}

bool Stack::hand_to(unsigned core, const ReceivedPacket& about, Buffer* packet) {
  State& s = *state_;
  if (s.loop_passer == nullptr || core >= s.loop_cores) return false;
  // What comes out of the loop has no extension headers.
  if (!about.source.is_v4() && about.network_header_bytes != wire::kIpv6HeaderBytes) return false;
  s.give_to_core(core, 0, about, packet);
  return true;
}

void Stack::take_looped(Buffer* packet) {
  State& s = *state_;
  if (s.loop_count == State::kLoopQueuePackets) {
    ++counters.transmit_queue_full;
    release(packet);
    return;
  }
  // Not every core need have a queue of every port.
  if (State::loop_interface(packet->user) >= s.interfaces.size())
    packet->user = State::loop_tag(0, State::loop_cores_to_ask(packet->user));
  s.loop_queue.push(packet);
  ++s.loop_count;
}

}  // namespace sluice::ip
