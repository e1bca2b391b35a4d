// SPDX-License-Identifier: Apache-2.0
// TCP and UDP sockets of scripts: what `sluice:net` exports.
'use strict';

const events = require('internal/events');
const { EventEmitter } = require('internal/emitter');
const { coded, argumentType, system, isBytes } = require('internal/sluice/errors');

// Numbers as in jsapi/native/sockets.hh.
const NET_ACCEPTED = 96, NET_CONNECTED = 97, NET_DATA = 98, NET_END = 99, NET_WRITABLE = 100, NET_CLOSED = 101;
const NET_DATAGRAM = 102, NET_DATAGRAM_ERROR = 103;
const BROKEN_PIPE = 'EPIPE';

let native = null;
const live = [];       // by slot
const listeners = [];  // by number
const udp = [];        // by number

function binding() { return native === null ? native = internalBinding('network') : native; }

// How the bytes that come are given to the program.
const UNUSED = 0, FLOWING = 1, PAUSED = 2, ITERATING = 3;

class Socket extends EventEmitter {
  constructor(slot, generation, connecting) {
    super();
    this._slot = slot;
    this._generation = generation;
    this._mode = UNUSED;
    this._ended = false;      // the peer's end was given to the program
    this._peerEnded = false;  // it has come
    this._finished = false;   // end() was called
    this._full = false;
    this._error = null;
    this._waiter = null;      // { resolve, reject } of next()
    this._remote = undefined;
    this._local = undefined;
    this._first = undefined;  // bytes that were there at an upgrade
    this._pending = null;     // written before the connection is there
    this._drained = undefined;
    this._ready = undefined;
    this.allowHalfOpen = false;
    this.connecting = connecting;
    this.destroyed = false;
    this.closed = false;
    this.bytesRead = 0;
    live[slot] = this;
  }

  get remoteAddress() { return this._endpoint(false)[0]; }
  get remotePort() { return this._endpoint(false)[1]; }
  get localAddress() { return this._endpoint(true)[0]; }
  get localPort() { return this._endpoint(true)[1]; }
  _endpoint(local) {
    const known = local ? this._local : this._remote;
    if (known !== undefined) return known;
    const found = native.netAddress(this._slot, this._generation, local);
    if (found === undefined) return [undefined, undefined];
    return local ? this._local = found : this._remote = found;
  }

  // False: the peer does not keep up; wait for `drained` or 'drain'.
  write(chunk) {
    if (typeof chunk !== 'string' && !isBytes(chunk)) throw argumentType('chunk', 'of type string or an instance of ArrayBuffer or a view of one', chunk);
    if (this._finished) throw coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
    if (this.closed || this.destroyed) return false;
    if (this.connecting) {
      (this._pending || (this._pending = [])).push(chunk);
      return true;
    }
    const outcome = native.netWrite(this._slot, this._generation, chunk);
    if (outcome === true) return true;
    if (outcome === false) {
      this._full = true;
      return false;
    }
    const code = native.errors[outcome];
    if (code !== BROKEN_PIPE) {  // the stream cannot go on with a hole in it
      this._error = system(native.errors, outcome, 'write');
      this.destroy();
    }
    return false;
  }
  // Sends what was written, then ends this direction.
  end(chunk) {
    if (chunk !== undefined) this.write(chunk);
    if (this._finished) return this;
    this._finished = true;
    if (!this.connecting) native.netShutdown(this._slot, this._generation);
    return this;
  }
  // Ends both directions at once.
  destroy(error) {
    if (this.destroyed || this.closed) return this;
    this.destroyed = true;
    if (error !== undefined) this._error = error;
    native.netDestroy(this._slot, this._generation);
    return this;
  }
  get writableEnded() { return this._finished; }
  get writableNeedDrain() { return this._full; }
  get drained() {
    if (this.closed) return Promise.reject(this._error || coded(Error, 'EPIPE', 'the socket is closed'));
    if (!this._full) return Promise.resolve();
    return (this._drained || (this._drained = deferred())).promise;
  }
  // Resolved when the connection is there, rejected when it fails.
  get ready() {
    if (this._error !== null) return Promise.reject(this._error);
    if (!this.connecting) return Promise.resolve(this);
    return (this._ready || (this._ready = deferred())).promise;
  }
  setNoDelay(on = true) {
    native.netSetOption(this._slot, this._generation, 0, !!on);
    return this;
  }
  setKeepAlive(on = false, idleMs = 0) {
    native.netSetOption(this._slot, this._generation, 1, !!on, idleMs);
    return this;
  }

