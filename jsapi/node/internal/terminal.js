// SPDX-License-Identifier: Apache-2.0
// Control sequences of terminals (ECMA-48): what moves the cursor and clears, and what keys send.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction } = require('internal/validators');
const { nextTick } = require('internal/ticks');

const CSI = '\u001b[';
const SEQUENCES = { clearToStart: `${CSI}1K`, clearToEnd: `${CSI}0K`, clearLine: `${CSI}2K`, clearDown: `${CSI}0J` };

function send(stream, data, callback) {
  if (callback !== undefined) validateFunction(callback, 'callback');
  if (stream === null || stream === undefined || data === '') {
    if (typeof callback === 'function') nextTick(callback, null);
    return true;
  }
  return stream.write(data, callback);
}

function positionText(x, y) {
  if (Number.isNaN(x)) throw new codes.ERR_INVALID_ARG_VALUE('x', x);
  if (Number.isNaN(y)) throw new codes.ERR_INVALID_ARG_VALUE('y', y);
  if (typeof x !== 'number' && typeof y !== 'number') return '';
  if (typeof x !== 'number') throw new codes.ERR_INVALID_CURSOR_POS();
  return typeof y !== 'number' ? `${CSI}${x + 1}G` : `${CSI}${y + 1};${x + 1}H`;
}
function motionText(dx, dy) {
  let text = '';
  if (dx < 0) text += `${CSI}${-dx}D`;
  else if (dx > 0) text += `${CSI}${dx}C`;
  if (dy < 0) text += `${CSI}${-dy}A`;
  else if (dy > 0) text += `${CSI}${dy}B`;
  return text;
}
const clearText = (direction) => direction < 0 ? SEQUENCES.clearToStart : direction > 0 ? SEQUENCES.clearToEnd : SEQUENCES.clearLine;

function cursorTo(stream, x, y, callback) {
  if (callback !== undefined) validateFunction(callback, 'callback');
  if (typeof y === 'function') [callback, y] = [y, undefined];
  return send(stream, positionText(x, y), callback);
}
function moveCursor(stream, dx, dy, callback) { return send(stream, motionText(dx, dy), callback); }
function clearLine(stream, direction, callback) { return send(stream, clearText(direction), callback); }
function clearScreenDown(stream, callback) { return send(stream, SEQUENCES.clearDown, callback); }

// ---- keys

const ESCAPE = '\u001b';
// What stands behind ESC, by terminal: xterm, gnome, rxvt, putty, the Linux console.
const KEYS = { __proto__: null };
for (const [name, ...keyCodes] of [
  ['f1', '[P', 'OP', '[11~', '[[A'], ['f2', '[Q', 'OQ', '[12~', '[[B'], ['f3', '[R', 'OR', '[13~', '[[C'], ['f4', '[S', 'OS', '[14~', '[[D'], ['f5', '[[E', '[15~'],
  ['f6', '[17~'], ['f7', '[18~'], ['f8', '[19~'], ['f9', '[20~'], ['f10', '[21~'], ['f11', '[23~'], ['f12', '[24~'],
  ['up', '[A', 'OA'], ['down', '[B', 'OB'], ['right', '[C', 'OC'], ['left', '[D', 'OD'], ['clear', '[E', 'OE'], ['end', '[F', 'OF', '[4~', '[8~'],
  ['home', '[H', 'OH', '[1~', '[7~'], ['insert', '[2~'], ['delete', '[3~'], ['pageup', '[5~', '[[5~'], ['pagedown', '[6~', '[[6~'],
  ['paste-start', '[200~'], ['paste-end', '[201~'],
]) for (const code of keyCodes) KEYS[code] = { name };
for (const [name, letter] of [['up', 'a'], ['down', 'b'], ['right', 'c'], ['left', 'd'], ['clear', 'e']]) {
  KEYS[`[${letter}`] = { name, shift: true };
  KEYS[`O${letter}`] = { name, ctrl: true };
}
for (const [name, digit] of [['insert', 2], ['delete', 3], ['pageup', 5], ['pagedown', 6], ['home', 7], ['end', 8]]) {
  KEYS[`[${digit}$`] = { name, shift: true };
  KEYS[`[${digit}^`] = { name, ctrl: true };
}
KEYS['[Z'] = { name: 'tab', shift: true };

const isDigit = (c) => c >= '0' && c <= '9';

