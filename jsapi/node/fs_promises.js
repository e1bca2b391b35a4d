// SPDX-License-Identifier: Apache-2.0
// node:fs/promises: what node:fs has, as promises.
'use strict';

const calls = require('internal/node/fs_calls');
const { promised } = calls;
const fs = require('node:fs');
const values = require('internal/node/fs_values');
const { EventEmitter } = require('internal/emitter');
const { AbortError } = require('internal/errors');
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

class FileHandle extends EventEmitter {
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
}

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
