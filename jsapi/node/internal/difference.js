// SPDX-License-Identifier: Apache-2.0
// The difference of two lists of lines, by the algorithm of Myers ("An O(ND) difference algorithm and its variations", 1986).
'use strict';

// From `actual` to `expected`, in order: [kind, line]; kind is 1 for a line that only `actual` has, -1 for one that only
// `expected` has, 0 for a line of both. `sameLine` decides about equality of two lines.
exports.difference = function difference(actual, expected, sameLine = (a, b) => a === b) {
  const n = actual.length;
  const m = expected.length;
  const most = n + m;
  const reach = new Int32Array(2 * most + 2);
  const trace = [];
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && reach[most + k - 1] < reach[most + k + 1]) ? reach[most + k + 1] : reach[most + k - 1] + 1;
      let y = x - k;
      while (x < n && y < m && sameLine(actual[x], expected[y])) {
        x++;
        y++;
      }
      reach[most + k] = x;
      if (x >= n && y >= m) return walkBack(trace, actual, expected, most);
    }
  }
  return [];
};

function walkBack(trace, actual, expected, most) {
  const out = [];
  let x = actual.length;
  let y = expected.length;
  for (let d = trace.length - 1; d >= 0; d--) {
    const reach = trace[d];
    const k = x - y;
    const before = k === -d || (k !== d && reach[most + k - 1] < reach[most + k + 1]) ? k + 1 : k - 1;
    const beforeX = d === 0 ? 0 : reach[most + before];
    const beforeY = d === 0 ? 0 : beforeX - before;
    while (x > beforeX && y > beforeY) {
      x--;
      y--;
      // Where lines count as equal without being the same, the longer one tells more.
      out.push([0, actual[x].length >= expected[y].length ? actual[x] : expected[y]]);
    }
    if (d > 0) {
      if (x > beforeX) out.push([1, actual[--x]]);
      else out.push([-1, expected[--y]]);
    }
  }
  return out.reverse();
}
