// SPDX-License-Identifier: Apache-2.0
// node:worker_threads: a worker is one more isolate on a thread of its own (runtime/worker_thread.hh). Each has a control port for
// what its parent has to know (that it runs, errors, what it writes to its standard streams) and a public one, which is
// `parentPort` there. Missing: trackUnmanagedFds, moveMessagePortToContext, worker.performance, profiles, locks.
'use strict';

const { EventEmitter } = require('internal/emitter');
const { codes } = require('internal/errors');
const { validateArray, validateBoolean, validateObject, validateString, validateNumber, validateFunction } = require('internal/validators');
const messaging = require('internal/node/messaging');
const { MessageChannel, MessagePort, receiveMessageOnPort, transferOf } = messaging;
const { process } = require('internal/process');
const self = require('internal/node/worker_self');
const native = internalBinding('worker');

const SHARE_ENV = Symbol.for('nodejs.worker_threads.SHARE_ENV');
const LIMITS = ['maxYoungGenerationSizeMb', 'maxOldGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'];
const STACK_MB = 4;
const HEAP_NAMES = [
  'total_heap_size', 'total_heap_size_executable', 'total_physical_size', 'total_available_size', 'used_heap_size', 'heap_size_limit', 'malloced_memory',
  'peak_malloced_memory', 'does_zap_garbage', 'number_of_native_contexts', 'number_of_detached_contexts', 'total_global_handles_size',
  'used_global_handles_size', 'external_memory',
];
const PROCESSOR_TIME = 0, HEAP = 1, SNAPSHOT = 2;

// Options of the command line that a thread can have for itself. Those of V8 and of the process it cannot.
const OWN_OPTIONS = /^--(?:(?:no-)?(?:warnings|deprecation|addons|extra-info-on-fatal-exception|global-search-paths|network-family-autoselection|verify-base-objects|strip-types)|require|import|loader|conditions|input-type|eval|print|trace-warnings|trace-deprecation|throw-deprecation|pending-deprecation|trace-uncaught|trace-exit|trace-sync-io|trace-sigint|trace-env.*|trace-tls|unhandled-rejections|enable-source-maps|preserve-symlinks|preserve-symlinks-main|max-http-header-size|insecure-http-parser|dns-result-order|icu-data-dir|frozen-intrinsics|force-context-aware|experimental-.*|no-experimental-.*|test.*|watch.*|cpu-prof.*|heap-prof.*|diagnostic-dir|allow-.*|permission|heapsnapshot-near-heap-limit|heapsnapshot-signal|inspect.*|stack-trace-limit|tls-.*|report-.*|disable-warning|disable-wasm-trap-handler|expose-internals|abort-on-uncaught-exception|async-context-frame|no-async-context-frame|entry-url|localstorage-file|webstorage|verify-.*)(?:=|$)|^-[rCepi]$/;
// Those that are only known at all where a process starts.
const PROCESS_OPTIONS = /^--(?:title|v8-options|max-old-space-size|max-semi-space-size|stack-size|expose[-_]gc|jitless|interpreted-frames-native-stack|perf-.*|redirect-warnings|openssl-.*|force-fips|enable-fips|use-.*|node-.*|tls-cipher-list|secure-heap.*|max-.*|huge-max-.*|icu-.*|disable-proto|zero-fill-buffers|v8-pool-size|debug-port|track-heap-objects|prof-process|build-snapshot.*|snapshot-blob|run|env-file.*)(?:=|$)/;

function refuseOptions(options, allowed, why) {
  const wrong = [];
  for (const option of options) {
    if (option === '--') break;
    if (option.startsWith('-') && !allowed(option)) wrong.push(option);
  }
  if (wrong.length !== 0) throw new codes.ERR_WORKER_INVALID_EXEC_ARGV(wrong, why);
}

function programOf(filename, options) {
  const isUrl = typeof filename === 'object' && filename !== null && typeof filename.href === 'string' && typeof filename.protocol === 'string';
  if (options.eval) {
    if (typeof filename !== 'string') throw new codes.ERR_INVALID_ARG_VALUE('options.eval', options.eval, 'must be false when \'filename\' is not a string');
    return { code: filename };
  }
  if (isUrl) {
    if (filename.protocol === 'data:') return { code: `import(${JSON.stringify(filename.href)})`, dataUrl: filename.href };
    if (filename.protocol !== 'file:') throw new codes.ERR_INVALID_URL_SCHEME(['file', 'data']);
    return { file: require('node:url').fileURLToPath(filename) };
  }
  if (typeof filename !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('filename', ['string', 'URL'], filename);
  if (!filename.startsWith('/') && !/^\.\.?[\\/]/.test(filename)) {
    const hint = filename.startsWith('file://') ? 'Wrap file:// URLs with `new URL`.' : filename.startsWith('data:text/javascript') ? 'Wrap data: URLs with `new URL`.' : '';
    throw new codes.ERR_WORKER_PATH(hint, filename);
  }
  return { file: require('node:path').resolve(filename) };
}

// Errors come as what the serialiser can carry: the class by name, own properties.
function reviveError({ kind, name, properties, value }) {
  if (kind !== 'error') return value;
  const Class = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError }[name] ?? Error;
  const error = Object.create(Class.prototype);
  const real = Class === AggregateError ? new AggregateError([]) : new Class();
  Object.setPrototypeOf(real, Object.getPrototypeOf(error));
  for (const key of Object.keys(properties)) {
    Object.defineProperty(real, key, { value: properties[key].value, enumerable: properties[key].enumerable, writable: true, configurable: true });
  }
  return real;
}

