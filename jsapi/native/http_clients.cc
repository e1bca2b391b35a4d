// SPDX-License-Identifier: Apache-2.0
// Requests that a script makes.
#include "jsapi/native/http_clients.hh"

#include "jsapi/native/api.hh"

namespace sluice::jsapi {

HttpClients::HttpClients(Api& api) : api_(api) {}
HttpClients::~HttpClients() = default;

HttpClients& HttpClients::from(const Arguments& info) { return Api::from(info).clients; }

// --- the engine's events

void HttpClients::announce(OutgoingRequest& outgoing) {
  if (outgoing.announced) return;
  outgoing.announced = true;
  api_.host.push(kClientBody, static_cast<int32_t>(outgoing.number),
                 static_cast<int32_t>(outgoing.generation));
}

void HttpClients::on_response(http::ClientRequest& request, uint16_t status, std::string_view reason,
                              uint8_t version_minor, std::span<const http::HeaderField> headers) {
  auto& outgoing = *static_cast<OutgoingRequest*>(request.handler_data);
  outgoing.reason = reason;
  for (const http::HeaderField& field : headers) outgoing.headers.emplace_back(field.name, field.value);
  outgoing.announced = true;  // the script asks by itself after the head
  api_.host.push(kClientResponse, static_cast<int32_t>(outgoing.number),
                 static_cast<int32_t>(outgoing.generation), status, version_minor);
}

void HttpClients::on_body(http::ClientRequest& request, Buffer* chain) {
  auto& outgoing = *static_cast<OutgoingRequest*>(request.handler_data);
  outgoing.body.push(chain);
  if (!outgoing.gathering) {
    announce(outgoing);
    return;
  }
  if (outgoing.body.size() > outgoing.gather_limit_bytes) {
    outgoing.too_large = true;
    outgoing.body.clear();
    outgoing.gathering = false;
    request.cancel();
    outgoing.request = nullptr;
    api_.host.unref();
    announce(outgoing);
    return;
  }
  request.body_consumed(outgoing.body.gather());
}

void HttpClients::finished(OutgoingRequest& outgoing) {
  outgoing.request = nullptr;
  api_.host.unref();
}

void HttpClients::on_complete(http::ClientRequest& request, std::span<const http::HeaderField> trailers) {
  auto& outgoing = *static_cast<OutgoingRequest*>(request.handler_data);
  for (const http::HeaderField& field : trailers) outgoing.trailers.emplace_back(field.name, field.value);
  outgoing.body_ended = true;
  announce(outgoing);
  finished(outgoing);
}

void HttpClients::on_failed(http::ClientRequest& request, Error error, bool sent_nothing_back) {
  auto& outgoing = *static_cast<OutgoingRequest*>(request.handler_data);
  outgoing.failed = true;
  api_.host.push(kClientFailed, static_cast<int32_t>(outgoing.number),
                 static_cast<int32_t>(outgoing.generation), static_cast<int32_t>(error), sent_nothing_back);
  finished(outgoing);
}

void HttpClients::on_drained(http::ClientRequest& request) {
  const auto& outgoing = *static_cast<OutgoingRequest*>(request.handler_data);
  api_.host.push(kClientDrained, static_cast<int32_t>(outgoing.number),
                 static_cast<int32_t>(outgoing.generation));
}

// --- what JavaScript calls

void HttpClients::let_go(OutgoingRequest& outgoing) {
  if (outgoing.request) {
    outgoing.request->cancel();
    outgoing.request = nullptr;
    api_.host.unref();
  }
  requests_.release(outgoing.number);
}

void HttpClients::teardown() {
  for (uint32_t number = 0; number < requests_.end(); ++number) {
    if (!requests_.live(number)) continue;
    OutgoingRequest& outgoing = requests_[number];
    if (outgoing.request) outgoing.request->cancel();
    outgoing.request = nullptr;
    outgoing.body.clear();
  }
}

// client_request(hostname, port, method, target, fields, body, streamed length) -> [slot, generation]
// `body`: string, bytes, or undefined; `streamed length`: undefined, or the length of a body that follows in pieces (-1: chunked).
void HttpClients::request(const Arguments& info) {
  HttpClients& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  Endpoint origin;
  if (!endpoint_of(self.api_, info[0], info[1], origin)) return;
  const std::string method = to_utf8(isolate, info[2]);
  const std::string target = to_utf8(isolate, info[3]);
  self.scratch_.clear();
  append_latin1(isolate, info[4].As<v8::String>(), self.scratch_);

  uint32_t number_of_slot;
  OutgoingRequest* outgoing = self.requests_.allocate(number_of_slot);
  if (!outgoing) return throw_error(isolate, "ENOBUFS", "too many requests are under way in this isolate");
  outgoing->number = number_of_slot;
  outgoing->generation = self.requests_.generation(number_of_slot);

  http::RequestHead head;
  head.method = method;
  head.target = target;
  head.fields = self.scratch_;
  head.expect_body = method != "HEAD";
  std::string text;
  Bytes bytes;
  if (info[6]->IsNumber()) {
    head.content_length = static_cast<int64_t>(number(info[6]));
  } else if (info[5]->IsString()) {
    text = to_utf8(isolate, info[5]);
    head.body = text;
    head.content_length = static_cast<int64_t>(text.size());
  } else if (bytes_of(info[5], bytes)) {
    head.body = bytes.view();
    head.content_length = static_cast<int64_t>(bytes.length);
  }
  // Counted first: the request may fail within the call, which takes the reference back.
  self.api_.host.ref();
  http::ClientRequest* request = self.api_.client().request(origin, head, self);
  if (!request) {
    self.api_.host.unref();
    self.requests_.release(number_of_slot);
    return throw_error(isolate, "ENOBUFS",
                       "too many requests wait for a connection to " + origin.to_string());
  }
  request->handler_data = outgoing;
  outgoing->request = request;
  v8::Local<v8::Value> values[] = {v8::Integer::NewFromUnsigned(isolate, outgoing->number),
                                   v8::Integer::New(isolate, static_cast<int32_t>(outgoing->generation))};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

static v8::Local<v8::Array> pairs(v8::Isolate* isolate, StringCache& strings,
                                  const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<v8::Local<v8::Value>> values;
  values.reserve(fields.size() * 2);
  for (const auto& [name, value] : fields) {
    values.push_back(strings.get(isolate, name));
    values.push_back(strings.get(isolate, value));
  }
  return v8::Array::New(isolate, values.data(), values.size());
}

// client_head(slot, generation) -> [reason, [name, value ...]]
void HttpClients::head(const Arguments& info) {
  HttpClients& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  OutgoingRequest* outgoing = self.find(info);
  if (!outgoing) return;
  v8::Local<v8::Value> values[] = {self.api_.strings.get(isolate, outgoing->reason),
                                   pairs(isolate, self.api_.strings, outgoing->headers)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

// client_trailers(slot, generation) -> [name, value ...]
void HttpClients::trailers(const Arguments& info) {
  HttpClients& self = from(info);
  if (OutgoingRequest* outgoing = self.find(info))
    info.GetReturnValue().Set(pairs(info.GetIsolate(), self.api_.strings, outgoing->trailers));
}

// client_write(slot, generation, string or bytes) -> false when the writer should wait for kClientDrained
void HttpClients::write(const Arguments& info) {
  HttpClients& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  OutgoingRequest* outgoing = self.find(info);
  if (!outgoing || !outgoing->request) return info.GetReturnValue().Set(true);
  if (info[2]->IsString()) {
    const Utf8Text text(isolate, info[2].As<v8::String>());
    return info.GetReturnValue().Set(outgoing->request->write(text.view()));
  }
  Bytes bytes;
  if (!bytes_of(info[2], bytes)) return info.GetReturnValue().Set(true);
  if (bytes.length >= HttpServers::kByReferenceBytes && bytes.length <= UINT32_MAX) {
    if (Buffer* chain = self.api_.refer_to(info[2], bytes))
      return info.GetReturnValue().Set(outgoing->request->write(chain));
  }
  info.GetReturnValue().Set(outgoing->request->write(bytes.view()));
}

// client_end(slot, generation)
void HttpClients::end(const Arguments& info) {
  OutgoingRequest* outgoing = from(info).find(info);
  if (outgoing && outgoing->request) outgoing->request->end();
}

// client_take(slot, generation) -> Uint8Array; null at the end; undefined: nothing yet, a kClientBody event will tell
void HttpClients::take(const Arguments& info) {
  OutgoingRequest* outgoing = from(info).find(info);
  if (!outgoing) return info.GetReturnValue().SetNull();
  if (!outgoing->body.empty()) {
    const uint64_t count = outgoing->body.size();
    v8::Local<v8::Uint8Array> array;
    if (!outgoing->body.take(info.GetIsolate()).ToLocal(&array)) return;
    info.GetReturnValue().Set(array);
    if (outgoing->request) outgoing->request->body_consumed(static_cast<uint32_t>(count));
    return;
  }
  if (outgoing->body_ended) return info.GetReturnValue().SetNull();
  outgoing->announced = false;
}

// client_whole(slot, generation, form, limit) -> the body; false: too large; undefined: not yet, a kClientBody event will tell
void HttpClients::whole(const Arguments& info) {
  OutgoingRequest* outgoing = from(info).find(info);
  if (!outgoing) return;
  const auto limit = static_cast<uint64_t>(number(info[3]));
  if (outgoing->too_large || outgoing->body.size() > limit) return info.GetReturnValue().Set(false);
  if (outgoing->body_ended) {
    v8::Local<v8::Value> whole;
    if (outgoing->body.take_whole(info.GetIsolate(), static_cast<WholeBody>(word(info[2]))).ToLocal(&whole))
      info.GetReturnValue().Set(whole);
    return;
  }
  outgoing->gathering = true;
  outgoing->gather_limit_bytes = limit;
  outgoing->announced = false;
  const uint32_t gathered = outgoing->body.gather();
  if (gathered && outgoing->request) outgoing->request->body_consumed(gathered);
}

// client_cancel(slot, generation): gives the request up, or lets go of one that is over
void HttpClients::cancel(const Arguments& info) {
  HttpClients& self = from(info);
  if (OutgoingRequest* outgoing = self.find(info)) self.let_go(*outgoing);
}

void HttpClients::install(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                          v8::Local<v8::Value> data) {
  const struct {
    const char* name;
    v8::FunctionCallback callback;
  } functions[] = {
      {"clientRequest", request}, {"clientHead", head},     {"clientTrailers", trailers},
      {"clientWrite", write},     {"clientEnd", end},       {"clientTake", take},
      {"clientWhole", whole},     {"clientCancel", cancel},
  };
  for (const auto& [name, callback] : functions) runtime::set_function(context, target, name, callback, data);
}

}  // namespace sluice::jsapi
