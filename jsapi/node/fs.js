// SPDX-License-Identifier: Apache-2.0
// node:fs: the functions that act at once (...Sync), and those with a callback, which run on threads of a pool.
'use strict';

const calls = require('internal/node/fs_calls');
const { now, later } = calls;
const values = require('internal/node/fs_values');
const { constants, descriptorOf, flagsForEncoding, flagsOf, optionsOf, pathOf, rmOptionsOf, secondsOf, statFsOf, statsOf, direntOf, textOf } = values;
const { AbortError, codes, errnoException } = require('internal/errors');
const { parseFileMode, validateBoolean, validateBuffer, validateFunction, validateInt32, validateInteger, validateOneOf } = require('internal/validators');
const { Buffer } = require('node:buffer');
const pathModule = require('node:path');
const { nextTick } = require('internal/process');

function callbackOf(callback, name = 'cb') {
  validateFunction(callback, name);
  return callback;
}

const MAX_ID = 2 ** 32 - 1;
function idOf(value, name) {
  validateInteger(value, name, -1, MAX_ID);
  return value;
}

// Each operation is described once: `request` checks the arguments and gives the native call, `result` makes of what it gave
// what the user gets. `fs.x(..., callback)`, `fs.xSync(...)` and `fsPromises.x(...)` come from that.
const operations = {
  access: {
    request(path, mode) {
      path = pathOf(path);
      mode = mode === undefined ? constants.F_OK : mode;
      validateInteger(mode, 'mode', 0, 7);
      return { op: calls.ACCESS, path, a: mode };
    },
    result: () => undefined,
  },
  open: {
    request: (path, flags, mode) => ({ op: calls.OPEN, path: pathOf(path), a: flagsOf(flags), b: parseFileMode(mode, 'mode', 0o666) }),
  },
  close: { request: (fd) => ({ op: calls.CLOSE, a: descriptorOf(fd) }), result: () => undefined },
  stat: { request: (path, options = {}) => ({ op: calls.STAT, path: pathOf(path), flags: options?.bigint ? calls.AS_BIGINT : 0 }), result: statsOf },
  lstat: { request: (path, options = {}) => ({ op: calls.LSTAT, path: pathOf(path), flags: options?.bigint ? calls.AS_BIGINT : 0 }), result: statsOf },
  fstat: { request: (fd, options = {}) => ({ op: calls.FSTAT, a: descriptorOf(fd), flags: options?.bigint ? calls.AS_BIGINT : 0 }), result: statsOf },
  statfs: { request: (path, options = {}) => ({ op: calls.STATFS, path: pathOf(path), flags: options?.bigint ? calls.AS_BIGINT : 0 }), result: statFsOf },
  rmdir: {
    request(path, options) {
      path = pathOf(path);
      if (options?.recursive !== undefined) throw new codes.ERR_INVALID_ARG_VALUE('options.recursive', options.recursive, 'is no longer supported');
      return { op: calls.RMDIR, path };
    },
    result: () => undefined,
  },
  mkdir: {
    request(path, options) {
      let mode = 0o777;
      let recursive = false;
      if (typeof options === 'number' || typeof options === 'string') mode = parseFileMode(options, 'mode');
      else if (options) {
        if (options.recursive !== undefined) {
          recursive = options.recursive;
          validateBoolean(recursive, 'options.recursive');
        }
        if (options.mode !== undefined) mode = parseFileMode(options.mode, 'options.mode');
      }
      path = pathOf(path);
      return { op: recursive ? calls.MKDIR_ALL : calls.MKDIR, path: recursive && typeof path === 'string' ? pathModule.resolve(path) : path, a: mode, shown: path };
    },
    result: (value, request) => request.op === calls.MKDIR_ALL ? value : undefined,
  },
  unlink: { request: (path) => ({ op: calls.UNLINK, path: pathOf(path) }), result: () => undefined },
  rename: { request: (from, to) => ({ op: calls.RENAME, path: pathOf(from, 'oldPath'), dest: pathOf(to, 'newPath') }), result: () => undefined },
  link: { request: (from, to) => ({ op: calls.LINK, path: pathOf(from, 'existingPath'), dest: pathOf(to, 'newPath') }), result: () => undefined },
  symlink: {
    request(target, path, type) {
      if (type != null && type !== undefined) validateOneOf(type, 'type', ['dir', 'file', 'junction']);
      return { op: calls.SYMLINK, path: pathOf(target, 'target'), dest: pathOf(path) };
    },
    result: () => undefined,
  },
  readlink: {
    request(path, options) {
      options = optionsOf(options);
      return { op: calls.READLINK, path: pathOf(path, 'oldPath'), flags: flagsForEncoding(options.encoding), encoding: options.encoding };
    },
    result: (value, request) => textOf(value, request.encoding),
  },
  chmod: { request: (path, mode) => ({ op: calls.CHMOD, path: pathOf(path), a: parseFileMode(mode, 'mode') }), result: () => undefined },
  fchmod: { request: (fd, mode) => ({ op: calls.FCHMOD, a: descriptorOf(fd), b: parseFileMode(mode, 'mode') }), result: () => undefined },
  chown: { request: (path, uid, gid) => ({ op: calls.CHOWN, path: pathOf(path), a: idOf(uid, 'uid'), b: idOf(gid, 'gid') }), result: () => undefined },
  lchown: { request: (path, uid, gid) => ({ op: calls.LCHOWN, path: pathOf(path), a: idOf(uid, 'uid'), b: idOf(gid, 'gid') }), result: () => undefined },
  fchown: { request: (fd, uid, gid) => ({ op: calls.FCHOWN, a: descriptorOf(fd), b: idOf(uid, 'uid'), c: idOf(gid, 'gid') }), result: () => undefined },
  utimes: { request: (path, atime, mtime) => ({ op: calls.UTIMES, path: pathOf(path), a: secondsOf(atime), b: secondsOf(mtime) }), result: () => undefined },
  lutimes: { request: (path, atime, mtime) => ({ op: calls.LUTIMES, path: pathOf(path), a: secondsOf(atime), b: secondsOf(mtime) }), result: () => undefined },
  futimes: { request: (fd, atime, mtime) => ({ op: calls.FUTIMES, a: descriptorOf(fd), b: secondsOf(atime, 'atime'), c: secondsOf(mtime, 'mtime') }), result: () => undefined },
  ftruncate: {
    request(fd, length = 0) {
      fd = descriptorOf(fd);
      validateInteger(length, 'len');
      return { op: calls.FTRUNCATE, a: fd, b: Math.max(0, length) };
    },
    result: () => undefined,
  },
  fsync: { request: (fd) => ({ op: calls.FSYNC, a: descriptorOf(fd) }), result: () => undefined },
  fdatasync: { request: (fd) => ({ op: calls.FDATASYNC, a: descriptorOf(fd) }), result: () => undefined },
  realpath: {
    request(path, options) {
      options = optionsOf(options);
      return { op: calls.REALPATH, path: pathOf(path), flags: flagsForEncoding(options.encoding), encoding: options.encoding };
    },
    result: (value, request) => textOf(value, request.encoding),
  },
  mkdtemp: {
    request(prefix, options) {
      options = optionsOf(options);
      return { op: calls.MKDTEMP, path: pathOf(prefix, 'prefix'), flags: flagsForEncoding(options.encoding), encoding: options.encoding };
    },
    result: (value, request) => textOf(value, request.encoding),
  },
  copyFile: {
    request(from, to, mode) {
      from = pathOf(from, 'src');
      to = pathOf(to, 'dest');
      mode = mode === undefined ? 0 : mode;
      validateInteger(mode, 'mode', 0, 7);
      return { op: calls.COPY_FILE, path: from, dest: to, a: mode };
    },
    result: () => undefined,
  },
};

