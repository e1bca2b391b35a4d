// SPDX-License-Identifier: Apache-2.0
// A mutator that knows what HTTP/1 looks like: besides libFuzzer's own changes it inserts the lines and pieces at which
// parsers disagree, repeats, moves and drops whole lines, and spoils line ends.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace sluice::fuzz {

inline constexpr std::string_view kPieces[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Host: b\r\n",
    "X: y\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nT: u\r\n\r\n",
    "a;b=\"c\"\r\n0123456789\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "\r\n\r\n",
    "\r\n ",
    "HTTP/1.0",
    "HTTP/2.0",
    "ffffffffffffffff",
    "99999999999999999999",
};

// To be called from LLVMFuzzerCustomMutator. The first `keep` bytes (options of the target) are left to libFuzzer.
inline size_t mutate_http(uint8_t* data, size_t size, size_t max_size, unsigned seed, size_t keep) {
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  const auto random = [&state](size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return below == 0 ? size_t{0} : static_cast<size_t>((state >> 33) % below);
  };
  if (size < keep || random(3) == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::string text(reinterpret_cast<char*>(data) + keep, size - keep);
  std::vector<size_t> lines{0};  // where they begin
  for (size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\n') lines.push_back(i + 1);
  const auto line = [&](size_t index) {
    const size_t end = index + 1 < lines.size() ? lines[index + 1] : text.size();
    return text.substr(lines[index], end - lines[index]);
  };
  const size_t at = lines[random(lines.size())];
  switch (random(7)) {
    case 0:
    case 1: text.insert(at, kPieces[random(std::size(kPieces))]); break;
    case 2: text.insert(random(text.size() + 1), kPieces[random(std::size(kPieces))]); break;
    case 3: text.insert(at, line(random(lines.size()))); break;
    case 4: {
      const size_t index = random(lines.size());
      text.erase(lines[index], line(index).size());
      break;
    }
    case 5: {
      const size_t end = text.find('\r', at);
      if (end != std::string::npos) text.erase(end, 1);
      break;
    }
    default:
      if (!text.empty()) text[random(text.size())] = static_cast<char>(random(256));
  }
  const size_t count = std::min(text.size(), max_size - keep);
  std::memcpy(data + keep, text.data(), count);
  return keep + count;
}

}  // namespace sluice::fuzz
