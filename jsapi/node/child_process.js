// SPDX-License-Identifier: Apache-2.0
// node:child_process. Missing: sending handles (sockets, servers) over the channel of fork(), and what is Windows' alone.
'use strict';

const { codes, callError, AbortError } = require('internal/errors');
const { validateAbortSignal, validateArray, validateBoolean, validateFunction, validateObject, validateOneOf, validateString } = require('internal/validators');
const { EventEmitter } = require('internal/emitter');
const { Buffer } = require('node:buffer');
const { process, nextTick } = require('internal/process');
const { constants: { signals }, constants: { errno } } = require('node:os');

const MAX_BUFFER = 1024 * 1024;
const kStandard = Symbol('kStandard');   // a stream that has become a child's
const nameOfSignal = (number) => Object.keys(signals).find((name) => signals[name] === number) ?? null;
const native = () => internalBinding('spawn');

function noNull(text, name) {
  if (typeof text === 'string' && text.includes('\0')) throw new codes.ERR_INVALID_ARG_VALUE(name, text, 'must be a string without null bytes');
}

function checkTimeout(timeout) {
  if (timeout != null && !(Number.isInteger(timeout) && timeout >= 0)) throw new codes.ERR_OUT_OF_RANGE('timeout', 'an unsigned integer', timeout);
}

function checkMaxBuffer(maxBuffer) {
  if (maxBuffer != null && !(typeof maxBuffer === 'number' && maxBuffer >= 0)) throw new codes.ERR_OUT_OF_RANGE('options.maxBuffer', 'a positive number', maxBuffer);
}

function signalNumber(value) {
  if (typeof value === 'number' && Object.values(signals).includes(value)) return value;
  if (typeof value === 'string' && signals[value.toUpperCase()] !== undefined) return signals[value.toUpperCase()];
  throw new codes.ERR_UNKNOWN_SIGNAL(value);
}

function signalOf(value, name) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number') return signalNumber(value);
  throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'number'], value);
}

