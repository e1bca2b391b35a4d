// SPDX-License-Identifier: Apache-2.0
// The Streams Standard (streams.spec.whatwg.org): readable streams with byte streams and BYOB readers, writable and transform
// streams, queuing strategies. Sections of the standard are named where an algorithm follows it step by step. What can be seen
// beyond the standard (codes of errors, inspect) is as in Node. Transfer: internal/node/web_stream_transfer.
'use strict';

const { codes } = require('internal/errors');
const { HostObject, hideBase, kTransfer, kTransferList } = require('internal/node/messaging');
const { AbortController, DOMException } = require('internal/event_target');
const { validateAbortSignal, validateBoolean, validateFunction, validateObject } = require('internal/validators');

const k = Symbol('kState');
const kPrivate = Symbol('kPrivate');
const kInspect = Symbol.for('nodejs.util.inspect.custom');
const nothing = () => {};
const invalidState = (text) => new codes.ERR_INVALID_STATE.TypeError(text);
const invalidThis = (name) => new codes.ERR_INVALID_THIS(name);
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

function deferred() {
  const made = { promise: undefined, resolve: undefined, reject: undefined };
  made.promise = new Promise((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  return made;
}
const handled = (promise) => { promise.then(undefined, nothing); return promise; };
function rejected(reason) {
  const made = deferred();
  handled(made.promise);
  made.reject(reason);
  return made;
}
function resolved(value) {
  const made = deferred();
  made.resolve(value);
  return made;
}
// A method of a source, a sink or a transformer, as a function that gives a promise.
function methodOf(object, name, label, standard = nothing) {
  const method = object?.[name];
  if (method === undefined) return (...args) => { const value = standard(...args); return value === undefined ? settled : Promise.resolve(value); };
  validateFunction(method, `${label}.${name}`);
  return async (...args) => Reflect.apply(method, object, args);
}
const settled = Promise.resolve();

function inspector(Class, describe) {
  Object.defineProperty(Class.prototype, kInspect, {
    value(depth, options) {
      if (depth < 0) return this;
      const inner = { ...options, depth: options.depth == null ? null : options.depth - 1 };
      return `${Class.name} ${require('internal/inspect').inspect(describe(this), inner)}`;
    },
    writable: true, configurable: true, enumerable: false,
  });
}

// ---- queuing strategies (section 7)

const countSize = Object.defineProperty(() => 1, 'name', { value: 'size' });
const byteSize = Object.defineProperty((chunk) => chunk.byteLength, 'name', { value: 'size' });
function strategyInit(init) {
  if (init === null || typeof init !== 'object') throw new codes.ERR_INVALID_ARG_TYPE('init', 'Object', init);
  if (init.highWaterMark === undefined) throw new codes.ERR_MISSING_OPTION('init.highWaterMark');
  return +init.highWaterMark;
}
class ByteLengthQueuingStrategy {
  constructor(init) { this[k] = { highWaterMark: strategyInit(init) }; }
  get highWaterMark() {
    if (!(this instanceof ByteLengthQueuingStrategy) || this[k] === undefined) throw invalidThis('ByteLengthQueuingStrategy');
    return this[k].highWaterMark;
  }
  get size() {
    if (!(this instanceof ByteLengthQueuingStrategy) || this[k] === undefined) throw invalidThis('ByteLengthQueuingStrategy');
    return byteSize;
  }
}
class CountQueuingStrategy {
  constructor(init) { this[k] = { highWaterMark: strategyInit(init) }; }
  get highWaterMark() {
    if (!(this instanceof CountQueuingStrategy) || this[k] === undefined) throw invalidThis('CountQueuingStrategy');
    return this[k].highWaterMark;
  }
  get size() {
    if (!(this instanceof CountQueuingStrategy) || this[k] === undefined) throw invalidThis('CountQueuingStrategy');
    return countSize;
  }
}
for (const Class of [ByteLengthQueuingStrategy, CountQueuingStrategy]) inspector(Class, (it) => ({ highWaterMark: it.highWaterMark }));

function highWaterMarkOf(strategy, standard) {
  const { highWaterMark } = strategy;
  if (highWaterMark === undefined) return standard;
  const number = +highWaterMark;
  if (Number.isNaN(number) || number < 0) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('strategy.highWaterMark', highWaterMark);
  return number;
}
function sizeOf(strategy) {
  const { size } = strategy;
  if (size === undefined) return () => 1;
  validateFunction(size, 'strategy.size');
  return size;
}
function checkStrategy(strategy) {
  if (strategy === null || strategy === undefined) return {};
  if (!isObject(strategy)) throw new codes.ERR_INVALID_ARG_TYPE('strategy', 'Object', strategy);
  return strategy;
}

// ---- queues with sizes (section 8.1)

// A queue that gives its first without moving the others.
class Queue {
  constructor() {
    this.items = [];
    this.head = 0;
    this.total = 0;
  }
  get length() { return this.items.length - this.head; }
  push(value, size) {
    if (typeof size !== 'number' || Number.isNaN(size) || size < 0 || size === Infinity) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('size', size);
    this.items.push({ value, size });
    this.total += size;
  }
  peek() { return this.items[this.head].value; }
  shift() {
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.head === this.items.length || this.head > 1024) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    this.total -= item.size;
    if (this.total < 0) this.total = 0;
    return item.value;
  }
  reset() {
    this.items = [];
    this.head = 0;
    this.total = 0;
  }
}

// ---- ReadableStream (section 4.2)

const isReadableStream = (value) => isObject(value) && value[k] !== undefined && value[k].kind === 'readable';
const isWritableStream = (value) => isObject(value) && value[k] !== undefined && value[k].kind === 'writable';
const isTransformStream = (value) => isObject(value) && value[k] !== undefined && value[k].kind === 'transform';
// What Node's streams ask of those of the web: when they end, and to make them fail.
const kIsClosedPromise = Symbol.for('nodejs.webstream.isClosedPromise');
const kControllerErrorFunction = Symbol.for('nodejs.webstream.controllerErrorFunction');
function endOf(stream) {
  const state = stream[k];
  if (state.ended === undefined) {
    state.ended = deferred();
    handled(state.ended.promise);
    settleEnd(state);
  }
  return state.ended;
}
function settleEnd(state) {
  if (state.ended === undefined) return;
  if (state.state === 'closed') state.ended.resolve(undefined);
  else if (state.state === 'errored') state.ended.reject(state.error);
}
function defineEnd(Class, fail) {
  Object.defineProperty(Class.prototype, kIsClosedPromise, { configurable: true, get() { return endOf(this); } });
  Object.defineProperty(Class.prototype, kControllerErrorFunction, { configurable: true, get() { return (error) => fail(this, error); } });
  Object.defineProperty(Class.prototype, Symbol.for('nodejs.stream.errored'), { configurable: true, get() { return this[k]?.state === 'errored'; } });
}

const isDefaultReader = (value) => isObject(value) && value[k]?.kind === 'defaultReader';
const isByobReader = (value) => isObject(value) && value[k]?.kind === 'byobReader';

class ReadableStream extends HostObject {
  constructor(source = {}, strategy = {}) {
    super();
    if (source === kPrivate) {
      initReadable(this);
      return;
    }
    if (source === null || !isObject(source)) throw new codes.ERR_INVALID_ARG_TYPE('source', 'Object', source);
    strategy = checkStrategy(strategy);
    initReadable(this);
    const type = source.type === undefined ? undefined : `${source.type}`;
    if (type === 'bytes') {
      if (strategy.size !== undefined) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('strategy.size', strategy.size);
      setupByteController(this, source, highWaterMarkOf(strategy, 0));
      return;
    }
    if (type !== undefined) throw new codes.ERR_INVALID_ARG_VALUE('source.type', type);
    const size = sizeOf(strategy);
    const highWaterMark = highWaterMarkOf(strategy, 1);
    setupDefaultController(this, new ReadableStreamDefaultController(kPrivate), startOf(source, 'source'), methodOf(source, 'pull', 'source'), methodOf(source, 'cancel', 'source'), highWaterMark, size);
  }
  static from(iterable) { return fromIterable(iterable); }
  get locked() {
    if (!isReadableStream(this)) throw invalidThis('ReadableStream');
    return this[k].reader !== undefined;
  }
  cancel(reason = undefined) {
    if (!isReadableStream(this)) return Promise.reject(invalidThis('ReadableStream'));
    if (this[k].reader !== undefined) return Promise.reject(invalidState('ReadableStream is locked'));
    return cancelReadable(this, reason);
  }
  getReader(options = {}) {
    if (!isReadableStream(this)) throw invalidThis('ReadableStream');
    if (options === null || !isObject(options)) throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
    const { mode } = options;
    if (mode === undefined) return new ReadableStreamDefaultReader(this);
    if (`${mode}` !== 'byob') throw new codes.ERR_INVALID_ARG_VALUE('options.mode', mode);
    return new ReadableStreamBYOBReader(this);
  }
  pipeThrough(transform, options = {}) {
    if (!isReadableStream(this)) throw invalidThis('ReadableStream');
    const readable = transform?.readable;
    if (!isReadableStream(readable)) throw new codes.ERR_INVALID_ARG_TYPE('transform.readable', 'ReadableStream', readable);
    const writable = transform?.writable;
    if (!isWritableStream(writable)) throw new codes.ERR_INVALID_ARG_TYPE('transform.writable', 'WritableStream', writable);
    const found = pipeOptions(options);
    if (this[k].reader !== undefined) throw invalidState('The ReadableStream is locked');
    if (writable[k].writer !== undefined) throw invalidState('The WritableStream is locked');
    handled(pipe(this, writable, found));
    return readable;
  }
  pipeTo(destination, options = {}) {
    try {
      if (!isReadableStream(this)) throw invalidThis('ReadableStream');
      if (!isWritableStream(destination)) throw new codes.ERR_INVALID_ARG_TYPE('transform.writable', 'WritableStream', destination);
      const found = pipeOptions(options);
      if (this[k].reader !== undefined) throw invalidState('The ReadableStream is locked');
      if (destination[k].writer !== undefined) throw invalidState('The WritableStream is locked');
      return pipe(this, destination, found);
    } catch (error) {
      return Promise.reject(error);
    }
  }
  tee() {
    if (!isReadableStream(this)) throw invalidThis('ReadableStream');
    return isByteController(this[k].controller) ? teeBytes(this) : teeDefault(this);
  }
  values(options = undefined) {
    if (!isReadableStream(this)) throw invalidThis('ReadableStream');
    if (options !== undefined && options !== null && !isObject(options)) throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
    return makeIterator(this, !!options?.preventCancel);
  }
  [kTransfer]() {
    if (this[k].reader !== undefined) throw new DOMException('Cannot transfer a locked ReadableStream', 'DataCloneError');
    return require('internal/node/web_stream_transfer').transferReadable(this);
  }
  [kTransferList]() { return require('internal/node/web_stream_transfer').portsOf(this); }
  get _disturbed() { return this[k].disturbed; }
}
hideBase(ReadableStream);
Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, { value: ReadableStream.prototype.values, writable: true, configurable: true, enumerable: false });
inspector(ReadableStream, (it) => ({ locked: it.locked, state: it[k].state, supportsBYOB: isByteController(it[k].controller) }));

