// SPDX-License-Identifier: Apache-2.0
// node:zlib over zlib, brotli and zstd (jsapi/native/node/zlib.cc). Streams work piece by piece on the pool; functions with a
// callback do the whole there in one go; ...Sync at once.
'use strict';

const { Transform, finished } = require('node:stream');
const { Buffer, kMaxLength } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateFunction, validateNumber, validateUint32 } = require('internal/validators');
const { constants, codes: zlibCodes } = require('internal/node/zlib_constants');
const { nextTick, process } = require('internal/process');
const context = require('internal/async_context');
const native = internalBinding('zlib');
const { types } = internalBinding('types');

const kFlush = Symbol('kFlush');    // on an empty chunk: a flush of this kind
const kError = Symbol('kError');
const kClasses = [
  undefined, 'Deflate', 'Inflate', 'Gzip', 'Gunzip', 'DeflateRaw', 'InflateRaw', 'Unzip', 'BrotliDecompress', 'BrotliCompress', 'ZstdCompress', 'ZstdDecompress',
];
const [, DEFLATE, INFLATE, GZIP, GUNZIP, DEFLATERAW, INFLATERAW, UNZIP, BROTLI_DECODE, BROTLI_ENCODE, ZSTD_COMPRESS, ZSTD_DECOMPRESS] = kClasses.keys();

// Of each family: the least and greatest flush, those of writing, of the end, of flush(), and the order of their strength.
const ZLIB_FLUSHES = { min: 0, max: 5, write: 0, finish: 4, full: 3, strength: [0, 2, 3, 4, 5, 1], name: 'zlib' };
const BROTLI_FLUSHES = { min: 0, max: 3, write: 0, finish: 2, full: 1, strength: [0, 1, 2, 3], name: 'brotli' };
const ZSTD_FLUSHES = { min: 0, max: 2, write: 0, finish: 2, full: 1, strength: [0, 1, 2], name: 'zstd' };

const flushChunks = new Map();
function flushChunk(kind) {
  let chunk = flushChunks.get(kind);
  if (chunk === undefined) {
    chunk = Buffer.alloc(0);
    chunk[kFlush] = kind;
    flushChunks.set(kind, chunk);
  }
  return chunk;
}

// Whether a number was given. NaN counts as nothing.
function isGiven(number, name) {
  if (number === undefined || Number.isNaN(number)) return false;
  if (Number.isFinite(number)) return true;
  validateNumber(number, name);
  throw new codes.ERR_OUT_OF_RANGE(name, 'a finite number', number);
}
function ranged(number, name, lower, upper, standard) {
  if (!isGiven(number, name)) return standard;
  if (number < lower || number > upper) {
    throw new codes.ERR_OUT_OF_RANGE(name, upper === Infinity ? `>= ${lower}` : `>= ${lower} and <= ${upper}`, number);
  }
  return number;
}

function failure([message, errno, code]) {
  const error = new Error(message);
  error.errno = errno;
  error.code = code;
  return error;
}

function make(...order) {
  const handle = native.make(...order);
  if (!Array.isArray(handle)) return handle;
  const [message, , code] = handle;
  const error = code === 'ERR_ZLIB_INITIALIZATION_FAILED' ? new codes.ERR_ZLIB_INITIALIZATION_FAILED(message) : failure(handle);
  Error.captureStackTrace(error, make);
  throw error;
}

// ---- the streams

