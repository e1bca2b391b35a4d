// SPDX-License-Identifier: Apache-2.0
// The process object, with Node's names, as far as an appliance needs it.
'use strict';

const { EventEmitter } = require('internal/emitter');
const ticks = require('internal/ticks');

// As in Node, the prototype chain is process -> process (of the constructor `process`) -> EventEmitter.prototype.
const process = Object.create(Object.create(EventEmitter.prototype, {
  constructor: { value: Object.defineProperty(function() {}, 'name', { value: 'process' }), writable: true, configurable: true, enumerable: false },
  [Symbol.toStringTag]: { value: 'process', configurable: true },
  _listenersChanged: {
    value(name) {
      if (typeof name === 'string' && name.startsWith('SIG')) internalBinding('process').watchSignal(name);
    },
  },
}));
{
  const prototype = Object.getPrototypeOf(process);
  prototype.constructor.prototype = prototype;
}
EventEmitter.call(process);
let exitCode;
let exiting = false;

function lazy(name, make) {
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = make(internalBinding('process'));
      Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true });
      return value;
    },
    set(value) { Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true }); },
  });
}

function makeEnvironment(native) {
  const values = native.environment();
  const env = {};
  for (let i = 0; i < values.length; i += 2) env[values[i]] = values[i + 1];
  return new Proxy(env, {
    set(target, key, value) {
      if (typeof key === 'symbol' || typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
      target[key] = `${value}`;
      return true;
    },
    defineProperty(target, key, descriptor) {
      if ('value' in descriptor) descriptor = { value: `${descriptor.value}`, writable: true, enumerable: true, configurable: true };
      return Reflect.defineProperty(target, key, descriptor);
    },
  });
}

class Output extends EventEmitter {
  constructor(fd) {
    super();
    this.fd = fd;
    this.writable = true;
  }
  get isTTY() { return internalBinding('process').isTerminal(this.fd) || undefined; }
  get columns() { return internalBinding('process').columns(this.fd); }
  write(data, encoding, callback) {
    if (typeof encoding === 'function') callback = encoding;
    if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
      const error = new TypeError('The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.');
      error.code = 'ERR_INVALID_ARG_TYPE';
      throw error;
    }
    internalBinding('process').write(this.fd, data);
    if (typeof callback === 'function') ticks.nextTick(callback, null);
    return true;
  }
  end(data, encoding, callback) {
    if (data !== undefined && typeof data !== 'function') this.write(data, encoding);
    if (typeof callback === 'function') ticks.nextTick(callback);
    return this;
  }
}

lazy('argv', (native) => native.argv());
lazy('execArgv', (native) => native.execArgv());
lazy('execPath', (native) => native.execPath());
lazy('argv0', () => process.argv[0]);
lazy('env', makeEnvironment);
lazy('pid', (native) => native.pid());
lazy('ppid', (native) => native.ppid());
lazy('arch', () => 'x64');
lazy('versions', (native) => native.versions());
lazy('version', (native) => `v${native.versions().node}`);
lazy('stdout', () => new Output(1));
lazy('stderr', () => new Output(2));
lazy('sluice', (native) => native.core());
process.platform = 'linux';
process.title = 'sluice';
process.release = { name: 'sluice' };
process.features = Object.freeze({
  inspector: false, debug: false, uv: false, ipv6: true, openssl_is_boringssl: false, tls_alpn: false, tls_sni: false, tls_ocsp: false, tls: false,
  cached_builtins: true, require_module: true, quic: false, typescript: false,
});
process.config = Object.freeze({
  target_defaults: Object.freeze({ cflags: [], default_configuration: 'Release', defines: [], include_dirs: [], libraries: [] }),
  variables: Object.freeze({ v8_enable_i18n_support: 1, node_shared: false, asan: 0, napi_build_version: '10' }),
});
process._exiting = false;
process.getBuiltinModule = function getBuiltinModule(id) {
  require('internal/validators').validateString(id, 'id');
  const bootstrap = require('internal/bootstrap');
  const known = bootstrap.idOf(id);
  return known === undefined ? undefined : bootstrap.requireBuiltin(known);
};
process.dlopen = function dlopen(module, filename, flags) {
  return internalBinding('addons').dlopen(...arguments);
};
process._rawDebug = (...args) => internalBinding('process').write(2, `${require('internal/inspect').format(...args)}\n`);
process.debugPort = 0;

Object.defineProperty(process, 'exitCode', {
  configurable: false,
  enumerable: true,
  get: () => exitCode,
  set(value) {
    if (value !== null && value !== undefined) {
      const number = typeof value === 'string' && value !== '' && Number.isInteger(Number(value)) ? Number(value) : value;
      require('internal/validators').validateInteger(number, 'code');
      value = number;
    }
    exitCode = value ?? undefined;
  },
});

