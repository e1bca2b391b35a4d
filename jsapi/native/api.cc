// SPDX-License-Identifier: Apache-2.0
// All that one isolate has of the network.
#include "jsapi/native/api.hh"

#include "jsapi/native/core_network.hh"

namespace sluice::jsapi {

Api::Api(runtime::IsolateHost& the_host)
    : host(the_host),
      isolate(the_host.isolate()),
      sockets(*this),
      servers(*this),
      clients(*this),
      proxying(*this) {
  host.on_teardown([this] { teardown(); });
}

void Api::teardown() {
  proxying.teardown();
  servers.teardown();
  clients.teardown();
  sockets.teardown();
}

http::Client& Api::client() { return CoreNetwork::of(host.core()).client; }

Buffer* Api::refer_to(v8::Local<v8::Value> value, const Bytes& bytes) {
  auto store = std::make_unique<std::shared_ptr<v8::BackingStore>>(store_of(value));
  Buffer* chain = host.core().transport.pool().allocate_external(
      bytes.data, static_cast<uint32_t>(bytes.length),
      [](void* context) { delete static_cast<std::shared_ptr<v8::BackingStore>*>(context); }, store.get());
  if (chain) store.release();
  return chain;
}

bool endpoint_of(Api& api, v8::Local<v8::Value> hostname, v8::Local<v8::Value> port, Endpoint& endpoint) {
  v8::Isolate* isolate = api.isolate;
  const double wanted = number(port);
  if (wanted < 0 || wanted > 65535 || wanted != static_cast<uint16_t>(wanted)) {
    throw_error(isolate, "ERR_SOCKET_BAD_PORT", "port should be >= 0 and < 65536");
    return false;
  }
  endpoint.port = static_cast<uint16_t>(wanted);
  std::string name = to_utf8(isolate, hostname);
  // As URL's hostname has an IPv6 address.
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  if (name.empty()) {
    endpoint.address = IpAddress::v4(0);
    return true;
  }
  if (const auto address = api.host_names.find(name)) {
    endpoint.address = *address;
    return true;
  }
  throw_error(
      isolate, "ENOTFOUND",
      "getaddrinfo ENOTFOUND " + name +
          ": only addresses, localhost and the names of /etc/hosts are known (there is no DNS client yet)");
  return false;
}

void Api::install(v8::Local<v8::Context> context, v8::Local<v8::Object> target) {
  const auto data = v8::External::New(isolate, this);
  sockets.install(context, target, data);
  servers.install(context, target, data);
  clients.install(context, target, data);
  proxying.install(context, target, data);

  // Names of methods by number, and of errors by number, so that both sides have the same.
  std::vector<v8::Local<v8::Value>> names;
  for (uint8_t method = 0; method <= 46; ++method) {
    const std::string_view name = http::method_name(static_cast<http::Method>(method));
    names.push_back(latin1_internalized(isolate, name));
  }
  target
      ->Set(context, v8::String::NewFromUtf8Literal(isolate, "methods"),
            v8::Array::New(isolate, names.data(), names.size()))
      .Check();
  names.clear();
  for (int error = 0; error <= static_cast<int>(Error::kIo); ++error)
    names.push_back(latin1_internalized(isolate, error_code(static_cast<Error>(error))));
  target
      ->Set(context, v8::String::NewFromUtf8Literal(isolate, "errors"),
            v8::Array::New(isolate, names.data(), names.size()))
      .Check();
}

}  // namespace sluice::jsapi
