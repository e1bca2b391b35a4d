// SPDX-License-Identifier: Apache-2.0
// Between Node's streams and those of the web: Readable.toWeb() and its kin.
'use strict';

const { AbortError, codes } = require('internal/errors');
const { validateBoolean, validateObject, validateOneOf } = require('internal/validators');
const { Buffer } = require('node:buffer');
const web = require('internal/node/web_streams');
const nextTick = (...args) => require('internal/process').process.nextTick(...args);

const isReadable = (stream) => stream && typeof stream.pipe === 'function' && typeof stream.on === 'function' && stream._readableState !== undefined && typeof stream._read === 'function';
const isWritable = (stream) => stream && typeof stream.write === 'function' && typeof stream.on === 'function' && (stream._writableState !== undefined || stream._events !== undefined);
const asBytes = (chunk) => new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
const eos = (stream, options, callback) => require('node:stream').finished(stream, options, callback);
const premature = (error) => error?.code === 'ERR_STREAM_PREMATURE_CLOSE' ? new AbortError(undefined, { cause: error }) : error;

// Readable -> ReadableStream
function newReadableStreamFromStreamReadable(readable, options = {}) {
  if (!isReadable(readable)) throw new codes.ERR_INVALID_ARG_TYPE('streamReadable', 'stream.Readable', readable);
  validateObject(options, 'options');
  if (options.type !== undefined) validateOneOf(options.type, 'options.type', ['bytes', undefined]);
  const isBytes = options.type === 'bytes';
  if (readable.destroyed || readable.readable === false) {
    const stream = new web.ReadableStream({ type: options.type });
    stream.cancel();
    return stream;
  }
  const { objectMode } = readable._readableState;
  const highWaterMark = readable.readableHighWaterMark;
  const strategy = isBytes ? { highWaterMark } : options.strategy ?? (objectMode ? new web.CountQueuingStrategy({ highWaterMark }) : { highWaterMark });
  let controller, cancelled = false;
  const onData = (chunk) => {
    if (Buffer.isBuffer(chunk) && (!objectMode || isBytes)) chunk = isBytes ? asBytes(Buffer.from(chunk)) : asBytes(chunk);
    if (isBytes && typeof chunk === 'string') chunk = new Uint8Array(Buffer.from(chunk));
    if (isBytes) chunk = chunk.slice();
    controller.enqueue(chunk);
    if (controller.desiredSize <= 0) readable.pause();
  };
  readable.pause();
  const cleanup = eos(readable, { writable: false }, (error) => {
    error = premature(error);
    cleanup();
    readable.on('error', () => {});
    if (error) {
      controller.error(error);
      return;
    }
    if (cancelled) return;
    try {
      controller.close();
      if (isBytes) controller.byobRequest?.respond(0);
    } catch {
      // It was closed or failed meanwhile.
    }
  });
  readable.on('data', onData);
  return new web.ReadableStream({
    type: options.type,
    start(given) { controller = given; },
    pull() { readable.resume(); },
    cancel(reason) {
      cancelled = true;
      const { destroy } = readable;
      Reflect.apply(destroy, readable, [reason]);
    },
  }, strategy);
}

// ReadableStream -> Readable
function newStreamReadableFromReadableStream(stream, options = {}) {
  if (!web.isReadableStream(stream)) throw new codes.ERR_INVALID_ARG_TYPE('readableStream', 'ReadableStream', stream);
  validateObject(options, 'options');
  const { highWaterMark, encoding, objectMode = false, signal } = options;
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) throw new codes.ERR_INVALID_ARG_VALUE('options.encoding', encoding);
  validateBoolean(objectMode, 'options.objectMode');
  const reader = stream.getReader();
  let closed = false;
  const { Readable } = require('node:stream');
  const readable = new Readable({
    objectMode, highWaterMark, encoding, signal,
    read() {
      reader.read().then(({ done, value }) => {
        if (done) readable.push(null);
        else readable.push(value);
      }, (error) => readable.destroy(error));
    },
    destroy(error, callback) {
      const finish = () => nextTick(callback, error);
      if (!closed) reader.cancel(error).then(finish, finish);
      else finish();
    },
  });
  reader.closed.then(() => { closed = true; }, (error) => {
    closed = true;
    readable.destroy(error);
  });
  return readable;
}

// Writable -> WritableStream
function newWritableStreamFromStreamWritable(writable, options = {}) {
  if (!isWritable(writable)) throw new codes.ERR_INVALID_ARG_TYPE('streamWritable', 'stream.Writable', writable);
  if (writable.destroyed || writable.writable === false) {
    const stream = new web.WritableStream();
    stream.close();
    return stream;
  }
  const highWaterMark = writable.writableHighWaterMark ?? 16384;
  const strategy = writable.writableObjectMode ? new web.CountQueuingStrategy({ highWaterMark }) : { highWaterMark };
  let controller, pressure, closing;
  const onDrain = () => pressure?.resolve();
  const cleanup = eos(writable, (error) => {
    error = premature(error);
    cleanup();
    writable.on('error', () => {});
    if (error != null) {
      pressure?.reject(error);
      if (closing !== undefined) {
        closing.reject(error);
        closing = undefined;
      }
      controller.error(error);
      controller = undefined;
      return;
    }
    if (closing !== undefined) {
      closing.resolve();
      closing = undefined;
      return;
    }
    controller.error(new AbortError());
    controller = undefined;
  });
  writable.on('drain', onDrain);
  return new web.WritableStream({
    start(given) { controller = given; },
    write(chunk) {
      if (!writable.writableObjectMode && (chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer)) chunk = new Uint8Array(chunk);
      if (writable.writableNeedDrain || !writable.write(chunk)) {
        pressure = web.deferred();
        return pressure.promise.finally(() => { pressure = undefined; });
      }
      return undefined;
    },
    abort(reason) { writable.destroy(reason); },
    close() {
      if (closing === undefined && !writable.writableEnded && !writable.writableFinished) {
        closing = web.deferred();
        writable.end();
        return closing.promise;
      }
      return undefined;
    },
  }, options.strategy ?? strategy);
}