process.nextTick = ticks.nextTick;
process.cwd = () => internalBinding('process').cwd();
process.chdir = function chdir(directory) {
  require('internal/validators').validateString(directory, 'directory');
  const before = process.cwd();
  const number = internalBinding('process').chdir(directory);
  if (number === 0) return;
  const error = require('internal/errors').errnoException(number, 'chdir', before, directory);
  Error.captureStackTrace(error, chdir);
  throw error;
};
process.availableMemory = () => internalBinding('process').memoryOfMachine();
process.constrainedMemory = () => 0;
process.ref = (object) => { (object?.[Symbol.for('nodejs.ref')] ?? object?.[Symbol.for('node:ref')] ?? object?.ref)?.call(object); };
process.unref = (object) => { (object?.[Symbol.for('nodejs.unref')] ?? object?.[Symbol.for('node:unref')] ?? object?.unref)?.call(object); };
process.umask = function umask(mask) {
  if (mask === undefined) return internalBinding('process').umask();
  return internalBinding('process').umask(require('internal/validators').parseFileMode(mask, 'mask'));
};
process.uptime = () => internalBinding('process').now() / 1000;
process.abort = () => internalBinding('process').abort();
process.kill = (pid, signal = 'SIGTERM') => internalBinding('process').kill(+pid, signal);
process.memoryUsage = () => {
  const [rss, heapTotal, heapUsed, external, arrayBuffers] = internalBinding('process').memoryUsage();
  return { rss, heapTotal, heapUsed, external, arrayBuffers };
};
process.memoryUsage.rss = () => internalBinding('process').memoryUsage()[0];
process.cpuUsage = (previous) => {
  if (previous !== undefined) {
    const { codes } = require('internal/errors');
    if (!previous || typeof previous !== 'object') require('internal/validators').validateObject(previous, 'prevValue');
    for (const name of ['user', 'system']) {
      const value = previous[name];
      require('internal/validators').validateNumber(value, `prevValue.${name}`);
      if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new codes.ERR_INVALID_ARG_VALUE.RangeError(`prevValue.${name}`, value);
    }
  }
  const [user, system] = internalBinding('process').cpuUsage();
  return previous ? { user: user - previous.user, system: system - previous.system } : { user, system };
};
process.hrtime = (previous) => {
  const ns = internalBinding('process').hrtime();
  let seconds = Number(ns / 1000000000n);
  let rest = Number(ns % 1000000000n);
  if (previous !== undefined) {
    seconds -= previous[0];
    rest -= previous[1];
    if (rest < 0) {
      seconds--;
      rest += 1e9;
    }
  }
  return [seconds, rest];
};
process.hrtime.bigint = () => internalBinding('process').hrtime();
process.getuid = () => internalBinding('process').ids()[0];
process.geteuid = () => internalBinding('process').ids()[1];
process.getgid = () => internalBinding('process').ids()[2];
process.getegid = () => internalBinding('process').ids()[3];

const atExit = [];
// For built-in modules: `callback` runs before the listeners of 'exit', also when the program calls process.exit().
exports.atExit = (callback) => { atExit.push(callback); };

function emitExit(code) {
  if (exiting) return;
  exiting = true;
  process._exiting = true;
  for (const callback of atExit) callback();
  process.exitCode = code;
  process.emit('exit', code);
}

process.exit = function exit(code) {
  if (code !== undefined) process.exitCode = code;
  if (!exiting) emitExit(process.exitCode === undefined ? 0 : process.exitCode);
  process.reallyExit(process.exitCode === undefined ? 0 : process.exitCode);
};
process.reallyExit = (code) => internalBinding('process').exit(code);

// (warning, type or { type, code, detail, ctor }, code, constructor to hide)
function emitWarning(warning, type, code, hidden) {
  const { codes } = require('internal/errors');
  const { validateString } = require('internal/validators');
  let detail;
  if (type !== null && typeof type === 'object' && !Array.isArray(type)) {
    hidden = type.ctor;
    code = type.code;
    if (typeof type.detail === 'string') ({ detail } = type);
    type = type.type || 'Warning';
  } else if (typeof type === 'function') {
    hidden = type;
    code = '';
    type = 'Warning';
  }
  if (type !== undefined) validateString(type, 'type');
  if (typeof code === 'function') {
    hidden = code;
    code = '';
  } else if (code !== undefined) {
    validateString(code, 'code');
  }
  if (typeof warning === 'string') {
    const text = warning;
    warning = new Error(text);
    warning.name = String(type || 'Warning');
    if (code !== undefined) warning.code = code;
    if (detail !== undefined) warning.detail = detail;
    Error.captureStackTrace(warning, hidden || process.emitWarning);
  } else if (!(warning instanceof Error)) {
    throw new codes.ERR_INVALID_ARG_TYPE('warning', ['Error', 'string'], warning);
  }
  if (warning.name === 'DeprecationWarning') {
    if (process.noDeprecation) return;
    if (process.throwDeprecation) {
      ticks.nextTick(() => { throw warning; });
      return;
    }
  }
  ticks.nextTick(() => process.emit('warning', warning));
}

