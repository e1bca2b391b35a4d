// SPDX-License-Identifier: Apache-2.0
// Complaints and suggestions: what people read when a configuration is wrong.
#include "runtime/config/value.hh"

#include <algorithm>
#include <numeric>

namespace sluice::config {

void Complaints::add(uint32_t line, uint32_t column, std::string_view where, std::string_view why) {
  if (!text_.empty() && (line > line_ || (line == line_ && column >= column_))) return;
  line_ = line;
  column_ = column;
  text_ = std::string(where) + std::string(why);
  std::replace(text_.begin(), text_.end(), '\n', ' ');
}

namespace {

// Levenshtein distance, where swapped neighbours count as one mistake.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view nearest;
  size_t best = std::max<size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : known) {
    size_t d = distance(word, candidate);
    if (word.size() >= 3 && candidate.substr(0, word.size()) == word)
      d = std::min<size_t>(d, 2);  // the unit was left out
    if (d < best && d < candidate.size()) {
      best = d;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) return "; did you mean " + std::string(nearest) + "?";
  std::string list = "; there are: ";
  for (size_t i = 0; i < known.size(); ++i) list += (i ? ", " : "") + std::string(known[i]);
  return list;
}

}  // namespace sluice::config
