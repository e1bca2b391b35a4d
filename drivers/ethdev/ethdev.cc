// SPDX-License-Identifier: Apache-2.0
// Opening a port: make the device, ask what it can, agree on offloads, give each queue its memory, start.
#include "drivers/ethdev/ethdev.hh"

#include <dirent.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <set>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/port_preflight.hh"
#include "drivers/ethdev/ring_wire.hh"
#include "drivers/ethdev/toeplitz.hh"

namespace sluice::ethdev {

namespace {

constexpr uint32_t kFrameOverheadBytes = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
constexpr uint32_t kStorageBytes = 2048 + RTE_PKTMBUF_HEADROOM;
constexpr uint32_t kDefaultBuffers = 16384;  // of each queue
constexpr uint32_t kDefaultDescriptors = 1024;
// The tap driver hands the kernel one iovec for each descriptor.
constexpr uint32_t kTapDescriptors = 256;

EthernetQueue::TransmitStyle style_of(PortKind kind) {
  switch (kind) {
    case PortKind::kTap:
    case PortKind::kAfPacket:
    case PortKind::kMemif:
    case PortKind::kVhost: return EthernetQueue::TransmitStyle::kCopies;
    case PortKind::kRing: return EthernetQueue::TransmitStyle::kHandsOver;
    case PortKind::kAfXdp:
    case PortKind::kVirtioUser:
    case PortKind::kPci: return EthernetQueue::TransmitStyle::kRefers;
  }
  return EthernetQueue::TransmitStyle::kRefers;
}

bool setting_is(const PortSpec& spec, const char* key, const char* value, const char* fallback) {
  const auto it = spec.settings.find(key);
  return (it == spec.settings.end() ? std::string(fallback) : it->second) == value;
}

// Descriptors of this process that are sockets of the family `domain`.
std::set<int> open_sockets(int domain) {
  std::set<int> found;
  DIR* directory = opendir("/proc/self/fd");
  if (!directory) return found;
  while (const dirent* entry = readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    int family = 0;
    socklen_t size = sizeof family;
    if (entry->d_name[0] != '.' && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
        family == domain)
      found.insert(fd);
  }
  closedir(directory);
  return found;
}

// A server that was killed leaves its socket behind, and the next one could not bind. If nobody answers there, it goes.
void remove_stale_socket(const PortSpec& spec) {
  const bool serves = spec.kind == PortKind::kVhost   ? setting_is(spec, "client", "0", "0")
                      : spec.kind == PortKind::kMemif ? setting_is(spec, "role", "server", "")
                                                      : setting_is(spec, "server", "1", "0");
  struct stat about;
  sockaddr_un address{};
  if (!serves || stat(spec.name.c_str(), &about) != 0 || !S_ISSOCK(about.st_mode) ||
      spec.name.size() >= sizeof address.sun_path)
    return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, spec.name.c_str(), spec.name.size());
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {  // vhost and memif
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    const bool answered = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ||
                          (errno != ECONNREFUSED && errno != EPROTOTYPE);
    close(fd);
    if (answered) return;
  }
  unlink(spec.name.c_str());
}

int socket_family(PortKind kind) {
  return kind == PortKind::kAfPacket ? AF_PACKET : kind == PortKind::kAfXdp ? AF_XDP : -1;
}

}  // namespace

std::string EthernetDevice::failed(const char* what, int code) const {
  const std::string line = Eal::take_log_line();
  return "port " + port_title(spec_) + ": " + what + " failed (" + rte_strerror(code < 0 ? -code : code) +
         ")" + (line.empty() ? "" : ": " + line);
}