let traceHelpShown = false;
function printWarning(warning) {
  if (!(warning instanceof Error)) return;
  const isDeprecation = warning.name === 'DeprecationWarning';
  if (isDeprecation && process.noDeprecation) return;
  const trace = process.traceProcessWarnings || (isDeprecation && process.traceDeprecation);
  let text = `(${process.release.name}:${process.pid}) `;
  if (warning.code) text += `[${warning.code}] `;
  if (trace && warning.stack) text += warning.stack;
  else text += typeof warning.toString === 'function' ? `${Error.prototype.toString.call(warning)}` : String(warning);
  if (typeof warning.detail === 'string') text += `\n${warning.detail}`;
  if (!trace && !traceHelpShown) {
    const option = isDeprecation ? '--trace-deprecation' : '--trace-warnings';
    text += `\n(Use \`${process.release.name} ${option} ...\` to show where the warning was created)`;
    traceHelpShown = true;
  }
  internalBinding('process').write(2, `${text}\n`);
}

const experimental = new Set();
function emitExperimentalWarning(feature) {
  if (experimental.has(feature)) return;
  experimental.add(feature);
  process.emitWarning(`${feature} is an experimental feature and might change at any time`, 'ExperimentalWarning');
}
process.emitWarning = emitWarning;

Object.defineProperty(globalThis, 'process', { value: process, writable: true, configurable: true, enumerable: false });
Object.defineProperty(globalThis, 'global', { value: globalThis, writable: true, configurable: true, enumerable: false });

exports.process = process;
exports.nextTick = ticks.nextTick;
exports.emitWarning = emitWarning;
exports.emitExperimentalWarning = emitExperimentalWarning;
// Where the program's own arguments begin in process.argv.
exports.programArgumentsAt = () => process._eval === undefined ? 2 : 1;
// Once per isolate.
exports.init = () => {
  const { execArgv, env } = process;
  if (!execArgv.includes('--no-warnings') && env.NODE_NO_WARNINGS !== '1') process.on('warning', printWarning);
  for (const [option, property] of [['--no-deprecation', 'noDeprecation'], ['--throw-deprecation', 'throwDeprecation'], ['--trace-deprecation', 'traceDeprecation'], ['--trace-warnings', 'traceProcessWarnings']]) {
    if (execArgv.includes(option)) process[property] = true;
  }
};

// ---- what C++ calls

// An error that nobody caught. True: a listener took it.
exports.onUncaught = function onUncaught(error, origin) {
  process.emit('uncaughtExceptionMonitor', error, origin);
  return process.emit('uncaughtException', error, origin);
};

// A promise was rejected, and by the end of the turn nobody had asked for it. True: a listener took it.
exports.onUnhandledRejection = function onUnhandledRejection(reason, promise) {
  return process.emit('unhandledRejection', reason, promise);
};
exports.onRejectionHandled = (promise) => process.emit('rejectionHandled', promise);
// What is thrown for a rejection whose reason is no error.
exports.rejectionError = function rejectionError(reason) {
  const { inspect } = require('internal/inspect');
  let text;
  try {
    text = typeof reason === 'object' || typeof reason === 'function' ? inspect(reason, { depth: 0 }) : String(reason);
  } catch {
    text = 'that cannot be shown';
  }
  const message = 'This error originated either by throwing inside of an async function without a catch block, ' +
    `or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "${text}".`;
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: 'UnhandledPromiseRejection', configurable: true, writable: true, enumerable: false });
  error.code = 'ERR_UNHANDLED_REJECTION';
  error.stack = `[UnhandledPromiseRejection: ${message}]`;
  return error;
};
exports.describe = (error) => {
  const { inspect, isError } = require('internal/inspect');
  const text = inspect(error);
  // A syntax error has no frames, which inspect would show in brackets.
  return isError(error) && text === `[${error.stack}]` ? error.stack : text;
};
// Nothing is left to wait for; a listener may start something new.
exports.onBeforeExit = () => {
  const code = process.exitCode === undefined ? 0 : process.exitCode;
  process.emit('beforeExit', code);
};
// Returns the exit code.
exports.onExit = (code) => {
  if (code !== 0) process.exitCode = code;
  emitExit(process.exitCode === undefined ? 0 : process.exitCode);
  return process.exitCode === undefined ? 0 : process.exitCode;
};
exports.onSignal = (name, number) => process.emit(name, name, number);
exports.setArgv = (argv) => { process.argv = argv; };
