// SPDX-License-Identifier: Apache-2.0
// From TOML to values with their places; what they mean is settings.cc's.
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "runtime/config/config.hh"
#include "runtime/config/settings.hh"
#include "runtime/config/value.hh"

namespace sluice::config {

namespace {

std::string place(const std::string& path, const toml::source_region& region) {
  return path + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
}

Value convert(const toml::node& node, const std::string& path, const std::string& name) {
  Value value;
  value.line = node.source().begin.line;
  value.column = node.source().begin.column;
  value.where = place(path, node.source()) + ": " + (name.empty() ? "" : name + " = ");
  switch (node.type()) {
    case toml::node_type::string:
      value.kind = Value::Kind::kString;
      value.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      value.kind = Value::Kind::kInteger;
      value.integer = node.as_integer()->get();
      value.text = std::to_string(value.integer);
      break;
    case toml::node_type::boolean:
      value.kind = Value::Kind::kBoolean;
      value.boolean = node.as_boolean()->get();
      value.text = value.boolean ? "true" : "false";
      break;
    case toml::node_type::array:
      value.kind = Value::Kind::kArray;
      for (const toml::node& item : *node.as_array()) {
        value.items.push_back(convert(item, path, name));
        value.text += (value.text.empty() ? "[" : ", ") + value.items.back().shown();
      }
      value.text = value.items.empty() ? "[]" : value.text + "]";
      break;
    case toml::node_type::table:
      value.kind = Value::Kind::kTable;
      value.text = "{ }";
      value.where = place(path, node.source()) + ": ";
      for (const auto& [key, inner] : *node.as_table()) {
        Field field;
        field.key = std::string(key.str());
        field.where = place(path, key.source());
        field.line = key.source().begin.line;
        field.column = key.source().begin.column;
        field.value = convert(inner, path, field.key);
        value.fields.push_back(std::move(field));
      }
      // The order of the file, so that complaints are the same each time.
      std::sort(value.fields.begin(), value.fields.end(), [](const Field& a, const Field& b) {
        return a.line != b.line ? a.line < b.line : a.column < b.column;
      });
      break;
    default: {
      value.kind = Value::Kind::kOther;
      std::ostringstream text;
      if (node.is_floating_point())
        text << node.as_floating_point()->get();
      else if (node.is_date())
        text << node.as_date()->get();
      else if (node.is_time())
        text << node.as_time()->get();
      else
        text << node.as_date_time()->get();
      value.text = text.str();
    }
  }
  return value;
}

}  // namespace

bool read_toml(std::string_view text, const std::string& path, Configuration& into, std::string& error) {
  const toml::parse_result parsed = toml::parse(text, path);
  Complaints complaints;
  if (!parsed) {
    complaints.add(0, 0, place(path, parsed.error().source()) + ": ", parsed.error().description());
    error = complaints.first();
    return false;
  }
  apply_all(into, convert(parsed.table(), path, "").fields, complaints);
  if (!complaints.empty()) {
    error = complaints.first();
    return false;
  }
  // What a file names, it names from where it lies.
  if (!into.program.empty()) {
    const std::filesystem::path program(into.program);
    if (program.is_relative()) into.program = (std::filesystem::path(path).parent_path() / program).string();
  }
  return true;
}

}  // namespace sluice::config