  // --- bytes that come
  pause() {
    if (this._mode !== ITERATING) this._mode = PAUSED;
    return this;
  }
  resume() {
    if (this._mode === UNUSED || this._mode === PAUSED) {
      this._mode = FLOWING;
      queueMicrotask(() => this._pump());
    }
    return this;
  }
  _listenersChanged(name) {
    if (name === 'data' && this._mode === UNUSED) this.resume();
  }
  _take() {
    if (this._first !== undefined) {
      const first = this._first;
      this._first = undefined;
      return first;
    }
    const chunk = native.netTake(this._slot, this._generation);
    if (chunk !== undefined && chunk !== null) this.bytesRead += chunk.byteLength;
    return chunk;
  }
  // What is there already, as an upgrade's `head`.
  readNow() {
    const chunk = native.netTake(this._slot, this._generation);
    return chunk === undefined || chunk === null ? new Uint8Array(0) : chunk;
  }
  _pump() {
    while (this._mode === FLOWING && !this._ended) {
      const chunk = this._take();
      if (chunk === undefined) break;
      if (chunk === null) {
        if (this._peerEnded) this._end();
        break;
      }
      this.emit('data', chunk);
    }
    if (this.closed) this._letGo();
  }
  _end() {
    if (this._ended) return;
    this._ended = true;
    this.emit('end');
    if (!this.allowHalfOpen && !this._finished) this.end();
  }

  [Symbol.asyncIterator]() {
    if (this._mode === ITERATING) throw coded(TypeError, 'ERR_BODY_ALREADY_USED', 'The socket is being iterated already');
    this._mode = ITERATING;
    return new SocketIterator(this);
  }

  // --- from C++
  _onEvent() {
    if (this._mode === ITERATING) {
      const waiter = this._waiter;
      if (waiter === null) return;
      const chunk = this._take();
      if (chunk === undefined) return;
      this._waiter = null;
      if (chunk === null) {
        this._end();
        if (this.closed) this._letGo();
        waiter.resolve({ value: undefined, done: true });
      } else {
        waiter.resolve({ value: chunk, done: false });
      }
      return;
    }
    this._pump();
    // Nobody reads: an end alone still has to be seen, as the other direction is ended in answer to it.
    if (this._mode === UNUSED && this._peerEnded && this.listenerCount('data') === 0) this.resume();
  }
  _onClosed(number) {
    this.closed = true;
    this.connecting = false;
    this._peerEnded = true;
    if (this._error === null && number !== 0 && !(this.destroyed && native.errors[number] === 'ECONNABORTED')) {
      this._error = system(native.errors, number, this._ready !== undefined || this._opened === false ? 'connect' : 'read');
    }
    const error = this._error;
    if (this._drained !== undefined) {
      const { promise, reject } = this._drained;
      promise.catch(() => {});
      reject(error || coded(Error, 'EPIPE', 'the socket is closed'));
    }
    if (this._ready !== undefined && error !== null) {
      this._ready.promise.catch(() => {});
      this._ready.reject(error);
    }
    if (error !== null) {
      if (this._waiter !== null) {
        const { reject } = this._waiter;
        this._waiter = null;
        reject(error);
      }
      if (this.listenerCount('error') > 0 || (this._mode !== ITERATING && this._ready === undefined && !quiet(error))) this.emit('error', error);
    } else {
      this._onEvent();
    }
    this.emit('close', error !== null);
    if (error !== null || this._ended || (this._mode !== ITERATING && this._mode !== PAUSED)) this._letGo();
  }
  _letGo() {
    if (live[this._slot] !== this) return;
    live[this._slot] = undefined;
    native.netDrop(this._slot, this._generation);
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return { remoteAddress: this.remoteAddress, remotePort: this.remotePort, localPort: this.localPort, closed: this.closed };
  }
}

