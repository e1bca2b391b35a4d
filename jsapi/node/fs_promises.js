// SPDX-License-Identifier: Apache-2.0
// node:fs/promises: what node:fs has, as promises.
'use strict';

const calls = require('internal/node/fs_calls');
const { promised } = calls;
const fs = require('node:fs');
const values = require('internal/node/fs_values');
const { EventEmitter } = require('internal/emitter');
const { AbortError, codes } = require('internal/errors');
const { HostObject, kTransfer } = require('internal/node/messaging');
const { Buffer } = require('node:buffer');

const operations = fs[Symbol.for('sluice.operations')];
const DESCRIPTOR_OPERATIONS = new Set(['close', 'fstat', 'fchmod', 'fchown', 'futimes', 'ftruncate', 'fsync', 'fdatasync', 'open']);

for (const [name, { request, result = (value) => value }] of Object.entries(operations)) {
  if (DESCRIPTOR_OPERATIONS.has(name)) continue;
  exports[name] = { async [name](...args) {
    const made = request(...args);
    return result(await promised(made), made);
  } }[name];
}

const kFd = Symbol('kFd');

async function onDescriptor(name, fd, ...args) {
  if (fd === -1) throw Object.assign(new Error('file closed'), { code: 'EBADF', errno: -9, syscall: name });
  const { request, result = (value) => value } = operations[name];
  const made = request(fd, ...args);
  return result(await promised(made), made);
}

// A callback function of node:fs as a promise.
const promise = (fn, ...args) => new Promise((resolve, reject) => {
  fn(...args, (error, ...results) => error ? reject(error) : resolve(results));
});

// What can be transferred has an object of C++ below it.
class EventEmitterHost extends HostObject {
  constructor() {
    super();
    EventEmitter.call(this);
  }
}