// What all have in common. `flushes`: one of the tables above.
function ZlibBase(options, mode, handle, flushes) {
  let chunkSize = constants.Z_DEFAULT_CHUNK;
  let maxOutputLength = kMaxLength;
  let { write: flush, finish: finishFlush } = flushes;
  if (options) {
    chunkSize = ranged(options.chunkSize, 'options.chunkSize', constants.Z_MIN_CHUNK, constants.Z_MAX_CHUNK, chunkSize);
    flush = ranged(options.flush, 'options.flush', flushes.min, flushes.max, flush);
    finishFlush = ranged(options.finishFlush, 'options.finishFlush', flushes.min, flushes.max, finishFlush);
    maxOutputLength = ranged(options.maxOutputLength, 'options.maxOutputLength', 1, kMaxLength, kMaxLength);
    if (options.encoding || options.objectMode || options.writableObjectMode) {
      options = { ...options, encoding: null, objectMode: false, writableObjectMode: false };
    }
  }
  Reflect.apply(Transform, this, [{ autoDestroy: true, ...options }]);
  this[kError] = null;
  this.bytesWritten = 0;
  this._handle = typeof handle === 'function' ? handle() : handle;
  this._mode = mode;
  this._flushes = flushes;
  this._outBuffer = null;  // made at the first piece: functions with the whole need none
  this._outOffset = 0;
  this._left = null;
  this._chunkSize = chunkSize;
  this._defaultFlushFlag = flush;
  this._finishFlushFlag = finishFlush;
  this._defaultFullFlushFlag = flushes.full;
  this._info = options ? options.info : undefined;
  this._maxOutputLength = maxOutputLength;
  this._rejectGarbageAfterEnd = options?.rejectGarbageAfterEnd === true;
}
Object.setPrototypeOf(ZlibBase.prototype, Transform.prototype);
Object.setPrototypeOf(ZlibBase, Transform);

Object.defineProperty(ZlibBase.prototype, '_closed', { configurable: true, enumerable: true, get() { return !this._handle; } });
// Once the name of bytesWritten.
Object.defineProperty(ZlibBase.prototype, 'bytesRead', {
  configurable: true, enumerable: true,
  get() { return this.bytesWritten; },
  set(value) { this.bytesWritten = value; },
});

ZlibBase.prototype.reset = function() {
  if (!this._handle) throw new (require('node:assert').AssertionError)({ message: 'zlib binding closed' });
  const error = native.reset(this._handle);
  if (error !== undefined) fail(this, error);
};
ZlibBase.prototype._flush = function(callback) { this._transform(Buffer.alloc(0), '', callback); };
ZlibBase.prototype._final = function(callback) { callback(); };

ZlibBase.prototype.flush = function(kind, callback) {
  if (typeof kind === 'function' || (kind === undefined && !callback)) {
    callback = kind;
    kind = this._defaultFullFlushFlag;
  }
  if (this.writableFinished) {
    if (callback) nextTick(callback);
  } else if (this.writableEnded) {
    if (callback) this.once('end', callback);
  } else {
    this.write(flushChunk(kind), '', callback);
  }
};
ZlibBase.prototype.close = function(callback) {
  if (callback) finished(this, callback);
  this.destroy();
};
ZlibBase.prototype._destroy = function(error, callback) {
  close(this);
  callback(error);
};

function close(stream) {
  if (!stream._handle) return;
  native.close(stream._handle);
  stream._handle = null;
}
function fail(stream, parts) {
  const error = failure(parts);
  stream.destroy(error);
  stream[kError] = error;
  return error;
}

ZlibBase.prototype._transform = function(chunk, encoding, callback) {
  let kind = this._defaultFlushFlag;
  const { strength } = this._flushes;
  if (typeof chunk[kFlush] === 'number') kind = chunk[kFlush];
  // The last chunk can be ended at once.
  else if (this.writableEnded && this.writableLength === chunk.byteLength && strength[this._finishFlushFlag] > strength[kind]) kind = this._finishFlushFlag;
  this._processChunk(chunk, kind, callback);
};

// With a callback in pieces on the pool; without one the whole at once.
ZlibBase.prototype._processChunk = function(chunk, kind, callback) {
  if (typeof callback === 'function') processPiece(this, chunk, kind, callback);
  else return processNow(this, chunk, kind);
};

function processNow(stream, chunk, kind) {
  const result = native.whole(stream._handle, undefined, kind, chunk, stream._chunkSize, stream._maxOutputLength);
  stream.bytesWritten = chunk.byteLength;
  const [value, state] = result;
  close(stream);
  if (state === 1) throw failure(value);
  if (state === 2) throw new codes.ERR_BUFFER_TOO_LARGE(stream._maxOutputLength);
  if (state === 4 && stream._rejectGarbageAfterEnd) throw new codes.ERR_TRAILING_JUNK_AFTER_STREAM_END();
  return asBuffer(value);
}
const asBuffer = (bytes) => Object.setPrototypeOf(bytes, Buffer.prototype);

