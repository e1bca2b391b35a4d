// SPDX-License-Identifier: Apache-2.0
// Streams over descriptors that are no sockets of the network: pipes to children, standard streams, terminals. They have of
// net.Socket what makes sense there.
'use strict';

const { Duplex } = require('node:stream');
const { Buffer } = require('node:buffer');
const { callError, codes } = require('internal/errors');
const context = require('internal/async_context');

const live = new Set();   // for process.getActiveResourcesInfo()
const kReading = Symbol('kReading');
const kNumber = Symbol('kNumber');
const kRest = Symbol('kRest');     // what the kernel had no room for: { chunks, at, callback }
const kKeep = Symbol('kKeep');     // the descriptor is not ours to close
const kRefs = Symbol('kRefs');

const native = () => internalBinding('pipe');

function onRead(stream, count, bytes) {
  if (stream.destroyed) return;
  if (count > 0) {
    stream.bytesRead += count;
    if (!stream.push(Buffer.from(bytes)) && stream[kReading]) {
      stream[kReading] = false;
      native().set(stream[kNumber], 0, false);
    }
    return;
  }
  stream[kReading] = false;
  if (count === 0) {
    stream.push(null);
    // So that 'end' comes even when nobody has read anything.
    stream.read(0);
  } else {
    stream.destroy(callError(count, 'read'));
  }
}

// Writes what there is room for; what is left waits for more.
function flush(stream) {
  const rest = stream[kRest];
  while (rest.chunks.length > 0) {
    const [chunk] = rest.chunks;
    const view = rest.at === 0 ? chunk : chunk.subarray(rest.at);
    const count = native().write(stream[kNumber], view);
    if (count < 0) {
      stream[kRest] = null;
      rest.callback(callError(count, 'write'));
      return;
    }
    stream.bytesWritten += count;
    if (count < view.length) {
      rest.at += count;
      native().set(stream[kNumber], 1, true);
      return;
    }
    rest.chunks.shift();
    rest.at = 0;
  }
  stream[kRest] = null;
  rest.callback();
}

class PipeStream extends Duplex {
  // { fd, readable, writable, own: whether the descriptor is ours, to change and to close }
  constructor(options) {
    const { fd, readable = true, writable = true, own = true, highWaterMark } = options;
    super({ allowHalfOpen: options.allowHalfOpen ?? false, decodeStrings: true, emitClose: true, autoDestroy: true, readable, writable, highWaterMark });
    this.fd = fd;
    this.bytesRead = 0;
    this.bytesWritten = 0;
    this.connecting = false;
    this[kReading] = false;
    this[kRest] = null;
    this[kKeep] = !own;
    this[kRefs] = true;
    this[kNumber] = native().open(fd, context.bind((count, bytes) => onRead(this, count, bytes)), context.bind(() => { if (this[kRest] !== null) flush(this); }), own);
    Object.defineProperty(this, '_handle', { value: makeHandle(this), writable: true, configurable: true, enumerable: true });
    live.add(this);
  }
  get pending() { return false; }
  get readyState() {
    if (this.readable && this.writable) return 'open';
    return this.readable ? 'readOnly' : this.writable ? 'writeOnly' : 'closed';
  }
  _read() {
    if (this[kReading] || this[kNumber] === undefined) return;
    this[kReading] = true;
    const failed = native().set(this[kNumber], 0, true);
    if (failed !== 0) {
      this[kReading] = false;
      this.destroy(callError(failed, 'read'));
    }
  }
  stopReading() {
    this[kReading] = false;
    this._readableState.reading = false;
    if (this[kNumber] !== undefined) native().set(this[kNumber], 0, false);
  }
  _write(chunk, encoding, callback) { this._writev([{ chunk, encoding }], callback); }
  _writev(items, callback) {
    if (this[kNumber] === undefined) {
      callback(new codes.ERR_SOCKET_CLOSED());
      return;
    }
    this[kRest] = { chunks: items.map(({ chunk, encoding }) => typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk), at: 0, callback };
    flush(this);
  }
  _final(callback) {
    if (this[kNumber] !== undefined) native().shutdown(this[kNumber]);
    callback();
  }
  _destroy(error, callback) {
    if (this[kNumber] !== undefined) {
      native().close(this[kNumber], this[kKeep]);
      this[kNumber] = undefined;
      this._handle = null;
      live.delete(this);
    }
    callback(error);
  }
  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }
  hasRef() { return this[kRefs]; }
  ref() { return this.#hold(true); }
  unref() { return this.#hold(false); }
  #hold(on) {
    this[kRefs] = on;
    if (this[kNumber] !== undefined) native().set(this[kNumber], 2, on);
    return this;
  }
  // Of net.Socket, without meaning here.
  setNoDelay() { return this; }
  setKeepAlive() { return this; }
  setTimeout(ms, callback) {
    if (callback) this.once('timeout', callback);
    return this;
  }
  address() { return {}; }
}

// What programs reach for below a socket.
function makeHandle(stream) {
  return {
    get fd() { return stream.fd; },
    get reading() { return stream[kReading]; },
    ref: () => stream.ref(),
    unref: () => stream.unref(),
    hasRef: () => stream[kRefs],
    close(callback) {
      stream.destroy();
      if (callback) stream.once('close', callback);
    },
    setBlocking: () => 0,
    readStart() {
      stream._read();
      return 0;
    },
    readStop() {
      stream.stopReading();
      return 0;
    },
  };
}

exports.PipeStream = PipeStream;
exports.livePipes = () => [...live].filter((stream) => stream[kRefs] && (stream[kReading] || stream[kRest] !== null));