const fs = {};
const RESULTS = new Set(['open', 'stat', 'lstat', 'fstat', 'statfs', 'mkdir', 'readlink', 'realpath', 'mkdtemp']);

for (const [name, { request, result = (value) => value }] of Object.entries(operations)) {
  const sync = `${name}Sync`;
  fs[sync] = { [sync](...args) {
    const made = request(...args);
    return result(now(made), made);
  } }[sync];
  fs[name] = { [name](...args) {
    // What is wrong with the other arguments is said before a missing callback is.
    const last = args[args.length - 1];
    if (typeof last === 'function') args.pop();
    const made = request(...args);
    const callback = callbackOf(typeof last === 'function' ? last : args.length > 1 ? last : undefined, 'cb');
    later(made, (error, value) => {
      if (error && (name === 'stat' || name === 'lstat') && args[1]?.throwIfNoEntry === false && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) callback(null, undefined);
      else if (error) callback(error);
      else if (RESULTS.has(name)) callback(null, result(value, made));
      else callback(null);
    });
  } }[name];
}

// throwIfNoEntry
for (const name of ['stat', 'lstat']) {
  const plain = fs[`${name}Sync`];
  const sync = `${name}Sync`;
  fs[sync] = { [sync](path, options = { bigint: false, throwIfNoEntry: true }) {
    try {
      return plain(path, options);
    } catch (error) {
      if (options?.throwIfNoEntry === false && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
      throw error;
    }
  } }[sync];
}
const plainClose = fs.close;
fs.close = function close(fd, callback) {
  descriptorOf(fd);
  if (callback !== undefined) callbackOf(callback, 'cb');
  plainClose(fd, callback ?? ((error) => { if (error) throw error; }));
};
fs.realpath.native = fs.realpath;
fs.realpathSync.native = fs.realpathSync;

let warnedOfExists = false;
fs.existsSync = function existsSync(path) {
  try {
    path = pathOf(path);
  } catch (error) {
    if (error?.code === 'ERR_INVALID_ARG_TYPE' && !warnedOfExists) {
      warnedOfExists = true;
      require('internal/process').process.emitWarning('Passing invalid argument types to fs.existsSync is deprecated', 'DeprecationWarning', 'DEP0187');
    }
    return false;
  }
  return internalBinding('fs').call(calls.ACCESS, undefined, path, undefined, 0) === 0;
};
fs.exists = function exists(path, callback) {
  callbackOf(callback, 'cb');
  try {
    path = pathOf(path);
  } catch {
    callback(false);
    return;
  }
  later({ op: calls.ACCESS, path, a: 0 }, (error) => callback(!error));
};
Object.defineProperty(fs.exists, require('node:util').promisify.custom, {
  value: function exists(path) { return new Promise((resolve) => fs.exists(path, resolve)); }, enumerable: false,
});

// ---- reading and writing

const isPosition = (value) => typeof value === 'number' || typeof value === 'bigint';

function positionOf(position, name = 'position', length = 0) {
  if (position == null) return -1;
  if (typeof position === 'bigint') {
    if (position < -1n || position > 2n ** 63n - 1n - BigInt(length)) throw new codes.ERR_OUT_OF_RANGE(name, `>= -1 && <= ${2n ** 63n - 1n - BigInt(length)}`, position);
    return Math.min(Number(position), 2 ** 63 - 1024);  // the last one that a double has below 2^63
  }
  if (typeof position !== 'number') throw new codes.ERR_INVALID_ARG_TYPE(name, ['integer', 'bigint'], position);
  validateInteger(position, name, -1);
  return position;
}

// (buffer, offset, length, position), (buffer, options) or (options) -> the call
function readRequest(fd, buffer, offset, length, position) {
  fd = descriptorOf(fd);
  if (offset !== null && typeof offset === 'object') ({ offset = 0, length = buffer?.byteLength - offset, position = null } = offset);
  validateBuffer(buffer);
  if (offset == null) offset = 0;
  else validateInteger(offset, 'offset', 0);
  if (length === undefined || length === null) length = buffer.byteLength - offset;
  else length |= 0;
  position = positionOf(position, 'position', length);
  if (length === 0) return { fd, empty: true, buffer };
  if (buffer.byteLength === 0) throw new codes.ERR_INVALID_ARG_VALUE('buffer', buffer, 'is empty and cannot be written');
  if (offset < 0 || offset > buffer.byteLength) throw new codes.ERR_OUT_OF_RANGE('offset', `>= 0 && <= ${buffer.byteLength}`, offset);
  if (length < 0) throw new codes.ERR_OUT_OF_RANGE('length', '>= 0', length);
  if (length > buffer.byteLength - offset) throw new codes.ERR_OUT_OF_RANGE('length', `<= ${buffer.byteLength - offset}`, length);
  return { op: calls.READ, a: fd, b: position, views: [new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length)], buffer };
}

