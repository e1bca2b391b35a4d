// SPDX-License-Identifier: Apache-2.0
// fs.opendir and its Dir. The directory is read when it is opened; entries are handed out one by one.
'use strict';

const calls = require('internal/node/fs_calls');
const { codes, errnoException } = require('internal/errors');
const { validateFunction, validateUint32, validateBoolean } = require('internal/validators');
const { Buffer } = require('node:buffer');
const { nextTick } = require('internal/process');
const values = require('internal/node/fs_values');
const pathModule = require('node:path');

function requestOf(path, options) {
  path = values.pathOf(path);
  options = values.optionsOf(options, { encoding: 'utf8' });
  if (options.bufferSize !== undefined) validateUint32(options.bufferSize, 'options.bufferSize', true);
  if (options.recursive !== undefined && options.recursive !== null) validateBoolean(options.recursive, 'options.recursive');
  return { op: calls.READDIR, path, flags: values.flagsForEncoding(options.encoding), options };
}

// The error has the name of what the user called.
function renamed(error) {
  if (error?.syscall !== 'scandir') return error;
  return errnoException(error.errno, 'opendir', error.path);
}

class Dir {
  #path; #options; #entries; #at = 0; #closed = false; #reading = false;
  constructor(path, found, options) {
    if (found === undefined) throw new codes.ERR_MISSING_ARGS('handle');
    this.#path = path;
    this.#options = options;
    this.#entries = this.#make(found, path);
  }
  #make([names, kinds], path) {
    const shown = typeof path === 'string' ? path : Buffer.from(path).toString();
    return names.map((name, i) => values.direntOf(values.textOf(name, this.#options.encoding), kinds[i], shown));
  }
  get path() { return typeof this.#path === 'string' ? this.#path : Buffer.from(this.#path).toString(); }
  #next(descend) {
    if (this.#at === this.#entries.length) return null;
    const entry = this.#entries[this.#at];
    this.#entries[this.#at++] = undefined;
    if (this.#options.recursive && entry.isDirectory()) {
      const below = pathModule.join(entry.parentPath, String(entry.name));
      this.#entries.push(...this.#make(descend(below), below));
    }
    return entry;
  }
  read(callback) {
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.#read().then((entry) => nextTick(callback, null, entry), (error) => nextTick(callback, error));
      return undefined;
    }
    return this.#read();
  }
  async #read() {
    if (this.#closed) throw new codes.ERR_DIR_CLOSED();
    this.#reading = true;
    try {
      await undefined;
      return this.#next((path) => calls.now({ op: calls.READDIR, path, flags: values.flagsForEncoding(this.#options.encoding) }));
    } finally {
      this.#reading = false;
    }
  }
  readSync() {
    if (this.#closed) throw new codes.ERR_DIR_CLOSED();
    if (this.#reading) throw new codes.ERR_DIR_CONCURRENT_OPERATION();
    return this.#next((path) => calls.now({ op: calls.READDIR, path, flags: values.flagsForEncoding(this.#options.encoding) }));
  }
  close(callback) {
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      if (this.#closed) {
        nextTick(callback, new codes.ERR_DIR_CLOSED());
        return undefined;
      }
      this.#closed = true;
      nextTick(callback, null);
      return undefined;
    }
    if (this.#closed) return Promise.reject(new codes.ERR_DIR_CLOSED());
    this.#closed = true;
    return Promise.resolve();
  }
  closeSync() {
    if (this.#closed) throw new codes.ERR_DIR_CLOSED();
    if (this.#reading) throw new codes.ERR_DIR_CONCURRENT_OPERATION();
    this.#closed = true;
  }
  async* entries() {
    try {
      for (;;) {
        const entry = await this.read();
        if (entry === null) break;
        yield entry;
      }
    } finally {
      if (!this.#closed) this.closeSync();
    }
  }
  async [Symbol.asyncDispose]() { if (!this.#closed) await this.close(); }
  [Symbol.dispose]() { if (!this.#closed) this.closeSync(); }
}
Object.defineProperty(Dir.prototype, Symbol.asyncIterator, { value: Dir.prototype.entries, writable: true, configurable: true, enumerable: false });

function opendirSync(path, options) {
  const request = requestOf(path, options);
  try {
    return new Dir(request.path, calls.now(request), request.options);
  } catch (error) {
    throw renamed(error);
  }
}
function opendir(path, options, callback) {
  callback = typeof options === 'function' ? options : callback;
  validateFunction(callback, 'callback');
  const request = requestOf(path, typeof options === 'function' ? undefined : options);
  calls.later(request, (error, found) => {
    if (error) callback(renamed(error));
    else callback(null, new Dir(request.path, found, request.options));
  });
}
async function opendirPromise(path, options) {
  const request = requestOf(path, options);
  try {
    return new Dir(request.path, await calls.promised(request), request.options);
  } catch (error) {
    throw renamed(error);
  }
}

module.exports = { Dir, opendir, opendirSync, opendirPromise };
