// SPDX-License-Identifier: Apache-2.0
#include "dataplane/load/response_reader.hh"

#include <algorithm>
#include <cstring>

namespace sluice::load {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool starts_with_name(std::string_view line, std::string_view lower_name) {
  if (line.size() <= lower_name.size() || line[lower_name.size()] != ':') return false;
  for (size_t i = 0; i < lower_name.size(); ++i)
    if (lower(line[i]) != lower_name[i]) return false;
  return true;
}

bool contains_token(std::string_view value, std::string_view lower_token) {
  for (size_t i = 0; i + lower_token.size() <= value.size(); ++i) {
    size_t k = 0;
    while (k < lower_token.size() && lower(value[i + k]) == lower_token[k]) ++k;
    if (k == lower_token.size()) return true;
  }
  return false;
}

}  // namespace

bool ResponseReader::parse_head(std::string_view head, bool head_only) {
  // "HTTP/1.x NNN ..."
  if (head.size() < 12 || std::memcmp(head.data(), "HTTP/1.", 7) != 0 || head[8] != ' ') return false;
  status_ = 0;
  for (int i = 9; i < 12; ++i) {
    if (head[i] < '0' || head[i] > '9') return false;
    status_ = static_cast<uint16_t>(status_ * 10 + (head[i] - '0'));
  }
  keep_alive_ = head[7] != '0';
  bool chunked = false, counted = false;
  uint64_t length = 0;
  size_t at = head.find('\n');
  while (at != std::string_view::npos && at + 1 < head.size()) {
    const size_t begin = at + 1;
    const void* end = std::memchr(head.data() + begin, '\n', head.size() - begin);
    at = end ? static_cast<size_t>(static_cast<const char*>(end) - head.data()) : std::string_view::npos;
    const std::string_view line = head.substr(begin, at == std::string_view::npos ? at : at - begin);
    switch (lower(line[0])) {
      case 'c':
        if (starts_with_name(line, "content-length")) {
          size_t i = 15;
          while (i < line.size() && line[i] == ' ') ++i;
          if (i >= line.size() || line[i] < '0' || line[i] > '9') return false;
          length = 0;
          for (; i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
            if (length > UINT64_MAX / 10 - 1) return false;
            length = length * 10 + static_cast<uint64_t>(line[i] - '0');
          }
          counted = true;
        } else if (starts_with_name(line, "connection")) {
          if (contains_token(line.substr(11), "close"))
            keep_alive_ = false;
          else if (contains_token(line.substr(11), "keep-alive"))
            keep_alive_ = true;
        }
        break;
      case 't':
        if (starts_with_name(line, "transfer-encoding")) chunked = contains_token(line.substr(18), "chunked");
        break;
      default: break;
    }
  }
  if (status_ / 100 == 1 || status_ == 204 || status_ == 304 || head_only) {
    state_ = State::kBodyCounted;
    left_bytes_ = 0;
  } else if (chunked) {
    state_ = State::kChunkSize;
    left_bytes_ = 0;
  } else if (counted) {
    state_ = State::kBodyCounted;
    left_bytes_ = length;
  } else {
    state_ = State::kBodyUntilClose;
    keep_alive_ = false;
  }
  return true;
}

ResponseReader::Event ResponseReader::read(std::string_view& input, bool head_only) {
  for (;;) {
    if (state_ == State::kHead) {
      if (input.empty()) return Event::kNeedMore;
      if (partial_.empty()) {
        const void* end = memmem(input.data(), input.size(), "\r\n\r\n", 4);
        if (!end) {
          if (input.size() > kHeadLimitBytes) return Event::kMalformed;
          partial_.assign(input);
          input = {};
          return Event::kNeedMore;
        }
        const size_t size = static_cast<size_t>(static_cast<const char*>(end) - input.data());
        if (!parse_head(input.substr(0, size + 2), head_only)) return Event::kMalformed;
        input.remove_prefix(size + 4);
      } else {
        const size_t before = partial_.size();
        const size_t added =
            std::min<size_t>(input.size(), kHeadLimitBytes + 4 - std::min<size_t>(before, kHeadLimitBytes));
        partial_.append(input.substr(0, added));
        const size_t end = partial_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) {
          if (partial_.size() > kHeadLimitBytes) return Event::kMalformed;
          input.remove_prefix(added);
          return Event::kNeedMore;
        }
        if (!parse_head(std::string_view(partial_).substr(0, end + 2), head_only)) return Event::kMalformed;
        input.remove_prefix(end + 4 - before);
        partial_.clear();
      }
    }
    if (state_ == State::kBodyCounted) {
      const uint64_t count = std::min<uint64_t>(left_bytes_, input.size());
      input.remove_prefix(count);
      left_bytes_ -= count;
      if (left_bytes_ != 0) return Event::kNeedMore;
      state_ = State::kHead;
      if (status_ / 100 == 1 && status_ != 101) continue;  // informational: the response is still to come
      return Event::kComplete;
    }
    if (state_ == State::kBodyUntilClose) {
      input = {};
      return Event::kNeedMore;
    }
    return read_chunked(input);
  }
}

ResponseReader::Event ResponseReader::read_chunked(std::string_view& input) {
  while (!input.empty()) {
    if (state_ == State::kChunkData) {
      const uint64_t count = std::min<uint64_t>(left_bytes_, input.size());
      input.remove_prefix(count);
      left_bytes_ -= count;
      if (left_bytes_ == 0) state_ = State::kChunkDataEnd;
      continue;
    }
    const char c = input.front();
    input.remove_prefix(1);
    switch (state_) {
      case State::kChunkSize: {
        const char d = lower(c);
        const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
        if (digit >= 0) {
          if (left_bytes_ >> 59) return Event::kMalformed;
          left_bytes_ = left_bytes_ << 4 | static_cast<uint64_t>(digit);
        } else if (c == '\r') {
          state_ = State::kChunkSizeEnd;
        } else if (c == ';') {
          state_ = State::kChunkExtension;
        } else {
          return Event::kMalformed;
        }
        break;
      }
      case State::kChunkExtension:
        if (c == '\r') state_ = State::kChunkSizeEnd;
        break;
      case State::kChunkSizeEnd:
        if (c != '\n') return Event::kMalformed;
        state_ = left_bytes_ ? State::kChunkData : State::kTrailerLine;
        break;
      case State::kChunkDataEnd:
        if (c == '\n')
          state_ = State::kChunkSize;
        else if (c != '\r')
          return Event::kMalformed;
        break;
      case State::kTrailerLine:
        if (c == '\n') {
          state_ = State::kHead;
          return Event::kComplete;
        }
        if (c != '\r') state_ = State::kTrailerText;
        break;
      case State::kTrailerText:
        if (c == '\n') state_ = State::kTrailerLine;
        break;
      default: return Event::kMalformed;
    }
  }
  return Event::kNeedMore;
}

}  // namespace sluice::load
