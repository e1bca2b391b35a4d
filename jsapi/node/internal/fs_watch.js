// SPDX-License-Identifier: Apache-2.0
// fs.watch (inotify, in jsapi/native/node/watch.cc), recursively too; fs.watchFile, which asks for the stats again and again;
// fsPromises.watch.
'use strict';

const { EventEmitter } = require('internal/emitter');
const { AbortError, codes, errnoException } = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateFunction, validateInteger, validateObject, validateOneOf, validateUint32 } = require('internal/validators');
const { Buffer } = require('node:buffer');
const { nextTick } = require('internal/process');
const pathModule = require('node:path');
const values = require('internal/node/fs_values');

const IN_MODIFY = 2, IN_ATTRIB = 4, IN_CREATE = 0x100, IN_MOVED_TO = 0x80, IN_ISDIR = 0x40000000, IN_DELETE_SELF = 0x400;

// What `ignore` names: a glob, a regular expression, a function, or several of them.
function ignorer(ignore) {
  if (ignore === undefined) return () => false;
  const list = (Array.isArray(ignore) ? ignore : [ignore]).map((each) => {
    if (typeof each === 'function') return each;
    if (each instanceof RegExp) return (name) => each.test(name);
    if (typeof each !== 'string' || each === '') throw new codes.ERR_INVALID_ARG_TYPE('options.ignore', ['string', 'RegExp', 'Function'], each);
    const { matcher } = require('internal/node/fs_glob');
    const whole = matcher(each);
    return (name) => whole(name) || (!each.includes('/') && whole(pathModule.basename(name)));
  });
  return (name) => name !== null && list.some((matches) => matches(name));
}

class FSWatcher extends EventEmitter {
  #watches = new Map();  // number -> directory, relative to the root
  #directories = new Map();
  #closed = false;
  #referenced;
  constructor(path, options) {
    super();
    const { encoding = 'utf8', recursive = false, persistent = true, ignore } = options;
    this.#referenced = persistent;
    const ignored = ignorer(ignore);
    const shown = (bytes) => bytes === null ? null : encoding === 'buffer' ? Buffer.from(bytes) : Buffer.from(bytes).toString(encoding);
    const root = typeof path === 'string' ? path : Buffer.from(path).toString();
    const fs = require('node:fs');
    const tell = (mask, bytes) => {
      if (this.#closed) return;
      if (bytes !== null && ignored(Buffer.from(bytes).toString())) return;
      this.emit('change', (mask & (IN_MODIFY | IN_ATTRIB)) !== 0 ? 'change' : 'rename', shown(bytes));
    };
    const add = (directory, relative, isRoot) => {
      if (this.#closed || this.#directories.has(relative)) return;
      const number = internalBinding('watch').add(isRoot ? path : directory, this.#referenced, (mask, name) => {
        if (!isRoot && name === null) {
          if (mask & IN_DELETE_SELF) this.#forget(relative);
          return;
        }
        const bytes = name === null ? Buffer.from(pathModule.basename(root)) : relative === '' ? name : Buffer.concat([Buffer.from(`${relative}/`), name]);
        tell(mask, bytes);
        if (recursive && name !== null && (mask & IN_ISDIR) && (mask & (IN_CREATE | IN_MOVED_TO))) descend(pathModule.join(directory, Buffer.from(name).toString()), Buffer.from(bytes).toString(), true);
      });
      if (number < 0) {
        if (!isRoot) return;
        const error = errnoException(number, 'watch', root);
        error.filename = path;
        throw error;
      }
      this.#watches.set(number, relative);
      this.#directories.set(relative, number);
    };
    // A directory that came: what is in it already came before anybody watched.
    const descend = (directory, relative, announce) => {
      add(directory, relative, false);
      let entries;
      try {
        entries = fs.readdirSync(directory, { withFileTypes: true });
      } catch {
        return;
      }
      for (const entry of entries) {
        const below = relative === '' ? entry.name : `${relative}/${entry.name}`;
        if (announce) tell(IN_CREATE, Buffer.from(below));
        if (entry.isDirectory()) descend(pathModule.join(directory, entry.name), below, announce);
      }
    };
    add(root, '', true);
    if (recursive && fs.statSync(root, { throwIfNoEntry: false })?.isDirectory()) descend(root, '', false);
  }
  #forget(relative) {
    const number = this.#directories.get(relative);
    if (number === undefined) return;
    this.#directories.delete(relative);
    this.#watches.delete(number);
    internalBinding('watch').remove(number);
  }
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const number of this.#watches.keys()) internalBinding('watch').remove(number);
    this.#watches.clear();
    nextTick(() => this.emit('close'));
  }
  ref() {
    this.#referenced = true;
    for (const number of this.#watches.keys()) internalBinding('watch').setRef(number, true);
    return this;
  }
  unref() {
    this.#referenced = false;
    for (const number of this.#watches.keys()) internalBinding('watch').setRef(number, false);
    return this;
  }
  [Symbol.dispose]() { this.close(); }
}

function checked(options) {
  options = values.optionsOf(options);
  const { persistent, recursive, encoding, signal } = options;
  if (persistent !== undefined) validateBoolean(persistent, 'options.persistent');
  if (recursive !== undefined) validateBoolean(recursive, 'options.recursive');
  if (encoding && encoding !== 'buffer' && !Buffer.isEncoding(encoding)) throw new codes.ERR_INVALID_ARG_VALUE('encoding', encoding, 'is invalid encoding');
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
  return options;
}

function watch(path, options, listener) {
  if (typeof options === 'function') {
    listener = options;
    options = undefined;
  }
  path = values.pathOf(path);
  options = checked(options);
  if (listener !== undefined) validateFunction(listener, 'listener');
  const watcher = new FSWatcher(path, options);
  if (listener !== undefined) watcher.on('change', listener);
  const { signal } = options;
  if (signal) {
    if (signal.aborted) nextTick(() => watcher.close());
    else {
      const stop = () => watcher.close();
      signal.addEventListener('abort', stop, { once: true });
      watcher.once('close', () => signal.removeEventListener('abort', stop));
    }
  }
  return watcher;
}

// fsPromises.watch
async function* watchIterator(path, options = {}) {
  path = values.pathOf(path);
  validateObject(options, 'options');
  checked(options);
  const { signal, maxQueue = 2048, overflow = 'ignore' } = options;
  validateInteger(maxQueue, 'options.maxQueue');
  validateOneOf(overflow, 'options.overflow', ['ignore', 'error']);
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  const queue = [];
  let wake = null, failure;
  const watcher = new FSWatcher(path, options);
  const notify = () => {
    if (wake !== null) wake();
    wake = null;
  };
  watcher.on('change', (eventType, filename) => {
    if (queue.length < maxQueue) queue.push({ __proto__: null, eventType, filename });
    else if (overflow === 'error') failure ??= new codes.ERR_FS_WATCH_QUEUE_OVERFLOW(maxQueue);
    else require('internal/process').process.emitWarning('fs.watch maxQueue exceeded');
    notify();
  });
  const stop = () => {
    failure ??= new AbortError(undefined, { cause: signal.reason });
    notify();
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      if (queue.length > 0) yield queue.shift();
      else await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    watcher.close();
  }
}

// ---- watchFile

const watched = new Map();


class StatWatcher extends EventEmitter {
  #timer = null; #closed = false; #before = null; #references = 0; #options; #path; #missing = false;
  constructor(path, options) {
    super();
    this.#path = path;
    this.#options = options;
    this.#ask();
  }
  #ask() {
    const { bigint, interval } = this.#options;
    require('node:fs').stat(this.#path, { bigint }, (error, stats) => {
      if (this.#closed) return;
      if (error) stats = emptyStats(bigint);
      const first = this.#before === null;
      const before = this.#before ?? stats;
      this.#before = stats;
      if (first ? error : changed(before, stats)) this.emit('change', stats, before);
      this.#timer = setTimeout(() => this.#ask(), interval);
      if (!this.#options.persistent) this.#timer.unref();
    });
  }
  ref() {
    this.#options.persistent = true;
    this.#timer?.ref();
    return this;
  }
  unref() {
    this.#options.persistent = false;
    this.#timer?.unref();
    return this;
  }
  stop() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    nextTick(() => this.emit('stop'));
  }
}

