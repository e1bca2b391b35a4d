// SPDX-License-Identifier: Apache-2.0
// ReadableStream (Streams Standard) as bodies need it: a queue, a source that is asked when there is room, a default reader,
// async iteration, tee(). Without byte streams and without writable streams.
'use strict';

class ReadableStreamDefaultController {
  constructor(stream) { this._stream = stream; }
  get desiredSize() {
    const stream = this._stream;
    if (stream._state === 'errored') return null;
    return stream._state === 'closed' ? 0 : stream._highWaterMark - stream._queue.length;
  }
  enqueue(chunk) {
    const stream = this._stream;
    if (stream._state !== 'readable' || stream._closing) throw new TypeError('Invalid state: Controller is already closed');
    if (stream._waiting.length > 0) stream._waiting.shift().resolve({ value: chunk, done: false });
    else stream._queue.push(chunk);
    ask(stream);
  }
  close() {
    const stream = this._stream;
    if (stream._state !== 'readable' || stream._closing) throw new TypeError('Invalid state: Controller is already closed');
    stream._closing = true;
    if (stream._queue.length === 0) finish(stream);
  }
  error(reason) { fail(this._stream, reason); }
}

function ask(stream) {
  if (!stream._started || stream._state !== 'readable' || stream._closing) return;
  if (stream._queue.length >= stream._highWaterMark && stream._waiting.length === 0) return;
  const { pull } = stream._source;
  if (pull === undefined) return;
  if (stream._pulling) {
    stream._again = true;
    return;
  }
  stream._pulling = true;
  let outcome;
  try {
    outcome = Reflect.apply(pull, stream._source, [stream._controller]);
  } catch (error) {
    fail(stream, error);
    return;
  }
  Promise.resolve(outcome).then(() => {
    stream._pulling = false;
    if (stream._again) {
      stream._again = false;
      ask(stream);
    }
  }, (error) => fail(stream, error));
}

function finish(stream) {
  if (stream._state !== 'readable') return;
  stream._state = 'closed';
  for (const { resolve } of stream._waiting.splice(0)) resolve({ value: undefined, done: true });
  if (stream._reader !== null) stream._reader._closed.resolve(undefined);
}

function fail(stream, reason) {
  if (stream._state !== 'readable') return;
  stream._state = 'errored';
  stream._error = reason;
  stream._queue = [];
  for (const { reject } of stream._waiting.splice(0)) reject(reason);
  if (stream._reader !== null) stream._reader._closed.reject(reason);
}

function read(stream) {
  stream._disturbed = true;
  if (stream._queue.length > 0) {
    const value = stream._queue.shift();
    if (stream._closing && stream._queue.length === 0) finish(stream);
    else ask(stream);
    return Promise.resolve({ value, done: false });
  }
  if (stream._state === 'closed') return Promise.resolve({ value: undefined, done: true });
  if (stream._state === 'errored') return Promise.reject(stream._error);
  return new Promise((resolve, reject) => {
    stream._waiting.push({ resolve, reject });
    ask(stream);
  });
}

function cancel(stream, reason) {
  stream._disturbed = true;
  if (stream._state === 'closed') return Promise.resolve();
  if (stream._state === 'errored') return Promise.reject(stream._error);
  stream._queue = [];
  finish(stream);
  const { cancel: callback } = stream._source;
  if (callback === undefined) return Promise.resolve();
  try {
    return Promise.resolve(Reflect.apply(callback, stream._source, [reason])).then(() => undefined);
  } catch (error) {
    return Promise.reject(error);
  }
}

