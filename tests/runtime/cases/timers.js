// SPDX-License-Identifier: Apache-2.0
// setTimeout, setInterval, clear, ref and unref, refresh. One thing after the other, so that a slow machine changes nothing.
clearTimeout(setTimeout(() => console.log('never'), 3));
const unrefed = setTimeout(() => console.log('never'), 100000);
unrefed.unref();
clearTimeout(+setTimeout(() => console.log('never'), 10));
try {
  setTimeout('text', 1);
} catch (error) {
  console.log(error.code, error.name);
}
let n = 0;
const interval = setInterval(() => {
  console.log('interval', ++n);
  if (n !== 3) return;
  clearInterval(interval);
  setTimeout((a, b) => {
    console.log('arguments', a, b);
    // Two of one deadline: the first may clear the second.
    setTimeout(() => clearTimeout(cleared), 2);
    const cleared = setTimeout(() => console.log('never'), 2);
    setTimeout(again, 5);
  }, 6, 1, 2);
}, 5);
console.log(unrefed.hasRef(), interval.hasRef(), typeof +interval);
let rounds = 0;
function again() {
  // A timer may be armed anew from its own callback.
  const timer = setTimeout(() => {
    console.log('refreshed', rounds++);
    if (rounds < 3) timer.refresh();
  }, 3);
}
