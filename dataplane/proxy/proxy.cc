// SPDX-License-Identifier: Apache-2.0
// Forwarding: one exchange on one side, one client request on the other, and the rules between them.
#include "dataplane/proxy/proxy.hh"

#include <algorithm>

#include "dataplane/proxy/header_edit.hh"

namespace sluice::proxy {

using http::ClientRequest;
using http::Exchange;
using http::HeaderField;
using http::Method;

namespace {

// RFC 9110 section 9.2.2: a repetition has the effect of one.
bool is_idempotent(Method method) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kPut:
    case Method::kDelete:
    case Method::kOptions:
    case Method::kTrace: return true;
    default: return false;
  }
}

// How a pooled connection ends that its server had closed before the request came.
bool is_closing(Error error) {
  return error == Error::kConnectionReset || error == Error::kBrokenPipe ||
         error == Error::kConnectionAborted;
}

}  // namespace

class Proxy::Forwarding final : public http::ServerHandler, public http::ClientHandler {
 public:
  Forwarding(Proxy& proxy, Exchange& exchange, UpstreamGroup& group, const ForwardOptions& options,
             Completion completion)
      : proxy_(proxy), exchange_(&exchange), group_(group), options_(options), completion_(completion) {
    deferred_.self = this;
    deferred_.fire = [](Timer& timer, uint64_t) { static_cast<Deferred&>(timer).self->run_deferred(); };
  }

  uint32_t number = 0;

  void begin() {
    owner_ = &exchange_->handler();
    exchange_->set_handler(*this);
    if (!attempt()) defer();
  }

  // --- events of the exchange
  void on_request(Exchange&) override {}

  void on_body(Exchange& exchange, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    keep_for_replay(chain, length);
    if (!request_) {  // given up
      release(chain);
      exchange.body_consumed(length);
      return;
    }
    if (request_->write(chain)) {
      exchange.body_consumed(length);
    } else {
      body_held_bytes_ += length;
    }
  }

  void on_body_end(Exchange&) override {
    body_ended_ = true;
    if (request_) end_request();
  }

  void on_drained(Exchange&) override {
    if (request_ && response_held_bytes_ != 0) {
      const uint32_t bytes = response_held_bytes_;
      response_held_bytes_ = 0;
      request_->body_consumed(bytes);
    }
  }

  void on_aborted(Exchange&, Error error) override {
    if (request_) {
      ClientRequest* request = request_;
      request_ = nullptr;
      request->cancel();
      --group_[static_cast<unsigned>(upstream_)].active;
    }
    if (!aborted_) {  // else it was this side that gave up, and the outcome is known
      ++proxy_.counters.peer_aborted;
      outcome_.status = 0;
      outcome_.error = error;
    }
    aborted_ = true;
  }

  void on_released(Exchange& exchange) override {
    exchange_ = nullptr;
    proxy_.reactor_.timers().cancel(deferred_);
    if (request_) {  // the response ended before the upstream's: only after an abort of ours
      ClientRequest* request = request_;
      request_ = nullptr;
      request->cancel();
      --group_[static_cast<unsigned>(upstream_)].active;
    }
    exchange.set_handler(*owner_);
    owner_->on_released(exchange);
    finish();
  }

  // --- events of the request to the upstream
  void on_informational(ClientRequest&, uint16_t status, std::span<const HeaderField> headers) override {
    if (status == 100 || status == 101) return;  // 100 is this hop's own affair
    proxy_.fields_.clear();
    append_forwarded(proxy_.fields_, headers, {}, {});
    exchange_->informational(status, proxy_.fields_);
  }

  void on_response(ClientRequest& request, uint16_t status, std::string_view reason, uint8_t version_minor,
                   std::span<const HeaderField> headers) override {
    if (!is_only_chunked(headers)) {
      request_ = nullptr;
      request.cancel();
      --group_[static_cast<unsigned>(upstream_)].active;
      outcome_.error = Error::kInvalid;
      give_up();
      return;
    }
    group_.succeeded(static_cast<unsigned>(upstream_));
    outcome_.status = status;
    proxy_.fields_.clear();
    append_forwarded(proxy_.fields_, headers, options_.response, {});
    append_via(proxy_.fields_, options_.response, version_minor);
    exchange_->start(status, proxy_.fields_, reason, content_length_of(headers));
  }

  void on_body(ClientRequest& request, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    bool room;
    if (length < kCopyBelowBytes && !chain->next_segment) {
      room = exchange_->write(chain->text());
      release(chain);
    } else {
      room = exchange_->write(chain);
    }
    if (room) {
      request.body_consumed(length);
    } else {
      response_held_bytes_ += length;
    }
  }

  void on_complete(ClientRequest&, std::span<const HeaderField> trailers) override {
    request_ = nullptr;
    --group_[static_cast<unsigned>(upstream_)].active;
    proxy_.fields_.clear();
    if (!trailers.empty()) append_forwarded(proxy_.fields_, trailers, {}, {});
    if (!body_ended_ && exchange_->has_body()) exchange_->discard_body();
    exchange_->end(proxy_.fields_);  // may release the exchange, and this object with it: nothing follows
  }