function initReadable(stream) {
  stream[k] = { kind: 'readable', state: 'readable', reader: undefined, error: undefined, disturbed: false, controller: undefined, ports: undefined };
}
function startOf(source, label) {
  const { start } = source;
  if (start === undefined) return nothing;
  validateFunction(start, `${label}.start`);
  return (controller) => Reflect.apply(start, source, [controller]);
}
function pipeOptions(options) {
  if (options === undefined || options === null) options = {};
  else if (!isObject(options)) throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
  const preventAbort = !!options.preventAbort, preventCancel = !!options.preventCancel, preventClose = !!options.preventClose, { signal } = options;
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
  return { preventClose, preventAbort, preventCancel, signal };
}

function createReadable(start, pull, cancel, highWaterMark = 1, size = () => 1) {
  const stream = new ReadableStream(kPrivate);
  setupDefaultController(stream, new ReadableStreamDefaultController(kPrivate), start, pull, cancel, highWaterMark, size);
  return stream;
}
function createReadableBytes(start, pull, cancel) {
  const stream = new ReadableStream(kPrivate);
  setupByteParts(stream, new ReadableByteStreamController(kPrivate), start, pull, cancel, 0, undefined);
  return stream;
}

// ReadableStreamFromIterable, section 4.9.1
function fromIterable(iterable) {
  let iterator, next;
  const method = iterable == null ? undefined : iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator];
  if (typeof method !== 'function') throw new codes.ERR_ARG_NOT_ITERABLE(iterable === null ? 'null' : require('internal/inspect').inspect(iterable));
  iterator = Reflect.apply(method, iterable, []);
  if (!isObject(iterator)) throw invalidState('The iterator method must return an object');
  next = iterator.next;
  const isAsync = typeof iterable[Symbol.asyncIterator] === 'function';
  let stream;
  stream = createReadable(nothing, async () => {
    const result = await Reflect.apply(next, iterator, []);
    if (!isObject(result)) throw invalidState('The promise returned by the iterator.next() method must fulfill with an object');
    if (result.done) closeDefault(stream[k].controller);
    else enqueueDefault(stream[k].controller, isAsync ? result.value : await result.value);
  }, async (reason) => {
    const end = iterator.return;
    if (end === undefined) return;
    const result = await Reflect.apply(end, iterator, [reason]);
    if (!isObject(result)) throw invalidState('The promise returned by the iterator.return() method must fulfill with an object');
  }, 0);
  return stream;
}

const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);
// Section 4.2.5
const IteratorPrototype = Object.create(AsyncIteratorPrototype, {
  next: { value: function next() { return this[k].next(); }, enumerable: true, configurable: true, writable: true },
  return: { value: function(error) { return this[k].return(error); }, enumerable: true, configurable: true, writable: true },
});
Object.defineProperty(IteratorPrototype.return, 'name', { value: 'return' });
function makeIterator(stream, preventCancel) {
  const reader = new ReadableStreamDefaultReader(stream);
  let done = false, ongoing;
  const step = () => {
    if (done) return Promise.resolve({ value: undefined, done: true });
    const made = deferred();
    readDefault(reader, {
      chunk(value) { made.resolve({ value, done: false }); },
      close() {
        done = true;
        release(reader);
        made.resolve({ value: undefined, done: true });
      },
      error(error) {
        done = true;
        release(reader);
        made.reject(error);
      },
    });
    return made.promise;
  };
  const end = async (value) => {
    if (done) return { done: true, value };
    done = true;
    if (preventCancel) release(reader);
    else {
      const result = cancelReadable(reader[k].stream, value);
      release(reader);
      await result;
    }
    return { done: true, value };
  };
  const iterator = Object.create(IteratorPrototype);
  Object.defineProperty(iterator, k, {
    value: {
      next() { return ongoing = ongoing === undefined ? step() : ongoing.then(step, step); },
      return(value) { return ongoing = ongoing === undefined ? end(value) : ongoing.then(() => end(value), () => end(value)); },
    },
  });
  return iterator;
}

// ReadableStreamPipeTo, section 4.9.1
function pipe(source, destination, { preventClose, preventAbort, preventCancel, signal }) {
  const reader = new ReadableStreamDefaultReader(source);
  const writer = new WritableStreamDefaultWriter(destination);
  source[k].disturbed = true;
  let shutting = false;
  let lastWrite = settled;
  const result = deferred();
  const finish = (failed, error) => {
    releaseWriter(writer);
    release(reader);
    if (signal !== undefined) signal.removeEventListener('abort', onAbort);
    if (failed) result.reject(error);
    else result.resolve(undefined);
  };
  const written = async () => {
    for (let seen; seen !== lastWrite;) {
      seen = lastWrite;
      await seen.then(nothing, nothing);
    }
  };
  const shutdown = (action, failed, error) => {
    if (shutting) return;
    shutting = true;
    const go = () => {
      if (action === undefined) return finish(failed, error);
      action().then(() => finish(failed, error), (actionError) => finish(true, actionError));
    };
    if (destination[k].state === 'writable' && !closeQueuedOrInFlight(destination)) written().then(go);
    else go();
  };
  const onAbort = () => {
    const error = signal.reason;
    const actions = [];
    if (!preventAbort) actions.push(() => destination[k].state === 'writable' ? abortWritable(destination, error) : settled);
    if (!preventCancel) actions.push(() => source[k].state === 'readable' ? cancelReadable(source, error) : settled);
    shutdown(() => Promise.all(actions.map((action) => action())), true, error);
  };
  if (signal !== undefined) {
    if (signal.aborted) {
      onAbort();
      return result.promise;
    }
    signal.addEventListener('abort', onAbort);
  }
  const sourceFailed = (error) => shutdown(preventAbort ? undefined : () => abortWritable(destination, error), true, error);
  const destinationFailed = (error) => shutdown(preventCancel ? undefined : () => cancelReadable(source, error), true, error);
  const sourceClosed = () => shutdown(preventClose ? undefined : () => closeWriterPropagating(writer), false, undefined);

  if (source[k].state === 'errored') sourceFailed(source[k].error);
  else handled(reader[k].closed.promise.then(nothing, sourceFailed));
  if (destination[k].state === 'errored') destinationFailed(destination[k].error);
  else handled(writer[k].closed.promise.then(nothing, destinationFailed));
  if (source[k].state === 'closed') sourceClosed();
  else handled(reader[k].closed.promise.then(sourceClosed, nothing));
  if (closeQueuedOrInFlight(destination) || destination[k].state === 'closed') {
    const error = invalidState('Destination WritableStream is closed');
    shutdown(preventCancel ? undefined : () => cancelReadable(source, error), true, error);
  }
  const loop = async () => {
    while (!shutting) {
      await writer[k].ready.promise;
      if (shutting) return;
      const over = await new Promise((resolve, reject) => {
        readDefault(reader, {
          chunk(chunk) {
            // After the present microtask, so that what the source does next is seen first.
            lastWrite = handled(writeTo(writer, chunk));
            resolve(false);
          },
          close() { resolve(true); },
          error: reject,
        });
      });
      if (over) return;
    }
  };
  handled(loop());
  return result.promise;
}

