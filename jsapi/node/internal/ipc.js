// SPDX-License-Identifier: Apache-2.0
// The channel between a program and what it forked: messages as lines of JSON, or as V8 serialises them behind their length.
// Sockets and servers cannot be sent along.
'use strict';

const { codes, callError } = require('internal/errors');
const { validateObject } = require('internal/validators');
const { Buffer } = require('node:buffer');
const { EventEmitter } = require('internal/emitter');
const { nextTick } = require('internal/process');

const native = () => internalBinding('pipe');
const HIGH_BYTES = 128 * 1024;   // waiting to be written, from which send() says false

const formats = {
  json: {
    encode: (message) => Buffer.from(`${JSON.stringify(message)}\n`),
    // Gives each message to `take`; returns what is left over.
    decode(bytes, take) {
      let from = 0;
      for (;;) {
        const at = bytes.indexOf(10, from);
        if (at < 0) return from === 0 ? bytes : bytes.subarray(from);
        const line = bytes.toString('utf8', from, at);
        from = at + 1;
        if (line !== '') take(JSON.parse(line));
      }
    },
  },
  advanced: {
    encode(message) {
      const body = internalBinding('ipc').serialize(message, Buffer.prototype);
      const all = Buffer.allocUnsafe(4 + body.byteLength);
      all.writeUInt32BE(body.byteLength, 0);
      all.set(new Uint8Array(body), 4);
      return all;
    },
    decode(bytes, take) {
      let from = 0;
      while (bytes.length - from >= 4) {
        const size = bytes.readUInt32BE(from);
        if (bytes.length - from - 4 < size) break;
        const message = internalBinding('ipc').deserialize(bytes.subarray(from + 4, from + 4 + size), Buffer.prototype);
        from += 4 + size;
        take(message);
      }
      return from === 0 ? bytes : bytes.subarray(from);
    },
  },
};