fs.readSync = function readSync(fd, buffer, offset, length, position) {
  const request = readRequest(fd, buffer, offset, length, position);
  return request.empty ? 0 : now(request);
};
fs.read = function read(fd, buffer, offset, length, position, callback) {
  descriptorOf(fd);
  // (fd, [buffer,] [options,] callback), or up to all six.
  const count = Math.min(arguments.length, 6);
  const fewer = count <= 4 || (count === 5 && typeof position === 'function');
  if (fewer) callback = arguments[count - 1];
  const given = fewer ? [...arguments].slice(1, count - 1) : [buffer, offset, length, position];
  let options;
  if (given.length === 0) options = {};
  else if (given.length === 1 && !ArrayBuffer.isView(given[0])) [options] = given;
  if (options !== undefined) {
    require('internal/validators').validateObject(options, 'options', 4);
    ({ buffer = Buffer.alloc(16384), offset = 0, length = buffer?.byteLength - offset, position = null } = options ?? {});
  } else {
    [buffer, offset, length, position] = given;
  }
  callbackOf(callback, 'cb');
  const request = readRequest(fd, buffer, offset, length, position);
  if (request.empty) {
    nextTick(callback, null, 0, buffer);
    return;
  }
  later(request, (error, count) => callback(error, error ? 0 : count, buffer));
};
Object.defineProperty(fs.read, Symbol.for('nodejs.util.promisify.customArgs'), { value: ['bytesRead', 'buffer'], enumerable: false });

