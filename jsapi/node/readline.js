// SPDX-License-Identifier: Apache-2.0
// node:readline. The editor itself is internal/node/line_editor.
'use strict';

const { AbortError } = require('internal/errors');
const { validateAbortSignal } = require('internal/validators');
const { Interface: Editor } = require('internal/node/line_editor');
const { cursorTo, moveCursor, clearLine, clearScreenDown, emitKeypressEvents } = require('internal/node/terminal');
const promises = require('node:readline/promises');

// Also called without `new`, as programs of long ago do.
function Interface(input, output, completer, terminal) {
  return Reflect.construct(Editor, [input, output, completer, terminal], new.target ?? Interface);
}
Object.setPrototypeOf(Interface.prototype, Editor.prototype);
Object.setPrototypeOf(Interface, Editor);

Interface.prototype.question = function question(query, options, callback) {
  callback = typeof options === 'function' ? options : callback;
  if (options?.signal) {
    const { signal } = options;
    validateAbortSignal(signal, 'options.signal');
    if (signal.aborted) return;
    const disposable = require('node:events').addAbortListener(signal, () => this._cancelQuestion());
    const answered = callback;
    callback = typeof answered === 'function' ? (answer) => {
      disposable[Symbol.dispose]();
      return answered(answer);
    } : answered;
  }
  if (typeof callback === 'function') this._ask(query, callback);
};
Object.defineProperty(Interface.prototype.question, Symbol.for('nodejs.util.promisify.custom'), {
  enumerable: false, configurable: true,
  value: function question(query, options) {
    if (options === null || typeof options !== 'object') options = {};
    if (options.signal?.aborted) return Promise.reject(new AbortError(undefined, { cause: options.signal.reason }));
    return new Promise((resolve, reject) => {
      let answered = resolve;
      if (options.signal) {
        const disposable = require('node:events').addAbortListener(options.signal, () => reject(new AbortError(undefined, { cause: options.signal.reason })));
        answered = (answer) => {
          disposable[Symbol.dispose]();
          resolve(answer);
        };
      }
      this.question(query, options, answered);
    });
  },
});

function createInterface(input, output, completer, terminal) { return new Interface(input, output, completer, terminal); }

module.exports = { Interface, clearLine, clearScreenDown, createInterface, cursorTo, emitKeypressEvents, moveCursor, promises };