function emptyStats(bigint) {
  const numbers = bigint ? new BigInt64Array(32) : new Float64Array(32);
  return values.statsOf(numbers);
}
const changed = (a, b) => ['dev', 'ino', 'mode', 'nlink', 'uid', 'gid', 'size', 'blocks'].some((key) => a[key] !== b[key]) ||
  (a.mtimeNs !== undefined ? a.mtimeNs !== b.mtimeNs || a.ctimeNs !== b.ctimeNs : a.mtimeMs !== b.mtimeMs || a.ctimeMs !== b.ctimeMs);

function watchFile(path, options, listener) {
  path = pathModule.resolve(Buffer.from(values.pathOf(path)).toString());
  if (options === null || typeof options !== 'object') {
    listener = options;
    options = {};
  }
  options = { interval: 5007, persistent: true, bigint: false, ...options };
  validateFunction(listener, 'listener');
  validateUint32(options.interval, 'interval');
  let watcher = watched.get(path);
  if (watcher === undefined) {
    watcher = new StatWatcher(path, options);
    watched.set(path, watcher);
  }
  watcher.addListener('change', listener);
  return watcher;
}

function unwatchFile(path, listener) {
  path = pathModule.resolve(Buffer.from(values.pathOf(path)).toString());
  const watcher = watched.get(path);
  if (watcher === undefined) return;
  if (typeof listener === 'function') watcher.removeListener('change', listener);
  else watcher.removeAllListeners('change');
  if (watcher.listenerCount('change') !== 0) return;
  watched.delete(path);
  watcher.stop();
}

module.exports = { FSWatcher, StatWatcher, watch, watchIterator, watchFile, unwatchFile };
