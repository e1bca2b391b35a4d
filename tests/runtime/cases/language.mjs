// SPDX-License-Identifier: Apache-2.0
// WebAssembly (compiled on V8's workers), Intl, eval, weak references: what needs more of the host than running code.
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11,
]);
const { instance } = await WebAssembly.instantiate(bytes);
console.log(instance.exports.add(2, 3));
console.log(new Intl.NumberFormat('de').format(1234.5), eval('1 + 1'), new Function('return 3')());
let finalized = false;
const registry = new FinalizationRegistry(() => { finalized = true; });
(() => { registry.register({}, 'x'); })();
let rounds = 0;
const timer = setInterval(() => {
  globalThis.garbage = Array.from({ length: 1e5 }, (_, i) => ({ i }));
  if (!finalized && ++rounds < 2000) return;
  clearInterval(timer);
  console.log('finalized', finalized);
}, 1);