  void on_failed(ClientRequest& request, Error error, bool sent_nothing_back) override {
    request_ = nullptr;
    const auto index = static_cast<unsigned>(upstream_);
    --group_[index].active;
    // An idle connection that its server closes at the moment it is used again says nothing of the server's health.
    const bool stale = request.reused() && sent_nothing_back && is_closing(error);
    if (!stale) group_.failed(index, proxy_.reactor_.now_ns());
    outcome_.error = error;
    if (!exchange_ || aborted_) return;
    if (exchange_->response_started()) {
      // What was sent must not look like the whole response (RFC 9112 section 8).
      ++proxy_.counters.upstream_aborted;
      aborted_ = true;
      exchange_->abort();
      return;
    }
    give_back_body();  // the room that it waited for was in the request that failed
    // RFC 9110 section 9.2.2: what is not idempotent is sent again only when it was certainly not acted on.
    const bool again =
        !replay_lost_ &&
        (!stands_ || (sent_nothing_back && (is_idempotent(exchange_->method()) || request.untouched())));
    if (again && stale && !stale_retried_) {
      stale_retried_ = true;
      if (send(true)) {
        ++proxy_.counters.stale_retried;
        return;
      }
    }
    if (again && attempt()) {
      ++proxy_.counters.failed_over;
      return;
    }
    give_up();
  }

  void on_connected(ClientRequest&) override {
    if (exchange_ && !aborted_) send_body();
  }

  void on_drained(ClientRequest&) override {
    if (exchange_) give_back_body();
  }

 private:
  void give_back_body() {
    if (body_held_bytes_ == 0) return;
    const uint32_t bytes = body_held_bytes_;
    body_held_bytes_ = 0;
    exchange_->body_consumed(bytes);
  }

  // Answers that come without an attempt wait for the timers' step, so that forward() never calls back.
  struct Deferred : Timer {
    Forwarding* self = nullptr;
  };

  // Sends the request to the next upstream. False when none is left.
  bool attempt() {
    for (;;) {
      const int chosen = group_.choose(proxy_.reactor_.now_ns(), tried_);
      if (chosen < 0) return false;
      tried_ |= uint64_t{1} << chosen;
      ++outcome_.attempts;
      upstream_ = chosen;
      outcome_.upstream = chosen;
      if (send(false)) return true;
      outcome_.error = Error::kNoBuffers;
    }
  }

  // Begins a request to the upstream chosen. `fresh`: over a new connection. False when it could not be begun.
  bool send(bool fresh) {
    Upstream& upstream = group_[static_cast<unsigned>(upstream_)];
    std::string& fields = proxy_.fields_;
    fields.clear();
    const AbsoluteTarget target = split_target(exchange_->target());
    append_host(fields, target.authority, upstream);
    // Fields that were appended already, or are below.
    static constexpr std::string_view kOwn[] = {"host", "x-forwarded-for"};
    const bool forwarded_for = options_.forwarded_for && !sets_field(options_.request.set, "x-forwarded-for");
    append_forwarded(fields, exchange_->headers(), options_.request,
                     std::span(kOwn).first(forwarded_for ? 2 : 1));
    if (forwarded_for)
      append_forwarded_for(fields, forwarded_before(), exchange_->remote().address.to_string());
    append_via(fields, options_.request, exchange_->version_minor());
    http::RequestHead head;
    head.method = http::method_name(exchange_->method());
    head.target = options_.target.empty() ? origin_form(target) : std::string_view(options_.target);
    head.fields = fields;
    head.content_length = exchange_->has_body() ? exchange_->content_length() : 0;
    head.expect_body = exchange_->method() != Method::kHead;
    head.fresh_connection = fresh || head.content_length > int64_t{kReplayLimitBytes};
    ++upstream.requests;
    stands_ = false;
    if (exchange_->has_body() && !body_ended_) exchange_->pause_body();
    request_ = proxy_.client_.request(upstream.endpoint, head, *this);
    if (!request_) return false;
    ++upstream.active;
    if (request_->connected()) send_body();
    return true;
  }

  // The connection to the upstream stands: now the body may come.
  void send_body() {
    stands_ = true;
    if (!exchange_->has_body()) return;
    keep_ = request_->reused() || (group_.size() > 1 && is_idempotent(exchange_->method()));
    for (Buffer* kept = kept_.front(); kept; kept = kept->next) request_->write(kept->text());
    if (body_ended_) {
      end_request();
    } else {
      exchange_->read_body();
    }
  }

  void end_request() {
    std::string& fields = proxy_.fields_;
    fields.clear();
    if (!exchange_->trailers().empty()) append_forwarded(fields, exchange_->trailers(), {}, {});
    request_->end(fields);
  }

