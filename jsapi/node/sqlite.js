// SPDX-License-Identifier: Apache-2.0
// node:sqlite over Debian's libsqlite3 (jsapi/native/node/sqlite.cc). A backup goes on between turns, on the core that asked.
'use strict';

const { codes } = require('internal/errors');
const { validateInteger } = require('internal/validators');
const native = internalBinding('sqlite');

// Flags of native calls.
const BIG_INTS = 1, ARRAYS = 2, BARE_NAMES = 4, UNKNOWN_NAMES = 8;
const kMake = Symbol('kMake');

// As C++ would throw it: the code without its words in the message.
const stateError = (message) => Object.assign(new Error(message), { code: 'ERR_INVALID_STATE' });
const closed = () => stateError('database is not open');
const boolOption = (options, name, standard) => {
  const value = options[name];
  if (value === undefined) return standard;
  if (typeof value !== 'boolean') throw invalid(`The "options.${name}" argument must be a boolean.`);
  return value;
};
function invalid(message) {
  const error = new TypeError(message);
  error.code = 'ERR_INVALID_ARG_TYPE';
  return error;
}
function checkText(value, name) {
  if (typeof value !== 'string') throw invalid(`The "${name}" argument must be a string.`);
}
function checkOptions(value) {
  if (typeof value !== 'object' || value === null) throw invalid('The "options" argument must be an object.');
}
function checkFunction(value, name) {
  if (typeof value !== 'function') throw invalid(`The "${name}" argument must be a function.`);
}

// A path as SQLite takes it: a text, bytes of UTF-8, or a file: URL.
function pathOf(path) {
  const message = 'The "path" argument must be a string, Uint8Array, or URL without null bytes.';
  let text;
  if (typeof path === 'string') text = path;
  else if (path instanceof Uint8Array) text = require('node:buffer').Buffer.from(path).toString();
  else if (typeof path === 'object' && path !== null && typeof path.href === 'string') {
    if (!path.href.startsWith('file:')) throw new codes.ERR_INVALID_URL_SCHEME('file');
    text = path.href;
    if (path.search === '' || path.search === undefined) text = require('node:url').fileURLToPath(path.href);
  } else throw invalid(message);
  if (text.includes('\0')) throw invalid(message);
  return text;
}

const LIMITS = ['length', 'sqlLength', 'column', 'exprDepth', 'compoundSelect', 'vdbeOp', 'functionArg', 'attach', 'likePatternLength', 'variableNumber', 'triggerDepth'];