// What all functions do with their arguments.
function normalize(file, args, options) {
  validateString(file, 'file');
  noNull(file, 'file');
  if (file.length === 0) throw new codes.ERR_INVALID_ARG_VALUE('file', file, 'cannot be empty');
  if (Array.isArray(args)) {
    args = args.slice();
  } else if (args == null) {
    args = [];
  } else if (typeof args !== 'object') {
    throw new codes.ERR_INVALID_ARG_TYPE('args', 'Object', args);
  } else {
    options = args;
    args = [];
  }
  args = args.map((each, i) => {
    noNull(each, `args[${i}]`);
    return `${each}`;
  });
  if (options === undefined) options = {};
  else validateObject(options, 'options');
  options = { __proto__: null, ...options };
  let { cwd } = options;
  if (cwd != null) {
    if (typeof cwd === 'object' && cwd.href) cwd = require('node:url').fileURLToPath(cwd);
    if (typeof cwd !== 'string' && !ArrayBuffer.isView(cwd)) throw new codes.ERR_INVALID_ARG_TYPE('options.cwd', ['string', 'Buffer', 'URL'], cwd);
    cwd = `${cwd}`;
    noNull(cwd, 'options.cwd');
  }
  if (options.detached != null) validateBoolean(options.detached, 'options.detached');
  for (const name of ['uid', 'gid']) if (options[name] != null && options[name] !== (options[name] | 0)) throw new codes.ERR_INVALID_ARG_TYPE(`options.${name}`, 'int32', options[name]);
  if (options.shell != null && typeof options.shell !== 'boolean' && typeof options.shell !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('options.shell', ['boolean', 'string'], options.shell);
  if (options.argv0 != null) {
    validateString(options.argv0, 'options.argv0');
    noNull(options.argv0, 'options.argv0');
  }
  for (const name of ['windowsHide', 'windowsVerbatimArguments']) if (options[name] != null) validateBoolean(options[name], `options.${name}`);
  if (options.shell) {
    noNull(options.shell, 'options.shell');
    if (args.length > 0) {
      process.emitWarning('Passing args to a child process with shell option true can lead to security vulnerabilities, as the arguments are not escaped, only concatenated.', 'DeprecationWarning', 'DEP0190');
    }
    const command = [file, ...args].join(' ');
    file = typeof options.shell === 'string' ? options.shell : '/bin/sh';
    args = ['-c', command];
  }
  const envPairs = [];
  const env = options.env || process.env;
  for (const key in env) {
    const value = env[key];
    if (value === undefined) continue;
    noNull(key, `options.env['${key}']`);
    noNull(value, `options.env['${key}']`);
    envPairs.push(`${key}=${value}`);
  }
  const all = [options.argv0 ?? file, ...args];
  return { file, args: all, spawnargs: all, options, envPairs, cwd: cwd ?? undefined };
}

// The descriptor of what a user gives for a child's stream; undefined: it has none.
function descriptorOf(value) {
  if (typeof value === 'number') return value;
  if (value === null || typeof value !== 'object') return undefined;
  if (typeof value.fd === 'number' && value.fd >= 0) return value.fd;
  const handle = value._handle ?? value.handle;
  if (handle && typeof handle.fd === 'number' && handle.fd >= 0) return handle.fd;
  return undefined;
}

// [{ type, fd }] of options.stdio.
function stdioOf(stdio, sync) {
  if (typeof stdio === 'string') {
    if (!['ignore', 'pipe', 'overlapped', 'inherit'].includes(stdio)) throw new codes.ERR_INVALID_ARG_VALUE('stdio', stdio);
    stdio = [stdio, stdio, stdio];
  } else if (!Array.isArray(stdio)) {
    throw new codes.ERR_INVALID_ARG_VALUE('stdio', stdio);
  }
  const list = [];
  let ipc;
  for (let i = 0; i < Math.max(3, stdio.length); i++) {
    let kind = stdio[i];
    if (kind == null) kind = i < 3 ? 'pipe' : 'ignore';
    if (kind === 'ignore') {
      list.push({ type: 'ignore' });
    } else if (kind === 'pipe' || kind === 'overlapped' || (typeof kind === 'number' && kind < 0)) {
      list.push({ type: 'pipe' });
    } else if (kind === 'inherit') {
      list.push({ type: 'fd', fd: i });
    } else if (kind === 'ipc') {
      if (sync) throw new codes.ERR_IPC_SYNC_FORK();
      if (ipc !== undefined) throw new codes.ERR_IPC_ONE_PIPE();
      ipc = i;
      list.push({ type: 'ipc' });
    } else if (descriptorOf(kind) !== undefined) {
      list.push({ type: 'fd', fd: descriptorOf(kind), stream: typeof kind === 'object' ? kind : undefined });
    } else if (ArrayBuffer.isView(kind) || typeof kind === 'string') {
      if (!sync) throw new codes.ERR_INVALID_SYNC_FORK_INPUT(require('internal/inspect').inspect(stdio));
      throw new codes.ERR_INVALID_ARG_VALUE('stdio', kind);
    } else {
      throw new codes.ERR_INVALID_ARG_VALUE('stdio', kind);
    }
  }
  return { list, ipc };
}

// For spawnSync(): bytes (a pipe that they are written to), a descriptor, '' (a pipe) or null (nothing).
const channelsOf = (stdio, input) => stdioOf(stdio, true).list.map(({ type, fd }, i) =>
  type === 'ignore' ? null : type === 'fd' ? fd : i === 0 ? input ?? Buffer.alloc(0) : '');

// ---- children that run beside the program

function ChildProcess() {
  EventEmitter.call(this);
  this._closesNeeded = 1;
  this._closesGot = 0;
  this.connected = false;
  this.signalCode = null;
  this.exitCode = null;
  this.killed = false;
  this.spawnfile = null;
  this._handle = null;
}
Object.setPrototypeOf(ChildProcess.prototype, EventEmitter.prototype);
Object.setPrototypeOf(ChildProcess, EventEmitter);

const live = new Set();

function maybeClose(child) {
  child._closesGot++;
  if (child._closesGot === child._closesNeeded) child.emit('close', child.exitCode, child.signalCode);
}

// What nobody has read is thrown away, so that the streams come to their ends.
function flushStreams(child) {
  const { stdio } = child;
  if (stdio == null) return;
  for (const stream of stdio) {
    if (!stream || !stream.readable || stream[kStandard]) continue;
    stream.resume();
  }
}

function onExit(child, code, signal) {
  live.delete(child);
  if (signal) child.signalCode = nameOfSignal(signal);
  else child.exitCode = code;
  if (child.stdin) child.stdin.destroy();
  child._handle = null;
  if (code < 0) {
    const error = callError(code, child.spawnfile ? `spawn ${child.spawnfile}` : 'spawn');
    if (child.spawnfile) error.path = child.spawnfile;
    error.spawnargs = child.spawnargs.slice(1);
    child.emit('error', error);
  } else {
    child.emit('exit', child.exitCode, child.signalCode);
  }
  nextTick(flushStreams, child);
  maybeClose(child);
}

const LATE_ERRORS = ['EACCES', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOENT'].map((name) => errno[name]);

// { file, args, envPairs, cwd, stdio, detached, uid, gid, serialization }
ChildProcess.prototype.spawn = function spawn(options) {
  validateObject(options, 'options');
  const { list, ipc } = stdioOf(options.stdio || 'pipe', false);
  validateOneOf(options.serialization, 'options.serialization', [undefined, 'json', 'advanced']);
  const mode = options.serialization || 'json';
  let { envPairs } = options;
  if (envPairs !== undefined) validateArray(envPairs, 'options.envPairs');
  if (ipc !== undefined) envPairs = [...(envPairs ?? []), `NODE_CHANNEL_FD=${ipc}`, `NODE_CHANNEL_SERIALIZATION_MODE=${mode}`];
  validateString(options.file, 'options.file');
  this.spawnfile = options.file;
  if (options.args === undefined) this.spawnargs = [];
  else validateArray(options.args, 'options.args');
  this.spawnargs = options.args ?? [];
  for (const { stream } of list) {
    if (stream === undefined || typeof stream.stopReading !== 'function') continue;
    stream.stopReading();
    stream.pause();
    stream[kStandard] = true;
  }
  const [pid, ends] = native().spawn({
    file: options.file, args: this.spawnargs.length > 0 ? this.spawnargs : [options.file], env: envPairs, cwd: options.cwd,
    stdio: list.map(({ type, fd }) => type === 'ignore' ? null : type === 'fd' ? fd : ''), uid: options.uid ?? undefined, gid: options.gid ?? undefined, detached: !!options.detached,
  }, (code, signal) => onExit(this, code, signal));
  if (pid < 0) {
    if (!LATE_ERRORS.includes(-pid) || pid === -errno.EMFILE || pid === -errno.ENFILE) {
      for (const fd of ends) if (fd >= 0) require('node:fs').closeSync(fd);
    }
    if (!LATE_ERRORS.includes(-pid)) throw callError(pid, 'spawn');
    nextTick(onExit, this, pid, 0);
    // There was not even a pipe.
    if (pid === -errno.EMFILE || pid === -errno.ENFILE) return pid;
  } else {
    this.pid = pid;
    live.add(this);
    this._handle = {
      pid,
      ref: () => native().hold(pid, true),
      unref: () => native().hold(pid, false),
      hasRef: () => true,
      kill: (signal) => -native().kill(pid, signal),
      close() {},
    };
    nextTick(() => this.emit('spawn'));
  }
  const { PipeStream } = require('internal/node/pipe_stream');
  this.stdio = list.map(({ type }, i) => {
    if (type !== 'pipe') return null;
    this._closesNeeded++;
    const stream = new PipeStream({ fd: ends[i], readable: i > 0, writable: i === 0 || i > 2 });
    stream.once('close', () => maybeClose(this));
    return stream;
  });
  [this.stdin, this.stdout, this.stderr] = this.stdio;
  if (ipc !== undefined) require('internal/node/ipc').attach(this, ends[ipc], mode);
  return pid < 0 ? pid : 0;
};

ChildProcess.prototype.kill = function kill(signal) {
  const number = signal === 0 ? 0 : signalNumber(signal === undefined ? 'SIGTERM' : signal);
  if (this._handle) {
    const failed = native().kill(this.pid, number);
    if (failed === 0) {
      this.killed = true;
      return true;
    }
    if (failed === errno.EINVAL || failed === errno.ENOSYS) throw callError(failed, 'kill');
    if (failed !== errno.ESRCH) this.emit('error', callError(failed, 'kill'));
  }
  return false;
};
ChildProcess.prototype[Symbol.dispose ?? Symbol.for('nodejs.dispose')] = function() { if (!this.killed) this.kill(); };
ChildProcess.prototype.ref = function ref() { if (this._handle) this._handle.ref(); };
ChildProcess.prototype.unref = function unref() { if (this._handle) this._handle.unref(); };

function abort(child, killSignal, reason) {
  try {
    if (child.kill(killSignal)) child.emit('error', new AbortError(undefined, { cause: reason }));
  } catch (error) {
    child.emit('error', error);
  }
}

function spawn(file, args, options) {
  const found = normalize(file, args, options);
  ({ options } = found);
  checkTimeout(options.timeout);
  validateAbortSignal(options.signal, 'options.signal');
  const killSignal = signalOf(options.killSignal, 'options.killSignal');
  const child = new ChildProcess();
  child.spawn({ ...options, file: found.file, args: found.args, envPairs: found.envPairs, cwd: found.cwd });
  if (options.timeout > 0) {
    let timer = setTimeout(() => {
      timer = null;
      try {
        child.kill(killSignal);
      } catch (error) {
        child.emit('error', error);
      }
    }, options.timeout);
    child.once('exit', () => { if (timer !== null) clearTimeout(timer); });
  }
  if (options.signal) {
    const { signal } = options;
    const onAbort = () => abort(child, killSignal, signal.reason);
    if (signal.aborted) {
      nextTick(onAbort);
    } else {
      signal.addEventListener('abort', onAbort, { once: true });
      child.once('exit', () => signal.removeEventListener('abort', onAbort));
    }
  }
  return child;
}

function fork(modulePath, args = [], options) {
  modulePath = pathOf(modulePath, 'modulePath');
  if (args == null) {
    args = [];
  } else if (typeof args === 'object' && !Array.isArray(args)) {
    options = args;
    args = [];
  } else {
    validateArray(args, 'args');
  }
  if (options != null) validateObject(options, 'options');
  options = { __proto__: null, ...options, shell: false };
  options.execPath = options.execPath || process.execPath;
  noNull(options.execPath, 'options.execPath');
  let execArgv = options.execArgv || process.execArgv;
  // What evaluates a text would do so in the child as well.
  if (execArgv === process.execArgv && process._eval != null) {
    const at = execArgv.lastIndexOf(process._eval);
    if (at > 0) execArgv = [...execArgv.slice(0, at - 1), ...execArgv.slice(at + 1)];
  }
  execArgv.forEach((each, i) => noNull(each, `options.execArgv[${i}]`));
  args.forEach((each, i) => noNull(each, `args[${i}]`));
  if (typeof options.stdio === 'string') {
    if (!['ignore', 'pipe', 'overlapped', 'inherit'].includes(options.stdio)) throw new codes.ERR_INVALID_ARG_VALUE('stdio', options.stdio);
    options.stdio = [options.stdio, options.stdio, options.stdio, 'ipc'];
  } else if (!Array.isArray(options.stdio)) {
    const kind = options.silent ? 'pipe' : 'inherit';
    options.stdio = [kind, kind, kind, 'ipc'];
  } else if (!options.stdio.includes('ipc')) {
    throw new codes.ERR_CHILD_PROCESS_IPC_REQUIRED('options.stdio');
  }
  return spawn(options.execPath, [...execArgv, modulePath, ...args], options);
}

function pathOf(value, name) {
  if (value !== null && typeof value === 'object' && value.href && value.protocol) value = require('node:url').fileURLToPath(value);
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'URL'], value);
  value = `${value}`;
  noNull(value, name);
  return value;
}

