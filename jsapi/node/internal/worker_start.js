// SPDX-License-Identifier: Apache-2.0
// What runs in a worker before its program: takes what the parent sent along, makes the process object that of a worker.
'use strict';

const { codes } = require('internal/errors');
const { process } = require('internal/process');
const self = require('internal/node/worker_self');
const { receiveMessageOnPort } = require('internal/node/messaging');
const native = internalBinding('worker');

const UNSUPPORTED = ['abort', 'chdir', 'initgroups', 'setegid', 'seteuid', 'setgid', 'setgroups', 'setuid'];
const PLAIN = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

const define = (name, value) => Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true });

function environmentOf(values) {
  return new Proxy(values, {
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

// For the parent, which makes an error of the same class of it.
function describeError(error, control) {
  const attempts = [
    () => {
      if (!require('internal/inspect').isError(error)) return { kind: 'value', value: error };
      let name = 'Error';
      for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
        const Class = PLAIN.find((each) => each.prototype === at);
        if (Class !== undefined) {
          name = Class.name;
          break;
        }
      }
      const properties = { __proto__: null };
      for (let at = error; at !== null && at !== Object.prototype && !PLAIN.some((each) => each.prototype === at); at = Object.getPrototypeOf(at)) {
        for (const key of Object.getOwnPropertyNames(at)) {
          if (key in properties || key === 'constructor' || key === '__proto__') continue;
          const descriptor = Object.getOwnPropertyDescriptor(at, key);
          let value;
          try {
            value = error[key];
          } catch {
            continue;
          }
          if (typeof value === 'function' || typeof value === 'symbol') continue;
          if (typeof value === 'object' && value !== null) {
            try {
              value = internalBinding('messaging').clone(value, []);
            } catch {
              continue;
            }
          }
          properties[key] = { value, enumerable: !!descriptor.enumerable };
        }
      }
      return { kind: 'error', name, properties: { ...properties } };
    },
    () => ({ kind: 'value', value: require('internal/inspect').inspect(error) }),
    () => ({ kind: 'error', name: 'Error', properties: { message: { value: 'Serializing an uncaught exception failed' }, code: { value: 'ERR_WORKER_UNSERIALIZABLE_ERROR', enumerable: true } } }),
  ];
  for (const attempt of attempts) {
    try {
      control.postMessage({ kind: 'error', error: attempt() });
      return true;
    } catch {
      // The next one is simpler.
    }
  }
  return false;
}

exports.begin = function begin() {
  const control = native.takeControl();
  const { message: given } = receiveMessageOnPort(control);
  const [number, name] = native.self();
  Object.assign(self, { isMainThread: false, parentPort: given.port, threadId: number, threadName: name, workerData: given.workerData });
  const heapLimit = Math.round(require('node:v8').getHeapStatistics().heap_size_limit / 1048576);
  self.resourceLimits = { maxYoungGenerationSizeMb: 48, maxOldGenerationSizeMb: heapLimit, codeRangeSizeMb: 0, stackSizeMb: 4, ...given.limits };
  for (const [key, value] of given.environment) self.setEnvironmentData(key, value);
  self.listen();

  process.env = environmentOf(given.env);
  if (given.execArgv !== null) define('execArgv', given.execArgv);
  for (const each of UNSUPPORTED) {
    const refused = () => { throw new codes.ERR_WORKER_UNSUPPORTED_OPERATION(`process.${each}()`); };
    refused.disabled = true;
    process[each] = refused;
  }
  const { umask } = process;
  process.umask = function(mask) {
    if (mask !== undefined) throw new codes.ERR_WORKER_UNSUPPORTED_OPERATION('Setting process.umask()');
    return umask();
  };
  for (const each of ['channel', 'connected', 'send', 'disconnect']) {
    if (each in process) {
      const refuse = () => { throw new codes.ERR_WORKER_UNSUPPORTED_OPERATION(`process.${each}`); };
      Object.defineProperty(process, each, { get: refuse, set: refuse, configurable: true, enumerable: false });
    }
  }
  native.takeErrors((error) => describeError(error, control));

  // Standard streams are the parent's. Most workers only write, so that no stream is made before it is asked for.
  const send = (fd, chunk) => control.postMessage({ kind: 'output', fd, chunk: typeof chunk === 'string' ? chunk : new Uint8Array(chunk) });
  const binding = internalBinding('process');
  const { write, isTerminal } = binding;
  binding.write = (fd, chunk) => fd === 1 || fd === 2 ? send(fd, chunk) : write(fd, chunk);
  binding.isTerminal = (fd) => fd > 2 && isTerminal(fd);
  for (const [stream, fd] of [['stdout', 1], ['stderr', 2]]) {
    let made;
    Object.defineProperty(process, stream, {
      configurable: true, enumerable: true,
      get() {
        if (made === undefined) {
          const { Writable } = require('node:stream');
          made = new Writable({
            decodeStrings: false,
            write(chunk, encoding, callback) {
              send(fd, typeof chunk === 'string' && encoding !== 'utf8' ? Buffer.from(chunk, encoding) : chunk);
              callback();
            },
          });
          made._isStdio = true;
          made.fd = fd;
        }
        return made;
      },
    });
  }
  let input;
  Object.defineProperty(process, 'stdin', {
    configurable: true, enumerable: true,
    get() {
      if (input === undefined) {
        const { Readable } = require('node:stream');
        input = new Readable({ read() { if (given.stdin && !input.readableEnded) control.ref(); } });
        input.fd = 0;
        if (!given.stdin) input.push(null);
        control.on('message', (message) => {
          if (message.kind !== 'input') return;
          control.unref();
          input.push(message.chunk);
        });
        control.unref();
      }
      return input;
    },
  });

  if (given.evaluated) process._eval = '';
  control.postMessage({ kind: 'online' });
  const { execArgv } = process;
  for (let i = 0; i < execArgv.length; i++) {
    if (execArgv[i] !== '--require' && execArgv[i] !== '-r') continue;
    require('internal/loader').createRequire(`${process.cwd()}/[worker]`)(execArgv[++i]);
  }
};
