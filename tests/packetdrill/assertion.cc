// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/assertion.hh"

#include <cctype>
#include <cmath>
#include <cstdlib>

namespace sluice::packetdrill {
namespace {

class Evaluator {
 public:
  Evaluator(const std::string& code, std::map<std::string, double>& names) : code_(code), names_(names) {}

  AssertionResult run() {
    for (skip_lines(); at_ < code_.size() && !stopped(); skip_lines()) statement();
    return std::move(result_);
  }

 private:
  bool stopped() const { return !result_.failure.empty() || result_.foreign; }
  char peek() const { return at_ < code_.size() ? code_[at_] : '\0'; }
  void foreign(std::string reason) {
    if (!stopped()) result_.foreign = NotApplicable{std::move(reason)};
  }
  void skip() {
    for (;; ++at_) {
      if (peek() == '#') {
        while (at_ < code_.size() && peek() != '\n') ++at_;
      }
      if (peek() == '\\' && at_ + 1 < code_.size() && code_[at_ + 1] == '\n') {
        ++at_;
      } else if (!(peek() == ' ' || peek() == '\t' || (depth_ > 0 && peek() == '\n'))) {
        return;
      }
    }
  }
  void skip_lines() {
    for (skip(); peek() == '\n' || peek() == ';' || peek() == '\r'; skip()) ++at_;
  }
  bool accept(std::string_view symbol) {
    skip();
    if (code_.compare(at_, symbol.size(), symbol) != 0) return false;
    at_ += symbol.size();
    return true;
  }
  bool accept_word(std::string_view word) {
    skip();
    const size_t end = at_ + word.size();
    if (code_.compare(at_, word.size(), word) != 0) return false;
    if (end < code_.size() && (std::isalnum(static_cast<unsigned char>(code_[end])) || code_[end] == '_'))
      return false;
    at_ = end;
    return true;
  }
  std::string name() {
    skip();
    std::string name;
    while (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '_') name += code_[at_++];
    return name;
  }
  // Up to the end of the statement: strings and parentheses hold what would be one.
  void rest_of_statement() {
    int depth = 0;
    for (char quote = 0; at_ < code_.size(); ++at_) {
      const char c = peek();
      if (quote) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      } else if (c == '\n' || (c == ';' && depth <= 0)) {
        return;
      }
    }
  }
  std::string rest_of_line() {
    const size_t end = std::min(code_.find('\n', at_), code_.size());
    std::string rest = code_.substr(at_, end - at_);
    at_ = end;
    return rest;
  }

  void statement() {
    if (accept_word("print")) {
      rest_of_statement();
      return;
    }
    if (accept_word("assert")) {
      skip();
      const size_t start = at_;
      const double holds = disjunction();
      if (stopped()) return;
      const std::string text = code_.substr(start, at_ - start);
      if (holds == 0) {
        result_.failure = "assert " + text;
        for (const auto& [known, value] : names_) {
          if (text.find(known) != std::string::npos && known.starts_with("tcpi_"))
            result_.failure += "; " + known + " is " + std::to_string(static_cast<int64_t>(value));
        }
        return;
      }
      if (accept(",")) rest_of_statement();
      return end_of_statement();
    }
    const std::string target = name();
    if (!target.empty() && names_.contains(target) && accept("+=")) {
      names_[target] += disjunction();
      return end_of_statement();
    }
    if (target.empty() || !accept("=") || peek() == '=') return foreign("Python: " + target + rest_of_line());
    names_[target] = disjunction();
    end_of_statement();
  }
  void end_of_statement() {
    skip();
    if (peek() != '\n' && peek() != ';' && peek() != '\r' && at_ < code_.size())
      foreign("Python: " + rest_of_line());
  }

  double disjunction() {
    double value = conjunction();
    while (accept_word("or")) {
      const double right = conjunction();
      value = value != 0 || right != 0;
    }
    return value;
  }
  double conjunction() {
    double value = negation();
    while (accept_word("and")) {
      const double right = negation();
      value = value != 0 && right != 0;
    }
    return value;
  }
  double negation() { return accept_word("not") ? negation() == 0 : comparison(); }
  double comparison() {
    double left = conjunction_of_bits();
    bool holds = true, compared = false;
    for (;;) {
      double right = 0;
      bool this_holds = false;
      if (accept("==")) {
        right = conjunction_of_bits(), this_holds = left == right;
      } else if (accept("!=")) {
        right = conjunction_of_bits(), this_holds = left != right;
      } else if (accept("<=")) {
        right = conjunction_of_bits(), this_holds = left <= right;
      } else if (accept(">=")) {
        right = conjunction_of_bits(), this_holds = left >= right;
      } else if (accept("<")) {
        right = conjunction_of_bits(), this_holds = left < right;
      } else if (accept(">")) {
        right = conjunction_of_bits(), this_holds = left > right;
      } else {
        return compared ? holds : left;
      }
      compared = true;
      holds = holds && this_holds;
      left = right;
    }
  }
  double conjunction_of_bits() {
    double value = sum();
    for (skip(); peek() == '&'; skip()) {
      ++at_;
      value = static_cast<double>(static_cast<int64_t>(value) & static_cast<int64_t>(sum()));
    }
    return value;
  }
  double sum() {
    double value = product();
    for (;;) {
      if (accept("+")) {
        value += product();
      } else if (accept("-")) {
        value -= product();
      } else {
        return value;
      }
    }
  }
  double product() {
    double value = unary();
    for (;;) {
      if (accept("*")) {
        value *= unary();
      } else if (accept("//")) {
        value = std::floor(value / unary());
      } else if (accept("/")) {
        value /= unary();
      } else if (accept("%")) {
        value = std::fmod(value, unary());
      } else {
        return value;
      }
    }
  }
  double unary() {
    if (accept("-")) return -unary();
    if (accept("(")) {
      ++depth_;
      const double value = disjunction();
      if (!accept(")")) foreign("Python: " + rest_of_line());
      --depth_;
      return value;
    }
    skip();
    if (std::isdigit(static_cast<unsigned char>(peek())) || peek() == '.') {
      char* end = nullptr;
      const double value = std::strtod(code_.c_str() + at_, &end);
      at_ = static_cast<size_t>(end - code_.c_str());
      return value;
    }
    const std::string known = name();
    if (known == "True") return 1;
    if (known == "False") return 0;
    if (const auto at = names_.find(known); at != names_.end()) return at->second;
    if (const auto value = constant(known)) return static_cast<double>(*value);
    foreign(known.empty() ? "Python: " + rest_of_line() : known);
    return 0;
  }

  const std::string& code_;
  std::map<std::string, double>& names_;
  AssertionResult result_;
  size_t at_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

AssertionResult check_assertions(const std::string& code, std::map<std::string, double>& names) {
  return Evaluator(code, names).run();
}

}  // namespace sluice::packetdrill
