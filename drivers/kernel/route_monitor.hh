// SPDX-License-Identifier: Apache-2.0
// What the host kernel knows of chosen interfaces: their addresses, the routes that lead through them, their neighbours. Read
// at start and followed from then on (rtnetlink(7)), so that a routing daemon of the kernel steers our stack too. Each core
// has a monitor of its own: the kernel sends its news to every listener, so cores need not tell one another.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "drivers/address.hh"
#include "drivers/port.hh"

namespace sluice::kernel {

class RouteMonitor {
 public:
  struct Hop {
    IpAddress gateway;       // any (all zero): on the link
    unsigned interface = 0;  // the kernel's number
    bool operator==(const Hop&) const = default;
  };
  // Called from open() and poll().
  class User {
   public:
    virtual void on_address(const IpAddress& address, unsigned interface, bool present) = 0;
    // From now on these hops, all of them, lead to the prefix; none: it has no route any more. Of several routes to one
    // prefix those of the lowest metric are told.
    virtual void on_routes(const IpAddress& prefix, uint8_t prefix_bits, std::span<const Hop> hops) = 0;
    virtual void on_neighbour(const IpAddress& address, unsigned interface, const MacAddress& mac) = 0;
    // The interface does not exist any more. Its addresses and routes have been taken back before.
    virtual void on_interface_gone(unsigned interface) = 0;

   protected:
    ~User() = default;
  };
  struct Options {
    std::set<unsigned> interfaces;        // whose addresses are told
    std::set<unsigned> route_interfaces;  // and those whose routes and neighbours are
  };

  // Prefixes that are kept; beyond it routes are left out, counted.
  static constexpr size_t kPrefixesLimit = 16'384;

  // Reads what there is. nullptr: `error` is one line. Own thread, as all that follows; borrows `user`.
  static std::unique_ptr<RouteMonitor> open(const Options& options, User& user, std::string& error);
  ~RouteMonitor();
  RouteMonitor(const RouteMonitor&) = delete;

  int descriptor() const { return socket_; }  // readable when there is news
  // Takes in news, at most kMessagesPerPoll datagrams. Returns whether there was any.
  bool poll();

  struct Counters {
    uint64_t messages = 0;
    uint64_t overruns = 0;        // news came faster than it was read: all was read anew
    uint64_t prefixes_limit = 0;  // routes left out
    uint64_t unusable = 0;  // routes that our stack cannot follow: through a gateway of the other family
  } counters;

 private:
  static constexpr unsigned kMessagesPerPoll = 64;
  using Key = std::pair<IpAddress, uint8_t>;
  struct KeyLess {
    bool operator()(const Key& a, const Key& b) const {
      return a.first.bytes != b.first.bytes ? a.first.bytes < b.first.bytes : a.second < b.second;
    }
  };
  using Metrics = std::map<uint32_t, std::vector<Hop>>;
  using Table = std::map<Key, Metrics, KeyLess>;
  using Addresses = std::set<std::pair<unsigned, std::array<uint8_t, 16>>>;

  RouteMonitor(const Options& options, User& user) : options_(options), user_(user) {}
  std::string read_all();
  std::string dump(uint16_t type, uint8_t family, unsigned interface);
  // Goes through a datagram. False: the kernel's list was disturbed while it was read.
  bool take(std::span<const std::byte> datagram, int& finished);
  void take_route(std::span<const std::byte> body, bool added, uint16_t flags);
  void take_address(std::span<const std::byte> body, bool added);
  void take_neighbour(std::span<const std::byte> body);
  void take_link(std::span<const std::byte> body, bool present);
  void tell(const Key& key, const Metrics* before, const Metrics* after);

  const Options options_;
  User& user_;
  int socket_ = -1;
  bool reading_all_ = false, must_read_all_ = false;
  Table routes_, collected_;
  Addresses addresses_, collected_addresses_;
};

}  // namespace sluice::kernel
