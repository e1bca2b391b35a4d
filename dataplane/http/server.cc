// SPDX-License-Identifier: Apache-2.0
// The server engine of one core: its connections and the memory they share.
#include "dataplane/http/server.hh"

#include <algorithm>

#include "dataplane/core/cycles.hh"
#include "dataplane/http/server_connection.hh"

namespace sluice::http {

Server::Server(Reactor& reactor, Clock& clock, const Limits& limits, ServerHandler& handler)
    : reactor_(reactor),
      clock_(clock),
      limits_(limits),
      handler_(&handler),
      date_(clock),
      exchanges_(limits.requests),
      connections_(std::make_unique<Slab<ServerConnection>>(limits.connections)),
      parse_fields_(limits.header_count) {}

Server::~Server() {
  SLUICE_ASSERT(drained());
  for (HeaderField* block : field_blocks_) delete[] block;
}

void Server::on_accepted(transport::Stream& stream) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  uint32_t number;
  ServerConnection* connection = nullptr;
  if (!draining_) {
    number = 0;
    connection = connections_->allocate(number, *this, stream, UINT32_MAX);
  }
  if (!connection) {
    ++counters.connections_refused;
    stream.abort();
    return;
  }
  connection->set_number(number);
  ++counters.connections_accepted;
  stream.set_user(connection);
  if (listener_ && connections_->live_count() >= limits_.connections) {
    ++counters.accept_paused;
    accepting_ = false;
    listener_->set_accepting(false);
  }
}

void Server::set_listener(transport::Listener* listener) { listener_ = listener; }

// Destroys the connection.
void Server::connection_gone(uint32_t number) {
  connections_->release(number);
  if (accepting_ || connections_->live_count() > limits_.connections - std::max(1u, limits_.connections / 16))
    return;
  accepting_ = true;
  if (listener_) listener_->set_accepting(true);
}

void Server::drain(bool leaving) {
  draining_ = true;
  leaving_ = leaving_ || leaving;
  for (uint32_t i = 0; i < connections_->end(); ++i)
    if (connections_->live(i)) (*connections_)[i].drain();
}

void Server::abort_all() {
  for (uint32_t i = 0; i < connections_->end(); ++i)
    if (connections_->live(i)) (*connections_)[i].abort_stream();
}

Exchange* Server::find(uint32_t number, uint32_t generation) { return exchanges_.find(number, generation); }

void Server::set_handler(ServerHandler& handler) { handler_ = &handler; }

uint32_t Server::connections() const { return connections_->live_count(); }

HeaderField* Server::take_field_block() {
  if (field_blocks_.empty()) return new HeaderField[limits_.header_count];
  HeaderField* block = field_blocks_.back();
  field_blocks_.pop_back();
  return block;
}

void Server::give_field_block(HeaderField* block) { field_blocks_.push_back(block); }

}  // namespace sluice::http