// (buffer, offset, length, position), (buffer, options) or (text, position, encoding)
function writeRequest(fd, data, offset, length, position) {
  fd = descriptorOf(fd);
  if (typeof data === 'string') {
    const encoding = typeof length === 'string' ? length : 'utf8';
    if (typeof length === 'string') require('internal/validators').validateEncoding(data, length);
    return { op: calls.WRITE, a: fd, b: isPosition(offset) ? positionOf(offset) : -1, views: [Buffer.from(data, encoding)], data };
  }
  if (!ArrayBuffer.isView(data)) throw new codes.ERR_INVALID_ARG_TYPE('buffer', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
  if (offset !== null && typeof offset === 'object') ({ offset = 0, length = data.byteLength - offset, position = null } = offset);
  if (offset == null) offset = 0;
  else validateInteger(offset, 'offset', 0);
  if (typeof length !== 'number') length = data.byteLength - offset;
  if (offset > data.byteLength) throw new codes.ERR_OUT_OF_RANGE('offset', `<= ${data.byteLength}`, offset);
  if (length > data.byteLength - offset) throw new codes.ERR_OUT_OF_RANGE('length', `<= ${data.byteLength - offset}`, length);
  if (length < 0) throw new codes.ERR_OUT_OF_RANGE('length', '>= 0', length);
  validateInt32(length, 'length', 0);
  return { op: calls.WRITE, a: fd, b: isPosition(position) ? positionOf(position) : -1, views: [new Uint8Array(data.buffer, data.byteOffset + offset, length)], data };
}

fs.writeSync = function writeSync(fd, data, offset, length, position) { return now(writeRequest(fd, data, offset, length, position)); };
fs.write = function write(fd, data, offset, length, position, callback) {
  const args = [...arguments];
  const at = args.findIndex((each, i) => i > 1 && typeof each === 'function');
  callback = at === -1 ? callback : args[at];
  [fd, data, offset, length, position] = at === -1 ? args : args.slice(0, at);
  if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
    descriptorOf(fd);
    throw new codes.ERR_INVALID_ARG_TYPE('buffer', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
  }
  callbackOf(callback, 'cb');
  const request = writeRequest(fd, data, offset, length, position);
  later(request, (error, count) => callback(error, error ? 0 : count, data));
};
Object.defineProperty(fs.write, Symbol.for('nodejs.util.promisify.customArgs'), { value: ['bytesWritten', 'buffer'], enumerable: false });

function vectorRequest(op, fd, buffers, position) {
  fd = descriptorOf(fd);
  if (!Array.isArray(buffers)) throw new codes.ERR_INVALID_ARG_TYPE('buffers', 'ArrayBufferView[]', buffers);
  for (const each of buffers) if (!ArrayBuffer.isView(each)) throw new codes.ERR_INVALID_ARG_TYPE('buffers', 'ArrayBufferView[]', buffers);
  return { op, a: fd, b: typeof position === 'number' ? position : -1, views: buffers };
}
for (const [name, op, result] of [['readv', calls.READ, 'bytesRead'], ['writev', calls.WRITE, 'bytesWritten']]) {
  fs[`${name}Sync`] = { [`${name}Sync`](fd, buffers, position) {
    const request = vectorRequest(op, fd, buffers, position);
    return buffers.length === 0 ? 0 : now(request);
  } }[`${name}Sync`];
  fs[name] = { [name](fd, buffers, position, callback) {
    if (typeof position === 'function') {
      callback = position;
      position = null;
    }
    const request = vectorRequest(op, fd, buffers, position);
    callbackOf(callback, 'cb');
    if (buffers.length === 0) nextTick(callback, null, 0, buffers);
    else later(request, (error, count) => callback(error, error ? 0 : count, buffers));
  } }[name];
  Object.defineProperty(fs[name], Symbol.for('nodejs.util.promisify.customArgs'), { value: [result, 'buffers'], enumerable: false });
}

// ---- whole files

const isDescriptor = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2147483647;
function asText(bytes, encoding) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
}
const mend = (error, fd) => {
  if (error.code === 'EFBIG') return new codes.ERR_FS_FILE_TOO_LARGE(internalBinding('fs').call(calls.FSTAT, undefined, undefined, undefined, fd)[8] ?? 'unknown');
  return error;
};

