// SPDX-License-Identifier: Apache-2.0
// What fs functions take and give: paths, flags, times, Stats, Dirent.
'use strict';

const { codes } = require('internal/errors');
const { validateObject, validateAbortSignal, validateInteger } = require('internal/validators');
const { Buffer } = require('node:buffer');

const constants = Object.assign(Object.create(null), {
  UV_FS_SYMLINK_DIR: 1, UV_FS_SYMLINK_JUNCTION: 2, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, UV_DIRENT_UNKNOWN: 0, UV_DIRENT_FILE: 1, UV_DIRENT_DIR: 2, UV_DIRENT_LINK: 3,
  UV_DIRENT_FIFO: 4, UV_DIRENT_SOCKET: 5, UV_DIRENT_CHAR: 6, UV_DIRENT_BLOCK: 7,
  S_IFMT: 0o170000, S_IFREG: 0o100000, S_IFDIR: 0o040000, S_IFCHR: 0o020000, S_IFBLK: 0o060000, S_IFIFO: 0o010000, S_IFLNK: 0o120000, S_IFSOCK: 0o140000,
  O_CREAT: 0o100, O_EXCL: 0o200, UV_FS_O_FILEMAP: 0, O_NOCTTY: 0o400, O_TRUNC: 0o1000, O_APPEND: 0o2000, O_DIRECTORY: 0o200000, O_NOATIME: 0o1000000,
  O_NOFOLLOW: 0o400000, O_SYNC: 0o4010000, O_DSYNC: 0o10000, O_DIRECT: 0o40000, O_NONBLOCK: 0o4000,
  S_IRWXU: 0o700, S_IRUSR: 0o400, S_IWUSR: 0o200, S_IXUSR: 0o100, S_IRWXG: 0o70, S_IRGRP: 0o40, S_IWGRP: 0o20, S_IXGRP: 0o10, S_IRWXO: 0o7, S_IROTH: 0o4,
  S_IWOTH: 0o2, S_IXOTH: 0o1, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1,
  UV_FS_COPYFILE_EXCL: 1, COPYFILE_EXCL: 1, UV_FS_COPYFILE_FICLONE: 2, COPYFILE_FICLONE: 2, UV_FS_COPYFILE_FICLONE_FORCE: 4, COPYFILE_FICLONE_FORCE: 4,
});

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const FLAGS = {
  '__proto__': null,
  'r': O_RDONLY, 'rs': O_RDONLY | O_SYNC, 'sr': O_RDONLY | O_SYNC, 'r+': O_RDWR, 'rs+': O_RDWR | O_SYNC, 'sr+': O_RDWR | O_SYNC,
  'w': O_TRUNC | O_CREAT | O_WRONLY, 'wx': O_TRUNC | O_CREAT | O_WRONLY | O_EXCL, 'xw': O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR, 'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL, 'xw+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  'a': O_APPEND | O_CREAT | O_WRONLY, 'ax': O_APPEND | O_CREAT | O_WRONLY | O_EXCL, 'xa': O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  'as': O_APPEND | O_CREAT | O_WRONLY | O_SYNC, 'sa': O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR, 'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL, 'xa+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC, 'sa+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};

function flagsOf(flags, name = 'flags') {
  if (typeof flags === 'number') {
    validateInteger(flags, name, -2147483648, 2147483647);
    return flags;
  }
  if (flags == null) return O_RDONLY;
  const known = FLAGS[flags];
  if (known === undefined) throw new codes.ERR_INVALID_ARG_VALUE(name, flags);
  return known;
}

function pathOf(path, name = 'path') {
  if (typeof path === 'object' && path !== null && path.href && path.protocol && path.auth === undefined && path.path === undefined) path = require('node:url').fileURLToPath(path);
  if (typeof path !== 'string' && !(path instanceof Uint8Array)) throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'URL'], path);
  if (typeof path === 'string' ? path.includes('\0') : path.includes(0)) throw new codes.ERR_INVALID_ARG_VALUE(name, path, 'must be a string, Uint8Array, or URL without null bytes');
  return path;
}

function descriptorOf(fd, name = 'fd') {
  if (typeof fd !== 'number') throw new codes.ERR_INVALID_ARG_TYPE(name, 'number', fd);
  if (Object.is(fd, -0)) return 0;
  validateInteger(fd, name, 0, 2147483647);
  return fd;
}

// `options` may be the name of an encoding.
function optionsOf(options, standard = {}) {
  if (options === null || options === undefined || typeof options === 'function') return standard;
  if (typeof options === 'string') options = { encoding: options };
  else if (typeof options !== 'object') throw new codes.ERR_INVALID_ARG_TYPE('options', ['string', 'Object'], options);
  if (options.encoding && options.encoding !== 'buffer' && !Buffer.isEncoding(options.encoding)) {
    throw new codes.ERR_INVALID_ARG_VALUE('encoding', options.encoding, 'is invalid encoding');
  }
  if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
  // Inherited ones count too.
  const found = { ...standard };
  for (const key in options) found[key] = options[key];
  return found;
}

// Seconds of a Date, a number, or the text of a number.
function secondsOf(time, name = 'time') {
  if (typeof time === 'string' && +time == time) return +time;
  if (Number.isFinite(time)) return time < 0 ? Date.now() / 1000 : time;
  if (time instanceof Date) return time.getTime() / 1000;
  throw new codes.ERR_INVALID_ARG_TYPE(name, ['Date', 'Time in seconds'], time);
}

// ---- Stats

function isKind(kind) {
  return function() {
    return (Number(this.mode) & constants.S_IFMT) === kind;
  };
}

