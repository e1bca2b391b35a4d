// SPDX-License-Identifier: Apache-2.0
// fs.ReadStream and fs.WriteStream.
'use strict';

const { Readable, Writable, finished } = require('node:stream');
const fs = require('node:fs');
const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateBoolean, validateFunction, validateInteger } = require('internal/validators');
const { optionsOf, pathOf } = require('internal/node/fs_values');

const kFs = Symbol('kFs');
const kBusy = Symbol('kBusy');   // a call of the system is under way
const kHandle = Symbol('kHandle');

// The functions to work with: those of `options.fs`, a FileHandle's, or our own.
function takeFunctions(stream, options, names) {
  const given = options.fs;
  if (given === undefined || given === null) {
    stream[kFs] = fs;
    return;
  }
  for (const name of names) if (given[name] !== undefined || name === names[0]) validateFunction(given[name], `options.fs.${name}`);
  stream[kFs] = given;
}

function takeDescriptor(stream, options) {
  const { fd } = options;
  if (fd === undefined || fd === null) {
    stream.fd = null;
  } else if (typeof fd === 'number') {
    validateInteger(fd, 'fd', 0, 2147483647);
    stream.fd = fd;
  } else if (typeof fd === 'object' && typeof fd.fd === 'number') {
    if (options.fs) throw new codes.ERR_METHOD_NOT_IMPLEMENTED('FileHandle with fs');
    stream[kHandle] = fd;
    stream.fd = fd.fd;
    fd.once('close', () => stream.destroy());
  } else {
    throw new codes.ERR_INVALID_ARG_TYPE('fd', ['number', 'FileHandle'], fd);
  }
}

function close(stream, error, callback) {
  const { fd } = stream;
  if (fd === null || fd === undefined) {
    callback(error);
    return;
  }
  stream.fd = null;
  const done = (closeError) => callback(error || closeError);
  if (stream[kHandle] !== undefined) stream[kHandle].close().then(() => done(), done);
  else stream[kFs].close(fd, done);
}

// The file is closed when the call under way has come back: its number may belong to another file by then.
function destroy(stream, error, callback) {
  if (stream[kBusy]) stream.once(kBusy, (callError) => close(stream, error || callError, callback));
  else close(stream, error, callback);
}

function construct(callback) {
  const stream = this;
  if (typeof stream.fd === 'number') {
    callback();
    return;
  }
  stream[kFs].open(stream.path, stream.flags, stream.mode, (error, fd) => {
    if (error) {
      callback(error);
      return;
    }
    stream.fd = fd;
    callback();
    stream.emit('open', fd);
    stream.emit('ready');
  });
}

function ReadStream(path, options) {
  if (!(this instanceof ReadStream)) return new ReadStream(path, options);
  options = { highWaterMark: 64 * 1024, emitClose: true, autoDestroy: true, ...optionsOf(options) };
  if (options.autoDestroy === undefined) options.autoDestroy = false;
  takeDescriptor(this, options);
  if (this.fd === null) this.path = pathOf(path);
  else this.path = path === undefined || path === null ? undefined : pathOf(path);
  takeFunctions(this, options, ['open', 'read', 'close']);
  this.flags = options.flags === undefined ? 'r' : options.flags;
  this.mode = options.mode === undefined ? 0o666 : options.mode;
  this.start = options.start;
  this.end = options.end ?? Infinity;
  this.pos = undefined;
  this.bytesRead = 0;
  this[kBusy] = false;
  options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  if (this.start !== undefined) {
    validateInteger(this.start, 'start', 0);
    this.pos = this.start;
  }
  if (this.end !== Infinity) {
    validateInteger(this.end, 'end', 0);
    if (this.start !== undefined && this.start > this.end) throw new codes.ERR_OUT_OF_RANGE('start', `<= "end" (here: ${this.end})`, this.start);
  }
  Reflect.apply(Readable, this, [options]);
  if (options.encoding) this.setEncoding(options.encoding);
}
Object.setPrototypeOf(ReadStream.prototype, Readable.prototype);
Object.setPrototypeOf(ReadStream, Readable);
Object.defineProperty(ReadStream.prototype, 'autoClose', {
  get() { return this._readableState.autoDestroy; },
  set(value) { this._readableState.autoDestroy = value; },
});
ReadStream.prototype._construct = construct;
ReadStream.prototype._read = function(size) {
  const left = this.pos === undefined ? this.end - this.bytesRead + 1 : this.end - this.pos + 1;
  size = Math.min(left, size);
  if (size <= 0) {
    this.push(null);
    return;
  }
  const buffer = Buffer.allocUnsafeSlow(size);
  this[kBusy] = true;
  this[kFs].read(this.fd, buffer, 0, size, this.pos, (error, count, used) => {
    this[kBusy] = false;
    if (this.destroyed) {
      this.emit(kBusy, error);
      return;
    }
    if (error) {
      require('npm/readable-stream/lib/internal/streams/destroy').errorOrDestroy(this, error);
    } else if (count > 0) {
      if (this.pos !== undefined) this.pos += count;
      this.bytesRead += count;
      if (count !== used.length) {
        // Not a large buffer for a few bytes.
        const copy = Buffer.allocUnsafeSlow(count);
        used.copy(copy, 0, 0, count);
        used = copy;
      }
      this.push(used);
    } else {
      this.push(null);
    }
  });
};
ReadStream.prototype._destroy = function(error, callback) { destroy(this, error, callback); };
ReadStream.prototype.close = function(callback) {
  if (typeof callback === 'function') finished(this, callback);
  this.destroy();
};
Object.defineProperty(ReadStream.prototype, 'pending', { configurable: true, get() { return this.fd === null; } });

