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
      if (name === 'multipleResolves') internalBinding('process').watchResolves(this.listenerCount(name) > 0);
      if (typeof name !== 'string' || !name.startsWith('SIG')) return;
      if (this.listenerCount(name) > 0) internalBinding('process').watchSignal(name);
      else internalBinding('process').unwatchSignal(name);
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

function lazy(name, make, writable = true) {
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = make(internalBinding('process'));
      Object.defineProperty(process, name, { value, writable, configurable: writable, enumerable: true });
      return value;
    },
    set(value) { if (writable) Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true }); },
  });
}

// Options of the command line and of NODE_OPTIONS: [name, value, name, value, ...]; the last one of a name counts.
let options;
function optionList() { return options ??= internalBinding('process').options(); }
function hasOption(name) {
  const list = optionList();
  for (let i = list.length - 2; i >= 0; i -= 2) if (list[i] === name) return list[i + 1] !== 'false';
  return false;
}
function optionValue(name) {
  const list = optionList();
  for (let i = list.length - 2; i >= 0; i -= 2) if (list[i] === name) return list[i + 1];
  return undefined;
}
function optionValues(name) {
  const values = [];
  const list = optionList();
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) values.push(list[i + 1]);
  return values;
}
Object.assign(exports, { hasOption, optionValue, optionValues });

// Texts by name. TZ changes the clock's zone as well.
function makeEnvironment(native) {
  const values = native.environment();
  const env = {};
  for (let i = 0; i < values.length; i += 2) env[values[i]] = values[i + 1];
  const setZone = (key, value) => { if (key === 'TZ') native.setZone(value); };
  const { codes } = require('internal/errors');
  const text = (value) => {
    if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean' && hasOption('--pending-deprecation')) {
      process.emitWarning('Assigning any value other than a string, number, or boolean to a process.env property is deprecated. Please make sure to convert the value to a string before setting process.env with it.', 'DeprecationWarning', 'DEP0104');
    }
    return `${value}`;
  };
  return new Proxy(env, {
    set(target, key, value) {
      if (typeof key === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
      value = text(value);
      if (key !== '') target[key] = value;
      setZone(key, value);
      return true;
    },
    deleteProperty(target, key) {
      delete target[key];
      setZone(key, undefined);
      return true;
    },
    defineProperty(target, key, descriptor) {
      if ('value' in descriptor) {
        if (!descriptor.configurable || !descriptor.writable || !descriptor.enumerable) {
          throw new codes.ERR_INVALID_OBJECT_DEFINE_PROPERTY("'process.env' only accepts a configurable, writable, and enumerable data descriptor");
        }
        const value = text(descriptor.value);
        setZone(key, value);
        return Reflect.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
      }
      if ('get' in descriptor || 'set' in descriptor) {
        throw new codes.ERR_INVALID_OBJECT_DEFINE_PROPERTY("'process.env' does not accept an accessor(getter/setter) descriptor");
      }
      throw new codes.ERR_INVALID_OBJECT_DEFINE_PROPERTY("'process.env' only accepts a configurable, writable, and enumerable data descriptor");
    },
  });
}

// Standard streams are made when a program asks for them.
const standard = [undefined, undefined, undefined];
const STREAMS = 'internal/node/standard_streams';
for (const [fd, name] of ['stdin', 'stdout', 'stderr'].entries()) {
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => standard[fd] ??= fd === 0 ? require(STREAMS).input(0) : require(STREAMS).output(fd),
  });
}
// The stream of a descriptor, if the program has asked for it.
exports.standardStream = (fd) => standard[fd];
process.openStdin = () => {
  process.stdin.resume();
  return process.stdin;
};