class Worker extends EventEmitter {
  #number; #name; #control; #port; #running = true; #exit = null; #limits; #online = false;
  #streams = { stdin: null, stdout: null, stderr: null };
  #piped = { stdout: true, stderr: true };
  constructor(filename, options = {}) {
    super();
    validateObject(options, 'options');
    if (options.execArgv) {
      if (!Array.isArray(options.execArgv)) throw new codes.ERR_INVALID_ARG_TYPE('options.execArgv', 'Array', options.execArgv);
      refuseOptions(options.execArgv, (option) => OWN_OPTIONS.test(option));
    }
    let argv = [];
    if (options.argv) {
      validateArray(options.argv, 'options.argv');
      argv = options.argv.map(String);
    }
    const program = programOf(filename, options);
    let env;
    if (typeof options.env === 'object' && options.env !== null) {
      env = {};
      for (const key of Object.keys(options.env)) env[key] = `${options.env[key]}`;
      if (env.NODE_OPTIONS !== undefined && env.NODE_OPTIONS !== process.env.NODE_OPTIONS)
        refuseOptions(env.NODE_OPTIONS.split(/\s+/).filter(Boolean), (option) => OWN_OPTIONS.test(option) || PROCESS_OPTIONS.test(option), 'invalid NODE_OPTIONS env variable');
    } else if (options.env === undefined || options.env === null || options.env === SHARE_ENV) {
      env = { ...process.env };
    } else {
      throw new codes.ERR_INVALID_ARG_TYPE('options.env', ['object', 'undefined', 'null', 'worker_threads.SHARE_ENV'], options.env);
    }
    if (options.name !== undefined) validateString(options.name, 'options.name');
    this.#name = options.name === undefined || options.name === '' ? 'WorkerThread' : options.name;
    this.#limits = { __proto__: null };
    const limits = LIMITS.map((key) => typeof options.resourceLimits?.[key] === 'number' ? Math.max(options.resourceLimits[key], 0) : 0);
    if (limits[3] === 0) limits[3] = STACK_MB;
    this.#limits = {};
    LIMITS.forEach((key, i) => { if (limits[i] !== 0) this.#limits[key] = limits[i]; });

    const channel = new MessageChannel();
    const control = new MessageChannel();
    try {
      control.port1.postMessage({
        kind: 'begin', port: channel.port2, workerData: options.workerData, environment: self.environment(), env, argv,
        stdin: !!options.stdin, evaluated: program.code !== undefined, limits: this.#limits, execArgv: options.execArgv ?? null,
      }, [channel.port2, ...transferOf(options.transferList)]);
    } catch (error) {
      control.port1.close();
      channel.port1.close();
      throw error;
    }
    this.#control = control.port1;
    this.#port = channel.port1;
    this.#control.on('message', (message) => this.#onControl(message));
    this.#port.on('message', (message) => this.emit('message', message));
    this.#port.on('messageerror', (error) => this.emit('messageerror', error));
    this.#control.unref();
    this.#port.unref();
    for (const name of ['stdout', 'stderr']) {
      if (!options[name]) continue;
      this.#piped[name] = false;
      this.#output(name);
    }
    if (options.stdin) this.#makeInput();
    this.#number = native.nextNumber();
    native.start(this.#number, this.#name, control.port2, program.file, program.code, [process.execPath, program.file ?? '[worker eval]', ...argv],
      options.execArgv ?? process.execArgv, limits, (code, outOfMemory) => this.#onExit(code, outOfMemory));
    process.nextTick(() => process.emit('worker', this));
  }

  #onControl(message) {
    switch (message.kind) {
      case 'online':
        this.#online = true;
        this.emit('online');
        break;
      case 'error': this.emit('error', reviveError(message.error)); break;
      case 'output': {
        const name = message.fd === 1 ? 'stdout' : 'stderr';
        if (this.#streams[name] !== null) this.#streams[name].push(message.chunk);
        else if (this.#piped[name]) process[name].write(message.chunk);
        break;
      }
      case 'input': this.#streams.stdin?.emit('wanted'); break;
    }
  }

  #drain(port, take) {
    for (let received; (received = receiveMessageOnPort(port)) !== undefined;) take(received.message);
  }

  #onExit(code, outOfMemory) {
    this.#drain(this.#port, (message) => this.emit('message', message));
    this.#drain(this.#control, (message) => this.#onControl(message));
    this.#control.close();
    this.#port.close();
    this.#running = false;
    this.#limits = {};
    for (const name of ['stdout', 'stderr']) {
      const stream = this.#streams[name];
      if (stream === null) continue;
      stream.push(null);
      if (stream.readableFlowing !== true) stream.resume = stream.resume;
    }
    if (outOfMemory) this.emit('error', new codes.ERR_WORKER_OUT_OF_MEMORY('JS heap out of memory'));
    this.emit('exit', code);
    this.#exit?.(code);
  }

  #output(name) {
    if (this.#streams[name] === null) {
      const { Readable } = require('node:stream');
      const stream = this.#streams[name] = new Readable({ read() {} });
      if (this.#piped[name]) stream.on('data', (chunk) => process[name].write(chunk));
      if (!this.#running) stream.push(null);
    }
    return this.#streams[name];
  }

  #makeInput() {
    const { Writable } = require('node:stream');
    const control = this.#control;
    this.#streams.stdin = new Writable({
      decodeStrings: false,
      write(chunk, encoding, callback) {
        control.postMessage({ kind: 'input', chunk: typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk });
        callback();
      },
      final(callback) {
        control.postMessage({ kind: 'input', chunk: null });
        callback();
      },
    });
  }

