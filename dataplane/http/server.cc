// SPDX-License-Identifier: Apache-2.0
// The server engine of one core: its connections and the memory they share.
#include "dataplane/http/server.hh"

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
}

void Server::drain() {
  draining_ = true;
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