lazy('argv', (native) => native.argv());
lazy('argv0', (native) => native.firstArgument());
lazy('execArgv', (native) => native.execArgv());
lazy('execPath', (native) => native.execPath());
lazy('env', makeEnvironment);
lazy('pid', (native) => native.pid());
lazy('ppid', (native) => native.ppid());
lazy('arch', () => 'x64');
lazy('versions', (native) => Object.freeze(native.versions()), false);
lazy('version', (native) => `v${native.versions().node}`, false);
lazy('sluice', (native) => native.core());
process.platform = 'linux';
Object.defineProperty(process, 'title', {
  configurable: true, enumerable: true,
  get: () => internalBinding('process').title(),
  set(value) { internalBinding('process').setTitle(`${value}`); },
});
// Packages take their way for Node by this name.
process.release = { name: 'node' };
process.features = Object.freeze({
  inspector: false, debug: false, uv: false, ipv6: true, openssl_is_boringssl: false, tls_alpn: false, tls_sni: false, tls_ocsp: false, tls: false,
  cached_builtins: true, require_module: true, quic: false, typescript: false,
});
process.config = Object.freeze({
  target_defaults: Object.freeze({ cflags: [], default_configuration: 'Release', defines: [], include_dirs: [], libraries: [] }),
  variables: Object.freeze({ v8_enable_i18n_support: 1, node_shared: false, asan: 0, napi_build_version: '10', node_module_version: 108 }),
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

// Signals are taken from the system as long as somebody listens.
for (const name of ['removeListener', 'removeAllListeners']) {
  const inherited = EventEmitter.prototype[name];
  Object.defineProperty(Object.getPrototypeOf(process), name, {
    configurable: true, writable: true, enumerable: false,
    value: ({
      [name](...args) {
        const signals = args.length === 0 ? this.eventNames() : [args[0]];
        Reflect.apply(inherited, this, args);
        for (const each of signals) this._listenersChanged(each);
        return this;
      },
    })[name],
  });
}
Object.defineProperty(Object.getPrototypeOf(process), 'off', { value: Object.getPrototypeOf(process).removeListener, configurable: true, writable: true, enumerable: false });

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
process.availableMemory = () => {
  const native = internalBinding('process');
  const free = native.memoryOfMachine();
  const [limit, used] = native.memoryLimit();
  return limit > 0 ? Math.min(free, Math.max(limit - used, 0)) : free;
};
process.constrainedMemory = () => internalBinding('process').memoryLimit()[0];
process.ref = (object) => { (object?.[Symbol.for('nodejs.ref')] ?? object?.[Symbol.for('node:ref')] ?? object?.ref)?.call(object); };
process.unref = (object) => { (object?.[Symbol.for('nodejs.unref')] ?? object?.[Symbol.for('node:unref')] ?? object?.unref)?.call(object); };
process.umask = function umask(mask) {
  if (mask === undefined) return internalBinding('process').umask();
  return internalBinding('process').umask(require('internal/validators').parseFileMode(mask, 'mask'));
};
process.uptime = () => internalBinding('process').now() / 1000;
process.abort = () => internalBinding('process').abort();
process._kill = (pid, signal) => -internalBinding('process').sendSignal(pid, signal);
process.kill = function kill(pid, signal) {
  const { codes, callError } = require('internal/errors');
  // eslint-disable-next-line eqeqeq
  if (pid != (pid | 0)) throw new codes.ERR_INVALID_ARG_TYPE('pid', 'number', pid);
  let failed;
  if (typeof signal === 'number') {
    failed = process._kill(pid, signal);
  } else {
    signal = signal || 'SIGTERM';
    const number = require('node:os').constants.signals[signal];
    if (number === undefined) throw new codes.ERR_UNKNOWN_SIGNAL(signal);
    failed = process._kill(pid, number);
  }
  if (failed) throw callError(failed, 'kill');
  return true;
};
process.memoryUsage = () => {
  const [rss, heapTotal, heapUsed, external, arrayBuffers] = internalBinding('process').memoryUsage();
  return { rss, heapTotal, heapUsed, external, arrayBuffers };
};
process.memoryUsage.rss = () => internalBinding('process').memoryUsage()[0];
function checkUsage(previous) {
  const { codes } = require('internal/errors');
  if (previous === null || typeof previous !== 'object') require('internal/validators').validateObject(previous, 'prevValue');
  for (const name of ['user', 'system']) {
    const value = previous[name];
    require('internal/validators').validateNumber(value, `prevValue.${name}`);
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new codes.ERR_INVALID_ARG_VALUE.RangeError(`prevValue.${name}`, value);
  }
}
const usageBy = (name) => ({
  [name](previous) {
    if (previous) checkUsage(previous);
    else if (previous !== undefined) require('internal/validators').validateObject(previous, 'prevValue');
    const [user, system] = internalBinding('process')[name]();
    return previous ? { user: user - previous.user, system: system - previous.system } : { user, system };
  },
})[name];
process.cpuUsage = usageBy('cpuUsage');
process.threadCpuUsage = usageBy('threadCpuUsage');
process.resourceUsage = () => {
  const names = ['userCPUTime', 'systemCPUTime', 'maxRSS', 'sharedMemorySize', 'unsharedDataSize', 'unsharedStackSize', 'minorPageFault', 'majorPageFault',
    'swappedOut', 'fsRead', 'fsWrite', 'ipcSent', 'ipcReceived', 'signalsCount', 'voluntaryContextSwitches', 'involuntaryContextSwitches'];
  const values = internalBinding('process').resourceUsage();
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
};
process.hrtime = function hrtime(previous) {
  const ns = internalBinding('process').hrtime();
  let seconds = Number(ns / 1000000000n);
  let rest = Number(ns % 1000000000n);
  if (previous !== undefined) {
    require('internal/validators').validateArray(previous, 'time');
    if (previous.length !== 2) throw new (require('internal/errors').codes.ERR_OUT_OF_RANGE)('time', 2, previous.length);
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
['getuid', 'geteuid', 'getgid', 'getegid'].forEach((name, i) => {
  process[name] = { [name]: () => internalBinding('process').ids()[i] }[name];
});
[['setuid', 'User'], ['seteuid', 'User'], ['setgid', 'Group'], ['setegid', 'Group']].forEach(([name, kind], i) => {
  process[name] = ({
    [name](id) {
      const { codes, callError } = require('internal/errors');
      checkId(id, 'id');
      const result = internalBinding('process').setId(i, id);
      if (result < 0) throw new codes.ERR_UNKNOWN_CREDENTIAL(kind, id);
      if (result > 0) throw callError(result, name);
    },
  })[name];
});
function checkId(id, name) {
  if (typeof id === 'number') require('internal/validators').validateUint32(id, name);
  else if (typeof id !== 'string') throw new (require('internal/errors').codes.ERR_INVALID_ARG_TYPE)(name, ['number', 'string'], id);
}
process.getgroups = () => {
  const groups = internalBinding('process').groups();
  if (typeof groups === 'number') throw require('internal/errors').callError(groups, 'getgroups');
  return groups;
};
process.setgroups = (groups) => {
  const { codes, callError } = require('internal/errors');
  require('internal/validators').validateArray(groups, 'groups');
  groups.forEach((each, i) => checkId(each, `groups[${i}]`));
  const result = internalBinding('process').setGroups(groups);
  if (result < 0) throw new codes.ERR_UNKNOWN_CREDENTIAL('Group', groups[-1 - result]);
  if (result > 0) throw callError(result, 'setgroups');
};
process.initgroups = (user, extraGroup) => {
  const { codes, callError } = require('internal/errors');
  checkId(user, 'user');
  checkId(extraGroup, 'extraGroup');
  const result = internalBinding('process').initGroups(user, extraGroup);
  if (result === -1) throw new codes.ERR_UNKNOWN_CREDENTIAL('User', user);
  if (result === -2) throw new codes.ERR_UNKNOWN_CREDENTIAL('Group', extraGroup);
  if (result > 0) throw callError(result, 'initgroups');
};
// What is rarely asked for.
for (const name of ['execve', 'finalization', 'getActiveResourcesInfo', '_getActiveHandles', '_getActiveRequests', 'loadEnvFile', 'report', 'allowedNodeEnvironmentFlags']) {
  lazy(name, () => require('internal/node/process_more')[name]);
}
process.setSourceMapsEnabled = function setSourceMapsEnabled(enabled) {
  require('internal/validators').validateBoolean(enabled, 'val');
  sourceMaps = enabled;
};
let sourceMaps;
Object.defineProperty(process, 'sourceMapsEnabled', { configurable: true, enumerable: true, get: () => sourceMaps ??= hasOption('--enable-source-maps') });
process.binding = function binding(name) {
  const error = new Error(`No such module: ${name}`);
  error.code = 'ERR_INVALID_MODULE';
  throw error;
};
process.moduleLoadList = [];
process._debugProcess = () => { throw new Error('there is no inspector'); };

// An error that nobody caught goes to the capture callback alone, while there is one.
let capture = null;
process.setUncaughtExceptionCaptureCallback = function setUncaughtExceptionCaptureCallback(callback) {
  const { codes } = require('internal/errors');
  if (callback === null) {
    capture = null;
    return;
  }
  if (typeof callback !== 'function') throw new codes.ERR_INVALID_ARG_TYPE('fn', ['Function', 'null'], callback);
  if (capture !== null) throw new codes.ERR_UNCAUGHT_EXCEPTION_CAPTURE_ALREADY_SET();
  capture = callback;
};
process.hasUncaughtExceptionCaptureCallback = () => capture !== null;

const atExit = [];
// For built-in modules: `callback` runs before the listeners of 'exit', also when the program calls process.exit().
exports.atExit = (callback) => { atExit.push(callback); };

function emitExit(code) {
  if (exiting) return;
  exiting = true;
  process._exiting = true;
  for (const callback of atExit) callback();
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

let helpShown = false;
function printWarning(warning) {
  if (!(warning instanceof Error)) return;
  const isDeprecation = warning.name === 'DeprecationWarning';
  if (isDeprecation && process.noDeprecation) return;
  const disabled = optionValues('--disable-warning');
  if (disabled.includes(warning.name) || (warning.code !== undefined && disabled.includes(warning.code))) return;
  const trace = process.traceProcessWarnings || (isDeprecation && process.traceDeprecation);
  let text = `(${process.release.name}:${process.pid}) `;
  if (warning.code) text += `[${warning.code}] `;
  if (trace && warning.stack) text += warning.stack;
  else text += typeof warning.toString === 'function' ? `${warning.toString()}` : Error.prototype.toString.call(warning);
  if (typeof warning.detail === 'string') text += `\n${warning.detail}`;
  if (!trace && !helpShown) {
    const option = isDeprecation ? '--trace-deprecation' : '--trace-warnings';
    const program = process.argv0.slice(process.argv0.lastIndexOf('/') + 1) || 'sluice';
    text += `\n(Use \`${program} ${option} ...\` to show where the warning was created)`;
    helpShown = true;
  }
  const file = optionValue('--redirect-warnings') || process.env.NODE_REDIRECT_WARNINGS;
  if (file) {
    require('node:fs').appendFile(file, `${text}\n`, (error) => {
      if (error) process._rawDebug(text);
    });
    return;
  }
  const stream = standard[2];
  if (stream === undefined) internalBinding('process').write(2, `${text}\n`);
  else stream.write(`${text}\n`);
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
  const native = internalBinding('process');
  const channel = native.takeVariable('NODE_CHANNEL_FD');
  if (channel !== undefined) {
    const mode = native.takeVariable('NODE_CHANNEL_SERIALIZATION_MODE');
    require('internal/node/ipc').attachProcess(process, Number(channel), mode ?? 'json');
  }
  if (optionList().length > 0) {
    for (const [option, property] of [['--throw-deprecation', 'throwDeprecation'], ['--trace-deprecation', 'traceDeprecation'], ['--trace-warnings', 'traceProcessWarnings']]) {
      if (hasOption(option)) process[property] = true;
    }
    if (optionValue('--deprecation') === 'false') process.noDeprecation = true;
    const code = optionValue('--eval') ?? optionValue('--print');
    if (code !== undefined) process._eval = code;
  }
  if (optionValue('--warnings') !== 'false' && native.variable('NODE_NO_WARNINGS') !== '1') process.on('warning', printWarning);
  if (native.variable('NODE_PENDING_DEPRECATION') === '1') optionList().push('--pending-deprecation', 'true');
};

// ---- what C++ calls

// In front of the program, when there are options.
exports.prepare = () => {
  const title = optionValue('--title');
  if (title) process.title = title;
  if (hasOption('--env-file') || hasOption('--env-file-if-exists')) require('internal/node/process_more').loadEnvironmentFiles();
  if (hasOption('--trace-exit')) require('internal/node/process_more').traceExit();
};

// An error that nobody caught. True: somebody took it.
exports.onUncaught = function onUncaught(error, origin) {
  // Node's own name for what follows; a program that takes it away gets Node's code for that.
  if (typeof process._fatalException !== 'function') {
    process.reallyExit(6);
    return true;
  }
  return process._fatalException(error, origin);
};
process._fatalException = function fatalException(error, origin) {
  if (typeof origin !== 'string') origin = origin ? 'unhandledRejection' : 'uncaughtException';
  process.emit('uncaughtExceptionMonitor', error, origin);
  let taken = true;
  if (capture !== null) capture(error);
  else taken = process.emit('uncaughtException', error, origin);
  if (taken) require('internal/async_context').afterUncaught();
  if (strict !== null) {
    // --unhandled-rejections=strict: an error first, a rejection only when that was taken.
    const { reason, promise, warn } = strict;
    strict = null;
    if (taken && !process.emit('unhandledRejection', reason, promise)) warn();
  }
  return taken;
};
let strict = null;

// A promise was rejected, and by the end of the turn nobody had asked for it. True: that is all; otherwise it is an uncaught error.
let rejections = 0;
const warnedOf = new WeakMap();
exports.onUnhandledRejection = function onUnhandledRejection(reason, promise) {
  const mode = optionList().length === 0 ? 'throw' : optionValue('--unhandled-rejections') ?? 'throw';
  const id = ++rejections;
  const warn = () => {
    warnedOf.set(promise, id);
    warnOfRejection(reason, id);
  };
  switch (mode) {
    case 'strict':
      strict = { reason, promise, warn };
      return false;
    case 'warn':
      process.emit('unhandledRejection', reason, promise);
      warn();
      return true;
    case 'none':
      process.emit('unhandledRejection', reason, promise);
      return true;
    case 'warn-with-error-code':
      if (process.emit('unhandledRejection', reason, promise)) return true;
      warn();
      process.exitCode = 1;
      return true;
    default:
      return process.emit('unhandledRejection', reason, promise);
  }
};

function warnOfRejection(reason, id) {
  const warning = new Error('Unhandled promise rejection. This error originated either by throwing inside of an async function without a catch block, ' +
    'or by rejecting a promise which was not handled with .catch(). To terminate the node process on unhandled promise ' +
    'rejection, use the CLI flag `--unhandled-rejections=strict` (see https://nodejs.org/api/cli.html#cli_unhandled_rejections_mode). ' +
    `(rejection id: ${id})`);
  warning.name = 'UnhandledPromiseRejectionWarning';
  try {
    if (reason instanceof Error) {
      warning.stack = reason.stack;
      process.emitWarning(reason.stack, 'UnhandledPromiseRejectionWarning');
    } else {
      process.emitWarning(require('internal/inspect').inspect(reason), 'UnhandledPromiseRejectionWarning');
    }
  } catch {
    // It cannot be shown.
  }
  process.emitWarning(warning);
}

exports.onRejectionHandled = (promise) => {
  const id = warnedOf.get(promise);
  if (id !== undefined) {
    warnedOf.delete(promise);
    const warning = new Error(`Promise rejection was handled asynchronously (rejection id: ${id})`);
    warning.name = 'PromiseRejectionHandledWarning';
    warning.id = id;
    process.emitWarning(warning);
  }
  ticks.nextTick(() => process.emit('rejectionHandled', promise));
};
// A promise was resolved or rejected once more.
exports.onMultipleResolves = (type, promise, value) => {
  ticks.nextTick(() => process.emit('multipleResolves', type, promise, value));
};
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
