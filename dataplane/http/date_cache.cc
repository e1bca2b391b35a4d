// SPDX-License-Identifier: Apache-2.0
#include "dataplane/http/date_cache.hh"

#include <cstring>

namespace sluice::http {

namespace {
void two_digits(char* at, unsigned value) {
  at[0] = static_cast<char>('0' + value / 10);
  at[1] = static_cast<char>('0' + value % 10);
}
}  // namespace

void DateCache::refresh(uint64_t now_ns) {
  const uint64_t real_ns = clock_.realtime_ns();
  valid_until_ns_ = now_ns + kNanosecondsPerSecond - real_ns % kNanosecondsPerSecond;
  const uint64_t seconds = real_ns / kNanosecondsPerSecond;
  const uint64_t days = seconds / 86400;
  const unsigned of_day = static_cast<unsigned>(seconds % 86400);

  // The civil date of a day number, in years that begin in March, so that the leap day is the last.
  const uint64_t shifted = days + 719468;  // days since 0000-03-01
  const uint64_t era = shifted / 146097;
  const unsigned day_of_era = static_cast<unsigned>(shifted % 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_month = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * march_month + 2) / 5 + 1;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  const unsigned year = static_cast<unsigned>(era * 400) + year_of_era + (month <= 2 ? 1 : 0);

  static constexpr char kDays[] = "ThuFriSatSunMonTueWed";  // 1970-01-01 was a Thursday
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::memcpy(line_, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", sizeof(line_));
  std::memcpy(line_ + 6, kDays + 3 * (days % 7), 3);
  two_digits(line_ + 11, day);
  std::memcpy(line_ + 14, kMonths + 3 * (month - 1), 3);
  two_digits(line_ + 18, year / 100 % 100);
  two_digits(line_ + 20, year % 100);
  two_digits(line_ + 23, of_day / 3600);
  two_digits(line_ + 26, of_day / 60 % 60);
  two_digits(line_ + 29, of_day % 60);
}

}  // namespace sluice::http