function processPiece(stream, chunk, kind, callback) {
  if (!stream._handle) {
    nextTick(callback);
    return;
  }
  stream._left ??= new Uint32Array(2);
  const left = stream._left;
  let offset = 0;
  let size = chunk.byteLength;
  let room;
  function go() {
    if (stream._outBuffer === null || stream._chunkSize <= stream._outOffset) {
      stream._outBuffer = Buffer.allocUnsafeSlow(stream._chunkSize);
      stream._outOffset = 0;
    }
    room = stream._chunkSize - stream._outOffset;
    native.run(stream._handle, came, kind, chunk, offset, size, stream._outBuffer, stream._outOffset, room, left);
  }
  function done(error) {
    callback(error);
  }
  function came(error) {
    if (stream.destroyed || !stream._handle) {
      done();
      return;
    }
    if (error !== undefined) {
      fail(stream, error);
      done(stream[kError]);
      return;
    }
    const [roomLeft, sizeLeft] = left;
    const used = size - sizeLeft;
    const have = room - roomLeft;
    stream.bytesWritten += used;
    let hungry = true;
    if (have > 0) {
      const piece = stream._outBuffer.subarray(stream._outOffset, stream._outOffset + have);
      stream._outOffset += have;
      hungry = stream.push(piece);
    }
    if (stream.destroyed) {
      done();
      return;
    }
    offset += used;
    size = sizeLeft;
    if (roomLeft === 0) {
      // The output was full: there may be more. When the reader has enough, wait until it asks.
      if (hungry) {
        go();
      } else {
        const read = stream._read;
        stream._read = (count) => {
          stream._read = read;
          if (stream._handle) go();
          else done();
          if (stream._handle) stream._read(count);
        };
      }
      return;
    }
    if (sizeLeft > 0) {
      // It takes no more: what it reads ended before the input did.
      if (stream._rejectGarbageAfterEnd) {
        const junk = new codes.ERR_TRAILING_JUNK_AFTER_STREAM_END();
        stream.destroy(junk);
        done(junk);
        return;
      }
      stream.push(null);
    }
    done();
  }
  if (context.isUsed()) came = context.bind(came);
  go();
}

// ---- zlib

function Zlib(options, mode) {
  let windowBits = constants.Z_DEFAULT_WINDOWBITS;
  let level = constants.Z_DEFAULT_COMPRESSION;
  let memLevel = constants.Z_DEFAULT_MEMLEVEL;
  let strategy = constants.Z_DEFAULT_STRATEGY;
  let dictionary;
  if (options) {
    // 0: as the header says.
    if ((options.windowBits == null || options.windowBits === 0) && (mode === INFLATE || mode === GUNZIP || mode === UNZIP)) {
      windowBits = 0;
    } else {
      windowBits = ranged(options.windowBits, 'options.windowBits', constants.Z_MIN_WINDOWBITS + (mode === GZIP ? 1 : 0), constants.Z_MAX_WINDOWBITS, windowBits);
    }
    level = ranged(options.level, 'options.level', constants.Z_MIN_LEVEL, constants.Z_MAX_LEVEL, level);
    memLevel = ranged(options.memLevel, 'options.memLevel', constants.Z_MIN_MEMLEVEL, constants.Z_MAX_MEMLEVEL, memLevel);
    strategy = ranged(options.strategy, 'options.strategy', constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, strategy);
    dictionary = dictionaryOf(options);
  }
  const handle = () => make(mode, level, windowBits, memLevel, strategy, dictionary, undefined, undefined, options?.rejectGarbageAfterEnd === true);
  Reflect.apply(ZlibBase, this, [options, mode, handle, ZLIB_FLUSHES]);
  this._level = level;
  this._strategy = strategy;
}
Object.setPrototypeOf(Zlib.prototype, ZlibBase.prototype);
Object.setPrototypeOf(Zlib, ZlibBase);

function dictionaryOf(options) {
  const { dictionary } = options;
  if (dictionary === undefined || ArrayBuffer.isView(dictionary)) return dictionary;
  if (types.isAnyArrayBuffer(dictionary)) return Buffer.from(dictionary);
  throw new codes.ERR_INVALID_ARG_TYPE('options.dictionary', ['Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'], dictionary);
}

