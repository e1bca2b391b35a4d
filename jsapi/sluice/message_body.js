// SPDX-License-Identifier: Apache-2.0
// The body of a message that comes in, of a request to a server or of a response to a client: taken whole, as an async
// iteration of Uint8Arrays, or by 'data' and 'end' events. Bytes wait in C++ until they are taken, and the peer is held back
// meanwhile.
'use strict';

const { bodyUsed, bodyTooLarge, coded } = require('internal/sluice/errors');

const UNUSED = 0, WHOLE = 1, ITERATING = 2, FLOWING = 3, PAUSED = 4, DONE = 5;
const TEXT = 0, BYTES = 1, ARRAY_BUFFER = 2, JSON_VALUE = 3;

// How much text(), json(), bytes() and arrayBuffer() gather, unless the message says otherwise.
const WHOLE_LIMIT_BYTES = 64 * 1024 * 1024;

// `message` has _slot, _generation, _bodyDone() (called once, when nothing of the body is wanted any more) and emit().
// `ops`: { take(slot, generation), whole(slot, generation, form, limit), discard(slot, generation) } of C++.
class MessageBody {
  constructor(message, ops) {
    this.message = message;
    this.ops = ops;
    this.state = UNUSED;
    this.form = TEXT;
    this.limit = WHOLE_LIMIT_BYTES;
    this.resolve = null;
    this.reject = null;
    this.error = null;
  }

  get used() { return this.state !== UNUSED; }
  get busy() { return this.state !== UNUSED && this.state !== DONE; }

  done() {
    if (this.state === DONE) return;
    this.state = DONE;
    this.message._bodyDone();
  }

  // --- whole
  whole(form) {
    if (this.state !== UNUSED) return Promise.reject(bodyUsed());
    if (this.error !== null) return Promise.reject(this.error);
    this.state = WHOLE;
    this.form = form;
    let value;
    try {
      value = this.fetchWhole();
    } catch (error) {
      this.done();
      return Promise.reject(error);
    }
    if (value !== undefined) {
      this.done();
      return Promise.resolve(value);
    }
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  fetchWhole() {
    const { message, form } = this;
    const value = this.ops.whole(message._slot, message._generation, form === JSON_VALUE ? TEXT : form, this.limit);
    if (value === false) throw bodyTooLarge(this.limit);
    return form === JSON_VALUE && value !== undefined ? JSON.parse(value) : value;
  }

  // --- iteration
  iterator() {
    if (this.state !== UNUSED) throw bodyUsed();
    this.state = ITERATING;
    return new BodyIterator(this);
  }

  take() { return this.ops.take(this.message._slot, this.message._generation); }

  // --- events of the message
  flow() {
    if (this.state === UNUSED || this.state === PAUSED) {
      this.state = FLOWING;
      Promise.resolve().then(() => this.pump());
    }
  }
  pause() {
    if (this.state === FLOWING || this.state === UNUSED) this.state = PAUSED;
  }
  pump() {
    while (this.state === FLOWING) {
      if (this.error !== null) return;
      let chunk;
      try {
        chunk = this.take();
      } catch (error) {
        this.fail(error);
        return;
      }
      if (chunk === undefined) return;
      if (chunk === null) {
        this.done();
        this.message.emit('end');
        return;
      }
      this.message.emit('data', chunk);
    }
  }

  // --- from C++
  onEvent() {
    switch (this.state) {
      case WHOLE: {
        let value;
        try {
          value = this.fetchWhole();
          if (value === undefined) return;
        } catch (error) {
          this.done();
          this.reject(error);
          return;
        }
        this.done();
        this.resolve(value);
        return;
      }
      case ITERATING: {
        const { resolve } = this;
        if (resolve === null) return;
        let chunk;
        try {
          chunk = this.take();
        } catch (error) {
          this.fail(error);
          return;
        }
        if (chunk === undefined) return;
        this.resolve = this.reject = null;
        if (chunk === null) {
          this.done();
          resolve({ value: undefined, done: true });
        } else {
          resolve({ value: chunk, done: false });
        }
        return;
      }
      case FLOWING: this.pump();
    }
  }

  fail(error) {
    if (this.error !== null || this.state === DONE) return;
    this.error = error;
    const { state, reject } = this;
    this.resolve = this.reject = null;
    if (state === UNUSED) return;
    this.done();
    if (reject !== null) reject(error);
    else if (state === FLOWING || state === PAUSED) this.failedWhileFlowing(error);
  }
  failedWhileFlowing(error) {
    if (this.message.listenerCount('error') > 0) this.message.emit('error', error);
  }

  // Nobody wants the rest.
  cancel() {
    if (this.state === DONE) return;
    this.ops.discard(this.message._slot, this.message._generation);
    this.done();
  }
}

class BodyIterator {
  constructor(body) { this.body = body; }
  [Symbol.asyncIterator]() { return this; }
  next() {
    const { body } = this;
    if (body.error !== null) {
      const { error } = body;
      body.done();
      return Promise.reject(error);
    }
    if (body.state === DONE) return Promise.resolve({ value: undefined, done: true });
    if (body.resolve !== null) {
      return Promise.reject(coded(Error, 'ERR_INVALID_STATE', 'next() was called before the one before it was answered'));
    }
    let chunk;
    try {
      chunk = body.take();
    } catch (error) {
      body.cancel();
      return Promise.reject(error);
    }
    if (chunk === null) {
      body.done();
      return Promise.resolve({ value: undefined, done: true });
    }
    if (chunk !== undefined) return Promise.resolve({ value: chunk, done: false });
    return new Promise((resolve, reject) => {
      body.resolve = resolve;
      body.reject = reject;
    });
  }
  return(value) {
    this.body.cancel();
    return Promise.resolve({ value, done: true });
  }
}

exports.MessageBody = MessageBody;
Object.assign(exports, { TEXT, BYTES, ARRAY_BUFFER, JSON_VALUE });
