// SPDX-License-Identifier: Apache-2.0
// node:stream/web.
'use strict';

const streams = require('internal/node/web_streams');
const { codes } = require('internal/errors');

function invalid(name) { return new codes.ERR_INVALID_THIS(name); }

// What TextEncoderStream and its kin have in common: a pair of streams around a transformer.
function pair(name, make) {
  const kept = new WeakMap();
  const Class = { [name]: class {
    constructor(...args) { kept.set(this, make(...args)); }
    get readable() {
      if (!kept.has(this)) throw invalid(name);
      return kept.get(this).stream.readable;
    }
    get writable() {
      if (!kept.has(this)) throw invalid(name);
      return kept.get(this).stream.writable;
    }
  } }[name];
  for (const key of ['readable', 'writable']) Object.defineProperty(Class.prototype, key, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  const of = (object) => {
    if (!kept.has(object)) throw invalid(name);
    return kept.get(object);
  };
  const addGetter = (key, read) => Object.defineProperty(Class.prototype, key, { configurable: true, enumerable: true, get() { return read(of(this)); } });
  Object.defineProperty(Class.prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(depth, options) {
      const { inspect } = require('internal/inspect');
      const shown = {};
      for (const key of ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable']) if (key in Class.prototype) shown[key] = this[key];
      return `${name} ${inspect(shown, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
    },
    configurable: true, writable: true, enumerable: false,
  });
  return { Class, addGetter };
}

const encoder = pair('TextEncoderStream', () => {
  const text = new TextEncoder();
  let high = '';  // half of a surrogate pair, at the end of a chunk
  return {
    encoding: text.encoding,
    stream: new streams.TransformStream({
      transform(chunk, controller) {
        let part = high + String(chunk);
        high = '';
        const last = part.charCodeAt(part.length - 1);
        if (last >= 0xd800 && last < 0xdc00) {
          high = part[part.length - 1];
          part = part.slice(0, -1);
        }
        if (part !== '') controller.enqueue(text.encode(part));
      },
      flush(controller) { if (high !== '') controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd])); },
    }),
  };
});
encoder.addGetter('encoding', (it) => it.encoding);

const decoder = pair('TextDecoderStream', (encoding = 'utf-8', options = {}) => {
  const text = new TextDecoder(encoding, options ?? {});
  return {
    text,
    stream: new streams.TransformStream({
      transform(chunk, controller) {
        if (chunk === undefined || !(ArrayBuffer.isView(chunk) || chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer)) throw new codes.ERR_INVALID_ARG_TYPE('chunk', ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], chunk);
        const part = text.decode(chunk, { stream: true });
        if (part !== '') controller.enqueue(part);
      },
      flush(controller) {
        const part = text.decode();
        if (part !== '') controller.enqueue(part);
      },
    }),
  };
});
for (const key of ['encoding', 'fatal', 'ignoreBOM']) decoder.addGetter(key, (it) => it.text[key]);

const { isReadableStream, isWritableStream, isTransformStream, kState, kPrivate, createReadable, createWritable, enqueueDefault, closeDefault, errorDefault, errorIfNeeded, pipe, handled, deferred, cancelReadable, abortWritable, ...classes } = streams;
module.exports = { ...classes, TextEncoderStream: encoder.Class, TextDecoderStream: decoder.Class };

// Compression is zlib's.
if (require('internal/bootstrap').has('node:zlib')) {
  const makers = {
    CompressionStream: { 'deflate': 'createDeflate', 'deflate-raw': 'createDeflateRaw', 'gzip': 'createGzip', 'brotli': 'createBrotliCompress', 'zstd': 'createZstdCompress' },
    DecompressionStream: { 'deflate': 'createInflate', 'deflate-raw': 'createInflateRaw', 'gzip': 'createGunzip', 'brotli': 'createBrotliDecompress', 'zstd': 'createZstdDecompress' },
  };
  for (const name of Object.keys(makers)) {
    module.exports[name] = pair(name, (format) => {
      const zlib = require('node:zlib');
      const make = Object.hasOwn(makers[name], `${format}`) ? zlib[makers[name][format]] : undefined;
      if (make === undefined) throw new codes.ERR_INVALID_ARG_VALUE('format', format, `must be one of: ${Object.keys(makers[name]).map((each) => `'${each}'`).join(', ')}`);
      return { stream: require('internal/node/stream_adapters').newReadableWritablePairFromDuplex(make(name === 'DecompressionStream' ? { rejectGarbageAfterEnd: true } : {})) };
    }).Class;
  }
}