Zlib.prototype.params = function params(level, strategy, callback) {
  ranged(level, 'level', constants.Z_MIN_LEVEL, constants.Z_MAX_LEVEL);
  ranged(strategy, 'strategy', constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED);
  if (this._level === level && this._strategy === strategy) {
    nextTick(callback);
    return;
  }
  this.flush(constants.Z_SYNC_FLUSH, (error) => {
    if (!this._handle) throw new (require('node:assert').AssertionError)({ message: 'zlib binding closed' });
    const parts = native.parameters(this._handle, level, strategy);
    if (parts !== undefined) {
      const failed = fail(this, parts);
      if (callback) callback(failed);
      return;
    }
    if (this.destroyed) return;
    this._level = level;
    this._strategy = strategy;
    if (callback) callback(error);
  });
};

// ---- brotli and zstd

// [key, value, ...] of options.params
function parametersOf(options, highest, ErrorOfKey) {
  const list = [];
  const { params } = options ?? {};
  if (!params) return list;
  const seen = new Set();
  for (const name of Object.keys(params)) {
    const key = name | 0;
    if (Number.isNaN(+name) || key < 0 || key > highest || seen.has(key)) throw new ErrorOfKey(name);
    seen.add(key);
    const value = params[name];
    if (typeof value !== 'number' && typeof value !== 'boolean') throw new codes.ERR_INVALID_ARG_TYPE('options.params[key]', 'number', value);
    list.push(key, +value);
  }
  return list;
}
const highestOf = (start) => Math.max(...Object.entries(constants).map(([name, value]) => start.test(name) ? value : 0));
let brotliHighest, zstdCompressHighest, zstdDecompressHighest;

function Brotli(options, mode) {
  brotliHighest ??= highestOf(/^BROTLI_PARAM_/);
  const handle = () => make(mode, 0, 0, 0, 0, undefined, parametersOf(options, brotliHighest, codes.ERR_BROTLI_INVALID_PARAM));
  Reflect.apply(ZlibBase, this, [options, mode, handle, BROTLI_FLUSHES]);
}
Object.setPrototypeOf(Brotli.prototype, Zlib.prototype);
Object.setPrototypeOf(Brotli, Zlib);

function Zstd(options, mode) {
  zstdCompressHighest ??= highestOf(/^ZSTD_c_/);
  zstdDecompressHighest ??= highestOf(/^ZSTD_d_/);
  const handle = () => {
    const list = parametersOf(options, mode === ZSTD_COMPRESS ? zstdCompressHighest : zstdDecompressHighest, codes.ERR_ZSTD_INVALID_PARAM);
    const pledged = mode === ZSTD_COMPRESS ? options?.pledgedSrcSize : undefined;
    if (pledged !== undefined) require('internal/validators').validateNumber(pledged, 'options.pledgedSrcSize', 0);
    return make(mode, 0, 0, 0, 0, options ? dictionaryOf(options) : undefined, list, pledged);
  };
  Reflect.apply(ZlibBase, this, [options, mode, handle, ZSTD_FLUSHES]);
}
Object.setPrototypeOf(Zstd.prototype, ZlibBase.prototype);
Object.setPrototypeOf(Zstd, ZlibBase);

// ---- the classes and functions by name

const bases = { zlib: Zlib, brotli: Brotli, zstd: Zstd };
function declareClass(mode, family) {
  const name = kClasses[mode];
  const Base = bases[family];
  const Class = {
    [name]: function(options) {
      if (!new.target && !(this instanceof Class)) {
        warnOfNew(name);
        return new Class(options);
      }
      // The library works with nine bits at least.
      if (mode === DEFLATERAW && options && options.windowBits === 8) options = { ...options, windowBits: 9 };
      Reflect.apply(Base, this, [options, mode]);
    },
  }[name];
  Object.defineProperty(Class, 'length', { value: 1, configurable: true });
  Object.setPrototypeOf(Class.prototype, Base.prototype);
  Object.setPrototypeOf(Class, Base);
  return Class;
}
let warned = false;
function warnOfNew(name) {
  if (warned) return;
  warned = true;
  process.emitWarning(`Instantiating ${name} without the 'new' keyword has been deprecated.`, 'DeprecationWarning', 'DEP0184');
}