class DatabaseSync {
  #path;
  #handle = null;
  #options;
  #limits = null;
  constructor(path, options = {}) {
    if (!new.target) throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('DatabaseSync');
    this.#path = pathOf(path);
    checkOptions(options);
    const open = boolOption(options, 'open', true);
    const { timeout = 0 } = options;
    if (!Number.isInteger(timeout)) throw invalid('The "options.timeout" argument must be an integer.');
    this.#options = {
      readOnly: boolOption(options, 'readOnly', false), timeout,
      foreignKeys: boolOption(options, 'enableForeignKeyConstraints', true), doubleQuotes: boolOption(options, 'enableDoubleQuotedStringLiterals', false),
      extensions: boolOption(options, 'allowExtension', false), defensive: boolOption(options, 'defensive', true),
      flags: (boolOption(options, 'readBigInts', false) ? BIG_INTS : 0) | (boolOption(options, 'returnArrays', false) ? ARRAYS : 0) |
        (boolOption(options, 'allowBareNamedParameters', true) ? BARE_NAMES : 0) | (boolOption(options, 'allowUnknownNamedParameters', false) ? UNKNOWN_NAMES : 0),
      limits: [],
    };
    if (options.limits !== undefined) {
      if (typeof options.limits !== 'object' || options.limits === null) throw invalid('The "options.limits" argument must be an object.');
      LIMITS.forEach((name, i) => {
        const value = options.limits[name];
        if (value === undefined) return;
        if (!Number.isInteger(value)) throw invalid(`The "options.limits.${name}" argument must be an integer.`);
        if (value < 0) throw new codes.ERR_OUT_OF_RANGE(`options.limits.${name}`, '>= 0', value);
        this.#options.limits.push([i, value]);
      });
    }
    if (open) this.open();
  }
  get #open() {
    if (this.#handle === null) throw closed();
    return this.#handle;
  }
  open() {
    if (this.#handle !== null) throw stateError('database is already open');
    const { readOnly, timeout, foreignKeys, doubleQuotes, extensions, defensive, limits } = this.#options;
    this.#handle = native.open(this.#path, readOnly, timeout, foreignKeys, doubleQuotes, extensions, defensive);
    for (const [which, value] of limits) native.limit(this.#handle, which, value);
  }
  close() {
    native.close(this.#open);
    this.#handle = null;
  }
  [Symbol.dispose]() { if (this.#handle !== null) this.close(); }
  get isOpen() { return this.#handle !== null; }
  get isTransaction() { return native.inTransaction(this.#open); }
  get limits() {
    if (this.#limits !== null) return this.#limits;
    const database = this;
    this.#limits = {};
    LIMITS.forEach((name, i) => Object.defineProperty(this.#limits, name, {
      enumerable: true, configurable: true,
      get() { return native.limit(database.#open, i, -1); },
      set(value) {
        const handle = database.#open;
        if (value === Infinity) value = 2147483647;
        if (!Number.isInteger(value)) throw invalid('Limit value must be a non-negative integer or Infinity.');
        if (value < 0) throw new codes.ERR_OUT_OF_RANGE(name, '>= 0', value);
        native.limit(handle, i, value);
      },
    }));
    return this.#limits;
  }
  exec(sql) {
    const handle = this.#open;
    checkText(sql, 'sql');
    native.exec(handle, sql);
  }
  prepare(sql, options = {}) {
    const handle = this.#open;
    checkText(sql, 'sql');
    checkOptions(options);
    let { flags } = this.#options;
    for (const [name, flag] of [['readBigInts', BIG_INTS], ['returnArrays', ARRAYS], ['allowBareNamedParameters', BARE_NAMES], ['allowUnknownNamedParameters', UNKNOWN_NAMES]]) {
      if (boolOption(options, name, (flags & flag) !== 0)) flags |= flag;
      else flags &= ~flag;
    }
    return new StatementSync(kMake, native.prepare(handle, sql), flags);
  }
  location(name = 'main') {
    const handle = this.#open;
    checkText(name, 'dbName');
    return native.location(handle, name);
  }
  function(name, options, callback) {
    const handle = this.#open;
    checkText(name, 'name');
    if (callback === undefined && typeof options === 'function') {
      callback = options;
      options = {};
    }
    if (typeof options !== 'object' || options === null) throw invalid(arguments.length < 3 ? 'The "function" argument must be a function.' : 'The "options" argument must be an object.');
    checkFunction(callback, 'function');
    const big = boolOption(options, 'useBigIntArguments', false);
    const variable = boolOption(options, 'varargs', false);
    const deterministic = boolOption(options, 'deterministic', false);
    const directOnly = boolOption(options, 'directOnly', false);
    native.addFunction(handle, name, variable ? -1 : callback.length, big, deterministic, directOnly, callback);
  }
  aggregate(name, options) {
    const handle = this.#open;
    checkText(name, 'name');
    checkOptions(options);
    const { start, step, result, inverse } = options;
    if (start === undefined) throw invalid('The "options.start" argument must be a function or a primitive value.');
    checkFunction(step, 'options.step');
    if (result !== undefined) checkFunction(result, 'options.result');
    if (inverse !== undefined) checkFunction(inverse, 'options.inverse');
    const big = boolOption(options, 'useBigIntArguments', false);
    const variable = boolOption(options, 'varargs', false);
    const directOnly = boolOption(options, 'directOnly', false);
    // The first argument is the running value.
    const count = variable ? -1 : Math.max(step.length, inverse === undefined ? 0 : inverse.length, 1) - 1;
    native.addAggregate(handle, name, count, big, false, directOnly, start, step, result, inverse);
  }
  setAuthorizer(callback) {
    const handle = this.#open;
    if (callback !== null) checkFunction(callback, 'callback');
    native.setAuthorizer(handle, callback);
  }
  enableLoadExtension(allow) {
    const handle = this.#open;
    if (typeof allow !== 'boolean') throw invalid('The "allow" argument must be a boolean.');
    if (allow && !this.#options.extensions) throw stateError('Cannot enable extension loading because it was disabled at database creation.');
    native.config(handle, 0, allow);
  }
  loadExtension(path, entryPoint) {
    const handle = this.#open;
    if (!this.#options.extensions) throw stateError('extension loading is not allowed');
    checkText(path, 'path');
    if (entryPoint !== undefined) checkText(entryPoint, 'entryPoint');
    native.loadExtension(handle, path, entryPoint);
  }
  enableDefensive(active) {
    const handle = this.#open;
    if (typeof active !== 'boolean') throw invalid('The "active" argument must be a boolean.');
    native.config(handle, 1, active);
  }
  createSession(options = {}) {
    const handle = this.#open;
    checkOptions(options);
    const { table, db = 'main' } = options;
    if (table !== undefined) checkText(table, 'options.table');
    checkText(db, 'options.db');
    return new Session(kMake, native.session(handle, db, table), () => this.#handle === handle);
  }
  applyChangeset(changeset, options = {}) {
    const handle = this.#open;
    if (!(changeset instanceof Uint8Array)) throw invalid('The "changeset" argument must be a Uint8Array.');
    checkOptions(options);
    const { filter, onConflict } = options;
    if (filter !== undefined) checkFunction(filter, 'options.filter');
    if (onConflict !== undefined) checkFunction(onConflict, 'options.onConflict');
    return native.apply(handle, changeset, filter, onConflict);
  }
  createTagStore(capacity = 1000) {
    void this.#open;
    validateInteger(capacity, 'maxSize', 1);
    return new SQLTagStore(kMake, this, capacity);
  }
  static handleOf(database) {
    if (typeof database !== 'object' || database === null || !(#handle in database)) throw invalid('The "sourceDb" argument must be an object.');
    return database.#open;
  }
}
const { handleOf } = DatabaseSync;
delete DatabaseSync.handleOf;

class StatementSync {
  #handle;
  #flags;
  constructor(key, handle, flags) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#handle = handle;
    this.#flags = flags;
  }
  get #live() {
    if (!native.alive(this.#handle)) throw stateError('statement has been finalized');
    return this.#handle;
  }
  all(...parameters) { return native.all(this.#live, this.#flags, ...parameters); }
  get(...parameters) { return native.get(this.#live, this.#flags, ...parameters); }
  run(...parameters) {
    const [changes, lastInsertRowid] = native.run(this.#live, this.#flags, ...parameters);
    return { __proto__: null, lastInsertRowid, changes };
  }
  iterate(...parameters) {
    const handle = this.#live;
    const flags = this.#flags;
    const use = native.begin(handle, flags, ...parameters);
    return new RowIterator(handle, flags, use);
  }
  columns() {
    const parts = native.columns(this.#live);
    const result = [];
    for (let i = 0; i < parts.length; i += 5) {
      result.push({ __proto__: null, column: parts[i], database: parts[i + 1], name: parts[i + 2], table: parts[i + 3], type: parts[i + 4] });
    }
    return result;
  }
  get sourceSQL() { return native.sourceSql(this.#live); }
  get expandedSQL() { return native.expandedSql(this.#live); }
  #setFlag(flag, on, name) {
    void this.#live;
    if (typeof on !== 'boolean') throw invalid(`The "${name}" argument must be a boolean.`);
    if (on) this.#flags |= flag;
    else this.#flags &= ~flag;
  }
  setReadBigInts(on) { this.#setFlag(BIG_INTS, on, 'readBigInts'); }
  setReturnArrays(on) { this.#setFlag(ARRAYS, on, 'returnArrays'); }
  setAllowBareNamedParameters(on) { this.#setFlag(BARE_NAMES, on, 'allowBareNamedParameters'); }
  setAllowUnknownNamedParameters(on) { this.#setFlag(UNKNOWN_NAMES, on, 'enabled'); }
}

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
class RowIterator {
  #handle;
  #flags;
  #use;
  constructor(handle, flags, use) {
    this.#handle = handle;
    this.#flags = flags;
    this.#use = use;
  }
  next() {
    if (this.#use === 0) return { __proto__: null, done: true, value: null };
    if (!native.alive(this.#handle)) throw stateError('statement has been finalized');
    const row = native.next(this.#handle, this.#flags, this.#use);
    if (row === null) throw stateError('iterator was invalidated');
    if (row !== undefined) return { __proto__: null, done: false, value: row };
    this.#use = 0;
    return { __proto__: null, done: true, value: null };
  }
  return() {
    if (this.#use !== 0) native.rewind(this.#handle);
    this.#use = 0;
    return { __proto__: null, done: true, value: null };
  }
  [Symbol.iterator]() { return this; }
}
Object.setPrototypeOf(RowIterator.prototype, IteratorPrototype);

class Session {
  #handle;
  #isOpen;
  constructor(key, handle, isOpen) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#handle = handle;
    this.#isOpen = isOpen;
  }
  #check() {
    if (!this.#isOpen()) throw closed();
    if (this.#handle === null) throw stateError('session is not open');
    return this.#handle;
  }
  changeset() { return native.changes(this.#check(), false); }
  patchset() { return native.changes(this.#check(), true); }
  close() {
    native.closeSession(this.#check());
    this.#handle = null;
  }
  [Symbol.dispose]() { if (this.#handle !== null && this.#isOpen()) this.close(); }
}

// Statements by their template, the least recently used one goes first.
class SQLTagStore {
  #database;
  #capacity;
  #statements = new Map();
  constructor(key, database, capacity) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#database = database;
    this.#capacity = capacity;
  }
  #statement(strings) {
    if (!Array.isArray(strings)) throw invalid('First argument must be an array of strings (template literal).');
    const sql = strings.join('?');
    let statement = this.#statements.get(sql);
    if (statement === undefined) statement = this.#database.prepare(sql);
    else this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > this.#capacity) this.#statements.delete(this.#statements.keys().next().value);
    return statement;
  }
  all(strings, ...values) { return this.#statement(strings).all(...values); }
  get(strings, ...values) { return this.#statement(strings).get(...values); }
  run(strings, ...values) { return this.#statement(strings).run(...values); }
  iterate(strings, ...values) { return this.#statement(strings).iterate(...values); }
  clear() { this.#statements.clear(); }
  get size() { return this.#statements.size; }
  get capacity() { return this.#capacity; }
  get db() { return this.#database; }
}

async function runBackup(handle, rate, progress) {
  for (;;) {
    const [done, remainingPages, totalPages] = native.backupStep(handle, rate);
    if (done) return totalPages;
    if (progress !== undefined) progress({ totalPages, remainingPages });
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}
function backup(sourceDb, path, options = {}) {
  const database = handleOf(sourceDb);
  path = pathOf(path);
  checkOptions(options);
  const { source = 'main', target = 'main', rate = 100, progress } = options;
  checkText(source, 'options.source');
  checkText(target, 'options.target');
  if (!Number.isInteger(rate)) throw invalid('The "options.rate" argument must be an integer.');
  if (progress !== undefined) checkFunction(progress, 'options.progress');
  try {
    return runBackup(native.backupStart(database, path, source, target), rate, progress);
  } catch (error) {
    return Promise.reject(error);
  }
}

const constants = Object.freeze({
  SQLITE_CHANGESET_OMIT: 0, SQLITE_CHANGESET_REPLACE: 1, SQLITE_CHANGESET_ABORT: 2, SQLITE_CHANGESET_DATA: 1, SQLITE_CHANGESET_NOTFOUND: 2,
  SQLITE_CHANGESET_CONFLICT: 3, SQLITE_CHANGESET_CONSTRAINT: 4, SQLITE_CHANGESET_FOREIGN_KEY: 5, SQLITE_OK: 0, SQLITE_DENY: 1, SQLITE_IGNORE: 2,
  SQLITE_CREATE_INDEX: 1, SQLITE_CREATE_TABLE: 2, SQLITE_CREATE_TEMP_INDEX: 3, SQLITE_CREATE_TEMP_TABLE: 4, SQLITE_CREATE_TEMP_TRIGGER: 5,
  SQLITE_CREATE_TEMP_VIEW: 6, SQLITE_CREATE_TRIGGER: 7, SQLITE_CREATE_VIEW: 8, SQLITE_DELETE: 9, SQLITE_DROP_INDEX: 10, SQLITE_DROP_TABLE: 11,
  SQLITE_DROP_TEMP_INDEX: 12, SQLITE_DROP_TEMP_TABLE: 13, SQLITE_DROP_TEMP_TRIGGER: 14, SQLITE_DROP_TEMP_VIEW: 15, SQLITE_DROP_TRIGGER: 16, SQLITE_DROP_VIEW: 17,
  SQLITE_INSERT: 18, SQLITE_PRAGMA: 19, SQLITE_READ: 20, SQLITE_SELECT: 21, SQLITE_TRANSACTION: 22, SQLITE_UPDATE: 23, SQLITE_ATTACH: 24, SQLITE_DETACH: 25,
  SQLITE_ALTER_TABLE: 26, SQLITE_REINDEX: 27, SQLITE_ANALYZE: 28, SQLITE_CREATE_VTABLE: 29, SQLITE_DROP_VTABLE: 30, SQLITE_FUNCTION: 31, SQLITE_SAVEPOINT: 32,
  SQLITE_COPY: 0, SQLITE_RECURSIVE: 33,
});

module.exports = { DatabaseSync, StatementSync, Session, SQLTagStore, backup, constants };
