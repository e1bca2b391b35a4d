// SPDX-License-Identifier: Apache-2.0
// A configured value on its way to its setting, together with where it was written: one form for TOML and for the
// command line, so that each setting is checked by one piece of code and complains in one way.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct Field;

struct Value {
  enum class Kind : uint8_t { kString, kInteger, kBoolean, kArray, kTable, kOther };
  Kind kind = Kind::kString;
  bool typed = true;          // false: from the command line, where everything is text
  std::string text;           // of a string; of the others as they are shown in messages
  int64_t integer = 0;        // typed kInteger
  bool boolean = false;       // typed kBoolean
  std::vector<Value> items;   // kArray
  std::vector<Field> fields;  // kTable, in any order
  std::string where;          // "app.toml:3:8: poll = " or "--poll ": goes in front of the value in messages
  uint32_t line = 0, column = 0;  // 0: not in a file

  // As it is shown in messages: a TOML string has its quotes.
  std::string shown() const { return typed && kind == Kind::kString ? "\"" + text + "\"" : text; }
};

struct Field {
  std::string key;
  std::string where;  // "app.toml:3:1" of the key itself
  uint32_t line = 0, column = 0;
  Value value;
};

// The first complaint in the order of the file wins: one line is what people read.
class Complaints {
 public:
  void about(const Value& value, std::string_view why) {
    add(value.line, value.column, value.where + value.shown() + ": ", why);
  }
  void about_key(const Field& field, std::string_view why) {
    add(field.line, field.column, field.where + ": ", why);
  }
  void add(uint32_t line, uint32_t column, std::string_view where, std::string_view why);
  bool empty() const { return text_.empty(); }
  const std::string& first() const { return text_; }

 private:
  std::string text_;
  uint32_t line_ = 0, column_ = 0;
};

// "; did you mean poll?" when one of `known` is near, else the list of them: "; there are: a, b, c".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace sluice::config