// ---- those that gather what a child says

function normalizeExec(command, options, callback) {
  validateString(command, 'command');
  noNull(command, 'command');
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  options = { __proto__: null, ...options };
  options.shell = typeof options.shell === 'string' ? options.shell : true;
  return { options, callback };
}

function exec(command, options, callback) {
  const found = normalizeExec(command, options, callback);
  return execFile(command, found.options, found.callback);
}

function normalizeExecFile(file, args, options, callback) {
  if (Array.isArray(args)) {
    args = args.slice();
  } else if (args != null && typeof args === 'object') {
    callback = options;
    options = args;
    args = null;
  } else if (typeof args === 'function') {
    callback = args;
    options = null;
    args = null;
  }
  args ??= [];
  if (typeof options === 'function') callback = options;
  else if (options != null) validateObject(options, 'options');
  if (options == null || typeof options === 'function') options = {};
  if (callback != null) validateFunction(callback, 'callback');
  if (options.argv0 != null) {
    validateString(options.argv0, 'options.argv0');
    noNull(options.argv0, 'options.argv0');
  }
  return { args, options, callback };
}

// What a stream of the child has said, up to a limit.
function gather(stream, name, encoding, maxBuffer, tooMuch) {
  const said = { chunks: [], bytes: 0, text: () => '' };
  if (!stream) return said;
  if (encoding) stream.setEncoding(encoding);
  stream.on('data', (chunk) => {
    const asText = stream.readableEncoding;
    const length = asText ? Buffer.byteLength(chunk, asText) : chunk.length;
    said.bytes += length;
    if (said.bytes > maxBuffer) {
      said.chunks.push(chunk.slice(0, maxBuffer - (said.bytes - length)));
      tooMuch(new codes.ERR_CHILD_PROCESS_STDIO_MAXBUFFER(name));
    } else {
      said.chunks.push(chunk);
    }
  });
  said.text = () => encoding || stream.readableEncoding ? said.chunks.join('') : Buffer.concat(said.chunks.map((chunk) => typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  return said;
}

function execFile(file, args, options, callback) {
  ({ args, options, callback } = normalizeExecFile(file, args, options, callback));
  options = { encoding: 'utf8', timeout: 0, maxBuffer: MAX_BUFFER, killSignal: 'SIGTERM', cwd: null, env: null, shell: false, ...options };
  checkTimeout(options.timeout);
  checkMaxBuffer(options.maxBuffer);
  options.killSignal = signalOf(options.killSignal, 'options.killSignal');
  const child = spawn(file, args, {
    cwd: options.cwd, env: options.env, gid: options.gid, shell: options.shell, signal: options.signal, uid: options.uid, argv0: options.argv0,
    windowsHide: options.windowsHide != null ? !!options.windowsHide : undefined, windowsVerbatimArguments: options.windowsVerbatimArguments != null ? !!options.windowsVerbatimArguments : undefined,
  });
  const encoding = options.encoding !== 'buffer' && Buffer.isEncoding(options.encoding) ? options.encoding : null;
  let killed = false;
  let ended = false;
  let timer = null;
  let problem = null;
  let command = file;
  const maxBuffer = options.maxBuffer ?? MAX_BUFFER;
  const tooMuch = (error) => {
    problem = error;
    kill();
  };
  const out = gather(child.stdout, 'stdout', encoding, maxBuffer, tooMuch);
  const err = gather(child.stderr, 'stderr', encoding, maxBuffer, tooMuch);

  function onEnd(code = 0, signal = null) {
    if (ended) return;
    ended = true;
    if (timer !== null) clearTimeout(timer);
    if (!callback) return;
    const stdout = out.text();
    const stderr = err.text();
    if (problem === null && code === 0 && signal === null) {
      callback(null, stdout, stderr);
      return;
    }
    if (args.length > 0) command += ` ${args.join(' ')}`;
    if (problem === null) {
      problem = new Error(`Command failed: ${command}\n${stderr}`);
      problem.code = code < 0 ? require('node:util').getSystemErrorName(code) : code;
      problem.killed = child.killed || killed;
      problem.signal = signal;
    }
    problem.cmd = command;
    callback(problem, stdout, stderr);
  }
  function onError(error) {
    problem = error;
    if (child.stdout) child.stdout.destroy();
    if (child.stderr) child.stderr.destroy();
    onEnd();
  }
  function kill() {
    if (child.stdout) child.stdout.destroy();
    if (child.stderr) child.stderr.destroy();
    killed = true;
    try {
      child.kill(options.killSignal);
    } catch (error) {
      problem ??= error;
      onEnd();
    }
  }
  if (options.timeout > 0) {
    timer = setTimeout(() => {
      timer = null;
      kill();
    }, options.timeout);
  }
  child.addListener('close', onEnd);
  child.addListener('error', onError);
  return child;
}

// For util.promisify(): a promise of { stdout, stderr }, which has the child.
const promised = (original) => (...args) => {
  let child;
  const promise = new Promise((resolve, reject) => {
    child = original(...args, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ stdout, stderr });
      } else {
        error.stdout = stdout;
        error.stderr = stderr;
        reject(error);
      }
    });
  });
  promise.child = child;
  return promise;
};
for (const each of [exec, execFile]) {
  Object.defineProperty(each, Symbol.for('nodejs.util.promisify.custom'), { value: Object.defineProperty(promised(each), 'name', { value: each.name }), enumerable: false });
}