// Takes characters, emits 'keypress' on the stream. An empty text ends a sequence that has stopped short.
function* readKeys(stream) {
  for (;;) {
    let c = yield;
    let sequence = c;
    let escaped = false;
    const key = { sequence: null, name: undefined, ctrl: false, meta: false, shift: false };
    if (c === ESCAPE) {
      escaped = true;
      sequence += (c = yield);
      if (c === ESCAPE) sequence += (c = yield);
    }
    if (escaped && (c === 'O' || c === '[')) {
      let code = c;
      let modifier = 0;
      if (c === 'O') {
        // ESC O letter, ESC O modifier letter
        sequence += (c = yield);
        if (isDigit(c)) {
          modifier = Number(c) - 1;
          sequence += (c = yield);
        }
        code += c;
      } else {
        // ESC [ letter, ESC [ digits ; modifier letter, ESC [ [ letter
        sequence += (c = yield);
        if (c === '[') {
          code += c;
          sequence += (c = yield);
        }
        const start = sequence.length - 1;
        for (let i = 0; i < 3 && isDigit(c); i++) sequence += (c = yield);
        if (c === ';') {
          sequence += (c = yield);
          if (isDigit(c)) sequence += yield;
        }
        const command = sequence.slice(start);
        let match = /^(?:(\d\d?)(?:;(\d))?([~^$])|(\d{3}~))$/.exec(command);
        if (match !== null) {
          code += match[4] ?? match[1] + match[3];
          modifier = (match[2] ?? 1) - 1;
        } else if ((match = /^((\d;)?(\d))?([A-Za-z])$/.exec(command)) !== null) {
          code += match[4];
          modifier = (match[3] ?? 1) - 1;
        } else {
          code += command;
        }
      }
      key.ctrl = (modifier & 4) !== 0;
      key.meta = (modifier & 10) !== 0;
      key.shift = (modifier & 1) !== 0;
      key.code = code;
      Object.assign(key, KEYS[code] ?? { name: 'undefined' });
    } else if (c === '\r') {
      key.name = 'return';
      key.meta = escaped;
    } else if (c === '\n') {
      key.name = 'enter';
      key.meta = escaped;
    } else if (c === '\t') {
      key.name = 'tab';
      key.meta = escaped;
    } else if (c === '\b' || c === '\x7f') {
      key.name = 'backspace';
      key.meta = escaped;
    } else if (c === ESCAPE) {
      key.name = 'escape';
      key.meta = escaped;
    } else if (c === ' ') {
      key.name = 'space';
      key.meta = escaped;
    } else if (!escaped && c <= '\x1a') {
      key.name = String.fromCharCode(c.charCodeAt(0) + 96);
      key.ctrl = true;
    } else if (/^[0-9A-Za-z]$/.test(c)) {
      key.name = c.toLowerCase();
      key.shift = /^[A-Z]$/.test(c);
      key.meta = escaped;
    } else if (escaped) {
      key.name = c.length > 0 ? undefined : 'escape';
      key.meta = true;
    }
    key.sequence = sequence;
    if (sequence.length !== 0 && (key.name !== undefined || escaped)) stream.emit('keypress', escaped ? undefined : sequence, key);
    else if (sequence.length !== 0 && String.fromCodePoint(sequence.codePointAt(0)).length === sequence.length) stream.emit('keypress', sequence, key);
  }
}

const kKeys = Symbol('keypress');
const ESCAPE_TIMEOUT_MS = 500;

// Makes `stream` emit 'keypress' for what it reads, as long as anybody listens. `lines`: the Interface that reads from it.
function emitKeypressEvents(stream, lines = {}) {
  if (stream[kKeys]) return;
  const { StringDecoder } = require('node:string_decoder');
  stream[kKeys] = true;
  const decoder = new StringDecoder('utf8');
  let reader = readKeys(stream);
  reader.next();
  let timer;
  const endSequence = () => reader.next('');
  function onData(input) {
    if (stream.listenerCount('keypress') === 0) {
      stream.removeListener('data', onData);
      stream.on('newListener', onNewListener);
      return;
    }
    const text = decoder.write(input);
    if (text === '') return;
    clearTimeout(timer);
    lines.sawKeyPress = String.fromCodePoint(text.codePointAt(0)).length === text.length;
    // Text that was pasted is not to be completed.
    lines.isCompletionEnabled = false;
    let length = 0;
    for (const character of text) {
      length += character.length;
      if (length === text.length) lines.isCompletionEnabled = true;
      try {
        reader.next(character);
        if (length === text.length && character === ESCAPE) timer = setTimeout(endSequence, lines.escapeCodeTimeout ?? ESCAPE_TIMEOUT_MS);
      } catch (error) {
        // A listener threw: the generator is done for.
        reader = readKeys(stream);
        reader.next();
        throw error;
      }
    }
  }
  function onNewListener(name) {
    if (name !== 'keypress') return;
    stream.on('data', onData);
    stream.removeListener('newListener', onNewListener);
  }
  if (stream.listenerCount('keypress') > 0) stream.on('data', onData);
  else stream.on('newListener', onNewListener);
}

Object.assign(exports, { cursorTo, moveCursor, clearLine, clearScreenDown, emitKeypressEvents, positionText, motionText, clearText, clearDown: SEQUENCES.clearDown });