function WriteStream(path, options) {
  if (!(this instanceof WriteStream)) return new WriteStream(path, options);
  options = { ...optionsOf(options) };
  options.decodeStrings = true;
  takeDescriptor(this, options);
  if (this.fd === null) this.path = pathOf(path);
  else this.path = path === undefined || path === null ? undefined : pathOf(path);
  takeFunctions(this, options, ['open', 'write', 'close']);
  if (options.fs && !options.fs.write && !options.fs.writev) validateFunction(options.fs.write, 'options.fs.write');
  if (options.fs && !options.fs.writev) this._writev = null;
  if (options.flush !== undefined && options.flush !== null) validateBoolean(options.flush, 'options.flush');
  this.flush = options.flush ?? false;
  this.flags = options.flags === undefined ? 'w' : options.flags;
  this.mode = options.mode === undefined ? 0o666 : options.mode;
  this.start = options.start;
  this.pos = undefined;
  this.bytesWritten = 0;
  this[kBusy] = false;
  options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  if (options.emitClose === undefined) options.emitClose = true;
  if (this.start !== undefined) {
    validateInteger(this.start, 'start', 0);
    this.pos = this.start;
  }
  Reflect.apply(Writable, this, [options]);
  if (options.encoding) this.setDefaultEncoding(options.encoding);
}
Object.setPrototypeOf(WriteStream.prototype, Writable.prototype);
Object.setPrototypeOf(WriteStream, Writable);
Object.defineProperty(WriteStream.prototype, 'autoClose', {
  get() { return this._writableState.autoDestroy; },
  set(value) { this._writableState.autoDestroy = value; },
});
WriteStream.prototype._construct = construct;

function writeRest(stream, data, callback) {
  stream[kFs].write(stream.fd, data, 0, data.length, stream.pos, (error, count) => {
    if (error && error.code === 'EAGAIN') {
      setTimeout(() => writeRest(stream, data, callback), 5);
      return;
    }
    if (error || stream.destroyed) {
      callback(error ?? null);
      return;
    }
    stream.bytesWritten += count;
    if (stream.pos !== undefined) stream.pos += count;
    if (count < data.length) writeRest(stream, data.subarray(count), callback);
    else callback(null);
  });
}

function busy(stream, callback) {
  stream[kBusy] = true;
  return (error) => {
    stream[kBusy] = false;
    if (stream.destroyed) {
      callback(error);
      stream.emit(kBusy, error);
      return;
    }
    callback(error);
  };
}
WriteStream.prototype._write = function(data, encoding, callback) { writeRest(this, data, busy(this, callback)); };
WriteStream.prototype._writev = function(pieces, callback) {
  const done = busy(this, callback);
  const buffers = pieces.map(({ chunk }) => chunk);
  const size = buffers.reduce((sum, each) => sum + each.length, 0);
  if (this[kFs] === fs || typeof this[kFs].writev !== 'function') {
    writeRest(this, Buffer.concat(buffers, size), done);
    return;
  }
  this[kFs].writev(this.fd, buffers, this.pos, (error, count) => {
    if (error) {
      done(error);
      return;
    }
    this.bytesWritten += count;
    if (this.pos !== undefined) this.pos += count;
    if (count < size) writeRest(this, Buffer.concat(buffers, size).subarray(count), done);
    else done(null);
  });
};
WriteStream.prototype._final = function(callback) {
  if (this.flush && typeof this.fd === 'number') fs.fsync(this.fd, callback);
  else callback();
};
WriteStream.prototype._destroy = function(error, callback) { destroy(this, error, callback); };
WriteStream.prototype.close = function(callback) {
  if (callback) {
    if (this.closed) {
      require('internal/process').nextTick(callback);
      return;
    }
    this.on('close', callback);
  }
  if (!this.autoClose) this.on('finish', this.destroy);
  this.end();
};
WriteStream.prototype.destroySoon = WriteStream.prototype.end;
Object.defineProperty(WriteStream.prototype, 'pending', { configurable: true, get() { return this.fd === null; } });

Object.assign(exports, { ReadStream, WriteStream });