std::unique_ptr<EthernetDevice> EthernetDevice::open(const PortSpec& spec, std::string& error) {
  std::unique_ptr<EthernetDevice> device(new EthernetDevice);
  device->spec_ = spec;
  DeviceText text;
  const bool simd512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl");
  error = make_device_text(spec, simd512, text);
  if (error.empty()) error = port_preflight(spec);
  if (error.empty() && !Eal::started()) error = "port " + port_title(spec) + ": DPDK has not been started";
  if (!error.empty()) return nullptr;
  device->device_ = text.device;
  Eal::take_log_line();
  if (spec.kind == PortKind::kVhost || spec.kind == PortKind::kMemif || spec.kind == PortKind::kVirtioUser)
    remove_stale_socket(spec);

  const std::set<int> sockets_before = open_sockets(socket_family(spec.kind));
  if (spec.kind == PortKind::kRing) {
    error = find_ring_port(spec, device->port_id_);
    if (!error.empty()) return nullptr;
    device->owned_ = true;
  } else if (spec.kind == PortKind::kPci) {
    if (rte_eth_dev_get_port_by_name(text.device.c_str(), &device->port_id_) != 0) {
      error = "port " + port_title(spec) + ": no DPDK driver took the device; lspci -nn -s " + spec.name +
              " shows what it is, doc.dpdk.org/guides/nics what is supported";
      return nullptr;
    }
    device->owned_ = true;
  } else {
    if (rte_eth_dev_get_port_by_name(text.device.c_str(), &device->port_id_) == 0) {
      device->port_id_ = UINT16_MAX;
      error = "port " + port_title(spec) + ": is open already";
      return nullptr;
    }
    const int code = rte_eal_hotplug_add("vdev", text.device.c_str(), text.arguments.c_str());
    if (code != 0) {
      error = device->failed("making the device", code);
      return nullptr;
    }
    device->owned_ = true;
    if (rte_eth_dev_get_port_by_name(text.device.c_str(), &device->port_id_) != 0) {
      error = "port " + port_title(spec) + ": the driver made no port of the name " + text.device;
      return nullptr;
    }
  }
  error = device->configure();
  if (!error.empty()) return nullptr;

  if (const int family = socket_family(spec.kind); family >= 0) {
    // These drivers keep their sockets to themselves; they are found by having appeared meanwhile, one for each queue, in
    // order.
    uint16_t queue = 0;
    for (const int fd : open_sockets(family))
      if (!sockets_before.contains(fd) && queue < device->queues())
        device->queues_[queue++]->interrupt_fd_ = fd;
  }
  return device;
}

EthernetDevice::~EthernetDevice() {
  if (port_id_ != UINT16_MAX && spec_.kind != PortKind::kRing) {
    if (started_) rte_eth_dev_stop(port_id_);
    rte_eth_dev_close(port_id_);
  }
  if (owned_ && spec_.kind == PortKind::kRing) {
    drop_ring_port(spec_);
  } else if (owned_ && spec_.kind != PortKind::kPci) {
    rte_eal_hotplug_remove("vdev", device_.c_str());
  }
  // Queues of this port hand Buffers to one another, so one pool may hold another's: all go home before any pool goes.
  for (const auto& queue : queues_) queue->pool().flush();
  queues_.clear();
}

