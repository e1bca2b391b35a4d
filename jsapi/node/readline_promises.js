// SPDX-License-Identifier: Apache-2.0
// node:readline/promises.
'use strict';

const { AbortError, codes } = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateInteger } = require('internal/validators');
const { Interface: Editor } = require('internal/node/line_editor');
const { positionText, motionText, clearText, clearDown } = require('internal/node/terminal');
const { nextTick } = require('internal/ticks');

const kReject = Symbol('reject');

class Interface extends Editor {
  question(query, options = {}) {
    return new Promise((resolve, reject) => {
      let answered = resolve;
      if (options?.signal) {
        const { signal } = options;
        validateAbortSignal(signal, 'options.signal');
        if (signal.aborted) {
          reject(new AbortError(undefined, { cause: signal.reason }));
          return;
        }
        const disposable = require('node:events').addAbortListener(signal, () => {
          this._cancelQuestion();
          reject(new AbortError(undefined, { cause: signal.reason }));
        });
        answered = (answer) => {
          disposable[Symbol.dispose]();
          resolve(answer);
        };
      }
      this[kReject] = reject;
      this._ask(query, answered);
    });
  }
  close() {
    if (!this.closed && this[kReject] !== undefined) this[kReject](new AbortError('Aborted with Ctrl+C'));
    super.close();
  }
  _callCompleter(text, done) {
    Promise.resolve().then(() => this.completer(text)).then((value) => done(null, value), (error) => done(error));
  }
}

// What is to be sent is collected until commit().
class Readline {
  #autoCommit = false; #stream; #todo = [];
  constructor(stream, options = undefined) {
    if (stream === null || typeof stream !== 'object' || typeof stream.write !== 'function' || typeof stream.on !== 'function' || stream.writable === false) {
      throw new codes.ERR_INVALID_ARG_TYPE('stream', 'Writable', stream);
    }
    this.#stream = stream;
    if (options?.autoCommit != null) {
      validateBoolean(options.autoCommit, 'options.autoCommit');
      this.#autoCommit = options.autoCommit;
    }
  }
  #add(text) {
    if (this.#autoCommit) nextTick(() => this.#stream.write(text));
    else this.#todo.push(text);
    return this;
  }
  cursorTo(x, y = undefined) {
    validateInteger(x, 'x');
    if (y != null) validateInteger(y, 'y');
    return this.#add(positionText(x, y ?? undefined));
  }
  moveCursor(dx, dy) {
    if (dx !== 0 || dy !== 0) {
      validateInteger(dx, 'dx');
      validateInteger(dy, 'dy');
      return this.#add(motionText(dx, dy));
    }
    return this;
  }
  clearLine(direction) {
    validateInteger(direction, 'dir', -1, 1);
    return this.#add(clearText(direction));
  }
  clearScreenDown() { return this.#add(clearDown); }
  commit() {
    return new Promise((resolve) => {
      this.#stream.write(this.#todo.join(''), resolve);
      this.#todo = [];
    });
  }
  rollback() {
    this.#todo = [];
    return this;
  }
}

function createInterface(input, output, completer, terminal) { return new Interface(input, output, completer, terminal); }

module.exports = { Interface, Readline, createInterface };