class Control extends EventEmitter {
  #channel;
  #manual = false;
  #count = 0;
  constructor(channel) {
    super();
    this.#channel = channel;
  }
  get fd() { return this.#channel.fd; }
  refCounted() { if (++this.#count === 1 && !this.#manual) this.#channel.hold(true); }
  unrefCounted() { if (--this.#count === 0 && !this.#manual) this.#channel.hold(false); }
  ref() {
    this.#manual = true;
    this.#channel.hold(true);
  }
  unref() {
    this.#manual = true;
    this.#channel.hold(false);
  }
  readStart() {}
  readStop() {}
  hasRef() { return this.#channel.held; }
}

class Channel {
  constructor(fd, target, mode) {
    this.fd = fd;
    this.target = target;
    this.format = formats[mode];
    this.held = true;
    this.pieces = [];         // of a message that is not whole yet
    this.bytes = 0;
    this.waiting = [];        // { bytes, at, callback }
    this.waitingBytes = 0;
    this.early = [];          // messages before anybody listens
    this.number = native().open(fd, (count, bytes) => this.onRead(count, bytes), () => this.flush(), true);
    native().set(this.number, 0, true);
  }
  hold(on) {
    this.held = on;
    if (this.number !== undefined) native().set(this.number, 2, on);
  }
  onRead(count, bytes) {
    if (count <= 0) {
      this.close();
      return;
    }
    const chunk = Buffer.from(bytes);
    this.pieces.push(chunk);
    this.bytes += chunk.length;
    // A long message comes in many pieces: put together once it can be whole.
    if (this.format === formats.json && chunk.indexOf(10) < 0) return;
    if (this.format === formats.advanced && this.wanted !== undefined && this.bytes < this.wanted) return;
    const all = this.pieces.length === 1 ? chunk : Buffer.concat(this.pieces, this.bytes);
    let rest;
    try {
      rest = this.format.decode(all, (message) => this.onMessage(message));
    } catch (error) {
      this.pieces = [];
      this.bytes = 0;
      this.target.emit('error', error);
      return;
    }
    this.pieces = rest.length === 0 ? [] : [rest];
    this.bytes = rest.length;
    this.wanted = this.format === formats.advanced && rest.length >= 4 ? 4 + rest.readUInt32BE(0) : undefined;
  }
  onMessage(message) {
    const internal = message !== null && typeof message === 'object' && typeof message.cmd === 'string' && message.cmd.startsWith('NODE_');
    nextTick((name) => this.deliver(name, message), internal ? 'internalMessage' : 'message');
  }
  deliver(name, message) {
    if (name === 'internalMessage' || this.target.listenerCount('message') > 0) this.target.emit(name, message, undefined);
    else this.early.push(message);
  }
  deliverEarly() {
    const { early } = this;
    this.early = [];
    for (const message of early) nextTick(() => this.target.emit('message', message, undefined));
  }
  write(message, callback) {
    this.waiting.push({ bytes: this.format.encode(message), at: 0, callback });
    this.waitingBytes += this.waiting[this.waiting.length - 1].bytes.length;
    if (this.waiting.length === 1) this.flush();
    return this.waitingBytes < HIGH_BYTES;
  }
  flush() {
    while (this.waiting.length > 0 && this.number !== undefined) {
      const first = this.waiting[0];
      const count = native().write(this.number, first.at === 0 ? first.bytes : first.bytes.subarray(first.at));
      if (count < 0) {
        this.waiting.shift();
        this.waitingBytes -= first.bytes.length;
        const error = callError(count, 'write');
        if (first.callback) nextTick(first.callback, error);
        else nextTick(() => this.target.emit('error', error));
        continue;
      }
      first.at += count;
      if (first.at < first.bytes.length) {
        native().set(this.number, 1, true);
        return;
      }
      this.waiting.shift();
      this.waitingBytes -= first.bytes.length;
      if (first.callback) nextTick(first.callback, null);
    }
    if (this.waiting.length === 0 && this.ending) this.close();
  }
  // After what is waiting has been written.
  end() {
    this.ending = true;
    if (this.waiting.length === 0) this.close();
  }
  close() {
    if (this.number === undefined) return;
    native().close(this.number);
    this.number = undefined;
    for (const { callback } of this.waiting) if (callback) nextTick(callback, new codes.ERR_IPC_CHANNEL_CLOSED());
    this.waiting = [];
    const { target } = this;
    target.channel = null;
    const was = target.connected;
    target.connected = false;
    if (was || !this.announced) {
      this.announced = true;
      nextTick(() => target.emit('disconnect'));
    }
  }
}

// Gives `target`, a ChildProcess or the process, its end of the channel.
exports.attach = function attach(target, fd, mode) {
  const channel = new Channel(fd, target, mode);
  const control = new Control(channel);
  target.channel = control;
  target.connected = true;
  Object.defineProperty(target, '_channel', { get: () => target.channel, set() {}, enumerable: true, configurable: true });
  target.on('newListener', (name) => {
    if (name === 'message' && channel.early.length > 0) nextTick(() => channel.deliverEarly());
  });

  target.send = function send(message, handle, options, callback) {
    if (typeof handle === 'function') {
      callback = handle;
      handle = undefined;
      options = undefined;
    } else if (typeof options === 'function') {
      callback = options;
      options = undefined;
    } else if (options !== undefined) {
      validateObject(options, 'options');
    }
    if (target.connected) return target._send(message, handle, { swallowErrors: false, ...options }, callback);
    const error = new codes.ERR_IPC_CHANNEL_CLOSED();
    if (typeof callback === 'function') nextTick(callback, error);
    else nextTick(() => target.emit('error', error));
    return false;
  };

  target._send = function _send(message, handle, options, callback) {
    if (message === undefined) throw new codes.ERR_MISSING_ARGS('message');
    if (!['string', 'object', 'number', 'boolean'].includes(typeof message)) {
      throw new codes.ERR_INVALID_ARG_TYPE('message', ['string', 'object', 'number', 'boolean'], message);
    }
    // Handles cannot be sent: said as Node says it for what it does not know.
    if (handle) throw new codes.ERR_INVALID_HANDLE_TYPE();
    if (channel.number === undefined || channel.ending) {
      const error = new codes.ERR_IPC_CHANNEL_CLOSED();
      if (typeof callback === 'function') nextTick(callback, error);
      else if (!options?.swallowErrors) nextTick(() => target.emit('error', error));
      return false;
    }
    return channel.write(message, callback);
  };

  target.disconnect = function disconnect() {
    if (!target.connected) {
      target.emit('error', new codes.ERR_IPC_DISCONNECTED());
      return;
    }
    target._disconnect();
  };
  target._disconnect = function _disconnect() {
    target.connected = false;
    channel.end();
  };
  return control;
};

// This program's own channel, when it was forked with one.
exports.attachProcess = function attachProcess(process, fd, mode) {
  if (!Number.isInteger(fd) || fd < 0 || formats[mode] === undefined) return;
  const control = exports.attach(process, fd, mode);
  // It keeps the program only while somebody listens.
  control.refCounted();
  control.unrefCounted();
  const counts = (name) => name === 'message' || name === 'disconnect';
  process.on('newListener', (name) => { if (counts(name)) control.refCounted(); });
  process.on('removeListener', (name) => { if (counts(name)) control.unrefCounted(); });
};