// WritableStream -> Writable
function newStreamWritableFromWritableStream(stream, options = {}) {
  if (!web.isWritableStream(stream)) throw new codes.ERR_INVALID_ARG_TYPE('writableStream', 'WritableStream', stream);
  validateObject(options, 'options');
  const { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
  validateBoolean(objectMode, 'options.objectMode');
  validateBoolean(decodeStrings, 'options.decodeStrings');
  const writer = stream.getWriter();
  let closed = false;
  const { Writable } = require('node:stream');
  const toChunk = (chunk, encoding) => {
    if (typeof chunk === 'string' && decodeStrings && !objectMode) return asBytes(Buffer.from(chunk, encoding));
    return chunk;
  };
  const writable = new Writable({
    highWaterMark, objectMode, decodeStrings, signal,
    writev(chunks, callback) {
      const done = (error) => nextTick(() => callback(error));
      writer.ready.then(() => Promise.all(chunks.map(({ chunk, encoding }) => writer.write(toChunk(chunk, encoding)))).then(() => done(), (error) => done(error)), done);
    },
    write(chunk, encoding, callback) {
      const done = (error) => nextTick(() => callback(error));
      writer.ready.then(() => writer.write(toChunk(chunk, encoding)).then(() => done(), done), done);
    },
    destroy(error, callback) {
      const finish = () => nextTick(callback, error);
      if (closed) return finish();
      if (error != null) return void writer.abort(error).then(finish, finish);
      return void writer.close().then(finish, finish);
    },
    final(callback) {
      if (closed) return void nextTick(callback);
      writer.close().then(() => nextTick(callback), (error) => nextTick(callback, error));
    },
  });
  writer.closed.then(() => { closed = true; }, (error) => {
    closed = true;
    writable.destroy(error);
  });
  return writable;
}

// Duplex -> { readable, writable }
function newReadableWritablePairFromDuplex(duplex, options = {}) {
  if (!duplex || typeof duplex._read !== 'function' && duplex._readableState === undefined || typeof duplex.write !== 'function') throw new codes.ERR_INVALID_ARG_TYPE('duplex', 'stream.Duplex', duplex);
  validateObject(options, 'options');
  if (duplex.destroyed) {
    const writable = new web.WritableStream(), readable = new web.ReadableStream({ type: options.readableType });
    writable.close();
    readable.cancel();
    return { readable, writable };
  }
  const writable = duplex.writable ? newWritableStreamFromStreamWritable(duplex) : new web.WritableStream();
  if (!duplex.writable) writable.close();
  const readable = duplex.readable ? newReadableStreamFromStreamReadable(duplex, { type: options.readableType ?? options.type }) : new web.ReadableStream({ type: options.readableType });
  if (!duplex.readable) readable.cancel();
  return { writable, readable };
}

// { readable, writable } -> Duplex
function newStreamDuplexFromReadableWritablePair(pair = {}, options = {}) {
  validateObject(pair, 'pair');
  const { readable, writable } = pair;
  if (!web.isReadableStream(readable)) throw new codes.ERR_INVALID_ARG_TYPE('pair.readable', 'ReadableStream', readable);
  if (!web.isWritableStream(writable)) throw new codes.ERR_INVALID_ARG_TYPE('pair.writable', 'WritableStream', writable);
  validateObject(options, 'options');
  const { allowHalfOpen = false, objectMode = false, encoding, decodeStrings = true, highWaterMark, signal } = options;
  validateBoolean(objectMode, 'options.objectMode');
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) throw new codes.ERR_INVALID_ARG_VALUE('options.encoding', encoding);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let writableClosed = false, readableClosed = false;
  const { Duplex } = require('node:stream');
  const duplex = new Duplex({
    allowHalfOpen, highWaterMark, objectMode, encoding, decodeStrings, signal,
    write(chunk, encoding, callback) {
      if (typeof chunk === 'string' && decodeStrings && !objectMode) chunk = asBytes(Buffer.from(chunk, encoding));
      const done = (error) => nextTick(() => callback(error));
      writer.ready.then(() => writer.write(chunk).then(() => done(), done), done);
    },
    final(callback) {
      if (writableClosed) return void nextTick(callback);
      writer.close().then(() => nextTick(callback), (error) => nextTick(callback, error));
    },
    read() {
      reader.read().then(({ done, value }) => duplex.push(done ? null : value), (error) => duplex.destroy(error));
    },
    destroy(error, callback) {
      const finish = () => nextTick(callback, error);
      const parts = [];
      if (!writableClosed) parts.push(error != null ? writer.abort(error) : writer.close());
      if (!readableClosed) parts.push(reader.cancel(error));
      Promise.all(parts).then(finish, finish);
    },
  });
  writer.closed.then(() => { writableClosed = true; }, (error) => {
    writableClosed = readableClosed = true;
    duplex.destroy(error);
  });
  reader.closed.then(() => { readableClosed = true; }, (error) => {
    writableClosed = readableClosed = true;
    duplex.destroy(error);
  });
  return duplex;
}

module.exports = {
  newReadableStreamFromStreamReadable, newStreamReadableFromReadableStream, newWritableStreamFromStreamWritable, newStreamWritableFromWritableStream,
  newReadableWritablePairFromDuplex, newStreamDuplexFromReadableWritablePair,
};
