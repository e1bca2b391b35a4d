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

module.exports = Stream;