// A peer that is gone is no reason to end the program.
function quiet(error) { return error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'ETIMEDOUT'; }

class SocketIterator {
  constructor(socket) { this.socket = socket; }
  [Symbol.asyncIterator]() { return this; }
  next() {
    const { socket } = this;
    if (socket._ended) return Promise.resolve({ value: undefined, done: true });
    const chunk = socket._take();
    if (chunk !== undefined && chunk !== null) return Promise.resolve({ value: chunk, done: false });
    if (socket._error !== null) {
      const error = socket._error;
      socket._ended = true;
      socket._letGo();
      return Promise.reject(error);
    }
    if (chunk === null && socket._peerEnded) {
      socket._end();
      if (socket.closed) socket._letGo();
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => { socket._waiter = { resolve, reject }; });
  }
  return(value) {
    this.socket.destroy();
    if (this.socket.closed) this.socket._letGo();
    this.socket._mode = FLOWING;
    return Promise.resolve({ value, done: true });
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  return made;
}

class Listener extends EventEmitter {
  constructor(number, port, address, hostname, handler) {
    super();
    this.port = port;
    this.address = address;
    this.hostname = hostname;
    this._number = number;
    this._handler = handler;
    this._closed = false;
  }
  get listening() { return !this._closed; }
  close() {
    if (!this._closed) {
      this._closed = true;
      native.netCloseListener(this._number);
    }
    return Promise.resolve();
  }
}
Object.defineProperty(Listener.prototype, Symbol.asyncDispose, { value: Listener.prototype.close });

function listen(options, handler) {
  if (typeof options === 'number') options = { port: options };
  if (typeof handler !== 'function') throw argumentType('handler', 'of type function', handler);
  const hostname = options.hostname !== undefined ? options.hostname : options.host !== undefined ? options.host : '';
  const [number, port, address] = binding().netListen(`${hostname}`, options.port === undefined ? 0 : Number(options.port),
    options.ipv6Only === true);
  const listener = listeners[number] = new Listener(number, port, address, `${hostname}`, handler);
  listener.allowHalfOpen = !!options.allowHalfOpen;
  return listener;
}

function connect(options, port) {
  if (typeof options === 'string') options = { hostname: options, port };
  else if (typeof options === 'number') options = { port: options, hostname: typeof port === 'string' ? port : undefined };
  const hostname = options.hostname !== undefined ? options.hostname : options.host !== undefined ? options.host : 'localhost';
  const [slot, generation] = binding().netConnect(`${hostname}`, Number(options.port), options.timeoutMs, options.localAddress);
  const socket = new Socket(slot, generation, true);
  socket._opened = false;
  socket.allowHalfOpen = !!options.allowHalfOpen;
  return socket;
}

function at(words, offset) {
  const socket = live[words[offset + 1]];
  return socket !== undefined && socket._generation === words[offset + 2] ? socket : undefined;
}

events.register(NET_ACCEPTED, (words, offset) => {
  const socket = new Socket(words[offset + 1], words[offset + 2], false);
  const listener = listeners[words[offset + 3]];
  socket.allowHalfOpen = listener.allowHalfOpen;
  let outcome;
  try {
    outcome = listener._handler(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  if (outcome !== undefined && outcome !== null && typeof outcome.then === 'function') {
    outcome.then(undefined, (error) => {
      const lost = socket._error;
      socket.destroy();
      if (error !== lost || !quiet(error)) throw error;
    });
  }
});

events.register(NET_CONNECTED, (words, offset) => {
  const socket = at(words, offset);
  if (socket === undefined) return;
  socket.connecting = false;
  socket._opened = true;
  const pending = socket._pending;
  socket._pending = null;
  const finished = socket._finished;
  socket._finished = false;
  if (pending !== null) for (const chunk of pending) socket.write(chunk);
  if (finished) socket.end();
  if (socket._ready !== undefined) {
    socket._ready.resolve(socket);
    socket._ready = undefined;
  }
  socket.emit('connect');
});

events.register(NET_DATA, (words, offset) => {
  const socket = at(words, offset);
  if (socket !== undefined) socket._onEvent();
});

events.register(NET_END, (words, offset) => {
  const socket = at(words, offset);
  if (socket === undefined) return;
  socket._peerEnded = true;
  socket._onEvent();
});

events.register(NET_WRITABLE, (words, offset) => {
  const socket = at(words, offset);
  if (socket === undefined || !socket._full) return;
  socket._full = false;
  if (socket._drained !== undefined) {
    const { resolve } = socket._drained;
    socket._drained = undefined;
    resolve();
  }
  socket.emit('drain');
});

events.register(NET_CLOSED, (words, offset) => {
  const socket = at(words, offset);
  if (socket !== undefined) socket._onClosed(words[offset + 3]);
});

// --- UDP

class UdpSocket extends EventEmitter {
  constructor(number, port, address, handler) {
    super();
    this.port = port;
    this.address = address;
    this._number = number;
    this._handler = handler;
    this._closed = false;
  }
  // send(message, port, address) or send(message, { port, address }); throws with the code of what is wrong.
  send(message, port, address) {
    if (typeof message !== 'string' && !isBytes(message)) throw argumentType('message', 'of type string or an instance of ArrayBuffer or a view of one', message);
    if (typeof port === 'object' && port !== null) ({ port, address } = port);
    if (address === undefined) address = '127.0.0.1';
    const outcome = native.udpSend(this._number, message, address, port);
    if (outcome !== 0) throw system(native.errors, outcome, 'send');
    return true;
  }
  // Groups and everybody, by the names that Node has for them. An interface is an address of its own, '::%name' or its name.
  addMembership(group, on = '') { this._set('addMembership', 0, `${group}`, `${on}`); }
  dropMembership(group, on = '') { this._set('dropMembership', 1, `${group}`, `${on}`); }
  setMulticastInterface(on) { this._set('setMulticastInterface', 2, `${on}`); }
  setMulticastTTL(hops) { this._set('setMulticastTTL', 3, Number(hops)); return hops; }
  setMulticastLoopback(comesBack) { this._set('setMulticastLoopback', 4, !!comesBack); return comesBack; }
  setBroadcast(allowed) { this._set('setBroadcast', 5, !!allowed); }
  setTTL(hops) { this._set('setTTL', 6, Number(hops)); return hops; }
  _set(name, what, value, on = '') {
    const outcome = native.udpSet(this._number, what, value, on);
    if (outcome !== 0) throw system(native.errors, outcome, name);
  }
  close() {
    if (this._closed) return;
    this._closed = true;
    udp[this._number] = undefined;
    native.udpClose(this._number);
    queueMicrotask(() => this.emit('close'));
  }
}

function bindUdp(options, handler) {
  if (typeof options === 'number') options = { port: options };
  if (handler !== undefined && typeof handler !== 'function') throw argumentType('handler', 'of type function', handler);
  const hostname = options.hostname !== undefined ? options.hostname : options.host !== undefined ? options.host : '';
  const [number, port, address] = binding().udpBind(`${hostname}`, options.port === undefined ? 0 : Number(options.port), options.reuseAddress === true);
  return udp[number] = new UdpSocket(number, port, address, handler);
}

events.register(NET_DATAGRAM, (words, offset) => {
  const socket = udp[words[offset + 1]];
  if (socket === undefined) return;
  for (let taken; !socket._closed && (taken = native.udpTake(socket._number)) !== undefined;) {
    const from = { address: taken[1], port: taken[2] };
    try {
      if (socket._handler !== undefined) socket._handler(taken[0], from, socket);
      socket.emit('message', taken[0], from);
    } catch (error) {
      // The others are still to be given.
      require('internal/ticks').nextTick(() => { throw error; });
    }
  }
});

events.register(NET_DATAGRAM_ERROR, (words, offset) => {
  const socket = udp[words[offset + 1]];
  if (socket === undefined || socket.listenerCount('error') === 0) return;
  socket.emit('error', system(native.errors, words[offset + 2], 'recv'));
});

exports.adopt = (slot, generation) => {
  binding();
  return new Socket(slot, generation, false);
};
Object.assign(exports, { Socket, Listener, UdpSocket, listen, connect, bindUdp });