std::string EthernetDevice::configure() {
  rte_eth_dev_info info;
  int code = rte_eth_dev_info_get(port_id_, &info);
  if (code != 0) return failed("asking what the device can", code);
  driver_ = info.driver_name ? info.driver_name : "?";
  const uint16_t queues = spec_.queues;
  const std::string title = "port " + port_title(spec_);
  if (queues > info.max_rx_queues || queues > info.max_tx_queues) {
    return title + ": " + std::to_string(queues) + " queues asked for, the device has " +
           std::to_string(std::min(info.max_rx_queues, info.max_tx_queues)) + ": lower --cores";
  }

  // Frames. Some virtual drivers announce the classic limit although they have none.
  const bool limitless = spec_.kind == PortKind::kMemif || spec_.kind == PortKind::kRing ||
                         spec_.kind == PortKind::kAfPacket || spec_.kind == PortKind::kVhost;
  if (!limitless && spec_.mtu_bytes > info.max_mtu)
    return title + ": mtu " + std::to_string(spec_.mtu_bytes) + " is more than the device's " +
           std::to_string(info.max_mtu);
  const uint32_t frame_bytes = spec_.mtu_bytes + kFrameOverheadBytes;
  uint32_t storage_bytes = kStorageBytes;
  if (spec_.kind == PortKind::kAfPacket) {
    // It copies a kernel frame slot into one mbuf whatever the frame's size, and wants room for the whole slot.
    uint32_t slot = 1;
    while (slot < spec_.mtu_bytes + 128) slot *= 2;
    storage_bytes = std::max(storage_bytes, slot + RTE_PKTMBUF_HEADROOM);
  }

  rte_eth_conf conf{};
  conf.rxmode.mtu = limitless ? 1500 : spec_.mtu_bytes;
  conf.txmode.mq_mode = RTE_ETH_MQ_TX_NONE;
  const bool checksum = setting_is(spec_, "checksum", "on", "on");
  const uint64_t rx = info.rx_offload_capa, tx = info.tx_offload_capa;
  if (checksum)
    conf.rxmode.offloads |=
        rx & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  if (frame_bytes > storage_bytes - RTE_PKTMBUF_HEADROOM) {
    if (rx & RTE_ETH_RX_OFFLOAD_SCATTER) {
      conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    } else if (spec_.kind != PortKind::kMemif) {  // which scatters without saying so
      storage_bytes = (frame_bytes + 63) / 64 * 64 + RTE_PKTMBUF_HEADROOM;
    }
  }
  conf.txmode.offloads |= tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  if (checksum)
    conf.txmode.offloads |=
        tx & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
  const uint64_t tso_needs = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  if (setting_is(spec_, "tso", "1", "1") && (conf.txmode.offloads & tso_needs) == tso_needs)
    conf.txmode.offloads |= tx & RTE_ETH_TX_OFFLOAD_TCP_TSO;
  // Merged segments come as chains; only who can put them together again from small buffers offers it usefully.
  const bool merges = (spec_.kind == PortKind::kPci ||
                       (spec_.kind == PortKind::kVirtioUser && rx & RTE_ETH_RX_OFFLOAD_SCATTER &&
                        setting_is(spec_, "mrg_rxbuf", "1", "0"))) &&
                      checksum && setting_is(spec_, "lro", "1", "1") && rx & RTE_ETH_RX_OFFLOAD_TCP_LRO;
  if (merges) {
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TCP_LRO | (rx & RTE_ETH_RX_OFFLOAD_SCATTER);
    conf.rxmode.max_lro_pkt_size = info.max_lro_pkt_size;
  }

  // RSS, where the device spreads flows by itself. Between virtual ends queue i is wired to queue i, and a tap sends a
  // flow's packets to the queue that last sent for it.
  uint16_t reta_size = 0;
  if (spec_.kind == PortKind::kPci && queues > 1) {
    const uint64_t wanted = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
                            RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 |
                            RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
    conf.rx_adv_conf.rss_conf.rss_hf = wanted & info.flow_type_rss_offloads;
    if (conf.rx_adv_conf.rss_conf.rss_hf == 0)
      return title + ": the device cannot spread flows over queues (RSS): use --cores 1";
    if (info.hash_key_size > kRssKeyBytes)
      return title + ": the device wants an RSS key of " + std::to_string(info.hash_key_size) + " bytes";
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = const_cast<uint8_t*>(kSymmetricRssKey.data());
    conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size ? info.hash_key_size : 40;
    conf.rxmode.offloads |= rx & RTE_ETH_RX_OFFLOAD_RSS_HASH;
    reta_size = info.reta_size;
  }

  // A secondary process finds the ring port configured and running.
  const bool configured_elsewhere = spec_.kind == PortKind::kRing && Eal::role() == EalRole::kSecondary;

  interrupts_ = spec_.kind == PortKind::kTap || spec_.kind == PortKind::kPci;
  conf.intr_conf.rxq = interrupts_;
  uint16_t rx_descriptors = static_cast<uint16_t>(setting_number(
      spec_, "descriptors", spec_.kind == PortKind::kTap ? kTapDescriptors : kDefaultDescriptors));
  uint16_t tx_descriptors = rx_descriptors;
  if (!configured_elsewhere) {
    code = rte_eth_dev_configure(port_id_, queues, queues, &conf);
    if (code != 0 && interrupts_) {
      interrupts_ = false;
      conf.intr_conf.rxq = 0;
      code = rte_eth_dev_configure(port_id_, queues, queues, &conf);
    }
    if (code != 0 && merges) {
      // Some offer it only in company with settings of theirs.
      conf.rxmode.offloads &= ~uint64_t{RTE_ETH_RX_OFFLOAD_TCP_LRO};
      conf.rxmode.max_lro_pkt_size = 0;
      code = rte_eth_dev_configure(port_id_, queues, queues, &conf);
    }
    if (code != 0) return failed("configuring", code);
    code = rte_eth_dev_adjust_nb_rx_tx_desc(port_id_, &rx_descriptors, &tx_descriptors);
    if (code != 0) return failed("setting the number of descriptors", code);
  }

  // The address.
  rte_ether_addr own{};
  const bool has_own = rte_eth_macaddr_get(port_id_, &own) == 0 && !rte_is_zero_ether_addr(&own);
  switch (spec_.kind) {
    case PortKind::kPci:
    case PortKind::kAfPacket:
    case PortKind::kAfXdp:
    case PortKind::kVirtioUser:
      if (!has_own && !spec_.mac) return title + ": the device has no MAC address: set one (mac = ...)";
      std::memcpy(mac_.bytes.data(), own.addr_bytes, 6);
      if (spec_.mac) {
        mac_ = *spec_.mac;
        std::memcpy(own.addr_bytes, mac_.bytes.data(), 6);
        if (spec_.kind == PortKind::kPci) {
          code = rte_eth_dev_default_mac_addr_set(port_id_, &own);
          if (code != 0) return failed("setting the MAC address", code);
        }
      }
      break;
    default:  // the address is ours alone: nothing below filters by it
      mac_ = spec_.mac ? *spec_.mac : derived_mac(spec_);
  }

  const uint64_t offloads = conf.txmode.offloads;
  const bool trusted = setting_is(spec_, "checksum", "trusted", "on");
  capabilities_.transmit_ip_checksum = trusted || offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
  capabilities_.transmit_tcp_checksum = trusted || offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
  capabilities_.transmit_udp_checksum = trusted || offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  capabilities_.transmit_scatter = offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  capabilities_.tso = offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO;
  // The tap driver cuts by DPDK's GSO library, which lets IPv6 pass as it is.
  capabilities_.tso_ipv4_only = spec_.kind == PortKind::kTap;
  capabilities_.receive_merged = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO;
  if (const uint16_t most = info.tx_desc_lim.nb_seg_max; most != UINT16_MAX)
    capabilities_.segments_limit = most;
  // An IPv4 packet has at most 65,535 bytes; the tap driver cuts into at most 64 pieces.
  capabilities_.tso_limit_bytes = !capabilities_.tso ? 0
                                  : spec_.kind == PortKind::kTap
                                      ? std::min(65'535u - 120u, 60 * (spec_.mtu_bytes - 134))
                                      : 65'535u - 120u;

  traits_.port_id = port_id_;
  traits_.style = style_of(spec_.kind);
  traits_.trusts_wire = trusted;
  traits_.frame_limit_bytes = frame_bytes;
  // The tap driver compares a whole piece, Ethernet header included, with the MTU.
  if (spec_.kind == PortKind::kTap)
    traits_.tso_clamp_bytes = static_cast<uint16_t>(spec_.mtu_bytes - RTE_ETHER_HDR_LEN);

  if (std::string error = configure_queues(rx_descriptors, tx_descriptors, storage_bytes); !error.empty())
    return error;
  if (configured_elsewhere) return "";

  code = rte_eth_dev_start(port_id_);
  if (code != 0 && spec_.kind == PortKind::kMemif && setting_is(spec_, "role", "client", ""))
    return title + ": nobody listens there: start the server end first";
  if (code != 0) return failed("starting", code);
  started_ = true;
  if (spec_.kind != PortKind::kAfPacket || spec_.mac || spec_.promiscuous) {
    // For frames to an address that is not the NIC's. Not all have it, nor need it.
    if (spec_.mac || spec_.promiscuous || spec_.kind != PortKind::kPci) rte_eth_promiscuous_enable(port_id_);
  }
  rte_eth_allmulticast_enable(port_id_);  // IPv6 neighbours are found by multicast
  if (limitless && spec_.kind == PortKind::kVhost)
    rte_eth_dev_set_mtu(port_id_, static_cast<uint16_t>(spec_.mtu_bytes));
  if (reta_size && hashes_as_asked(conf.rx_adv_conf.rss_conf.rss_hf)) spread_flows(reta_size);
  if (interrupts_) find_interrupts();
  return "";
}

std::string EthernetDevice::configure_queues(uint16_t rx_descriptors, uint16_t tx_descriptors,
                                             uint32_t storage_bytes) {
  const uint32_t buffers = setting_number(spec_, "buffers", kDefaultBuffers);
  const int node = rte_eth_dev_socket_id(port_id_);
  const unsigned socket = node < 0 ? 0 : static_cast<unsigned>(node);
  const std::string title = "port " + port_title(spec_);
  if (buffers < 512u + rx_descriptors + tx_descriptors)
    return title + ": buffers = " + std::to_string(buffers) + " does not suffice for " +
           std::to_string(rx_descriptors) + " + " + std::to_string(tx_descriptors) +
           " descriptors and 512 to work with";
  for (uint16_t index = 0; index < spec_.queues; ++index) {
    std::string error;
    const std::string name =
        "sl" + std::to_string(getpid()) + "_" + std::to_string(port_id_) + "_" + std::to_string(index);
    auto pool = MbufPool::create(name, buffers, storage_bytes, error);
    if (!pool) return title + ": " + error;
    rte_mempool* mempool = pool->mempool();
    EthernetQueue::Traits traits = traits_;
    traits.queue_id = index;
    queues_.push_back(std::make_unique<EthernetQueue>(*this, traits, std::move(pool)));
    if (spec_.kind == PortKind::kRing && Eal::role() == EalRole::kSecondary) continue;
    int code = rte_eth_rx_queue_setup(port_id_, index, rx_descriptors, socket, nullptr, mempool);
    if (code != 0) return failed("setting up a receive queue", code);
    code = rte_eth_tx_queue_setup(port_id_, index, tx_descriptors, socket, nullptr);
    if (code != 0) return failed("setting up a transmit queue", code);
  }
  return "";
}

// Whether a flow's place can be told beforehand: the device hashes TCP's ports, and with our key. A device that does not
// answer the question is taken at its word.
bool EthernetDevice::hashes_as_asked(uint64_t fields) const {
  if (!(fields & RTE_ETH_RSS_NONFRAG_IPV4_TCP)) return false;
  std::array<uint8_t, kRssKeyBytes> key{};
  rte_eth_rss_conf told{};
  told.rss_key = key.data();
  told.rss_key_len = static_cast<uint8_t>(key.size());
  if (rte_eth_dev_rss_hash_conf_get(port_id_, &told) != 0) return true;
  const size_t length = std::min<size_t>(told.rss_key_len, key.size());
  return std::equal(key.begin(), key.begin() + static_cast<ptrdiff_t>(length), kSymmetricRssKey.begin());
}

// Entry i of the redirection table goes to queue i modulo queues; where the device keeps its own table, that is read.
void EthernetDevice::spread_flows(uint16_t reta_size) {
  std::vector<rte_eth_rss_reta_entry64> table((reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                              RTE_ETH_RETA_GROUP_SIZE);
  for (uint16_t i = 0; i < reta_size; ++i) {
    auto& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= uint64_t{1} << i % RTE_ETH_RETA_GROUP_SIZE;
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<uint16_t>(i % spec_.queues);
  }
  if (rte_eth_dev_rss_reta_update(port_id_, table.data(), reta_size) != 0 &&
      rte_eth_dev_rss_reta_query(port_id_, table.data(), reta_size) != 0)
    return;
  redirection_.resize(reta_size);
  for (uint16_t i = 0; i < reta_size; ++i)
    redirection_[i] = table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

int EthernetDevice::queue_of_flow(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                                  uint16_t destination_port) const {
  if (redirection_.empty()) return -1;
  const uint32_t hash =
      source.is_v4()
          ? toeplitz_ipv4(kSymmetricRssKey, source.v4(), destination.v4(), source_port, destination_port)
          : toeplitz_ipv6(kSymmetricRssKey, source, destination, source_port, destination_port);
  return redirection_[hash % redirection_.size()];
}

void EthernetDevice::find_interrupts() {
  for (uint16_t index = 0; index < queues(); ++index) {
    EthernetQueue& queue = *queues_[index];
    const int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(port_id_, index);
    if (fd < 0) continue;
    queue.interrupt_fd_ = fd;
    // A tap's descriptor is readable whenever frames wait, there is nothing to switch.
    queue.interrupt_controlled_ = spec_.kind != PortKind::kTap;
  }
}

int EthernetDevice::numa_node() const { return rte_eth_dev_socket_id(port_id_); }

EthernetDevice::Link EthernetDevice::link() const {
  rte_eth_link told{};
  if (rte_eth_link_get_nowait(port_id_, &told) != 0) return {};
  return {told.link_status == RTE_ETH_LINK_UP,
          told.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : uint32_t{told.link_speed}};
}

EthernetDevice::Stats EthernetDevice::stats() const {
  rte_eth_stats told{};
  Stats stats;
  if (rte_eth_stats_get(port_id_, &told) != 0) return stats;
  stats.received_frames = told.ipackets;
  stats.received_bytes = told.ibytes;
  stats.transmitted_frames = told.opackets;
  stats.transmitted_bytes = told.obytes;
  stats.receive_missed = told.imissed;
  stats.receive_errors = told.ierrors;
  stats.receive_no_buffer = told.rx_nombuf;
  stats.transmit_errors = told.oerrors;
  return stats;
}

std::vector<std::pair<std::string, uint64_t>> EthernetDevice::extended_stats() const {
  std::vector<std::pair<std::string, uint64_t>> out;
  const int count = rte_eth_xstats_get_names(port_id_, nullptr, 0);
  if (count <= 0) return out;
  std::vector<rte_eth_xstat_name> names(static_cast<size_t>(count));
  std::vector<rte_eth_xstat> values(static_cast<size_t>(count));
  if (rte_eth_xstats_get_names(port_id_, names.data(), static_cast<unsigned>(count)) != count ||
      rte_eth_xstats_get(port_id_, values.data(), static_cast<unsigned>(count)) != count)
    return out;
  for (const rte_eth_xstat& each : values) out.emplace_back(names[each.id].name, each.value);
  return out;
}

std::string EthernetDevice::summary() const {
  std::string text = port_title(spec_) + ": " + driver_ + ", " + std::to_string(queues()) +
                     (queues() == 1 ? " queue" : " queues") + ", mac " + mac_text(mac_) + ", mtu " +
                     std::to_string(spec_.mtu_bytes) + ", offloads:";
  const auto add = [&text](bool has, const char* name) {
    if (has) text += std::string(" ") + name;
  };
  add(capabilities_.transmit_ip_checksum, "ip-checksum");
  add(capabilities_.transmit_tcp_checksum, "tcp-checksum");
  add(capabilities_.transmit_udp_checksum, "udp-checksum");
  add(capabilities_.tso, "tso");
  add(capabilities_.receive_merged, "lro");
  add(capabilities_.transmit_scatter, "scatter");
  add(!redirection_.empty(), "rss");
  if (text.back() == ':') text += " none";
  return text;
}

}  // namespace sluice::ethdev
