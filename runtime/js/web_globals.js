// SPDX-License-Identifier: Apache-2.0
// The small globals of the web platform: structuredClone, performance, crypto's random part.
'use strict';

const { DOMException } = require('internal/event_target');

// V8 does not know these yet.
for (const name of ['dispose', 'asyncDispose']) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`), writable: false, configurable: false, enumerable: false });
}

function structuredClone(value, options) {
  return Reflect.apply(require('internal/node/messaging').structuredClone, undefined, arguments);
}

class Performance {
  now() { return internalBinding('process').now(); }
  get timeOrigin() { return internalBinding('process').timeOrigin(); }
  toJSON() { return { timeOrigin: this.timeOrigin }; }
  get [Symbol.toStringTag]() { return 'Performance'; }
}

const INTEGER_ARRAYS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'];
class Crypto {
  getRandomValues(array) {
    const name = ArrayBuffer.isView(array) ? Object.prototype.toString.call(array).slice(8, -1) : '';
    if (!INTEGER_ARRAYS.includes(name)) throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    if (array.byteLength > 65536) throw new DOMException(`The requested length exceeds 65,536 bytes: ${array.byteLength}`, 'QuotaExceededError');
    internalBinding('random').fill(array);
    return array;
  }
  randomUUID() {
    const bytes = new Uint8Array(16);
    internalBinding('random').fill(bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;  // RFC 9562 section 5.4
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = '';
    for (let i = 0; i < 16; i++) {
      text += (bytes[i] + 256).toString(16).slice(1);
      if (i === 3 || i === 5 || i === 7 || i === 9) text += '-';
    }
    return text;
  }
  get [Symbol.toStringTag]() { return 'Crypto'; }
}

for (const [name, value] of Object.entries({ structuredClone, performance: new Performance(), crypto: new Crypto(), Performance, Crypto })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  exports[name] = value;
}

// Core modules that are globals: materialised when first touched.
const lazyGlobals = [['Buffer', 'node:buffer', 'Buffer']];
for (const name of ['MessageChannel', 'MessagePort', 'MessageEvent', 'BroadcastChannel']) lazyGlobals.push([name, 'internal/node/messaging', name]);
for (const name of ['Blob', 'File', 'FormData']) lazyGlobals.push([name, 'internal/node/blob', name]);
for (const name of [
  'ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableByteStreamController',
  'ReadableStreamDefaultController', 'TransformStream', 'TransformStreamDefaultController', 'WritableStream', 'WritableStreamDefaultController',
  'WritableStreamDefaultWriter', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'TextEncoderStream', 'TextDecoderStream',
]) lazyGlobals.push([name, 'node:stream/web', name]);
for (const [name, id, key] of lazyGlobals) {
  Object.defineProperty(globalThis, name, {
    configurable: true, enumerable: false,
    get() {
      const value = require('internal/bootstrap').requireBuiltin(id)[key];
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
      return value;
    },
    set(value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); },
  });
}