function settleable() {
  const made = {};
  made.promise = new Promise((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  made.promise.catch(() => {});
  return made;
}

class ReadableStreamDefaultReader {
  constructor(stream) {
    if (stream._reader !== null) throw new TypeError('Invalid state: ReadableStream is locked');
    stream._reader = this;
    this._stream = stream;
    this._closed = settleable();
    if (stream._state === 'closed') this._closed.resolve(undefined);
    if (stream._state === 'errored') this._closed.reject(stream._error);
  }
  get closed() { return this._closed.promise; }
  read() {
    if (this._stream === null) return Promise.reject(new TypeError('Invalid state: The reader is not attached to a stream'));
    return read(this._stream);
  }
  cancel(reason) {
    if (this._stream === null) return Promise.reject(new TypeError('Invalid state: The reader is not attached to a stream'));
    return cancel(this._stream, reason);
  }
  releaseLock() {
    const stream = this._stream;
    if (stream === null) return;
    for (const { reject } of stream._waiting.splice(0)) reject(new TypeError('Invalid state: Releasing reader'));
    stream._reader = null;
    this._stream = null;
    this._closed.reject(new TypeError('Invalid state: Releasing reader'));
  }
}

class ReadableStream {
  constructor(source = {}, strategy = {}) {
    if (source === null || typeof source !== 'object') throw new TypeError('The "source" argument must be of type object');
    if (source.type !== undefined && source.type !== 'bytes') throw new RangeError(`type ${source.type} is unknown`);
    this._source = source;
    this._highWaterMark = strategy.highWaterMark === undefined ? 1 : Number(strategy.highWaterMark);
    this._queue = [];
    this._waiting = [];
    this._state = 'readable';
    this._error = undefined;
    this._closing = false;
    this._pulling = false;
    this._again = false;
    this._started = false;
    this._disturbed = false;
    this._reader = null;
    this._controller = new ReadableStreamDefaultController(this);
    for (const name of Object.keys(this)) Object.defineProperty(this, name, { enumerable: false });
    const outcome = source.start === undefined ? undefined : Reflect.apply(source.start, source, [this._controller]);
    Promise.resolve(outcome).then(() => {
      this._started = true;
      ask(this);
    }, (error) => fail(this, error));
  }
  static from(iterable) {
    const iterator = typeof iterable[Symbol.asyncIterator] === 'function' ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    return new ReadableStream({
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(await value);
      },
      async cancel(reason) {
        if (typeof iterator.return === 'function') await iterator.return(reason);
      },
    }, { highWaterMark: 0 });
  }
  get locked() { return this._reader !== null; }
  cancel(reason) {
    if (this.locked) return Promise.reject(new TypeError('Invalid state: ReadableStream is locked'));
    return cancel(this, reason);
  }
  getReader(options = {}) {
    if (options && options.mode !== undefined) throw new TypeError('Byte stream readers are not there yet');
    return new ReadableStreamDefaultReader(this);
  }
  values({ preventCancel = false } = {}) {
    const reader = this.getReader();
    return {
      next() {
        return reader.read().then((result) => {
          if (result.done) reader.releaseLock();
          return result;
        });
      },
      async return(value) {
        const stream = reader._stream;
        if (stream !== null) {
          reader.releaseLock();
          if (!preventCancel) await cancel(stream, value);
        }
        return { value, done: true };
      },
      [Symbol.asyncIterator]() { return this; },
    };
  }
  [Symbol.asyncIterator](options) { return this.values(options); }
  tee() {
    const reader = this.getReader();
    const branches = [];
    let reading = false, cancelled = 0;
    const pull = async () => {
      if (reading) return;
      reading = true;
      try {
        const { value, done } = await reader.read();
        for (const branch of branches) {
          if (branch.over) continue;
          if (done) branch.controller.close();
          else branch.controller.enqueue(value);
        }
      } catch (error) {
        for (const branch of branches) branch.controller.error(error);
      } finally {
        reading = false;
      }
    };
    const make = () => {
      const branch = { controller: null, over: false };
      branches.push(branch);
      return new ReadableStream({
        start(controller) { branch.controller = controller; },
        pull,
        async cancel(reason) {
          branch.over = true;
          if (++cancelled === 2) await reader.cancel(reason);
        },
      });
    };
    return [make(), make()];
  }
}

for (const value of [ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController]) {
  Object.defineProperty(value.prototype, Symbol.toStringTag, { value: value.name, configurable: true });
  Object.defineProperty(globalThis, value.name, { value, writable: true, configurable: true, enumerable: false });
  exports[value.name] = value;
}