fs.readFileSync = function readFileSync(path, options) {
  options = optionsOf(options, { flag: 'r' });
  const own = !isDescriptor(path);
  const fd = own ? now({ op: calls.OPEN, path: pathOf(path), a: flagsOf(options.flag), b: 0o666 }) : path;
  try {
    return asText(now({ op: calls.READ_ALL, a: fd }), options.encoding);
  } catch (error) {
    throw mend(error, fd);
  } finally {
    if (own) now({ op: calls.CLOSE, a: fd });
  }
};

fs.readFile = function readFile(path, options, callback) {
  callback ??= options;
  callbackOf(callback, 'cb');
  options = optionsOf(options, { flag: 'r' });
  const { signal } = options;
  if (signal?.aborted) {
    nextTick(callback, new AbortError(undefined, { cause: signal.reason }));
    return;
  }
  const own = !isDescriptor(path);
  const withDescriptor = (fd) => later({ op: calls.READ_ALL, a: fd }, (error, bytes) => {
    if (error) error = mend(error, fd);
    const done = (closeError) => {
      if (signal?.aborted) return callback(new AbortError(undefined, { cause: signal.reason }));
      if (error || closeError) return callback(error || closeError);
      let content;
      try {
        content = asText(bytes, options.encoding);
      } catch (textError) {
        return callback(textError);
      }
      return callback(null, content);
    };
    if (own) later({ op: calls.CLOSE, a: fd }, done);
    else done();
  });
  if (!own) return withDescriptor(path);
  later({ op: calls.OPEN, path: pathOf(path), a: flagsOf(options.flag), b: 0o666 }, (error, fd) => {
    if (error) callback(error);
    else withDescriptor(fd);
  });
};

function bytesToWrite(data, encoding) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (typeof data !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
  return Buffer.from(data, encoding || 'utf8');
}

fs.writeFileSync = function writeFileSync(path, data, options) {
  options = optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'w', flush: false });
  const flush = options.flush ?? false;
  validateBoolean(flush, 'options.flush');
  let bytes = bytesToWrite(data, options.encoding);
  const own = !isDescriptor(path);
  const fd = own ? fs.openSync(path, options.flag, options.mode) : path;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(now({ op: calls.WRITE, a: fd, b: -1, views: [bytes] }));
    if (flush) fs.fsyncSync(fd);
  } finally {
    if (own) fs.closeSync(fd);
  }
};

