// SPDX-License-Identifier: Apache-2.0
// node:stream: the streams of npm's readable-stream, with our errors, validators and events below them.
'use strict';

const Stream = require('npm/readable-stream/lib/stream');

// What readable-stream leaves out.
Object.defineProperty(Stream, 'promises', {
  configurable: true, enumerable: true,
  get() { return require('node:stream/promises'); },
});
Stream._isArrayBufferView ??= ArrayBuffer.isView;
Stream.isDestroyed ??= (stream) => stream?.destroyed ?? null;
Stream.isWritable ??= (stream) => stream?.writable ?? null;

// Two Duplexes: what is written to one is read from the other.
Stream.duplexPair = function duplexPair(options) {
  const { Duplex } = Stream;
  class Side extends Duplex {
    #waiting = null;
    other = null;
    constructor(given) {
      super(given);
      Object.defineProperty(this, 'other', { enumerable: false });
    }
    take() {
      const done = this.#waiting;
      this.#waiting = null;
      done?.();
    }
    _read() { this.take(); }
    _write(chunk, encoding, callback) {
      if (chunk.length === 0) {
        process.nextTick(callback);
        return;
      }
      this.other.push(chunk);
      this.other.hold(callback);
    }
    hold(callback) { this.#waiting = callback; }
    _final(callback) {
      this.other.on('end', callback);
      this.other.push(null);
    }
    _destroy(error, callback) {
      const { other } = this;
      if (other !== null && !other.destroyed) {
        process.nextTick(() => {
          if (other.destroyed) return;
          if (error) other.destroy();
          else if (!other.readableEnded) other.push(null);
        });
      }
      callback(error);
    }
  }
  const first = new Side(options), second = new Side(options);
  first.other = second;
  second.other = first;
  return [first, second];
};

// To and from the streams of the web.
const adapters = () => require('internal/node/stream_adapters');
const { Readable, Writable, Duplex } = Stream;
Readable.fromWeb = function fromWeb(stream, options) { return adapters().newStreamReadableFromReadableStream(stream, options); };
Readable.toWeb = function toWeb(stream, options) { return adapters().newReadableStreamFromStreamReadable(stream, options); };
Writable.fromWeb = function fromWeb(stream, options) { return adapters().newStreamWritableFromWritableStream(stream, options); };
Writable.toWeb = function toWeb(stream) { return adapters().newWritableStreamFromStreamWritable(stream); };
Duplex.fromWeb = function fromWeb(pair, options) { return adapters().newStreamDuplexFromReadableWritablePair(pair, options); };
Duplex.toWeb = function toWeb(duplex, options) { return adapters().newReadableWritablePairFromDuplex(duplex, options); };

module.exports = Stream;
