// SPDX-License-Identifier: Apache-2.0
// The bridge between the HTTP server engine and `sluice:http`.
#include "jsapi/native/http_server.hh"

#include <algorithm>

#include "jsapi/native/api.hh"
#include "jsapi/native/core_network.hh"
#include "runtime/config/config.hh"

namespace sluice::jsapi {

namespace {

// Bits of the third argument of respond() and the last of end(), above the status.
constexpr int32_t kStatusMask = 0xffff;
constexpr int32_t kFinal = 1 << 16;  // the script lets go of the request with this call

struct StringBody {
  v8::Isolate* isolate;
  v8::Local<v8::String> string;
  static void produce(void* context, std::byte* destination, uint32_t offset, uint32_t count) {
    const auto& self = *static_cast<StringBody*>(context);
    self.string->WriteOneByte(self.isolate, reinterpret_cast<uint8_t*>(destination), static_cast<int>(offset),
                              static_cast<int>(count), v8::String::NO_NULL_TERMINATION);
  }
};

}  // namespace

// --- the engine's events

IncomingRequest* Serving::admit(http::Exchange& exchange) {
  uint32_t number;
  IncomingRequest* request = servers_.requests_.allocate(number);
  if (!request) {
    ++servers_.counters.refused;
    exchange.handler_data = nullptr;
    if (exchange.has_body()) exchange.discard_body();
    exchange.respond(503, "Retry-After: 1\r\n", std::string_view());
    return nullptr;
  }
  request->exchange = &exchange;
  request->serving = this;
  request->number = number;
  request->generation = servers_.requests_.generation(number);
  exchange.handler_data = request;
  return request;
}

static int32_t flags_of(const http::Exchange& exchange) {
  return static_cast<int32_t>(exchange.method()) | (exchange.version_minor() ? kRequestMinorVersion : 0) |
         (exchange.has_body() ? kRequestHasBody : 0);
}

void Serving::on_request(http::Exchange& exchange) {
  if (servers_.api_.host.tearing_down()) {  // a pipelined one, behind one that is being ended
    exchange.handler_data = nullptr;
    http::ServerHandler& detached = CoreNetwork::of(servers_.api_.host.core()).detached;
    exchange.set_handler(detached);
    return detached.on_request(exchange);
  }
  const IncomingRequest* request = admit(exchange);
  if (!request) return;
  servers_.api_.host.push(kHttpRequest, static_cast<int32_t>(request->number),
                          static_cast<int32_t>(request->generation), flags_of(exchange),
                          static_cast<int32_t>(index_));
}

bool Serving::on_upgrade(http::Exchange& exchange) {
  if (!upgrades_ || servers_.api_.host.tearing_down()) return false;
  const IncomingRequest* request = admit(exchange);
  if (!request) return true;
  servers_.api_.host.push(kHttpUpgrade, static_cast<int32_t>(request->number),
                          static_cast<int32_t>(request->generation), flags_of(exchange),
                          static_cast<int32_t>(index_));
  return true;
}

static void announce(runtime::IsolateHost& host, IncomingRequest& request) {
  if (request.announced) return;
  request.announced = true;
  host.push(kHttpBody, static_cast<int32_t>(request.number), static_cast<int32_t>(request.generation));
}

void Serving::on_body(http::Exchange& exchange, Buffer* chain) {
  auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  if (!request) {
    const uint32_t bytes = chain->chain_length();
    release(chain);
    exchange.body_consumed(bytes);
    return;
  }
  IncomingBody& body = servers_.body_of(*request);
  body.bytes.push(chain);
  if (!request->gathering) {
    announce(servers_.api_.host, *request);
    return;
  }
  if (body.bytes.size() > body.gather_limit_bytes) {
    request->too_large = true;
    request->gathering = false;
    body.bytes.clear();
    exchange.discard_body();
    announce(servers_.api_.host, *request);
    return;
  }
  exchange.body_consumed(body.bytes.gather());
}

void Serving::on_body_end(http::Exchange& exchange) {
  auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  if (!request) return;
  request->body_ended = true;
  for (const http::HeaderField& field : exchange.trailers())
    servers_.body_of(*request).trailers.emplace_back(field.name, field.value);
  announce(servers_.api_.host, *request);
}

void Serving::on_drained(http::Exchange& exchange) {
  const auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  if (request)
    servers_.api_.host.push(kHttpDrained, static_cast<int32_t>(request->number),
                            static_cast<int32_t>(request->generation));
}

void Serving::on_aborted(http::Exchange& exchange, Error error) {
  auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  if (!request) return;
  request->aborted = true;
  servers_.api_.host.push(kHttpAborted, static_cast<int32_t>(request->number),
                          static_cast<int32_t>(request->generation), static_cast<int32_t>(error));
}

void Serving::on_released(http::Exchange& exchange) {
  auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  exchange.handler_data = nullptr;
  if (!request) return;
  if (request->held) {
    // The handler has not settled: what it may still read is kept.
    std::unique_ptr<SavedHead> saved = servers_.saved_heads_.take();
    size_t bytes = exchange.target().size();
    for (const http::HeaderField& field : exchange.headers()) bytes += field.name.size() + field.value.size();
    saved->text.reserve(bytes);
    const auto keep = [&](std::string_view text) {
      const size_t at = saved->text.size();
      saved->text += text;
      return std::string_view(saved->text.data() + at, text.size());
    };
    saved->target = keep(exchange.target());
    saved->fields.reserve(exchange.headers().size());
    for (const http::HeaderField& field : exchange.headers()) {
      const std::string_view name = keep(field.name);
      saved->fields.push_back({name, keep(field.value)});
    }
    saved->remote = exchange.remote();
    saved->local = exchange.local();
    saved->content_length = exchange.content_length();
    request->saved = std::move(saved);
    request->exchange = nullptr;
  } else {
    servers_.recycle(*request);
  }
}

// --- what JavaScript calls

HttpServers::HttpServers(Api& api) : api_(api), isolate_(api.isolate) {
  blocks_.emplace_back();
  api.host.on_busy_check([this] { return requests_.live_count() > 0; });
}
HttpServers::~HttpServers() = default;

HttpServers& HttpServers::from(const Arguments& info) { return Api::from(info).servers; }

void HttpServers::recycle(IncomingRequest& request) {
  if (request.body) bodies_.give(std::move(request.body));
  if (request.saved) saved_heads_.give(std::move(request.saved));
  requests_.release(request.number);
}

void HttpServers::let_go(IncomingRequest& request) {
  request.held = false;
  if (!request.exchange) {
    recycle(request);
  } else if (!request.body_ended && request.reading && request.exchange->response_ended()) {
    request.announced = true;
    if (request.body) request.body->clear();
    request.exchange->discard_body();
  }
}

void HttpServers::teardown() {
  http::ServerHandler& detached = CoreNetwork::of(api_.host.core()).detached;
  for (uint32_t number = 0; number < requests_.end(); ++number) {
    if (!requests_.live(number)) continue;
    IncomingRequest& request = requests_[number];
    http::Exchange* exchange = request.exchange;
    if (request.body) request.body->clear();
    if (!exchange) continue;
    exchange->handler_data = nullptr;
    if (request.proxied) continue;  // goes on without us
    exchange->set_handler(detached);
    request.exchange = nullptr;
    if (exchange->response_ended() || exchange->aborted()) continue;
    if (exchange->response_started()) {
      exchange->abort();
    } else {
      if (exchange->has_body() && !request.body_ended) exchange->discard_body();
      exchange->respond(503, "Connection: close\r\n", std::string_view());
    }
  }
}

// listen(hostname, port, upgrades, limits[], IPv6 only) -> [server, port, address]
void HttpServers::listen(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const auto context = isolate->GetCurrentContext();
  transport::ListenOptions options;
  if (!endpoint_of(self.api_, info[0], info[1], options.local)) return;

  http::Limits limits = self.api_.host.core().configuration.http;
  const auto given = info[3].As<v8::Array>();
  uint32_t index = 0;
  const auto read = [&](auto& limit) {
    v8::Local<v8::Value> value;
    if (given->Get(context, index++).ToLocal(&value) && value->IsNumber())
      limit = static_cast<std::remove_reference_t<decltype(limit)>>(value.As<v8::Number>()->Value());
  };
  read(limits.head_bytes), read(limits.target_bytes), read(limits.header_count), read(limits.body_bytes);
  read(limits.header_timeout_ms), read(limits.idle_timeout_ms), read(limits.body_timeout_ms);
  read(limits.pipeline_requests), read(limits.pending_body_bytes), read(limits.connections);
  read(limits.requests_per_connection), read(limits.half_open);

  const std::string hostname = to_utf8(isolate, info[0]);
  if (hostname.empty()) options.local.address = {};  // of both families, as Node does
  options.ipv6_only = info[4]->IsTrue();
  auto serving =
      std::make_unique<Serving>(self, static_cast<uint32_t>(self.servings_.size()), info[2]->IsTrue());
  auto result = self.api_.host.core().servers.serve(self.api_.host, hostname, options, limits, *serving);
  if (!result) {
    throw_system_error(isolate, result.error, "listen " + options.local.to_string(), result.detail);
    return;
  }
  serving->entry_ = result.value;
  self.servings_.push_back(std::move(serving));
  const Endpoint local = result.value->local;
  v8::Local<v8::Value> values[] = {
      v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(self.servings_.size() - 1)),
      v8::Integer::NewFromUnsigned(isolate, local.port), latin1(isolate, local.address.to_string())};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 3));
}