  get threadId() { return this.#running ? this.#number : -1; }
  get threadName() { return this.#running ? this.#name : null; }
  get resourceLimits() { return { ...this.#limits }; }
  get stdin() { return this.#streams.stdin; }
  get stdout() { return this.#output('stdout'); }
  get stderr() { return this.#output('stderr'); }
  postMessage(...args) {
    if (this.#running) this.#port.postMessage(...args);
  }
  terminate(callback) {
    if (typeof callback === 'function') {
      process.emitWarning('Passing a callback to worker.terminate() is deprecated. It returns a Promise instead.', 'DeprecationWarning', 'DEP0132');
      if (!this.#running) return Promise.resolve();
      this.once('exit', (code) => callback(null, code));
    }
    if (!this.#running) return Promise.resolve();
    this.ref();
    native.stop(this.#number);
    return new Promise((resolve) => { this.once('exit', resolve); });
  }
  async [Symbol.asyncDispose]() { await this.terminate(); }
  ref() { if (this.#running) native.setRef(this.#number, true); }
  unref() { if (this.#running) native.setRef(this.#number, false); }

  #ask(question, convert) {
    return new Promise((resolve, reject) => {
      const sent = this.#running && native.ask(this.#number, question, (numbers, text) => resolve(convert(numbers, text)));
      if (!sent) reject(new codes.ERR_WORKER_NOT_RUNNING());
    });
  }
  cpuUsage(previous) {
    if (previous !== undefined && previous !== null && !Number.isNaN(previous)) {
      validateObject(previous, 'prevValue');
      for (const name of ['user', 'system']) {
        validateNumber(previous[name], `prevValue.${name}`);
        if (!(previous[name] >= 0 && previous[name] <= Number.MAX_SAFE_INTEGER)) throw new codes.ERR_OUT_OF_RANGE(`prevValue.${name}`, `>= 0 && <= ${Number.MAX_SAFE_INTEGER}`, previous[name]);
      }
    } else {
      previous = { user: 0, system: 0 };
    }
    return this.#ask(PROCESSOR_TIME, ([user, system]) => ({ user: user - previous.user, system: system - previous.system }));
  }
  getHeapStatistics() {
    return this.#ask(HEAP, (numbers) => Object.fromEntries(numbers.map((number, i) => [HEAP_NAMES[i], number])));
  }
  getHeapSnapshot(options = {}) {
    validateObject(options, 'options');
    for (const name of ['exposeInternals', 'exposeNumericValues']) if (options[name] !== undefined) validateBoolean(options[name], `options.${name}`);
    return this.#ask(SNAPSHOT, (numbers, text) => require('node:stream').Readable.from([text], { objectMode: false }));
  }
}

function moveMessagePortToContext(port) {
  if (!(port instanceof MessagePort)) throw new codes.ERR_INVALID_ARG_TYPE('port', 'MessagePort', port);
  throw new codes.ERR_METHOD_NOT_IMPLEMENTED('moveMessagePortToContext()');
}

module.exports = {
  isMainThread: self.isMainThread, isInternalThread: false, parentPort: self.parentPort, threadId: self.threadId, threadName: self.threadName,
  workerData: self.workerData, resourceLimits: self.resourceLimits, SHARE_ENV, Worker, MessagePort, MessageChannel, receiveMessageOnPort,
  BroadcastChannel: messaging.BroadcastChannel, markAsUncloneable: messaging.markAsUncloneable, markAsUntransferable: messaging.markAsUntransferable,
  isMarkedAsUntransferable: messaging.isMarkedAsUntransferable, moveMessagePortToContext,
  getEnvironmentData: self.getEnvironmentData, setEnvironmentData: self.setEnvironmentData, postMessageToThread: self.postMessageToThread,
};
self.listen();