// ---- those that wait

function spawnSync(file, args, options) {
  const found = normalize(file, args, options);
  ({ options } = found);
  const { timeout, maxBuffer = MAX_BUFFER, encoding } = options;
  checkTimeout(timeout);
  checkMaxBuffer(maxBuffer);
  let { input } = options;
  if (input != null) {
    if (typeof input === 'string') input = Buffer.from(input, encoding === 'buffer' ? undefined : encoding);
    else if (!ArrayBuffer.isView(input)) throw new codes.ERR_INVALID_ARG_TYPE('options.stdio[0]', ['Buffer', 'TypedArray', 'DataView', 'string'], input);
  }
  const [pid, status, signal, number, outputs] = internalBinding('spawn').spawnSync({
    file: found.file, args: found.args, env: found.envPairs, cwd: found.cwd, stdio: channelsOf(options.stdio ?? 'pipe', input), timeout: timeout ?? 0,
    maxBuffer: maxBuffer === Infinity ? 0 : Math.max(Math.floor(maxBuffer ?? MAX_BUFFER), 1), killSignal: signalOf(options.killSignal, 'options.killSignal') ?? 15,
    uid: options.uid, gid: options.gid, detached: !!options.detached,
  });
  const asked = encoding && encoding !== 'buffer' ? encoding : undefined;
  const output = pid === 0 && number !== 0 ? null : outputs.map((each) => each === null ? null : asked ? Buffer.from(each.buffer).toString(asked) : Buffer.from(each.buffer));
  const result = { pid, output, stdout: output && output[1], stderr: output && output[2], status, signal: signal === 0 ? null : nameOfSignal(signal) };
  if (number !== 0) {
    const error = callError(number, `spawnSync ${found.file}`);
    error.path = found.file;
    error.spawnargs = found.spawnargs.slice(1);
    result.error = error;
  }
  return result;
}