// The bytes of an input of the functions.
function inputOf(buffer) {
  if (typeof buffer === 'string') return Buffer.from(buffer);
  if (ArrayBuffer.isView(buffer) || types.isAnyArrayBuffer(buffer)) return buffer;
  throw new codes.ERR_INVALID_ARG_TYPE('buffer', ['string', 'Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'], buffer);
}

// Functions that look like those of Node: (buffer, options, callback) and (buffer, options).
function functionsOf(Class, sync) {
  if (sync) {
    return function(buffer, options) {
      buffer = inputOf(buffer);
      const engine = new Class(options);
      const result = processNow(engine, buffer, engine._finishFlushFlag);
      return engine._info ? { buffer: result, engine } : result;
    };
  }
  return function(buffer, options, callback) {
    if (typeof options === 'function') {
      callback = options;
      options = {};
    }
    validateFunction(callback, 'callback');
    buffer = inputOf(buffer);
    const engine = new Class(options);
    let done = (value, state) => {
      engine.bytesWritten = buffer.byteLength;
      engine.destroy();
      if (state === 1) callback(failure(value));
      else if (state === 2) callback(new codes.ERR_BUFFER_TOO_LARGE(engine._maxOutputLength));
      else if (state === 4 && engine._rejectGarbageAfterEnd) callback(new codes.ERR_TRAILING_JUNK_AFTER_STREAM_END());
      else callback(null, engine._info ? { buffer: asBuffer(value), engine } : asBuffer(value));
    };
    if (context.isUsed()) done = context.bind(done);
    native.whole(engine._handle, done, engine._finishFlushFlag, buffer, engine._chunkSize, engine._maxOutputLength);
  };
}

function crc32(data, value = 0) {
  if (typeof data !== 'string' && !ArrayBuffer.isView(data)) throw new codes.ERR_INVALID_ARG_TYPE('data', ['Buffer', 'TypedArray', 'DataView', 'string'], data);
  validateUint32(value, 'value');
  return native.crc32(data, value);
}

const families = [undefined, 'zlib', 'zlib', 'zlib', 'zlib', 'zlib', 'zlib', 'zlib', 'brotli', 'brotli', 'zstd', 'zstd'];
const FUNCTIONS = {
  __proto__: null, deflate: DEFLATE, gzip: GZIP, deflateRaw: DEFLATERAW, unzip: UNZIP, inflate: INFLATE, gunzip: GUNZIP, inflateRaw: INFLATERAW,
  brotliCompress: BROTLI_ENCODE, brotliDecompress: BROTLI_DECODE, zstdCompress: ZSTD_COMPRESS, zstdDecompress: ZSTD_DECOMPRESS,
};
const exported = { crc32 };
for (let mode = 1; mode < kClasses.length; mode++) exported[kClasses[mode]] = declareClass(mode, families[mode]);
for (const name of Object.keys(FUNCTIONS)) {
  const className = kClasses[FUNCTIONS[name]];
  const Class = exported[className];
  for (const sync of [false, true]) {
    const key = sync ? `${name}Sync` : name;
    const fn = functionsOf(Class, sync);
    Object.defineProperty(fn, 'name', { value: key, configurable: true });
    exported[key] = fn;
  }
  const create = { [`create${className}`]: function(options) { return new Class(options); } };
  Object.defineProperty(exported, `create${className}`, { configurable: false, enumerable: true, writable: false, value: create[`create${className}`] });
}
Object.defineProperties(exported, {
  constants: { configurable: false, enumerable: true, writable: false, value: constants },
  codes: { configurable: false, enumerable: true, writable: false, value: zlibCodes },
});
// The old names, as properties of the module.
for (const name of Object.keys(constants)) {
  if (name.startsWith('BROTLI') || name.startsWith('ZSTD')) continue;
  Object.defineProperty(exported, name, { configurable: false, enumerable: false, writable: false, value: constants[name] });
}

module.exports = exported;