// close(server)
void HttpServers::close(const Arguments& info) {
  HttpServers& self = from(info);
  const uint32_t index = word(info[0]);
  if (index >= self.servings_.size() || !self.servings_[index]->entry_) return;
  self.api_.host.core().servers.close(*self.servings_[index]->entry_, self.api_.host);
  self.servings_[index]->entry_ = nullptr;
}

// target(slot, generation) -> string, or undefined when the request is released
void HttpServers::target(const Arguments& info) {
  HttpServers& self = from(info);
  const IncomingRequest* request = self.find(info);
  if (request && request->readable())
    info.GetReturnValue().Set(self.api_.strings.get(info.GetIsolate(), request->target()));
}

// headers(slot, generation) -> [shape, value ...], or [-1, name, value ...], not to be changed; undefined when released
void HttpServers::headers(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request || !request->readable()) return;
  const auto headers = request->headers();
  bool known = false, again = false;
  HeadCache::Place* place = nullptr;
  if (const std::string_view bytes = HeadCache::bytes_of(headers); !bytes.empty() && request->exchange) {
    place = &self.heads_.find(bytes, headers.size(), known, again);
    if (known) return info.GetReturnValue().Set(place->values);
  }
  const int32_t shape = self.shapes_.find(headers);
  if (shape == HeaderShapes::kNoShape) {
    std::vector<v8::Local<v8::Value>> values{v8::Integer::New(isolate, shape)};
    values.reserve(1 + 2 * headers.size());
    for (const http::HeaderField& field : headers) {
      values.push_back(self.api_.strings.get(isolate, lower_case(field.name)));
      values.push_back(self.api_.strings.get(isolate, field.value));
    }
    info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
    return;
  }
  v8::Local<v8::Value> values[1 + HeaderShapes::kHeadersLimit];
  size_t count = 0;
  values[count++] = v8::Integer::New(isolate, shape);
  for (const http::HeaderField& field : headers)
    values[count++] = self.api_.strings.get(isolate, field.value);
  const auto array = v8::Array::New(isolate, values, count);
  if (place && again) {
    place->values.Reset(isolate, array);
    place->bytes = HeadCache::bytes_of(headers);
    place->count = headers.size();
  }
  info.GetReturnValue().Set(array);
}