fs.writeFile = function writeFile(path, data, options, callback) {
  callback ??= options;
  callbackOf(callback, 'cb');
  options = optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'w', flush: false });
  const flush = options.flush ?? false;
  validateBoolean(flush, 'options.flush');
  const { signal } = options;
  const bytes = bytesToWrite(data, options.encoding);
  const own = !isDescriptor(path);
  const finish = (fd, error) => {
    if (!own) return callback(error ?? null);
    later({ op: calls.CLOSE, a: fd }, (closeError) => callback(error ?? closeError ?? null));
  };
  const more = (fd, rest) => {
    if (signal?.aborted) return finish(fd, new AbortError(undefined, { cause: signal.reason }));
    if (rest.length === 0) {
      if (!flush) return finish(fd);
      return fs.fsync(fd, (error) => finish(fd, error));
    }
    later({ op: calls.WRITE, a: fd, b: -1, views: [rest] }, (error, count) => {
      if (error) finish(fd, error);
      else more(fd, rest.subarray(count));
    });
  };
  if (!own) return more(path, bytes);
  if (signal?.aborted) {
    nextTick(callback, new AbortError(undefined, { cause: signal.reason }));
    return;
  }
  fs.open(path, options.flag, options.mode, (error, fd) => {
    if (error) callback(error);
    else more(fd, bytes);
  });
};

const appendOptions = (path, options) => {
  options = optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'a' });
  if (!options.flag || isDescriptor(path)) options.flag = 'a';
  return options;
};
fs.appendFileSync = function appendFileSync(path, data, options) { fs.writeFileSync(path, data, appendOptions(path, options)); };
fs.appendFile = function appendFile(path, data, options, callback) {
  callback ??= options;
  callbackOf(callback, 'cb');
  fs.writeFile(path, data, appendOptions(path, typeof options === 'function' ? undefined : options), callback);
};

fs.truncateSync = function truncateSync(path, length = 0) {
  const fd = fs.openSync(path, 'r+');
  try {
    fs.ftruncateSync(fd, length ?? 0);
  } finally {
    fs.closeSync(fd);
  }
};
fs.truncate = function truncate(path, length, callback) {
  if (typeof length === 'function') {
    callback = length;
    length = 0;
  }
  validateInteger(length ??= 0, 'len');
  callbackOf(callback, 'cb');
  fs.open(path, 'r+', (error, fd) => {
    if (error) return callback(error);
    fs.ftruncate(fd, length, (truncateError) => fs.close(fd, (closeError) => callback(truncateError ?? closeError ?? null)));
  });
};

// ---- directories

function entriesOf([names, kinds], path, options) {
  const encoding = options.encoding;
  const shown = names.map((name) => textOf(name, encoding));
  return options.withFileTypes ? shown.map((name, i) => direntOf(name, kinds[i], textOf(path, 'utf8'))) : shown;
}
function readdirRequest(path, options) {
  options = optionsOf(options);
  path = pathOf(path);
  if (options.recursive != null) validateBoolean(options.recursive, 'options.recursive');
  return { op: calls.READDIR, path, flags: flagsForEncoding(options.encoding), options };
}
fs.readdirSync = function readdirSync(path, options) {
  const request = readdirRequest(path, options);
  const found = now(request);
  if (!request.options.recursive) return entriesOf(found, request.path, request.options);
  const out = [];
  const walk = (directory, prefix, [names, kinds]) => {
    const entries = entriesOf([names, kinds], directory, request.options);
    names.forEach((name, i) => {
      const full = pathModule.join(directory, String(name));
      const relative = prefix === '' ? String(name) : pathModule.join(prefix, String(name));
      out.push(request.options.withFileTypes ? entries[i] : relative);
      if (kinds[i] === 4 || (kinds[i] === 0 && fs.lstatSync(full).isDirectory())) walk(full, relative, now({ op: calls.READDIR, path: full }));
    });
  };
  walk(textOf(request.path, 'utf8'), '', found);
  return out;
};
fs.readdir = function readdir(path, options, callback) {
  if (typeof options === 'function') callback = options;
  callbackOf(callback, 'cb');
  const request = readdirRequest(path, typeof options === 'function' ? undefined : options);
  if (!request.options.recursive) {
    later(request, (error, found) => {
      if (error) callback(error);
      else callback(null, entriesOf(found, request.path, request.options));
    });
    return;
  }
  const out = [];
  const waiting = [[textOf(request.path, 'utf8'), '']];
  const step = () => {
    if (waiting.length === 0) return callback(null, out);
    const [directory, prefix] = waiting.shift();
    later({ op: calls.READDIR, path: directory }, (error, found) => {
      if (error) return callback(error);
      const entries = entriesOf(found, directory, request.options);
      found[0].forEach((name, i) => {
        const relative = prefix === '' ? name : pathModule.join(prefix, name);
        out.push(request.options.withFileTypes ? entries[i] : relative);
        if (found[1][i] === 4) waiting.push([pathModule.join(directory, name), relative]);
      });
      step();
    });
  };
  step();
};

