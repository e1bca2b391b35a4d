// SPDX-License-Identifier: Apache-2.0
// The web platform's small globals.
console.log(structuredClone({ a: new Date(0), m: new Map([[1, { x: [1] }]]), e: new RangeError('r').message }));
try {
  structuredClone(() => {});
} catch (error) {
  console.log(error.name, error.code, error instanceof DOMException);
}
const buffer = new ArrayBuffer(8);
const moved = structuredClone(buffer, { transfer: [buffer] });
console.log(buffer.byteLength, moved.byteLength);
const cyclic = { };
cyclic.self = cyclic;
console.log(structuredClone(cyclic).self.self !== cyclic);
console.log(new TextEncoder().encode('h\u00e9\u20ac\ud83d\ude00'), new TextEncoder().encodeInto('\u20ac\u20ac', new Uint8Array(4)));
console.log(new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xe2, 0x82, 0xac, 0xff, 0x41])));
const decoder = new TextDecoder();
console.log(decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + decoder.decode(new Uint8Array([0xac]), { stream: true }) + decoder.decode());
try {
  new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xc0, 0x80]));
} catch (error) {
  console.log(error.name, error.code);
}
console.log(new TextDecoder('latin1').decode(new Uint8Array([0xe9, 0x80])), new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0, 0xac, 0x20])));
console.log(btoa('hello'), atob('aGVsbG8='), atob('aGVs bG8'), btoa('\u00ff'));
for (const attempt of [() => atob('a'), () => atob('a==='), () => btoa('\u20ac')]) {
  try {
    attempt();
  } catch (error) {
    console.log(error.name);
  }
}
const controller = new AbortController();
controller.signal.addEventListener('abort', () => console.log('aborted', controller.signal.reason.name));
controller.abort();
controller.abort();
console.log(AbortSignal.abort('why').reason, AbortSignal.any([controller.signal]).aborted);
AbortSignal.timeout(1).addEventListener('abort', (event) => console.log(event.target.reason.name));
setTimeout(() => {}, 20);
console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), crypto.randomUUID() !== crypto.randomUUID());
console.log(crypto.getRandomValues(new Uint8Array(64)).some((byte) => byte !== 0));
const target = new EventTarget();
target.addEventListener('x', (event) => console.log('event', event.type, event.detail), { once: true });
target.dispatchEvent(new CustomEvent('x', { detail: 5 }));
target.dispatchEvent(new Event('x'));
console.log(performance.now() > 0, performance.timeOrigin > 1e12);