function StatsBase(v) {
  [this.dev, this.mode, this.nlink, this.uid, this.gid, this.rdev, this.blksize, this.ino, this.size, this.blocks] = v;
}
for (const [name, kind] of [['isDirectory', constants.S_IFDIR], ['isFile', constants.S_IFREG], ['isBlockDevice', constants.S_IFBLK], ['isCharacterDevice', constants.S_IFCHR],
  ['isSymbolicLink', constants.S_IFLNK], ['isFIFO', constants.S_IFIFO], ['isSocket', constants.S_IFSOCK]]) {
  StatsBase.prototype[name] = isKind(kind);
  Object.defineProperty(StatsBase.prototype[name], 'name', { value: name });
}

// Dates are made when they are asked for.
const DATES = ['atime', 'mtime', 'ctime', 'birthtime'];
function defineDates(prototype) {
  for (const name of DATES) {
    Object.defineProperty(prototype, name, {
      configurable: true, enumerable: true,
      get() {
        const value = new Date(Math.round(Number(this[`${name}Ms`])));
        this[name] = value;
        return value;
      },
      set(value) { Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true }); },
    });
  }
}

let warnedOfStats = false;
function Stats(v, ...rest) {
  if (v === undefined) return;
  if (!ArrayBuffer.isView(v)) {  // by a program: one argument for each, times in milliseconds
    if (!warnedOfStats) {
      warnedOfStats = true;
      require('internal/process').process.emitWarning('fs.Stats constructor is deprecated.', 'DeprecationWarning', 'DEP0180');
    }
    StatsBase.call(this, [v, ...rest.slice(0, 9)]);
    [this.atimeMs, this.mtimeMs, this.ctimeMs, this.birthtimeMs] = rest.slice(9);
    return;
  }
  StatsBase.call(this, [v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]]);
  this.atimeMs = v[10] * 1000 + v[11] / 1e6;
  this.mtimeMs = v[12] * 1000 + v[13] / 1e6;
  this.ctimeMs = v[14] * 1000 + v[15] / 1e6;
  this.birthtimeMs = v[16] * 1000 + v[17] / 1e6;
}
Object.setPrototypeOf(Stats.prototype, StatsBase.prototype);
Object.setPrototypeOf(Stats, StatsBase);
defineDates(Stats.prototype);

function BigIntStats(v) {
  StatsBase.call(this, v);
  DATES.forEach((name, i) => { this[`${name}Ms`] = v[10 + 2 * i] * 1000n + v[11 + 2 * i] / 1000000n; });
  DATES.forEach((name, i) => { this[`${name}Ns`] = v[10 + 2 * i] * 1000000000n + v[11 + 2 * i]; });
}
Object.setPrototypeOf(BigIntStats.prototype, StatsBase.prototype);
Object.setPrototypeOf(BigIntStats, StatsBase);
defineDates(BigIntStats.prototype);

const statsOf = (values) => values instanceof BigInt64Array ? new BigIntStats(values) : new Stats(values);

class StatFs {
  constructor(v) {
    [this.type, this.bsize, this.frsize, this.blocks, this.bfree, this.bavail, this.files, this.ffree] = v;
  }
}
const statFsOf = (values) => new StatFs(values);

// ---- Dirent

const kType = Symbol('type');
// The kernel's DT_* -> mode
const MODES = { 8: constants.S_IFREG, 4: constants.S_IFDIR, 10: constants.S_IFLNK, 1: constants.S_IFIFO, 12: constants.S_IFSOCK, 2: constants.S_IFCHR, 6: constants.S_IFBLK };
const UV_TYPES = { 8: 1, 4: 2, 10: 3, 1: 4, 12: 5, 2: 6, 6: 7 };

class Dirent {
  constructor(name, type, path) {
    this.name = name;
    this.parentPath = path;
    this[kType] = type;
  }
}
for (const [name, type] of [['isDirectory', 2], ['isFile', 1], ['isBlockDevice', 7], ['isCharacterDevice', 6], ['isSymbolicLink', 3], ['isFIFO', 4], ['isSocket', 5]]) {
  Dirent.prototype[name] = { [name]() { return this[kType] === type; } }[name];
}
const direntOf = (name, kernelType, path) => new Dirent(name, UV_TYPES[kernelType] ?? 0, path);

// A text or bytes in the encoding that was asked for.
function textOf(value, encoding) {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return !encoding || encoding === 'utf8' || encoding === 'utf-8' ? value : Buffer.from(value).toString(encoding);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return encoding === 'buffer' ? bytes : bytes.toString(encoding);
}

// How native calls shall give texts for an encoding.
const flagsForEncoding = (encoding) => encoding && encoding !== 'utf8' && encoding !== 'utf-8' ? 1 : 0;

function rmOptionsOf(options) {
  const found = { recursive: false, force: false, maxRetries: 0, retryDelay: 100, ...options };
  if (options !== undefined) validateObject(options, 'options');
  for (const key of ['recursive', 'force']) if (typeof found[key] !== 'boolean') throw new codes.ERR_INVALID_ARG_TYPE(`options.${key}`, 'boolean', found[key]);
  validateInteger(found.retryDelay, 'options.retryDelay', 0, 2147483647);
  validateInteger(found.maxRetries, 'options.maxRetries', 0, 4294967295);
  return found;
}

Object.assign(exports, {
  constants, flagsOf, pathOf, descriptorOf, optionsOf, secondsOf, Stats, BigIntStats, statsOf, statFsOf, Dirent, direntOf, textOf, flagsForEncoding, rmOptionsOf, MODES,
});
