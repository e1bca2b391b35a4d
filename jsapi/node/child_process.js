// SPDX-License-Identifier: Apache-2.0
// node:child_process: the functions that wait for the other program. spawn(), exec(), execFile() and fork() are not here yet.
'use strict';

const { codes, errnoException } = require('internal/errors');
const { validateBoolean, validateObject, validateString } = require('internal/validators');
const { Buffer } = require('node:buffer');
const { process } = require('internal/process');
const { signals } = require('node:os').constants;

const MAX_BUFFER = 1024 * 1024;
const nameOfSignal = (number) => Object.keys(signals).find((name) => signals[name] === number) ?? null;

function noNull(text, name) {
  if (typeof text === 'string' && text.includes('\0')) throw new codes.ERR_INVALID_ARG_VALUE(name, text, 'must be a string without null bytes');
}

function signalOf(value, name) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Object.values(signals).includes(value)) return value;
  if (typeof value === 'string') {
    const known = signals[value.toUpperCase()];
    if (known !== undefined) return known;
    throw new codes.ERR_UNKNOWN_SIGNAL(value);
  }
  if (typeof value === 'number') throw new codes.ERR_UNKNOWN_SIGNAL(value);
  throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'number'], value);
}

// What all functions do with their arguments: { file, args, options, env, ... }
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
  options = { ...options };
  let { cwd } = options;
  if (cwd != null) {
    if (typeof cwd === 'object' && cwd.href) cwd = require('node:url').fileURLToPath(cwd);
    if (typeof cwd !== 'string' && !ArrayBuffer.isView(cwd)) throw new codes.ERR_INVALID_ARG_TYPE('options.cwd', ['string', 'Buffer', 'URL'], cwd);
    noNull(cwd, 'options.cwd');
  }
  if (options.detached != null) validateBoolean(options.detached, 'options.detached');
  for (const name of ['uid', 'gid']) if (options[name] != null && options[name] !== (options[name] | 0)) throw new codes.ERR_INVALID_ARG_TYPE(`options.${name}`, 'int32', options[name]);
  if (options.shell != null && typeof options.shell !== 'boolean' && typeof options.shell !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('options.shell', ['boolean', 'string'], options.shell);
  if (options.argv0 != null) {
    validateString(options.argv0, 'options.argv0');
    noNull(options.argv0, 'options.argv0');
  }
  if (options.shell) {
    if (args.length > 0) {
      process.emitWarning('Passing args to a child process with shell option true can lead to security vulnerabilities, as the arguments are not escaped, only concatenated.', 'DeprecationWarning', 'DEP0190');
    }
    const command = [file, ...args].join(' ');
    file = typeof options.shell === 'string' ? options.shell : '/bin/sh';
    args = ['-c', command];
  }
  const env = [];
  for (const [key, value] of Object.entries(options.env || process.env)) {
    if (value === undefined) continue;
    noNull(key, `options.env['${key}']`);
    noNull(value, `options.env['${key}']`);
    env.push(`${key}=${value}`);
  }
  return { file, args: [options.argv0 ?? file, ...args], options, env, cwd: cwd == null ? undefined : `${cwd}` };
}

const isStream = (value) => value !== null && typeof value === 'object' && typeof value.fd === 'number';

// For native code: bytes (a pipe that they are written to), a descriptor, '' (a pipe) or null (nothing).
function channelsOf(stdio, input) {
  if (typeof stdio === 'string') {
    if (!['ignore', 'pipe', 'overlapped', 'inherit'].includes(stdio)) throw new codes.ERR_INVALID_ARG_VALUE('stdio', stdio);
    stdio = [stdio, stdio, stdio];
  }
  if (!Array.isArray(stdio)) throw new codes.ERR_INVALID_ARG_VALUE('stdio', stdio);
  const channels = [];
  for (let i = 0; i < Math.max(3, stdio.length); i++) {
    let kind = stdio[i];
    if (kind == null) kind = i < 3 ? 'pipe' : 'ignore';
    if (kind === 'ignore') channels.push(null);
    else if (kind === 'pipe' || kind === 'overlapped') channels.push(i === 0 ? input ?? Buffer.alloc(0) : '');
    else if (kind === 'inherit') channels.push(i);
    else if (kind === 'ipc') throw new codes.ERR_IPC_SYNC_FORK();
    else if (typeof kind === 'number') channels.push(kind);
    else if (isStream(kind)) channels.push(kind.fd);
    else throw new codes.ERR_INVALID_ARG_VALUE('stdio', kind);
  }
  return channels;
}

function spawnSync(file, args, options) {
  const found = normalize(file, args, options);
  ({ options } = found);
  const { timeout, maxBuffer = MAX_BUFFER, encoding } = options;
  if (timeout != null && !(Number.isInteger(timeout) && timeout >= 0)) throw new codes.ERR_OUT_OF_RANGE('timeout', 'an unsigned integer', timeout);
  if (maxBuffer != null && !(typeof maxBuffer === 'number' && maxBuffer >= 0)) throw new codes.ERR_OUT_OF_RANGE('options.maxBuffer', 'a positive number', maxBuffer);
  let { input } = options;
  if (input != null) {
    if (typeof input === 'string') input = Buffer.from(input, encoding === 'buffer' ? undefined : encoding);
    else if (!ArrayBuffer.isView(input)) throw new codes.ERR_INVALID_ARG_TYPE('options.stdio[0]', ['Buffer', 'TypedArray', 'DataView', 'string'], input);
  }
  const [pid, status, signal, number, outputs] = internalBinding('spawn').spawnSync({
    file: found.file, args: found.args, env: found.env, cwd: found.cwd, stdio: channelsOf(options.stdio ?? 'pipe', input), timeout: timeout ?? 0,
    maxBuffer: maxBuffer === Infinity ? 0 : Math.max(Math.floor(maxBuffer ?? MAX_BUFFER), 1), killSignal: signalOf(options.killSignal, 'options.killSignal') ?? 15,
    uid: options.uid, gid: options.gid, detached: !!options.detached,
  });
  const asked = encoding && encoding !== 'buffer' ? encoding : undefined;
  const output = pid === 0 && number !== 0 ? null : outputs.map((each) => each === null ? null : asked ? Buffer.from(each.buffer).toString(asked) : Buffer.from(each.buffer));
  const result = { pid, output, stdout: output && output[1], stderr: output && output[2], status, signal: signal === 0 ? null : nameOfSignal(signal) };
  if (number !== 0) {
    const error = errnoException(number, `spawnSync ${found.file}`);
    error.message = `spawnSync ${found.file} ${error.code}`;
    Error.captureStackTrace(error, spawnSync);
    error.path = found.file;
    error.spawnargs = found.args.slice(1);
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

module.exports = { spawnSync, execFileSync, execSync };