// ReadableStreamDefaultTee, section 4.9.1
function teeDefault(stream) {
  const reader = new ReadableStreamDefaultReader(stream);
  let reading = false, again = false, cancelled1 = false, cancelled2 = false, reason1, reason2, branch1, branch2;
  const cancelled = deferred();
  const pull = () => {
    if (reading) {
      again = true;
      return settled;
    }
    reading = true;
    readDefault(reader, {
      chunk(value) {
        queueMicrotask(() => {
          again = false;
          if (!cancelled1) enqueueDefault(branch1[k].controller, value);
          if (!cancelled2) enqueueDefault(branch2[k].controller, value);
          reading = false;
          if (again) pull();
        });
      },
      close() {
        reading = false;
        if (!cancelled1) closeDefault(branch1[k].controller);
        if (!cancelled2) closeDefault(branch2[k].controller);
        if (!cancelled1 || !cancelled2) cancelled.resolve();
      },
      error() { reading = false; },
    });
    return settled;
  };
  const cancelBoth = () => cancelled.resolve(cancelReadable(stream, [reason1, reason2]));
  branch1 = createReadable(nothing, pull, (reason) => {
    cancelled1 = true;
    reason1 = reason;
    if (cancelled2) cancelBoth();
    return cancelled.promise;
  });
  branch2 = createReadable(nothing, pull, (reason) => {
    cancelled2 = true;
    reason2 = reason;
    if (cancelled1) cancelBoth();
    return cancelled.promise;
  });
  reader[k].closed.promise.then(nothing, (error) => {
    errorDefault(branch1[k].controller, error);
    errorDefault(branch2[k].controller, error);
    if (!cancelled1 || !cancelled2) cancelled.resolve();
  });
  return [branch1, branch2];
}

// ReadableByteStreamTee, section 4.9.1
function teeBytes(stream) {
  let reader = new ReadableStreamDefaultReader(stream);
  let reading = false, again1 = false, again2 = false, cancelled1 = false, cancelled2 = false, reason1, reason2, branch1, branch2;
  const cancelled = deferred();
  const forward = (it) => {
    it[k].closed.promise.then(nothing, (error) => {
      if (it !== reader) return;
      errorBytes(branch1[k].controller, error);
      errorBytes(branch2[k].controller, error);
      if (!cancelled1 || !cancelled2) cancelled.resolve();
    });
  };
  const copyOf = (chunk) => {
    try {
      return new Uint8Array(chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.byteLength));
    } catch (error) {
      errorBytes(branch1[k].controller, error);
      errorBytes(branch2[k].controller, error);
      cancelled.resolve(cancelReadable(stream, error));
      return undefined;
    }
  };
  const over = () => {
    reading = false;
    if (again1) pull1();
    else if (again2) pull2();
  };
  const pullDefault = () => {
    if (isByobReader(reader)) {
      release(reader);
      reader = new ReadableStreamDefaultReader(stream);
      forward(reader);
    }
    readDefault(reader, {
      chunk(chunk) {
        queueMicrotask(() => {
          again1 = again2 = false;
          let second = chunk;
          if (!cancelled1 && !cancelled2 && (second = copyOf(chunk)) === undefined) return;
          if (!cancelled1) enqueueBytes(branch1[k].controller, chunk);
          if (!cancelled2) enqueueBytes(branch2[k].controller, second);
          over();
        });
      },
      close() {
        reading = false;
        if (!cancelled1) closeBytes(branch1[k].controller);
        if (!cancelled2) closeBytes(branch2[k].controller);
        if (branch1[k].controller[k].pulls.length > 0) respondBytes(branch1[k].controller, 0);
        if (branch2[k].controller[k].pulls.length > 0) respondBytes(branch2[k].controller, 0);
        if (!cancelled1 || !cancelled2) cancelled.resolve();
      },
      error() { reading = false; },
    });
  };
  const pullByob = (view, forSecond) => {
    if (isDefaultReader(reader)) {
      release(reader);
      reader = new ReadableStreamBYOBReader(stream);
      forward(reader);
    }
    const byob = forSecond ? branch2 : branch1, other = forSecond ? branch1 : branch2;
    const byobCancelled = () => forSecond ? cancelled2 : cancelled1, otherCancelled = () => forSecond ? cancelled1 : cancelled2;
    readByob(reader, view, 1, {
      chunk(chunk) {
        queueMicrotask(() => {
          again1 = again2 = false;
          if (!otherCancelled()) {
            const copy = copyOf(chunk);
            if (copy === undefined) return;
            if (!byobCancelled()) respondWithNewView(byob[k].controller, chunk);
            enqueueBytes(other[k].controller, copy);
          } else if (!byobCancelled()) {
            respondWithNewView(byob[k].controller, chunk);
          }
          over();
        });
      },
      close(chunk) {
        reading = false;
        if (!byobCancelled()) closeBytes(byob[k].controller);
        if (!otherCancelled()) closeBytes(other[k].controller);
        if (chunk !== undefined) {
          if (!byobCancelled()) respondWithNewView(byob[k].controller, chunk);
          if (!otherCancelled() && other[k].controller[k].pulls.length > 0) respondBytes(other[k].controller, 0);
        }
        if (!byobCancelled() || !otherCancelled()) cancelled.resolve();
      },
      error() { reading = false; },
    });
  };
  const pull1 = () => {
    if (reading) {
      again1 = true;
      return settled;
    }
    reading = true;
    again1 = false;
    const request = byobRequestOf(branch1[k].controller);
    if (request === null) pullDefault();
    else pullByob(request[k].view, false);
    return settled;
  };
  const pull2 = () => {
    if (reading) {
      again2 = true;
      return settled;
    }
    reading = true;
    again2 = false;
    const request = byobRequestOf(branch2[k].controller);
    if (request === null) pullDefault();
    else pullByob(request[k].view, true);
    return settled;
  };
  const cancelBoth = () => cancelled.resolve(cancelReadable(stream, [reason1, reason2]));
  branch1 = createReadableBytes(nothing, pull1, (reason) => {
    cancelled1 = true;
    reason1 = reason;
    if (cancelled2) cancelBoth();
    return cancelled.promise;
  });
  branch2 = createReadableBytes(nothing, pull2, (reason) => {
    cancelled2 = true;
    reason2 = reason;
    if (cancelled1) cancelBoth();
    return cancelled.promise;
  });
  forward(reader);
  return [branch1, branch2];
}

// ---- states (section 4.9.2)

function cancelReadable(stream, reason) {
  const state = stream[k];
  state.disturbed = true;
  if (state.state === 'closed') return Promise.resolve();
  if (state.state === 'errored') return Promise.reject(state.error);
  closeReadable(stream);
  const { reader } = state;
  if (reader !== undefined && reader[k].kind === 'byobReader') {
    const requests = reader[k].requests;
    reader[k].requests = [];
    for (const request of requests) request.close(undefined);
  }
  const { controller } = state;
  return controller[k].cancelSteps(reason).then(nothing);
}
function closeReadable(stream) {
  const state = stream[k];
  if (state.state !== 'readable') return;
  state.state = 'closed';
  settleEnd(state);
  const { reader } = state;
  if (reader === undefined) return;
  reader[k].closed.resolve(undefined);
  if (reader[k].kind !== 'defaultReader') return;
  const { requests } = reader[k];
  reader[k].requests = [];
  for (const request of requests) request.close();
}
function errorReadable(stream, error) {
  const state = stream[k];
  state.state = 'errored';
  state.error = error;
  settleEnd(state);
  const { reader } = state;
  if (reader === undefined) return;
  reader[k].closed.reject(error);
  handled(reader[k].closed.promise);
  const { requests } = reader[k];
  reader[k].requests = [];
  for (const request of requests) request.error(error);
}
const hasDefaultReader = (stream) => stream[k].reader?.[k].kind === 'defaultReader';
const hasByobReader = (stream) => stream[k].reader?.[k].kind === 'byobReader';
const requestsOf = (stream) => stream[k].reader?.[k].requests.length ?? 0;
function fulfilRead(stream, chunk, done) {
  const request = stream[k].reader[k].requests.shift();
  if (done) request.close(chunk);
  else request.chunk(chunk);
}

// ---- readers (sections 4.3 to 4.5)

function setupReader(reader, stream, kind) {
  if (stream[k].reader !== undefined) throw invalidState('ReadableStream is locked');
  const { state } = stream[k];
  reader[k] = { kind, stream, requests: [], closed: state === 'readable' ? deferred() : state === 'closed' ? resolved(undefined) : rejected(stream[k].error) };
  stream[k].reader = reader;
}
function release(reader) {
  const { stream } = reader[k];
  if (stream === undefined) return;
  const error = invalidState('Releasing reader');
  if (stream[k].state === 'readable') reader[k].closed.reject(error);
  else reader[k].closed = rejected(error);
  handled(reader[k].closed.promise);
  stream[k].controller[k].releaseSteps?.();
  stream[k].reader = undefined;
  reader[k].stream = undefined;
  const { requests } = reader[k];
  reader[k].requests = [];
  for (const request of requests) request.error(error);
}

class ReadableStreamDefaultReader {
  constructor(stream) {
    if (!isReadableStream(stream)) throw new codes.ERR_INVALID_ARG_TYPE('stream', 'ReadableStream', stream);
    setupReader(this, stream, 'defaultReader');
  }
  get closed() {
    if (!isDefaultReader(this)) return Promise.reject(invalidThis('ReadableStreamDefaultReader'));
    return this[k].closed.promise;
  }
  cancel(reason = undefined) {
    if (!isDefaultReader(this)) return Promise.reject(invalidThis('ReadableStreamDefaultReader'));
    if (this[k].stream === undefined) return Promise.reject(invalidState('The reader is not attached to a stream'));
    return cancelReadable(this[k].stream, reason);
  }
  read() {
    if (!isDefaultReader(this)) return Promise.reject(invalidThis('ReadableStreamDefaultReader'));
    const { stream } = this[k];
    if (stream === undefined) return Promise.reject(invalidState('The reader is not attached to a stream'));
    // The way of a chunk that is there already.
    const { controller } = stream[k];
    if (controller[k].queue instanceof Queue && controller[k].queue.length > 0 && stream[k].state === 'readable') {
      stream[k].disturbed = true;
      return Promise.resolve({ value: takeQueued(controller, stream), done: false });
    }
    const made = deferred();
    readDefault(this, {
      chunk(value) { made.resolve({ value, done: false }); },
      close() { made.resolve({ value: undefined, done: true }); },
      error: made.reject,
    });
    return made.promise;
  }
  releaseLock() {
    if (!isDefaultReader(this)) throw invalidThis('ReadableStreamDefaultReader');
    release(this);
  }
}
inspector(ReadableStreamDefaultReader, (it) => ({ stream: it[k].stream, requests: it[k].requests.length, close: it[k].closed.promise }));