function rmCheck(error, request, options) {
  if (error && error.code === 'ENOENT' && options.force) return null;
  return error;
}
function isDirectoryError(path) {
  return require('internal/errors').systemError('ERR_FS_EISDIR', 'Path is a directory', { code: 'EISDIR', message: 'is a directory', path, syscall: 'rm', errno: 21 });
}
fs.rmSync = function rmSync(path, options) {
  path = pathOf(path);
  options = rmOptionsOf(options);
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    if (options.force) return;
    throw errnoException(2, 'lstat', path);
  }
  if (stats.isDirectory() && !options.recursive) throw isDirectoryError(path);
  try {
    now({ op: calls.REMOVE_ALL, path });
  } catch (error) {
    if (rmCheck(error, path, options)) throw error;
  }
};
fs.rm = function rm(path, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  path = pathOf(path);
  options = rmOptionsOf(options);
  callbackOf(callback, 'cb');
  fs.lstat(path, (error, stats) => {
    if (error) return callback(rmCheck(error, path, options));
    if (stats.isDirectory() && !options.recursive) return callback(isDirectoryError(path));
    later({ op: calls.REMOVE_ALL, path }, (removeError) => callback(removeError ?? null));
  });
};

for (const name of ['cp', 'cpSync']) {
  fs[name] = { [name](...args) { return Reflect.apply(require('internal/node/fs_copy')[name], undefined, args); } }[name];
}
for (const [id, names] of [['internal/node/fs_watch', ['watch', 'watchFile', 'unwatchFile']], ['internal/node/fs_dir', ['opendir', 'opendirSync']], ['internal/node/fs_glob', ['glob', 'globSync']]]) {
  for (const name of names) fs[name] = { [name](...args) { return Reflect.apply(require(id)[name], undefined, args); } }[name];
}
Object.defineProperty(fs, 'Dir', { configurable: true, enumerable: true, get() { return require('internal/node/fs_dir').Dir; } });

fs.mkdtempDisposableSync = function mkdtempDisposableSync(prefix, options) {
  const path = fs.mkdtempSync(prefix, options);
  const full = pathModule.resolve(String(path));
  const remove = () => fs.rmSync(full, { maxRetries: 0, recursive: true, force: true, retryDelay: 0 });
  return { __proto__: null, path, remove, [Symbol.dispose]: remove };
};
fs.openAsBlob = function openAsBlob(path, options = {}) {
  require('internal/validators').validateObject(options, 'options');
  const { type = '' } = options;
  require('internal/validators').validateString(type, 'options.type');
  path = pathOf(path);
  return fs.promises.stat(path).then((stats) => require('internal/node/blob').fileBlob(path, stats, type));
};
fs._toUnixTimestamp = secondsOf;
fs.lchmod = undefined;
fs.lchmodSync = undefined;
fs.constants = constants;
fs.Stats = values.Stats;
fs.Dirent = values.Dirent;
// Made when first asked for: streams are much code.
const hasStreams = require('internal/bootstrap').has('internal/node/fs_streams');
if (hasStreams) {
  fs.createReadStream = function createReadStream(path, options) { return new fs.ReadStream(path, options); };
  fs.createWriteStream = function createWriteStream(path, options) { return new fs.WriteStream(path, options); };
  for (const [name, key] of [['ReadStream', 'ReadStream'], ['WriteStream', 'WriteStream'], ['FileReadStream', 'ReadStream'], ['FileWriteStream', 'WriteStream']]) {
    Object.defineProperty(fs, name, {
      configurable: true, enumerable: true,
      get() { return require('internal/node/fs_streams')[key]; },
      set(value) { Object.defineProperty(fs, name, { value, writable: true, configurable: true, enumerable: true }); },
    });
  }
}
Object.defineProperties(fs, {
  promises: {
    configurable: true, enumerable: true,
    get() { return require('node:fs/promises'); },
  },
});
// For node:fs/promises.
Object.defineProperty(fs, Symbol.for('sluice.operations'), { value: operations });
module.exports = fs;