  // RFC 9112 section 3.2.2: the authority of a target in absolute-form stands above the Host field.
  void append_host(std::string& fields, std::string_view authority, const Upstream& upstream) {
    if (sets_field(options_.request.set, "host")) return;
    std::string_view host = upstream.host;
    if (options_.preserve_host) {
      const std::string_view received = authority.empty() ? exchange_->header("host") : authority;
      if (!received.empty()) host = received;
    }
    fields.append("Host: ").append(host).append("\r\n");
  }

  // An upstream is asked as an origin server (RFC 9112 sections 3.2.1 and 3.2.4).
  std::string_view origin_form(const AbsoluteTarget& target) {
    if (target.authority.empty() || target.path.starts_with('/')) return target.path;
    if (target.path.empty()) return exchange_->method() == Method::kOptions ? "*" : "/";
    proxy_.target_.clear();
    proxy_.target_.push_back('/');
    proxy_.target_.append(target.path);
    return proxy_.target_;
  }

  // Fields to take earlier hops of X-Forwarded-For from: none when the script has them removed.
  std::span<const HeaderField> forwarded_before() const {
    for (const std::string& name : options_.request.remove)
      if (http::field_name_equals(name, "x-forwarded-for")) return {};
    return exchange_->headers();
  }

  // A bounded copy of the body, while it may have to be sent a second time.
  void keep_for_replay(const Buffer* chain, uint32_t length) {
    if (replay_lost_) return;
    if (!keep_ || kept_bytes_ + length > kReplayLimitBytes) {
      replay_lost_ = true;
      kept_.clear();
      return;
    }
    for (; chain; chain = chain->next_segment) {
      const std::byte* from = chain->data;
      uint32_t left = chain->length;
      while (left > 0) {
        Buffer* tail = kept_.back();
        if (!tail || tail->tailroom() == 0) {
          tail = chain->pool->allocate();
          if (!tail) {
            replay_lost_ = true;
            kept_.clear();
            return;
          }
          kept_.push(tail);
        }
        const uint32_t count = std::min(left, tail->tailroom());
        tail->append(from, count);
        from += count;
        left -= count;
      }
    }
    kept_bytes_ += length;
  }

  void defer() { proxy_.reactor_.timers().arm(deferred_, 0); }
  void run_deferred() {
    if (exchange_) give_up();
  }

  // RFC 9110 sections 15.6.3 and 15.6.5.
  void give_up() {
    const bool timed_out = outcome_.error == Error::kTimedOut;
    ++(timed_out ? proxy_.counters.gateway_timeout : proxy_.counters.bad_gateway);
    outcome_.status = timed_out ? 504 : 502;
    if (!body_ended_ && exchange_->has_body()) exchange_->discard_body();
    exchange_->respond(outcome_.status, "Content-Type: text/plain\r\n",
                       timed_out ? std::string_view("Gateway Timeout\n") : std::string_view("Bad Gateway\n"));
  }

  void finish();

  Proxy& proxy_;
  Exchange* exchange_;
  UpstreamGroup& group_;
  const ForwardOptions& options_;
  Completion completion_;
  ServerHandler* owner_ = nullptr;
  ClientRequest* request_ = nullptr;
  int upstream_ = -1;
  uint64_t tried_ = 0;
  uint32_t body_held_bytes_ = 0;      // of the request, taken but not yet given back as consumed
  uint32_t response_held_bytes_ = 0;  // of the response, likewise
  uint32_t kept_bytes_ = 0;
  bool stands_ = false;  // the connection of this attempt was there: the upstream may have seen the request
  bool keep_ = false;    // what is sent of the body
  bool body_ended_ = false, replay_lost_ = false, stale_retried_ = false, aborted_ = false;
  BufferQueue kept_;
  Deferred deferred_;
  ForwardOutcome outcome_;
};

struct Proxy::Slots {
  Slab<Forwarding, 64> forwardings{kForwardingsLimit};
};

void Proxy::Forwarding::finish() {
  Proxy& proxy = proxy_;
  const Completion completion = completion_;
  const ForwardOutcome outcome = outcome_;
  ++proxy.counters.completed;
  proxy.slots_->forwardings.release(number);  // `this` is gone
  if (completion.done) completion.done(completion.context, outcome);
}

Proxy::Proxy(Reactor& reactor, http::Client& client)
    : reactor_(reactor), client_(client), slots_(std::make_unique<Slots>()) {}
Proxy::~Proxy() = default;

bool Proxy::forward(http::Exchange& exchange, UpstreamGroup& group, const ForwardOptions& options,
                    Completion completion) {
  uint32_t number;
  Forwarding* forwarding = slots_->forwardings.allocate(number, *this, exchange, group, options, completion);
  if (!forwarding) {
    ++counters.refused;
    exchange.discard_body();
    exchange.respond(503, "Content-Type: text/plain\r\nRetry-After: 1\r\n",
                     "Too many requests are being forwarded\n");
    return false;
  }
  ++counters.forwarded;
  forwarding->number = number;
  forwarding->begin();
  return true;
}

}  // namespace sluice::proxy