// shape_names(shape) -> [lower-cased name ...]
void HttpServers::shape_names(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const uint32_t shape = word(info[0]);
  if (shape >= self.shapes_.size()) return;
  std::vector<v8::Local<v8::Value>> names;
  for (const std::string& name : self.shapes_.names(static_cast<int32_t>(shape)))
    names.push_back(latin1_internalized(isolate, name));
  info.GetReturnValue().Set(v8::Array::New(isolate, names.data(), names.size()));
}

// header(slot, generation, name) -> the first field of that name, null when there is none; undefined when released
void HttpServers::header(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request || !request->readable()) return;
  char name[128];
  if (!info[2]->IsString()) return info.GetReturnValue().SetNull();
  const auto string = info[2].As<v8::String>();
  const int length = string->Length();
  if (length > static_cast<int>(sizeof(name))) return info.GetReturnValue().SetNull();
  string->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(name), 0, length, v8::String::NO_NULL_TERMINATION);
  for (const http::HeaderField& field : request->headers())
    if (http::field_name_equals(field.name, {name, static_cast<size_t>(length)}))
      return info.GetReturnValue().Set(self.api_.strings.get(isolate, field.value));
  info.GetReturnValue().SetNull();
}

// raw_headers(slot, generation) -> [name, value ...] as received; undefined when released
void HttpServers::raw_headers(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request || !request->readable()) return;
  std::vector<v8::Local<v8::Value>> values;
  for (const http::HeaderField& field : request->headers()) {
    values.push_back(self.api_.strings.get(isolate, field.name));
    values.push_back(self.api_.strings.get(isolate, field.value));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

// trailers(slot, generation) -> [name, value ...]
void HttpServers::trailers(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request) return;
  std::vector<v8::Local<v8::Value>> values;
  if (request->body) {
    for (const auto& [name, value] : request->body->trailers) {
      values.push_back(latin1(isolate, name));
      values.push_back(latin1(isolate, value));
    }
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

// address(slot, generation, local?) -> [address, port]; undefined when released
void HttpServers::address(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request || !request->readable()) return;
  const bool local = info[2]->IsTrue();
  const Endpoint endpoint = request->exchange
                                ? (local ? request->exchange->local() : request->exchange->remote())
                                : (local ? request->saved->local : request->saved->remote);
  v8::Local<v8::Value> values[] = {self.api_.strings.get(isolate, endpoint.address.to_string()),
                                   v8::Integer::NewFromUnsigned(isolate, endpoint.port)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

// content_length(slot, generation) -> number, -1 when chunked; undefined when released
void HttpServers::content_length(const Arguments& info) {
  const IncomingRequest* request = from(info).find(info);
  if (!request || !request->readable()) return;
  info.GetReturnValue().Set(static_cast<double>(request->exchange ? request->exchange->content_length()
                                                                  : request->saved->content_length));
}

// add_block(lines) -> number of the block, -1 when they are used up
void HttpServers::add_block(const Arguments& info) {
  HttpServers& self = from(info);
  if (self.blocks_.size() >= kHeaderBlocksLimit) return info.GetReturnValue().Set(-1);
  std::string lines;
  append_latin1(info.GetIsolate(), info[0].As<v8::String>(), lines);
  self.blocks_.push_back(std::move(lines));
  info.GetReturnValue().Set(static_cast<uint32_t>(self.blocks_.size() - 1));
}

std::string_view HttpServers::fields(const v8::Local<v8::Value>& block, const v8::Local<v8::Value>& more) {
  const std::string& lines = blocks_[word(block)];
  if (!more->IsString()) return lines;
  fields_scratch_ = lines;
  append_latin1(isolate_, more.As<v8::String>(), fields_scratch_);
  return fields_scratch_;
}

void HttpServers::before_end(IncomingRequest& request) {
  if (request.exchange->has_body() && !request.reading) {
    request.reading = request.discarded = true;
    request.exchange->discard_body();
  }
}

// The script asks for a body that it has lost.
static void throw_discarded(v8::Isolate* isolate) {
  throw_error(
      isolate, "ERR_BODY_DISCARDED",
      "The body of the request is gone: it was not asked for before the response ended, or was given up");
}

// respond(slot, generation, status | final, block, more fields, body): the whole response in one call
void HttpServers::respond(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  IncomingRequest* request = self.find(info);
  if (!request) return;
  const int32_t what = small_integer(info[2]);
  auto status = static_cast<uint16_t>(what & kStatusMask);
  if (status < 200 || status > 999) status = 500;  // changed after it was checked
  if (what & kFinal) {
    request->held = false;
    if (!request->exchange) {
      self.recycle(*request);
      return;
    }
  }
  if (!request->exchange || request->aborted) return;
  http::Exchange& exchange = *request->exchange;
  const std::string_view fields = self.fields(info[3], info[4]);
  before_end(*request);
  // From here on the exchange may be released within the call, and `request` be gone.

  const v8::Local<v8::Value> body = info[5];
  if (body->IsString()) {
    const auto string = body.As<v8::String>();
    const int length = string->Length();
    constexpr int kOptions = v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8;
    if (length <= kInPlaceBytes / 3) {
      char text[kInPlaceBytes];
      size_t count = static_cast<size_t>(length);
      if (string->IsOneByte()) {
        string->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(text), 0, length,
                             v8::String::NO_NULL_TERMINATION);
        if (!is_ascii(text, count))
          count = static_cast<size_t>(string->WriteUtf8(isolate, text, kInPlaceBytes, nullptr, kOptions));
      } else {
        count = static_cast<size_t>(string->WriteUtf8(isolate, text, kInPlaceBytes, nullptr, kOptions));
      }
      exchange.respond(status, fields, std::string_view(text, count));
      return;
    }
    const int bytes = string->Utf8Length(isolate);
    if (bytes == length && string->IsOneByte()) {
      StringBody producer{isolate, string};
      exchange.respond(status, fields, static_cast<uint32_t>(bytes),
                       http::Exchange::BodyProducer{&producer, StringBody::produce});
      return;
    }
    self.scratch_.resize(static_cast<size_t>(bytes));
    string->WriteUtf8(isolate, self.scratch_.data(), bytes, nullptr, kOptions);
    exchange.respond(status, fields, std::string_view(self.scratch_));
    if (self.scratch_.capacity() > 1 << 20) std::string().swap(self.scratch_);
    return;
  }
  Bytes bytes;
  if (!bytes_of(body, bytes)) {
    exchange.respond(status, fields, std::string_view());
    return;
  }
  if (bytes.length >= kByReferenceBytes && bytes.length <= UINT32_MAX) {
    if (Buffer* chain = self.api_.refer_to(body, bytes)) {
      exchange.respond(status, fields, chain);
      return;
    }
  }
  exchange.respond(status, fields, bytes.view());
}

// start(slot, generation, status, block, more fields, reason, length): the head of a streamed response
void HttpServers::start(const Arguments& info) {
  HttpServers& self = from(info);
  const IncomingRequest* request = self.find(info);
  if (!request || !request->exchange || request->aborted) return;
  std::string reason;
  if (info[5]->IsString()) append_latin1(info.GetIsolate(), info[5].As<v8::String>(), reason);
  const std::string_view fields = self.fields(info[3], info[4]);
  request->exchange->start(static_cast<uint16_t>(word(info[2])), fields, reason,
                           static_cast<int64_t>(number(info[6])));
}

// write(slot, generation, string or bytes) -> false when the writer should wait for kHttpDrained
void HttpServers::write(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const IncomingRequest* request = self.find(info);
  if (!request || !request->exchange || request->aborted) return info.GetReturnValue().Set(true);
  http::Exchange& exchange = *request->exchange;
  const v8::Local<v8::Value> piece = info[2];
  if (piece->IsString()) {
    const Utf8Text text(isolate, piece.As<v8::String>());
    info.GetReturnValue().Set(exchange.write(text.view()));
    return;
  }
  Bytes bytes;
  if (!bytes_of(piece, bytes)) return info.GetReturnValue().Set(true);
  if (bytes.length >= kByReferenceBytes && bytes.length <= UINT32_MAX) {
    if (Buffer* chain = self.api_.refer_to(piece, bytes))
      return info.GetReturnValue().Set(exchange.write(chain));
  }
  info.GetReturnValue().Set(exchange.write(bytes.view()));
}

// end(slot, generation, final?, trailers)
void HttpServers::end(const Arguments& info) {
  HttpServers& self = from(info);
  IncomingRequest* request = self.find(info);
  if (!request) return;
  if (info[2]->IsTrue()) {
    request->held = false;
    if (!request->exchange) {
      self.recycle(*request);
      return;
    }
  }
  if (!request->exchange || request->aborted) return;
  before_end(*request);
  if (info[3]->IsString()) {
    self.fields_scratch_.clear();
    append_latin1(info.GetIsolate(), info[3].As<v8::String>(), self.fields_scratch_);
    request->exchange->end(self.fields_scratch_);
  } else {
    request->exchange->end();
  }
}

// informational(slot, generation, status, lines)
void HttpServers::informational(const Arguments& info) {
  HttpServers& self = from(info);
  const IncomingRequest* request = self.find(info);
  if (!request || !request->exchange || request->aborted) return;
  self.fields_scratch_.clear();
  if (info[3]->IsString()) append_latin1(info.GetIsolate(), info[3].As<v8::String>(), self.fields_scratch_);
  request->exchange->informational(static_cast<uint16_t>(word(info[2])), self.fields_scratch_);
}

// abort(slot, generation): the connection ends at once
void HttpServers::abort(const Arguments& info) {
  const IncomingRequest* request = from(info).find(info);
  if (request && request->exchange && !request->aborted) request->exchange->abort();
}

// upgrade(slot, generation) -> [slot, generation] of a socket; undefined when the connection is gone
void HttpServers::upgrade(const Arguments& info) {
  HttpServers& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  IncomingRequest* request = self.find(info);
  if (!request || !request->exchange || request->aborted) return;
  Socket* socket = self.api_.sockets.allocate();
  if (!socket) return;
  self.api_.sockets.count(*socket);
  socket->stream = request->exchange->upgrade(*socket);
  if (!socket->stream) {
    self.api_.sockets.forget(*socket);
    return;
  }
  v8::Local<v8::Value> values[] = {v8::Integer::NewFromUnsigned(isolate, socket->number),
                                   v8::Integer::New(isolate, static_cast<int32_t>(socket->generation))};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

// drop(slot, generation): the script asks for nothing any more
void HttpServers::drop(const Arguments& info) {
  HttpServers& self = from(info);
  if (IncomingRequest* request = self.find(info)) self.let_go(*request);
}

// body_take(slot, generation) -> Uint8Array; null at the end; undefined: nothing yet, a kHttpBody event will tell
void HttpServers::body_take(const Arguments& info) {
  HttpServers& self = from(info);
  IncomingRequest* request = self.find(info);
  if (!request) return throw_discarded(info.GetIsolate());
  http::Exchange* exchange = request->exchange;
  if (!request->reading) {
    if (!exchange || !exchange->has_body()) return info.GetReturnValue().SetNull();
    request->reading = true;
    exchange->read_body();  // may bring what has already come
  }
  if (request->discarded) return throw_discarded(info.GetIsolate());
  if (const uint64_t count = request->waiting_bytes()) {
    v8::Local<v8::Uint8Array> array;
    if (!request->body->bytes.take(info.GetIsolate()).ToLocal(&array)) return;
    info.GetReturnValue().Set(array);
    // Reading may have released the exchange: its pointer is looked up again.
    if (request->exchange && !request->body_ended && !request->aborted)
      request->exchange->body_consumed(static_cast<uint32_t>(count));
    return;
  }
  if (request->body_ended) return info.GetReturnValue().SetNull();
  request->announced = false;
}

// body_whole(slot, generation, form, limit) -> the body; false: too large; undefined: not yet, a kHttpBody event will tell
void HttpServers::body_whole(const Arguments& info) {
  HttpServers& self = from(info);
  IncomingRequest* request = self.find(info);
  if (!request) return throw_discarded(info.GetIsolate());
  http::Exchange* exchange = request->exchange;
  const auto limit = static_cast<uint64_t>(number(info[3]));
  if (exchange && exchange->content_length() > 0 && static_cast<uint64_t>(exchange->content_length()) > limit)
    request->too_large = true;
  if (request->too_large) return info.GetReturnValue().Set(false);
  if (request->discarded) return throw_discarded(info.GetIsolate());
  if (!request->reading) {
    request->reading = true;
    if (!exchange || !exchange->has_body()) {
      request->body_ended = true;
    } else {
      exchange->read_body();
    }
  }
  if (request->body_ended) {
    IncomingBody& body = self.body_of(*request);
    if (body.bytes.size() > limit) {
      body.bytes.clear();
      return info.GetReturnValue().Set(false);
    }
    v8::Local<v8::Value> whole;
    if (body.bytes.take_whole(info.GetIsolate(), static_cast<WholeBody>(word(info[2]))).ToLocal(&whole))
      info.GetReturnValue().Set(whole);
    return;
  }
  request->gathering = true;
  IncomingBody& body = self.body_of(*request);
  body.gather_limit_bytes = limit;
  request->announced = false;
  const uint32_t gathered = body.bytes.gather();
  if (gathered && request->exchange && !request->aborted) request->exchange->body_consumed(gathered);
}

// body_discard(slot, generation): the rest is of no interest
void HttpServers::body_discard(const Arguments& info) {
  IncomingRequest* request = from(info).find(info);
  if (!request) return;
  request->announced = true;
  request->gathering = false;
  request->reading = request->discarded = true;
  if (request->body) request->body->bytes.clear();
  if (request->exchange && !request->body_ended && !request->aborted) request->exchange->discard_body();
}

// utf8_length(string) -> bytes
static void utf8_length(const Arguments& info) {
  info.GetReturnValue().Set(info[0].As<v8::String>()->Utf8Length(info.GetIsolate()));
}

// is_fulfilled(promise): an async handler that never had to wait is over when it returns
static void is_fulfilled(const Arguments& info) {
  info.GetReturnValue().Set(info[0]->IsPromise() &&
                            info[0].As<v8::Promise>()->State() == v8::Promise::kFulfilled);
}

void HttpServers::install(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                          v8::Local<v8::Value> data) {
  const struct {
    const char* name;
    v8::FunctionCallback callback;
  } functions[] = {
      {"serverListen", listen},
      {"serverClose", close},
      {"requestTarget", HttpServers::target},
      {"requestHeaders", headers},
      {"requestHeader", header},
      {"requestRawHeaders", raw_headers},
      {"shapeNames", shape_names},
      {"requestTrailers", trailers},
      {"requestAddress", address},
      {"requestLength", content_length},
      {"addHeaderBlock", add_block},
      {"respond", respond},
      {"responseStart", start},
      {"responseWrite", write},
      {"responseEnd", end},
      {"responseInformational", informational},
      {"responseAbort", abort},
      {"requestUpgrade", upgrade},
      {"requestDrop", drop},
      {"requestTake", body_take},
      {"requestWhole", body_whole},
      {"requestDiscard", body_discard},
      {"utf8Length", utf8_length},
      {"isFulfilled", is_fulfilled},
  };
  for (const auto& [name, callback] : functions) runtime::set_function(context, target, name, callback, data);
}

}  // namespace sluice::jsapi
