// SPDX-License-Identifier: Apache-2.0
#include "dataplane/proxy/header_edit.hh"

#include <algorithm>
#include <charconv>

namespace sluice::proxy {

using http::field_name_equals;
using http::HeaderField;

HopByHop::HopByHop(std::span<const HeaderField> headers) {
  for (const HeaderField& field : headers) {
    if (field.name.size() != 10 || !field_name_equals(field.name, "connection")) continue;
    // "close" and "keep-alive" alone name no field: the common case costs nothing later.
    if (field_name_equals(field.value, "keep-alive") || field_name_equals(field.value, "close")) continue;
    if (count_ < kConnectionFields) {
      connection_[count_++] = field.value;
    } else {
      too_many_ = true;
    }
  }
}

bool HopByHop::contains(std::string_view name) const {
  switch (name.size()) {
    case 2:
      if (field_name_equals(name, "te")) return true;
      break;
    case 6:
      if (field_name_equals(name, "expect")) return true;
      break;
    case 7:
      if (field_name_equals(name, "upgrade")) return true;
      break;
    case 10:
      if (field_name_equals(name, "connection") || field_name_equals(name, "keep-alive")) return true;
      break;
    case 14:
      if (field_name_equals(name, "content-length")) return true;  // framing is each hop's own
      break;
    case 16:
      if (field_name_equals(name, "proxy-connection")) return true;
      break;
    case 17:
      if (field_name_equals(name, "transfer-encoding")) return true;
      break;
    case 19:
      if (field_name_equals(name, "proxy-authorization")) return true;
      break;
    default: break;
  }
  for (unsigned i = 0; i < count_; ++i) {
    std::string_view rest = connection_[i];
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      std::string_view token = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) token.remove_prefix(1);
      while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) token.remove_suffix(1);
      if (field_name_equals(token, name)) return true;
    }
  }
  return too_many_;  // then nothing can be told apart: forward no field rather than one of the hop
}

bool sets_field(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const size_t colon = lines.find(':');
    if (colon == std::string_view::npos) return false;
    if (field_name_equals(lines.substr(0, colon), name)) return true;
    const size_t end = lines.find('\n', colon);
    if (end == std::string_view::npos) return false;
    lines.remove_prefix(end + 1);
  }
  return false;
}

namespace {

bool is_removed(const HeaderEdits& edits, std::string_view name) {
  for (const std::string& removed : edits.remove)
    if (field_name_equals(removed, name)) return true;
  return sets_field(edits.set, name);
}

}  // namespace

void append_forwarded(std::string& lines, std::span<const HeaderField> headers, const HeaderEdits& edits,
                      std::span<const std::string_view> also_removed) {
  const HopByHop hop(headers);
  const bool edited = !edits.empty();
  for (const HeaderField& field : headers) {
    if (hop.contains(field.name) || (edited && is_removed(edits, field.name))) continue;
    bool skip = false;
    for (std::string_view name : also_removed) skip |= field_name_equals(name, field.name);
    if (skip) continue;
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  lines.append(edits.set);
}

void append_via(std::string& lines, const HeaderEdits& edits, uint8_t version_minor) {
  if (edits.via.empty() || sets_field(edits.set, "via")) return;
  lines.append(version_minor == 0 ? "Via: 1.0 " : "Via: 1.1 ").append(edits.via).append("\r\n");
}

void append_forwarded_for(std::string& lines, std::span<const HeaderField> headers, std::string_view peer) {
  lines.append("X-Forwarded-For: ");
  for (const HeaderField& field : headers)
    if (field_name_equals(field.name, "x-forwarded-for") && !field.value.empty())
      lines.append(field.value).append(", ");
  lines.append(peer).append("\r\n");
}

AbsoluteTarget split_target(std::string_view target) {
  AbsoluteTarget parts;
  const size_t scheme = target.empty() || target.front() == '/' ? std::string_view::npos : target.find("://");
  if (scheme == std::string_view::npos) {
    parts.path = target;
    return parts;
  }
  const std::string_view rest = target.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  parts.authority = rest.substr(0, end);
  parts.path = rest.substr(end);
  return parts;
}

bool is_only_chunked(std::span<const HeaderField> headers) {
  for (const HeaderField& field : headers)
    if (field.name.size() == 17 && field_name_equals(field.name, "transfer-encoding") &&
        !field_name_equals(field.value, "chunked"))
      return false;
  return true;
}

int64_t content_length_of(std::span<const HeaderField> headers) {
  for (const HeaderField& field : headers) {
    if (field.name.size() != 14 || !field_name_equals(field.name, "content-length")) continue;
    int64_t length = -1;
    const auto [end, error] =
        std::from_chars(field.value.data(), field.value.data() + field.value.size(), length);
    return error == std::errc() && end == field.value.data() + field.value.size() ? length : -1;
  }
  return -1;
}

}  // namespace sluice::proxy