function checkResult(result, args, command) {
  if (result.error) return Object.assign(result.error, result);
  if (result.status === 0) return undefined;
  let message = 'Command failed: ';
  message += command || args.join(' ');
  if (result.stderr && result.stderr.length > 0) message += `\n${result.stderr.toString()}`;
  return Object.assign(new Error(message), result);
}

function execFileSync(file, args, options) {
  const isList = Array.isArray(args);
  const settings = (isList ? options : args ?? options) ?? {};
  const list = isList ? args : [];
  const inherits = !settings.stdio;
  const result = spawnSync(file, list, settings);
  if (inherits && result.stderr && result.stderr.length > 0) process.stderr.write(result.stderr);
  const error = checkResult(result, [settings.argv0 || file, ...list], undefined);
  if (error) throw error;
  return result.stdout;
}

function execSync(command, options) {
  validateString(command, 'command');
  const settings = { ...options, shell: typeof options?.shell === 'string' ? options.shell : true };
  const inherits = !settings.stdio;
  const result = spawnSync(command, settings);
  if (inherits && result.stderr && result.stderr.length > 0) process.stderr.write(result.stderr);
  const error = checkResult(result, undefined, command);
  if (error) throw error;
  return result.stdout;
}

module.exports = { _forkChild, ChildProcess, exec, execFile, execFileSync, execSync, fork, spawn, spawnSync };
// For process.getActiveResourcesInfo().
Object.defineProperty(module.exports, Symbol.for('sluice.liveChildren'), { value: live, enumerable: false });

function _forkChild(fd, mode) {
  require('internal/node/ipc').attach(process, fd, mode);
}