class FileHandle extends EventEmitterHost {
  #locked = false;
  createReadStream(options) { return new fs.ReadStream(undefined, { ...options, fd: this }); }
  createWriteStream(options) { return new fs.WriteStream(undefined, { ...options, fd: this }); }
  #closing = null;
  constructor(fd) {
    super();
    this[kFd] = fd;
  }
  get fd() { return this[kFd]; }
  getAsyncId() { return 0; }
  async appendFile(data, options) { await this.writeFile(data, options); }
  async chmod(mode) { return onDescriptor('fchmod', this.fd, mode); }
  async chown(uid, gid) { return onDescriptor('fchown', this.fd, uid, gid); }
  async datasync() { return onDescriptor('fdatasync', this.fd); }
  async sync() { return onDescriptor('fsync', this.fd); }
  async stat(options) { return onDescriptor('fstat', this.fd, options); }
  async truncate(length = 0) { return onDescriptor('ftruncate', this.fd, length); }
  async utimes(atime, mtime) { return onDescriptor('futimes', this.fd, atime, mtime); }
  async read(buffer, offset, length, position) {
    const args = ArrayBuffer.isView(buffer) ? [buffer, offset, length, position].slice(0, arguments.length) : [buffer ?? {}];
    const [bytesRead, used] = await promise(fs.read, this.fd, ...args);
    return { __proto__: null, bytesRead, buffer: used };
  }
  async readv(buffers, position) {
    const [bytesRead] = await promise(fs.readv, this.fd, buffers, position);
    return { __proto__: null, bytesRead, buffers };
  }
  async readFile(options) { return (await promise(fs.readFile, this.fd, options ?? {}))[0]; }
  async write(data, ...rest) {
    if (typeof data !== 'string' && data?.byteLength === 0) return { __proto__: null, bytesWritten: 0, buffer: data };
    const [bytesWritten] = await promise(fs.write, this.fd, data, ...rest.filter((each, i) => each !== undefined || i < rest.length));
    return { __proto__: null, bytesWritten, buffer: data };
  }
  async writev(buffers, position) {
    const [bytesWritten] = await promise(fs.writev, this.fd, buffers, position);
    return { __proto__: null, bytesWritten, buffers };
  }
  async writeFile(data, options) { await writeAll(this, data, options); }
  close() {
    if (this[kFd] === -1) return Promise.resolve();
    if (this.#closing === null) {
      this.#closing = onDescriptor('close', this[kFd]).finally(() => { this.#closing = null; });
      this[kFd] = -1;
      this.emit('close');
    }
    return this.#closing;
  }
  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() { await this.close(); }
  readLines(options = undefined) {
    return require('node:readline').createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }
  readableWebStream(options = {}) {
    if (this[kFd] === -1) throw new codes.ERR_INVALID_STATE('The FileHandle is closed');
    if (this.#closing !== null) throw new codes.ERR_INVALID_STATE('The FileHandle is closing');
    if (this.#locked) throw new codes.ERR_INVALID_STATE('The FileHandle is locked');
    this.#locked = true;
    require('internal/validators').validateObject(options, 'options');
    const { autoClose = false } = options;
    require('internal/validators').validateBoolean(autoClose, 'options.autoClose');
    const handle = this;
    const over = async () => {
      handle.#locked = false;
      if (autoClose) await handle.close();
    };
    const { ReadableStream } = require('node:stream/web');
    let controllerOf;
    const stream = new ReadableStream({
      type: 'bytes',
      autoAllocateChunkSize: 16384,
      start(controller) { controllerOf = controller; },
      async pull(controller) {
        const view = controller.byobRequest.view;
        const { bytesRead } = await handle.read(view, 0, view.byteLength);
        if (bytesRead === 0) {
          controller.close();
          await over();
        }
        controller.byobRequest.respond(bytesRead);
      },
      cancel: over,
    });
    this.once('close', () => {
      try {
        controllerOf.close();
        controllerOf.byobRequest?.respond(0);
      } catch {
        // It has ended before.
      }
    });
    return stream;
  }
  [kTransfer]() {
    const fd = this[kFd];
    if (fd === -1) throw new (require('internal/event_target').DOMException)('Cannot transfer FileHandle while in use', 'DataCloneError');
    this[kFd] = -1;
    return { data: { handle: fd }, deserializeInfo: 'internal/fs/promises:FileHandle' };
  }
}
require('internal/node/messaging').hideBase(EventEmitterHost);
Object.setPrototypeOf(EventEmitterHost.prototype, EventEmitter.prototype);
Object.defineProperty(exports, 'reviveFileHandle', { value: ({ handle }) => new FileHandle(handle), enumerable: false });

const target = (path) => path instanceof FileHandle ? path.fd : path;

async function open(path, flags, mode) {
  const made = operations.open.request(path, flags, mode);
  return new FileHandle(await promised(made));
}

const isIterable = (value) => value !== null && typeof value === 'object' && !ArrayBuffer.isView(value) &&
  (typeof value[Symbol.asyncIterator] === 'function' || typeof value[Symbol.iterator] === 'function');

async function writeAll(path, data, options) {
  if (!isIterable(data)) {
    await promise(fs.writeFile, target(path), data, options ?? {});
    return;
  }
  const found = values.optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'w' });
  const handle = path instanceof FileHandle ? path : await open(path, found.flag, found.mode);
  try {
    for await (const piece of data) {
      if (found.signal?.aborted) throw new AbortError(undefined, { cause: found.signal.reason });
      let rest = ArrayBuffer.isView(piece) ? piece : Buffer.from(piece, found.encoding || 'utf8');
      rest = new Uint8Array(rest.buffer, rest.byteOffset, rest.byteLength);
      while (rest.length > 0) rest = rest.subarray((await handle.write(rest, 0, rest.length)).bytesWritten);
    }
  } finally {
    if (handle !== path) await handle.close();
  }
}

Object.assign(exports, {
  open,
  constants: fs.constants,
  watch(path, options) { return require('internal/node/fs_watch').watchIterator(path, options); },
  glob(pattern, options) { return require('internal/node/fs_glob').globIterator(pattern, options); },
  async opendir(path, options) { return require('internal/node/fs_dir').opendirPromise(path, options); },
  async mkdtempDisposable(prefix, options) {
    const cwd = process.cwd();
    const path = await exports.mkdtemp(prefix, options);
    const full = require('node:path').resolve(cwd, String(path));
    const remove = async () => { await exports.rm(full, { maxRetries: 0, recursive: true, force: true, retryDelay: 0 }); };
    return { __proto__: null, path, remove, [Symbol.asyncDispose]: remove };
  },
  async readFile(path, options) { return (await promise(fs.readFile, target(path), options ?? {}))[0]; },
  async writeFile(path, data, options) { await writeAll(path, data, options); },
  async appendFile(path, data, options) { await promise(fs.appendFile, target(path), data, options ?? {}); },
  async readdir(path, options) { return (await promise(fs.readdir, path, options ?? {}))[0]; },
  async rm(path, options) { await promise(fs.rm, path, options ?? {}); },
  async cp(source, target, options) { await promise(fs.cp, source, target, options ?? {}); },
  async truncate(path, length = 0) {
    const handle = await open(path, 'r+');
    try {
      await handle.truncate(length);
    } finally {
      await handle.close();
    }
  },
});