function readDefault(reader, request) {
  const { stream } = reader[k];
  stream[k].disturbed = true;
  switch (stream[k].state) {
    case 'closed': return request.close();
    case 'errored': return request.error(stream[k].error);
    default: stream[k].controller[k].pullSteps(request);
  }
}

class ReadableStreamBYOBReader {
  constructor(stream) {
    if (!isReadableStream(stream)) throw new codes.ERR_INVALID_ARG_TYPE('stream', 'ReadableStream', stream);
    if (stream[k].reader !== undefined) throw invalidState('ReadableStream is locked');
    if (!isByteController(stream[k].controller)) throw new codes.ERR_INVALID_ARG_VALUE('stream', stream, 'must be a byte stream');
    setupReader(this, stream, 'byobReader');
  }
  get closed() {
    if (!isByobReader(this)) return Promise.reject(invalidThis('ReadableStreamBYOBReader'));
    return this[k].closed.promise;
  }
  cancel(reason = undefined) {
    if (!isByobReader(this)) return Promise.reject(invalidThis('ReadableStreamBYOBReader'));
    if (this[k].stream === undefined) return Promise.reject(invalidState('The reader is not attached to a stream'));
    return cancelReadable(this[k].stream, reason);
  }
  async read(view, options = {}) {
    if (!isByobReader(this)) throw invalidThis('ReadableStreamBYOBReader');
    if (!ArrayBuffer.isView(view)) throw new codes.ERR_INVALID_ARG_TYPE('view', ['Buffer', 'TypedArray', 'DataView'], view);
    validateObject(options, 'options', 0);
    if (view.byteLength === 0 || view.buffer.byteLength === 0) {
      throw view.buffer.byteLength === 0 && view.byteLength === 0 && isDetached(view.buffer) ? invalidState('View ArrayBuffer is zero-length or detached')
        : view.buffer.byteLength === 0 ? invalidState('View ArrayBuffer is zero-length or detached') : invalidState('View is zero-length');
    }
    const { min = 1 } = options;
    if (typeof min !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('options.min', 'number', min);
    if (!Number.isInteger(min)) throw new codes.ERR_INVALID_ARG_VALUE('options.min', min, 'must be an integer');
    if (min <= 0) throw new codes.ERR_INVALID_ARG_VALUE('options.min', min, 'must be greater than 0');
    const length = view instanceof DataView ? view.byteLength : view.length;
    if (min > length) throw new codes.ERR_OUT_OF_RANGE('options.min', `<= ${length}`, min);
    if (this[k].stream === undefined) throw invalidState('The reader is not attached to a stream');
    const made = deferred();
    readByob(this, view, min, {
      chunk(value) { made.resolve({ value, done: false }); },
      close(value) { made.resolve({ value, done: true }); },
      error: made.reject,
    });
    return made.promise;
  }
  releaseLock() {
    if (!isByobReader(this)) throw invalidThis('ReadableStreamBYOBReader');
    release(this);
  }
}
inspector(ReadableStreamBYOBReader, (it) => ({ stream: it[k].stream, requests: it[k].requests.length, close: it[k].closed.promise }));

function readByob(reader, view, min, request) {
  const { stream } = reader[k];
  stream[k].disturbed = true;
  if (stream[k].state === 'errored') request.error(stream[k].error);
  else pullInto(stream[k].controller, view, min, request);
}

// ---- default controller (section 4.6)

function illegal() { throw new codes.ERR_ILLEGAL_CONSTRUCTOR(); }
const isDefaultController = (value) => isObject(value) && value[k]?.kind === 'defaultController';
const isByteController = (value) => isObject(value) && value[k]?.kind === 'byteController';

class ReadableStreamDefaultController {
  constructor(key) { if (key !== kPrivate) illegal(); }
  get desiredSize() {
    if (!isDefaultController(this)) throw invalidThis('ReadableStreamDefaultController');
    return desiredDefault(this);
  }
  close() {
    if (!isDefaultController(this)) throw invalidThis('ReadableStreamDefaultController');
    if (!canEnqueue(this)) throw invalidState('Controller is already closed');
    closeDefault(this);
  }
  enqueue(chunk = undefined) {
    if (!isDefaultController(this)) throw invalidThis('ReadableStreamDefaultController');
    if (!canEnqueue(this)) throw invalidState('Controller is already closed');
    enqueueDefault(this, chunk);
  }
  error(error = undefined) {
    if (!isDefaultController(this)) throw invalidThis('ReadableStreamDefaultController');
    errorDefault(this, error);
  }
}
inspector(ReadableStreamDefaultController, () => ({}));

function setupDefaultController(stream, controller, start, pull, cancel, highWaterMark, size) {
  const state = controller[k] = {
    kind: 'defaultController', stream, queue: new Queue(), started: false, closeRequested: false, pulling: false, pullAgain: false, highWaterMark, size, pull, cancel,
    cancelSteps(reason) {
      state.queue.reset();
      const result = state.cancel(reason);
      clearDefault(controller);
      return result;
    },
    pullSteps(request) {
      if (state.queue.length > 0) {
        request.chunk(takeQueued(controller, stream));
        return;
      }
      stream[k].reader[k].requests.push(request);
      pullIfNeeded(controller);
    },
  };
  stream[k].controller = controller;
  whenStarted(start(controller), () => {
    state.started = true;
    pullIfNeeded(controller);
  }, (error) => errorDefault(controller, error));
}
function whenStarted(result, then, failed) { Promise.resolve(result).then(then, failed); }
function takeQueued(controller, stream) {
  const state = controller[k];
  const chunk = state.queue.shift();
  if (state.closeRequested && state.queue.length === 0) {
    clearDefault(controller);
    closeReadable(stream);
  } else {
    pullIfNeeded(controller);
  }
  return chunk;
}
function clearDefault(controller) {
  controller[k].pull = controller[k].cancel = () => settled;
  controller[k].size = undefined;
}
const canEnqueue = (controller) => !controller[k].closeRequested && controller[k].stream[k].state === 'readable';
function desiredDefault(controller) {
  const { state } = controller[k].stream[k];
  if (state === 'errored') return null;
  return state === 'closed' ? 0 : controller[k].highWaterMark - controller[k].queue.total;
}
function shouldPull(controller) {
  const { stream, started } = controller[k];
  if (!canEnqueue(controller) || !started) return false;
  if (stream[k].reader !== undefined && requestsOf(stream) > 0) return true;
  return desiredDefault(controller) > 0;
}
function pullIfNeeded(controller) {
  const state = controller[k];
  if (!shouldPull(controller)) return;
  if (state.pulling) {
    state.pullAgain = true;
    return;
  }
  state.pulling = true;
  state.pull(controller).then(() => {
    state.pulling = false;
    if (!state.pullAgain) return;
    state.pullAgain = false;
    pullIfNeeded(controller);
  }, (error) => errorDefault(controller, error));
}
function closeDefault(controller) {
  if (!canEnqueue(controller)) return;
  controller[k].closeRequested = true;
  if (controller[k].queue.length > 0) return;
  clearDefault(controller);
  closeReadable(controller[k].stream);
}
function enqueueDefault(controller, chunk) {
  if (!canEnqueue(controller)) return;
  const { stream, queue } = controller[k];
  if (stream[k].reader !== undefined && requestsOf(stream) > 0) {
    fulfilRead(stream, chunk, false);
  } else {
    try {
      queue.push(chunk, (0, controller[k].size)(chunk));
    } catch (error) {
      errorDefault(controller, error);
      throw error;
    }
  }
  pullIfNeeded(controller);
}
function errorDefault(controller, error) {
  const { stream, queue } = controller[k];
  if (stream[k].state !== 'readable') return;
  queue.reset();
  clearDefault(controller);
  errorReadable(stream, error);
}

// ---- byte controller (sections 4.7, 4.8 and 4.9.5)

class ReadableStreamBYOBRequest {
  constructor(key) { if (key !== kPrivate) illegal(); }
  get view() {
    if (!isByobRequest(this)) throw invalidThis('ReadableStreamBYOBRequest');
    return this[k].view;
  }
  respond(bytesWritten) {
    if (!isByobRequest(this)) throw invalidThis('ReadableStreamBYOBRequest');
    const { view, controller } = this[k];
    if (controller === undefined) throw invalidState('This BYOB request has been invalidated');
    if (view.byteLength === 0 || view.buffer.byteLength === 0) {
      if (isDetached(view.buffer)) throw invalidState('Viewed ArrayBuffer is detached');
      throw invalidState('View ArrayBuffer is zero-length or detached');
    }
    respondBytes(controller, bytesWritten);
  }
  respondWithNewView(view) {
    if (!isByobRequest(this)) throw invalidThis('ReadableStreamBYOBRequest');
    const { controller } = this[k];
    if (controller === undefined) throw invalidState('This BYOB request has been invalidated');
    if (!ArrayBuffer.isView(view)) throw new codes.ERR_INVALID_ARG_TYPE('view', ['Buffer', 'TypedArray', 'DataView'], view);
    if (isDetached(view.buffer)) throw invalidState('Viewed ArrayBuffer is detached');
    respondWithNewView(controller, view);
  }
}
const isByobRequest = (value) => isObject(value) && value[k]?.kind === 'byobRequest';
inspector(ReadableStreamBYOBRequest, (it) => ({ view: it[k].view, controller: it[k].controller }));

function isDetached(buffer) {
  if (buffer.byteLength !== 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
function transferBuffer(buffer) {
  if (isDetached(buffer)) throw invalidState('The ArrayBuffer is detached');
  return internalBinding('messaging').clone(buffer, [buffer]);
}

class ReadableByteStreamController {
  constructor(key) { if (key !== kPrivate) illegal(); }
  get byobRequest() {
    if (!isByteController(this)) throw invalidThis('ReadableByteStreamController');
    return byobRequestOf(this);
  }
  get desiredSize() {
    if (!isByteController(this)) throw invalidThis('ReadableByteStreamController');
    return desiredBytes(this);
  }
  close() {
    if (!isByteController(this)) throw invalidThis('ReadableByteStreamController');
    if (this[k].closeRequested) throw invalidState('Controller is already closed');
    if (this[k].stream[k].state !== 'readable') throw invalidState('ReadableStream is already closed');
    closeBytes(this);
  }
  enqueue(chunk) {
    if (!isByteController(this)) throw invalidThis('ReadableByteStreamController');
    if (!ArrayBuffer.isView(chunk)) throw new codes.ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'TypedArray', 'DataView'], chunk);
    if (chunk.byteLength === 0 || chunk.buffer.byteLength === 0) throw invalidState('chunk ArrayBuffer is zero-length or detached');
    if (this[k].closeRequested) throw invalidState('Controller is already closed');
    if (this[k].stream[k].state !== 'readable') throw invalidState('ReadableStream is already closed');
    enqueueBytes(this, chunk);
  }
  error(error = undefined) {
    if (!isByteController(this)) throw invalidThis('ReadableByteStreamController');
    errorBytes(this, error);
  }
}
inspector(ReadableByteStreamController, () => ({}));

function setupByteController(stream, source, highWaterMark) {
  const { autoAllocateChunkSize } = source;
  let size;
  if (autoAllocateChunkSize !== undefined) {
    size = Math.trunc(Number(autoAllocateChunkSize));
    if (!(size > 0)) throw new codes.ERR_INVALID_ARG_VALUE('source.autoAllocateChunkSize', autoAllocateChunkSize);
  }
  setupByteParts(stream, new ReadableByteStreamController(kPrivate), startOf(source, 'source'), methodOf(source, 'pull', 'source'), methodOf(source, 'cancel', 'source'), highWaterMark, size);
}
function setupByteParts(stream, controller, start, pull, cancel, highWaterMark, autoAllocate) {
  const state = controller[k] = {
    kind: 'byteController', stream, queue: [], total: 0, started: false, closeRequested: false, pulling: false, pullAgain: false, highWaterMark, pull, cancel, autoAllocate,
    pulls: [], byobRequest: null,
    cancelSteps(reason) {
      clearPulls(controller);
      state.queue = [];
      state.total = 0;
      const result = state.cancel(reason);
      clearBytes(controller);
      return result;
    },
    pullSteps(request) {
      if (state.total > 0) {
        fillFromQueue(controller, request);
        return;
      }
      if (autoAllocate !== undefined) {
        let buffer;
        try {
          buffer = new ArrayBuffer(autoAllocate);
        } catch (error) {
          request.error(error);
          return;
        }
        state.pulls.push({ buffer, bufferByteLength: autoAllocate, byteOffset: 0, byteLength: autoAllocate, filled: 0, minimum: 1, elementSize: 1, Class: Uint8Array, type: 'default' });
      }
      stream[k].reader[k].requests.push(request);
      pullBytesIfNeeded(controller);
    },
    releaseSteps() {
      if (state.pulls.length === 0) return;
      const first = state.pulls[0];
      first.type = 'none';
      state.pulls = [first];
    },
  };
  stream[k].controller = controller;
  whenStarted(start(controller), () => {
    state.started = true;
    pullBytesIfNeeded(controller);
  }, (error) => errorBytes(controller, error));
}
function desiredBytes(controller) {
  const { state } = controller[k].stream[k];
  if (state === 'errored') return null;
  return state === 'closed' ? 0 : controller[k].highWaterMark - controller[k].total;
}
function clearBytes(controller) { controller[k].pull = controller[k].cancel = () => settled; }
function clearPulls(controller) {
  invalidateByobRequest(controller);
  controller[k].pulls = [];
}
function invalidateByobRequest(controller) {
  const request = controller[k].byobRequest;
  if (request === null) return;
  request[k].controller = undefined;
  request[k].view = null;
  controller[k].byobRequest = null;
}
function byobRequestOf(controller) {
  const state = controller[k];
  if (state.byobRequest === null && state.pulls.length > 0) {
    const first = state.pulls[0];
    const request = new ReadableStreamBYOBRequest(kPrivate);
    request[k] = { kind: 'byobRequest', controller, view: new Uint8Array(first.buffer, first.byteOffset + first.filled, first.byteLength - first.filled) };
    state.byobRequest = request;
  }
  return state.byobRequest;
}
function shouldPullBytes(controller) {
  const { stream, closeRequested, started } = controller[k];
  if (stream[k].state !== 'readable' || closeRequested || !started) return false;
  if (stream[k].reader !== undefined && requestsOf(stream) > 0) return true;
  return desiredBytes(controller) > 0;
}
function pullBytesIfNeeded(controller) {
  const state = controller[k];
  if (!shouldPullBytes(controller)) return;
  if (state.pulling) {
    state.pullAgain = true;
    return;
  }
  state.pulling = true;
  state.pull(controller).then(() => {
    state.pulling = false;
    if (!state.pullAgain) return;
    state.pullAgain = false;
    pullBytesIfNeeded(controller);
  }, (error) => errorBytes(controller, error));
}
function closeBytes(controller) {
  const state = controller[k];
  const { stream } = state;
  if (state.closeRequested || stream[k].state !== 'readable') return;
  if (state.total > 0) {
    state.closeRequested = true;
    return;
  }
  if (state.pulls.length > 0 && state.pulls[0].filled % state.pulls[0].elementSize !== 0) {
    const error = invalidState('Partial read');
    errorBytes(controller, error);
    throw error;
  }
  clearBytes(controller);
  closeReadable(stream);
}
function errorBytes(controller, error) {
  const { stream } = controller[k];
  if (stream[k].state !== 'readable') return;
  clearPulls(controller);
  controller[k].queue = [];
  controller[k].total = 0;
  clearBytes(controller);
  errorReadable(stream, error);
}
function enqueueChunk(controller, buffer, byteOffset, byteLength) {
  controller[k].queue.push({ buffer, byteOffset, byteLength });
  controller[k].total += byteLength;
}
function enqueueBytes(controller, chunk) {
  const state = controller[k];
  const { stream } = state;
  if (state.closeRequested || stream[k].state !== 'readable') return;
  const { byteOffset, byteLength } = chunk;
  const buffer = transferBuffer(chunk.buffer);
  if (state.pulls.length > 0) {
    const first = state.pulls[0];
    if (isDetached(first.buffer)) throw invalidState('Destination ArrayBuffer is detached');
    invalidateByobRequest(controller);
    first.buffer = transferBuffer(first.buffer);
    if (first.type === 'none') enqueueDetached(controller, first);
  }
  if (hasDefaultReader(stream)) {
    while (requestsOf(stream) > 0 && state.total > 0) fillFromQueue(controller, stream[k].reader[k].requests.shift());
    if (requestsOf(stream) === 0) {
      enqueueChunk(controller, buffer, byteOffset, byteLength);
    } else {
      if (state.pulls.length > 0) state.pulls.shift();
      fulfilRead(stream, new Uint8Array(buffer, byteOffset, byteLength), false);
    }
  } else if (hasByobReader(stream)) {
    enqueueChunk(controller, buffer, byteOffset, byteLength);
    for (const filled of processPulls(controller)) commitPull(stream, filled);
  } else {
    enqueueChunk(controller, buffer, byteOffset, byteLength);
  }
  pullBytesIfNeeded(controller);
}
function enqueueDetached(controller, descriptor) {
  if (descriptor.filled > 0) enqueueChunk(controller, descriptor.buffer.slice(descriptor.byteOffset, descriptor.byteOffset + descriptor.filled), 0, descriptor.filled);
  controller[k].pulls.shift();
}
function fillFromQueue(controller, request) {
  const state = controller[k];
  const { buffer, byteOffset, byteLength } = state.queue.shift();
  state.total -= byteLength;
  drained(controller);
  request.chunk(new Uint8Array(buffer, byteOffset, byteLength));
}
function drained(controller) {
  const state = controller[k];
  if (state.total === 0 && state.closeRequested) {
    clearBytes(controller);
    closeReadable(state.stream);
  } else {
    pullBytesIfNeeded(controller);
  }
}
function viewOf(descriptor) {
  return new descriptor.Class(transferBuffer(descriptor.buffer), descriptor.byteOffset, descriptor.filled / descriptor.elementSize);
}
function commitPull(stream, descriptor) {
  const done = stream[k].state === 'closed';
  const view = viewOf(descriptor);
  if (descriptor.type === 'default') fulfilRead(stream, view, done);
  else fulfilRead(stream, view, done);
}
function fillDescriptor(controller, descriptor) {
  const state = controller[k];
  const most = Math.min(state.total, descriptor.byteLength - descriptor.filled);
  const after = descriptor.filled + most;
  const aligned = after - after % descriptor.elementSize;
  let left = most, ready = false;
  if (aligned >= descriptor.minimum) {
    left = aligned - descriptor.filled;
    ready = true;
  }
  while (left > 0) {
    const head = state.queue[0];
    const count = Math.min(left, head.byteLength);
    new Uint8Array(descriptor.buffer, descriptor.byteOffset + descriptor.filled, count).set(new Uint8Array(head.buffer, head.byteOffset, count));
    if (head.byteLength === count) state.queue.shift();
    else {
      head.byteOffset += count;
      head.byteLength -= count;
    }
    state.total -= count;
    descriptor.filled += count;
    left -= count;
  }
  return ready;
}
function processPulls(controller) {
  const state = controller[k];
  const filled = [];
  while (state.pulls.length > 0 && state.total > 0) {
    const first = state.pulls[0];
    if (!fillDescriptor(controller, first)) break;
    invalidateByobRequest(controller);
    state.pulls.shift();
    filled.push(first);
  }
  return filled;
}
function pullInto(controller, view, min, request) {
  const state = controller[k];
  const { stream } = state;
  const elementSize = view instanceof DataView ? 1 : view.BYTES_PER_ELEMENT;
  const Class = view instanceof DataView ? DataView : view.constructor === undefined || typeof Buffer !== 'undefined' && view instanceof Buffer ? Uint8Array : globalThis[Object.prototype.toString.call(view).slice(8, -1)] ?? Uint8Array;
  const { byteOffset, byteLength } = view;
  let buffer;
  try {
    buffer = transferBuffer(view.buffer);
  } catch (error) {
    request.error(error);
    return;
  }
  const descriptor = { buffer, bufferByteLength: buffer.byteLength, byteOffset, byteLength, filled: 0, minimum: min * elementSize, elementSize, Class, type: 'byob' };
  if (state.pulls.length > 0) {
    state.pulls.push(descriptor);
    stream[k].reader[k].requests.push(request);
    return;
  }
  if (stream[k].state === 'closed') {
    request.close(new Class(buffer, byteOffset, 0));
    return;
  }
  if (state.total > 0) {
    if (fillDescriptor(controller, descriptor)) {
      const filled = viewOf(descriptor);
      drained(controller);
      request.chunk(filled);
      return;
    }
    if (state.closeRequested) {
      const error = invalidState('ReadableStream closed');
      errorBytes(controller, error);
      request.error(error);
      return;
    }
  }
  state.pulls.push(descriptor);
  stream[k].reader[k].requests.push(request);
  pullBytesIfNeeded(controller);
}
function respondBytes(controller, bytesWritten) {
  const state = controller[k];
  const first = state.pulls[0];
  const count = Number(bytesWritten);
  if (!Number.isInteger(count) || count < 0) throw new codes.ERR_INVALID_ARG_VALUE('bytesWritten', bytesWritten);
  if (state.stream[k].state === 'closed') {
    if (count !== 0) throw new codes.ERR_INVALID_ARG_VALUE('bytesWritten', bytesWritten);
  } else {
    if (count === 0) throw new codes.ERR_INVALID_ARG_VALUE('bytesWritten', bytesWritten);
    if (first.filled + count > first.byteLength) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('bytesWritten', bytesWritten);
  }
  first.buffer = transferBuffer(first.buffer);
  respondInternal(controller, count);
}
function respondWithNewView(controller, view) {
  const state = controller[k];
  const first = state.pulls[0];
  if (state.stream[k].state === 'closed') {
    if (view.byteLength !== 0) throw invalidState('View is not zero-length');
  } else if (view.byteLength === 0) {
    throw invalidState('View is zero-length');
  }
  if (first.byteOffset + first.filled !== view.byteOffset) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('view', view);
  if (first.bufferByteLength !== view.buffer.byteLength) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('view', view);
  if (first.filled + view.byteLength > first.byteLength) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('view', view);
  const count = view.byteLength;
  first.buffer = transferBuffer(view.buffer);
  respondInternal(controller, count);
}
function respondInternal(controller, count) {
  const state = controller[k];
  const { stream } = state;
  const first = state.pulls[0];
  invalidateByobRequest(controller);
  if (stream[k].state === 'closed') {
    if (first.type === 'none') state.pulls.shift();
    if (hasByobReader(stream)) while (requestsOf(stream) > 0) commitPull(stream, state.pulls.shift());
  } else {
    first.filled += count;
    if (first.type === 'none') {
      enqueueDetached(controller, first);
      for (const filled of processPulls(controller)) commitPull(stream, filled);
    } else if (first.filled >= first.minimum) {
      state.pulls.shift();
      const rest = first.filled % first.elementSize;
      if (rest > 0) {
        const end = first.byteOffset + first.filled;
        enqueueChunk(controller, first.buffer.slice(end - rest, end), 0, rest);
        first.filled -= rest;
      }
      const more = processPulls(controller);
      commitPull(stream, first);
      for (const filled of more) commitPull(stream, filled);
    }
  }
  pullBytesIfNeeded(controller);
}

// ---- WritableStream (section 5)

class WritableStream extends HostObject {
  constructor(sink = {}, strategy = {}) {
    super();
    initWritable(this);
    if (sink === kPrivate) return;
    if (sink === null || !isObject(sink)) throw new codes.ERR_INVALID_ARG_TYPE('sink', 'Object', sink);
    strategy = checkStrategy(strategy);
    if (sink.type !== undefined) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('sink.type', sink.type);
    const size = sizeOf(strategy);
    const highWaterMark = highWaterMarkOf(strategy, 1);
    setupWritableController(this, startOf(sink, 'sink'), methodOf(sink, 'write', 'sink'), methodOf(sink, 'close', 'sink'), methodOf(sink, 'abort', 'sink'), highWaterMark, size);
  }
  get locked() {
    if (!isWritableStream(this)) throw invalidThis('WritableStream');
    return this[k].writer !== undefined;
  }
  abort(reason = undefined) {
    if (!isWritableStream(this)) return Promise.reject(invalidThis('WritableStream'));
    if (this[k].writer !== undefined) return Promise.reject(invalidState('WritableStream is locked'));
    return abortWritable(this, reason);
  }
  close() {
    if (!isWritableStream(this)) return Promise.reject(invalidThis('WritableStream'));
    if (this[k].writer !== undefined) return Promise.reject(invalidState('WritableStream is locked'));
    if (closeQueuedOrInFlight(this)) return Promise.reject(invalidState('Failure closing WritableStream'));
    return closeWritable(this);
  }
  getWriter() {
    if (!isWritableStream(this)) throw invalidThis('WritableStream');
    return new WritableStreamDefaultWriter(this);
  }
  [kTransfer]() {
    if (this[k].writer !== undefined) throw new DOMException('Cannot transfer a locked WritableStream', 'DataCloneError');
    return require('internal/node/web_stream_transfer').transferWritable(this);
  }
  [kTransferList]() { return require('internal/node/web_stream_transfer').portsOf(this); }
}
hideBase(WritableStream);
inspector(WritableStream, (it) => ({ locked: it.locked, state: it[k].state }));

function initWritable(stream) {
  stream[k] = {
    kind: 'writable', state: 'writable', error: undefined, writer: undefined, controller: undefined, writes: [], inFlight: undefined, closeRequest: undefined,
    inFlightClose: undefined, pendingAbort: undefined, backpressure: false, ports: undefined,
  };
}
function createWritable(start, write, close, abort, highWaterMark = 1, size = () => 1) {
  const stream = new WritableStream(kPrivate);
  setupWritableController(stream, start, write, close, abort, highWaterMark, size);
  return stream;
}
const closeQueuedOrInFlight = (stream) => stream[k].closeRequest !== undefined || stream[k].inFlightClose !== undefined;

function abortWritable(stream, reason) {
  const state = stream[k];
  if (state.state === 'closed' || state.state === 'errored') return Promise.resolve();
  state.controller[k].abortController.abort(reason);
  if (state.state === 'closed' || state.state === 'errored') return Promise.resolve();
  if (state.pendingAbort !== undefined) return state.pendingAbort.made.promise;
  const wasErroring = state.state === 'erroring';
  const made = deferred();
  state.pendingAbort = { made, reason: wasErroring ? undefined : reason, wasErroring };
  if (!wasErroring) startErroring(stream, reason);
  return made.promise;
}
function closeWritable(stream) {
  const state = stream[k];
  if (state.state === 'closed' || state.state === 'errored') return Promise.reject(invalidState('WritableStream is closed'));
  const made = deferred();
  state.closeRequest = made;
  if (state.writer !== undefined && state.backpressure && state.state === 'writable') state.writer[k].ready.resolve(undefined);
  const controller = state.controller;
  controller[k].queue.push(kClose, 0);
  advance(controller);
  return made.promise;
}
const kClose = Symbol('close');

function startErroring(stream, reason) {
  const state = stream[k];
  state.state = 'erroring';
  state.error = reason;
  if (state.writer !== undefined) rejectReady(state.writer, reason);
  if (state.inFlight === undefined && state.inFlightClose === undefined && state.controller[k].started) finishErroring(stream);
}
function finishErroring(stream) {
  const state = stream[k];
  state.state = 'errored';
  settleEnd(state);
  state.controller[k].queue.reset();
  for (const write of state.writes) write.reject(state.error);
  state.writes = [];
  if (state.pendingAbort === undefined) {
    rejectCloseAndClosed(stream);
    return;
  }
  const { made, reason, wasErroring } = state.pendingAbort;
  state.pendingAbort = undefined;
  if (wasErroring) {
    made.reject(state.error);
    rejectCloseAndClosed(stream);
    return;
  }
  const controller = state.controller;
  const result = controller[k].abort(reason);
  clearWritable(controller);
  result.then(() => {
    made.resolve(undefined);
    rejectCloseAndClosed(stream);
  }, (error) => {
    made.reject(error);
    rejectCloseAndClosed(stream);
  });
}
function rejectCloseAndClosed(stream) {
  const state = stream[k];
  if (state.closeRequest !== undefined) {
    state.closeRequest.reject(state.error);
    state.closeRequest = undefined;
  }
  if (state.writer !== undefined) {
    state.writer[k].closed.reject(state.error);
    handled(state.writer[k].closed.promise);
  }
}
function dealWithRejection(stream, error) {
  if (stream[k].state === 'writable') startErroring(stream, error);
  else finishErroring(stream);
}
function updateBackpressure(stream, backpressure) {
  const { writer } = stream[k];
  if (writer !== undefined && backpressure !== stream[k].backpressure) {
    if (backpressure) {
      writer[k].ready = deferred();
      writer[k].readyPending = true;
    } else {
      writer[k].ready.resolve(undefined);
      writer[k].readyPending = false;
    }
  }
  stream[k].backpressure = backpressure;
}
function rejectReady(writer, error) {
  if (writer[k].readyPending) writer[k].ready.reject(error);
  else writer[k].ready = rejected(error);
  writer[k].readyPending = false;
  handled(writer[k].ready.promise);
}

const isWriter = (value) => isObject(value) && value[k]?.kind === 'writer';
class WritableStreamDefaultWriter {
  constructor(stream) {
    if (!isWritableStream(stream)) throw new codes.ERR_INVALID_ARG_TYPE('stream', 'WritableStream', stream);
    const state = stream[k];
    if (state.writer !== undefined) throw invalidState('WritableStream is locked');
    this[k] = { kind: 'writer', stream, ready: undefined, readyPending: false, closed: undefined };
    state.writer = this;
    switch (state.state) {
      case 'writable':
        if (!closeQueuedOrInFlight(stream) && state.backpressure) {
          this[k].ready = deferred();
          this[k].readyPending = true;
        } else {
          this[k].ready = resolved(undefined);
        }
        this[k].closed = deferred();
        break;
      case 'erroring':
        this[k].ready = rejected(state.error);
        this[k].closed = deferred();
        break;
      case 'closed':
        this[k].ready = resolved(undefined);
        this[k].closed = resolved(undefined);
        break;
      default:
        this[k].ready = rejected(state.error);
        this[k].closed = rejected(state.error);
    }
  }
  get closed() {
    if (!isWriter(this)) return Promise.reject(invalidThis('WritableStreamDefaultWriter'));
    return this[k].closed.promise;
  }
  get desiredSize() {
    if (!isWriter(this)) throw invalidThis('WritableStreamDefaultWriter');
    const { stream } = this[k];
    if (stream === undefined) throw invalidState('Writer is not bound to a WritableStream');
    const { state } = stream[k];
    if (state === 'errored' || state === 'erroring') return null;
    return state === 'closed' ? 0 : desiredWritable(stream[k].controller);
  }
  get ready() {
    if (!isWriter(this)) return Promise.reject(invalidThis('WritableStreamDefaultWriter'));
    return this[k].ready.promise;
  }
  abort(reason = undefined) {
    if (!isWriter(this)) return Promise.reject(invalidThis('WritableStreamDefaultWriter'));
    if (this[k].stream === undefined) return Promise.reject(invalidState('Writer is not bound to a WritableStream'));
    return abortWritable(this[k].stream, reason);
  }
  close() {
    if (!isWriter(this)) return Promise.reject(invalidThis('WritableStreamDefaultWriter'));
    const { stream } = this[k];
    if (stream === undefined) return Promise.reject(invalidState('Writer is not bound to a WritableStream'));
    if (closeQueuedOrInFlight(stream)) return Promise.reject(invalidState('Failure to close WritableStream'));
    return closeWritable(stream);
  }
  releaseLock() {
    if (!isWriter(this)) throw invalidThis('WritableStreamDefaultWriter');
    if (this[k].stream !== undefined) releaseWriter(this);
  }
  write(chunk = undefined) {
    if (!isWriter(this)) return Promise.reject(invalidThis('WritableStreamDefaultWriter'));
    if (this[k].stream === undefined) return Promise.reject(invalidState('Writer is not bound to a WritableStream'));
    return writeTo(this, chunk);
  }
}
inspector(WritableStreamDefaultWriter, (it) => ({ stream: it[k].stream, close: it[k].closed.promise, ready: it[k].ready.promise, desiredSize: it.desiredSize }));

function releaseWriter(writer) {
  const { stream } = writer[k];
  if (stream === undefined) return;
  const error = invalidState('Writer has been released');
  rejectReady(writer, error);
  const { state } = stream[k];
  if (state === 'writable' || state === 'erroring') writer[k].closed.reject(error);
  else writer[k].closed = rejected(error);
  handled(writer[k].closed.promise);
  stream[k].writer = undefined;
  writer[k].stream = undefined;
}
function closeWriterPropagating(writer) {
  const { stream } = writer[k];
  const { state, error } = stream[k];
  if (closeQueuedOrInFlight(stream) || state === 'closed') return Promise.resolve();
  return state === 'errored' ? Promise.reject(error) : closeWritable(stream);
}
function writeTo(writer, chunk) {
  const { stream } = writer[k];
  const controller = stream[k].controller;
  let size = 1;
  if (controller[k].size !== undefined) {
    try {
      size = (0, controller[k].size)(chunk);
    } catch (error) {
      errorIfNeeded(controller, error);
    }
  }
  if (stream !== writer[k].stream) return Promise.reject(invalidState('Mismatched WritableStreams'));
  const { state } = stream[k];
  if (state === 'errored') return Promise.reject(stream[k].error);
  if (closeQueuedOrInFlight(stream) || state === 'closed') return Promise.reject(invalidState('WritableStream is closed'));
  if (state === 'erroring') return Promise.reject(stream[k].error);
  const made = deferred();
  stream[k].writes.push(made);
  try {
    controller[k].queue.push(chunk, size);
  } catch (error) {
    errorIfNeeded(controller, error);
    return made.promise;
  }
  if (!closeQueuedOrInFlight(stream) && stream[k].state === 'writable') updateBackpressure(stream, desiredWritable(controller) <= 0);
  advance(controller);
  return made.promise;
}

class WritableStreamDefaultController {
  constructor(key) { if (key !== kPrivate) illegal(); }
  get signal() {
    if (!isWritableController(this)) throw invalidThis('WritableStreamDefaultController');
    return this[k].abortController.signal;
  }
  error(error = undefined) {
    if (!isWritableController(this)) throw invalidThis('WritableStreamDefaultController');
    if (this[k].stream[k].state !== 'writable') return;
    clearWritable(this);
    startErroring(this[k].stream, error);
  }
}
const isWritableController = (value) => isObject(value) && value[k]?.kind === 'writableController';
inspector(WritableStreamDefaultController, (it) => ({ stream: it[k].stream }));

const desiredWritable = (controller) => controller[k].highWaterMark - controller[k].queue.total;
function clearWritable(controller) {
  controller[k].write = controller[k].close = controller[k].abort = () => settled;
  controller[k].size = undefined;
}
function errorIfNeeded(controller, error) {
  if (controller[k].stream[k].state !== 'writable') return;
  clearWritable(controller);
  startErroring(controller[k].stream, error);
}
function setupWritableController(stream, start, write, close, abort, highWaterMark, size) {
  const controller = new WritableStreamDefaultController(kPrivate);
  const state = controller[k] = { kind: 'writableController', stream, queue: new Queue(), started: false, highWaterMark, size, write, close, abort, abortController: new AbortController() };
  stream[k].controller = controller;
  updateBackpressure(stream, desiredWritable(controller) <= 0);
  whenStarted(start(controller), () => {
    state.started = true;
    advance(controller);
  }, (error) => {
    state.started = true;
    dealWithRejection(stream, error);
  });
}
function advance(controller) {
  const { stream, started, queue } = controller[k];
  if (!started || stream[k].inFlight !== undefined) return;
  if (stream[k].state === 'erroring') {
    finishErroring(stream);
    return;
  }
  if (queue.length === 0) return;
  const value = queue.peek();
  if (value === kClose) processClose(controller);
  else processWrite(controller, value);
}
function processClose(controller) {
  const { stream } = controller[k];
  const state = stream[k];
  state.inFlightClose = state.closeRequest;
  state.closeRequest = undefined;
  controller[k].queue.shift();
  const result = controller[k].close();
  clearWritable(controller);
  result.then(() => {
    state.inFlightClose.resolve(undefined);
    state.inFlightClose = undefined;
    if (state.state === 'erroring') {
      state.error = undefined;
      if (state.pendingAbort !== undefined) {
        state.pendingAbort.made.resolve(undefined);
        state.pendingAbort = undefined;
      }
    }
    state.state = 'closed';
    settleEnd(state);
    if (state.writer !== undefined) state.writer[k].closed.resolve(undefined);
  }, (error) => {
    state.inFlightClose.reject(error);
    state.inFlightClose = undefined;
    if (state.pendingAbort !== undefined) {
      state.pendingAbort.made.reject(error);
      state.pendingAbort = undefined;
    }
    dealWithRejection(stream, error);
  });
}
function processWrite(controller, chunk) {
  const { stream } = controller[k];
  const state = stream[k];
  state.inFlight = state.writes.shift();
  controller[k].write(chunk, controller).then(() => {
    state.inFlight.resolve(undefined);
    state.inFlight = undefined;
    if (controller[k].queue.length > 0) controller[k].queue.shift();
    if (!closeQueuedOrInFlight(stream) && state.state === 'writable') updateBackpressure(stream, desiredWritable(controller) <= 0);
    advance(controller);
  }, (error) => {
    if (state.state === 'writable') clearWritable(controller);
    state.inFlight.reject(error);
    state.inFlight = undefined;
    dealWithRejection(stream, error);
  });
}

// ---- TransformStream (section 6)

class TransformStream extends HostObject {
  constructor(transformer = {}, writableStrategy = {}, readableStrategy = {}) {
    super();
    if (transformer === kPrivate) {
      this[k] = { kind: 'transform', readable: writableStrategy, writable: readableStrategy };
      return;
    }
    if (transformer === null || !isObject(transformer)) throw new codes.ERR_INVALID_ARG_TYPE('transformer', 'Object', transformer);
    writableStrategy = checkStrategy(writableStrategy);
    readableStrategy = checkStrategy(readableStrategy);
    if (transformer.readableType !== undefined) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('transformer.readableType', transformer.readableType);
    if (transformer.writableType !== undefined) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('transformer.writableType', transformer.writableType);
    const readableMark = highWaterMarkOf(readableStrategy, 0), readableSize = sizeOf(readableStrategy);
    const writableMark = highWaterMarkOf(writableStrategy, 1), writableSize = sizeOf(writableStrategy);
    const started = deferred();
    const start = () => started.promise;
    const controller = new TransformStreamDefaultController(kPrivate);
    const state = this[k] = { kind: 'transform', readable: undefined, writable: undefined, controller, backpressure: undefined, change: undefined };
    controller[k] = {
      kind: 'transformController', stream: this, finish: undefined,
      transform: methodOf(transformer, 'transform', 'transformer', (chunk) => enqueueTransform(controller, chunk)),
      flush: methodOf(transformer, 'flush', 'transformer'), cancel: methodOf(transformer, 'cancel', 'transformer'),
    };
    state.writable = createWritable(start, (chunk) => sinkWrite(this, chunk), () => sinkClose(this), (reason) => sinkAbort(this, reason), writableMark, writableSize);
    state.readable = createReadable(start, () => sourcePull(this), (reason) => sourceCancel(this, reason), readableMark, readableSize);
    setTransformBackpressure(this, true);
    started.resolve(startOf(transformer, 'transformer')(controller));
  }
  get readable() {
    if (!isTransformStream(this)) throw invalidThis('TransformStream');
    return this[k].readable;
  }
  get writable() {
    if (!isTransformStream(this)) throw invalidThis('TransformStream');
    return this[k].writable;
  }
  [kTransfer]() {
    if (this[k].readable.locked) throw new DOMException('Cannot transfer a locked ReadableStream', 'DataCloneError');
    if (this[k].writable.locked) throw new DOMException('Cannot transfer a locked WritableStream', 'DataCloneError');
    return require('internal/node/web_stream_transfer').transferTransform(this);
  }
  [kTransferList]() { return require('internal/node/web_stream_transfer').portsOf(this); }
}
hideBase(TransformStream);
inspector(TransformStream, (it) => ({ readable: it[k].readable, writable: it[k].writable, backpressure: it[k].backpressure }));

function setTransformBackpressure(stream, backpressure) {
  const state = stream[k];
  state.change?.resolve();
  state.change = deferred();
  state.backpressure = backpressure;
}
function errorTransform(stream, error) {
  errorDefault(stream[k].readable[k].controller, error);
  errorWritableAndUnblock(stream, error);
}
function errorWritableAndUnblock(stream, error) {
  clearTransform(stream[k].controller);
  errorIfNeeded(stream[k].writable[k].controller, error);
  if (stream[k].backpressure) setTransformBackpressure(stream, false);
}
function clearTransform(controller) { controller[k].transform = controller[k].flush = controller[k].cancel = () => settled; }

class TransformStreamDefaultController {
  constructor(key) { if (key !== kPrivate) illegal(); }
  get desiredSize() {
    if (!isTransformController(this)) throw invalidThis('TransformStreamDefaultController');
    return desiredDefault(this[k].stream[k].readable[k].controller);
  }
  enqueue(chunk = undefined) {
    if (!isTransformController(this)) throw invalidThis('TransformStreamDefaultController');
    enqueueTransform(this, chunk);
  }
  error(reason = undefined) {
    if (!isTransformController(this)) throw invalidThis('TransformStreamDefaultController');
    errorTransform(this[k].stream, reason);
  }
  terminate() {
    if (!isTransformController(this)) throw invalidThis('TransformStreamDefaultController');
    const { stream } = this[k];
    closeDefault(stream[k].readable[k].controller);
    errorWritableAndUnblock(stream, invalidState('TransformStream terminated'));
  }
}
const isTransformController = (value) => isObject(value) && value[k]?.kind === 'transformController';
inspector(TransformStreamDefaultController, (it) => ({ stream: it[k].stream }));

function enqueueTransform(controller, chunk) {
  const { stream } = controller[k];
  const readable = stream[k].readable;
  const inner = readable[k].controller;
  if (!canEnqueue(inner)) throw invalidState('Unable to enqueue');
  try {
    enqueueDefault(inner, chunk);
  } catch (error) {
    errorWritableAndUnblock(stream, error);
    throw readable[k].error;
  }
  const backpressure = !shouldPull(inner);
  if (backpressure !== stream[k].backpressure) setTransformBackpressure(stream, true);
}
async function performTransform(controller, chunk) {
  try {
    return await controller[k].transform(chunk, controller);
  } catch (error) {
    errorTransform(controller[k].stream, error);
    throw error;
  }
}
async function sinkWrite(stream, chunk) {
  const { controller } = stream[k];
  if (stream[k].backpressure) {
    await stream[k].change.promise;
    const { writable } = stream[k];
    if (writable[k].state === 'erroring') throw writable[k].error;
  }
  return performTransform(controller, chunk);
}
function finishWith(controller, begin) {
  if (controller[k].finish !== undefined) return controller[k].finish.promise;
  const made = controller[k].finish = deferred();
  handled(made.promise);
  begin(made);
  return made.promise;
}
function sinkAbort(stream, reason) {
  const { controller, readable } = stream[k];
  return finishWith(controller, (made) => {
    const result = controller[k].cancel(reason);
    clearTransform(controller);
    result.then(() => {
      if (readable[k].state === 'errored') return made.reject(readable[k].error);
      errorDefault(readable[k].controller, reason);
      return made.resolve();
    }, (error) => {
      errorDefault(readable[k].controller, error);
      made.reject(error);
    });
  });
}
function sinkClose(stream) {
  const { controller, readable } = stream[k];
  return finishWith(controller, (made) => {
    const result = controller[k].flush(controller);
    clearTransform(controller);
    result.then(() => {
      if (readable[k].state === 'errored') return made.reject(readable[k].error);
      closeDefault(readable[k].controller);
      return made.resolve();
    }, (error) => {
      errorDefault(readable[k].controller, error);
      made.reject(error);
    });
  });
}
function sourcePull(stream) {
  setTransformBackpressure(stream, false);
  return stream[k].change.promise;
}
function sourceCancel(stream, reason) {
  const { controller, writable } = stream[k];
  return finishWith(controller, (made) => {
    const result = controller[k].cancel(reason);
    clearTransform(controller);
    result.then(() => {
      if (writable[k].state === 'errored') return made.reject(writable[k].error);
      errorIfNeeded(writable[k].controller, reason);
      if (stream[k].backpressure) setTransformBackpressure(stream, false);
      return made.resolve();
    }, (error) => {
      errorIfNeeded(writable[k].controller, error);
      if (stream[k].backpressure) setTransformBackpressure(stream, false);
      made.reject(error);
    });
  });
}

defineEnd(ReadableStream, (stream, error) => (isByteController(stream[k].controller) ? errorBytes : errorDefault)(stream[k].controller, error));
defineEnd(WritableStream, (stream, error) => errorIfNeeded(stream[k].controller, error));

const classes = {
  ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamBYOBRequest, ReadableByteStreamController, ReadableStreamDefaultController,
  TransformStream, TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter, ByteLengthQueuingStrategy,
  CountQueuingStrategy,
};
for (const [name, Class] of Object.entries(classes)) {
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const key of Object.getOwnPropertyNames(Class.prototype)) {
    if (key !== 'constructor' && key !== '_disturbed') Object.defineProperty(Class.prototype, key, { enumerable: true });
  }
}
Object.defineProperty(ReadableStream, 'from', { enumerable: true });

module.exports = {
  ...classes, kState: k, kPrivate, isReadableStream, isWritableStream, isTransformStream, createReadable, createWritable, enqueueDefault, closeDefault, errorDefault,
  errorIfNeeded, pipe, handled, deferred, cancelReadable, abortWritable,
};
