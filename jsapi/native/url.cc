// SPDX-License-Identifier: Apache-2.0
// Parsing of URLs by ada's C functions. libnode exports them but ships no header of theirs: what is used is declared here.
#include "jsapi/native/url.hh"

#include "jsapi/native/encoding.hh"
#include "jsapi/native/function_arguments.hh"

extern "C" {
typedef struct {
  const char* data;
  size_t length;
} ada_string;
typedef struct {
  const char* data;
  size_t length;
} ada_owned_string;
typedef void* ada_url;
ada_url ada_parse(const char* input, size_t length);
ada_url ada_parse_with_base(const char* input, size_t input_length, const char* base, size_t base_length);
bool ada_is_valid(ada_url result);
void ada_free(ada_url result);
void ada_free_owned_string(ada_owned_string owned);
ada_owned_string ada_get_origin(ada_url result);
ada_string ada_get_href(ada_url result);
ada_string ada_get_protocol(ada_url result);
ada_string ada_get_username(ada_url result);
ada_string ada_get_password(ada_url result);
ada_string ada_get_host(ada_url result);
ada_string ada_get_hostname(ada_url result);
ada_string ada_get_port(ada_url result);
ada_string ada_get_pathname(ada_url result);
ada_string ada_get_search(ada_url result);
ada_string ada_get_hash(ada_url result);
bool ada_set_href(ada_url result, const char* input, size_t length);
bool ada_set_protocol(ada_url result, const char* input, size_t length);
bool ada_set_username(ada_url result, const char* input, size_t length);
bool ada_set_password(ada_url result, const char* input, size_t length);
bool ada_set_host(ada_url result, const char* input, size_t length);
bool ada_set_hostname(ada_url result, const char* input, size_t length);
bool ada_set_port(ada_url result, const char* input, size_t length);
bool ada_set_pathname(ada_url result, const char* input, size_t length);
void ada_set_search(ada_url result, const char* input, size_t length);
void ada_set_hash(ada_url result, const char* input, size_t length);
void ada_clear_port(ada_url result);
void ada_clear_hash(ada_url result);
void ada_clear_search(ada_url result);
}

namespace sluice::jsapi {

namespace {

class ParsedUrl {
 public:
  explicit ParsedUrl(ada_url url) : url_(url) {}
  ParsedUrl(const ParsedUrl&) = delete;
  ~ParsedUrl() {
    if (url_) ada_free(url_);
  }
  bool valid() const { return url_ && ada_is_valid(url_); }
  ada_url get() const { return url_; }

  v8::Local<v8::Array> parts(v8::Isolate* isolate) const {
    // The parts of a URL are ASCII once it is parsed.
    const auto text = [isolate](const auto& part) {
      return latin1(isolate, {part.data, part.length}).template As<v8::Value>();
    };
    const ada_owned_string origin = ada_get_origin(url_);
    v8::Local<v8::Value> values[] = {text(ada_get_href(url_)),
                                     text(ada_get_protocol(url_)),
                                     text(ada_get_username(url_)),
                                     text(ada_get_password(url_)),
                                     text(ada_get_host(url_)),
                                     text(ada_get_hostname(url_)),
                                     text(ada_get_port(url_)),
                                     text(ada_get_pathname(url_)),
                                     text(ada_get_search(url_)),
                                     text(ada_get_hash(url_)),
                                     text(origin)};
    ada_free_owned_string(origin);
    return v8::Array::New(isolate, values, std::size(values));
  }

 private:
  ada_url url_;
};

void url_parse(const Arguments& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text text(isolate, info[0].As<v8::String>());
  if (info[1]->IsString()) {
    const Utf8Text base(isolate, info[1].As<v8::String>());
    const ParsedUrl url(
        ada_parse_with_base(text.view().data(), text.view().size(), base.view().data(), base.view().size()));
    if (url.valid()) info.GetReturnValue().Set(url.parts(isolate));
    return;
  }
  const ParsedUrl url(ada_parse(text.view().data(), text.view().size()));
  if (url.valid()) info.GetReturnValue().Set(url.parts(isolate));
}

void url_set(const Arguments& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text href(isolate, info[0].As<v8::String>());
  const Utf8Text value(isolate, info[2].As<v8::String>());
  const ParsedUrl url(ada_parse(href.view().data(), href.view().size()));
  if (!url.valid()) return;
  const char* data = value.view().data();
  const size_t length = value.view().size();
  bool done = true;
  switch (small_integer(info[1])) {
    case 0: done = ada_set_href(url.get(), data, length); break;
    case 1: ada_set_protocol(url.get(), data, length); break;
    case 2: ada_set_username(url.get(), data, length); break;
    case 3: ada_set_password(url.get(), data, length); break;
    case 4: ada_set_host(url.get(), data, length); break;
    case 5: ada_set_hostname(url.get(), data, length); break;
    case 6: length ? (void)ada_set_port(url.get(), data, length) : ada_clear_port(url.get()); break;
    case 7: ada_set_pathname(url.get(), data, length); break;
    case 8: length ? ada_set_search(url.get(), data, length) : ada_clear_search(url.get()); break;
    case 9: length ? ada_set_hash(url.get(), data, length) : ada_clear_hash(url.get()); break;
    default: return;
  }
  if (done) info.GetReturnValue().Set(url.parts(isolate));
}

}  // namespace

void install_url(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  runtime::set_function(context, target, "urlParse", url_parse);
  runtime::set_function(context, target, "urlSet", url_set);
}

}  // namespace sluice::jsapi
