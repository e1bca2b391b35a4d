// SPDX-License-Identifier: Apache-2.0
// The class behind readline.Interface: lines of a stream; on a terminal with editing, history and completion.
// Not here: input over several lines in history, and saving history to a file (the REPL's).
'use strict';

const { EventEmitter } = require('internal/emitter');
const { codes } = require('internal/errors');
const { validateAbortSignal, validateArray, validateNumber, validateString, validateUint32 } = require('internal/validators');
const { inspect, stripVTControlCharacters, textWidth } = require('internal/inspect');
const { process } = require('internal/process');
const { nextTick } = require('internal/ticks');
const { cursorTo, moveCursor, clearScreenDown, emitKeypressEvents } = require('internal/node/terminal');

const HISTORY_SIZE = 30;
const SHORTEST_CRLF_DELAY_MS = 100;
const UNDO_LIMIT = 2048;
const KILL_LIMIT = 32;
const LINE_END = /\r?\n|\r(?!\n)|\u2028|\u2029/g;
const kQuestion = Symbol('question');
const kOldPrompt = Symbol('oldPrompt');
const kSawReturnAt = Symbol('sawReturnAt');
const kRest = Symbol('rest');
const kIterator = Symbol('iterator');
const kUndo = Symbol('undo');
const kRedo = Symbol('redo');
const kKilled = Symbol('killed');
const kYanking = Symbol('yanking');
const kPrefix = Symbol('prefix');
const kPreviousKey = Symbol('previousKey');
const kDecoder = Symbol('decoder');

const widthAt = (text, at) => text.length <= at ? 1 : text.codePointAt(at) >= 0x10000 ? 2 : 1;
const widthBefore = (text, at) => at <= 0 ? 0 : (at > 1 && text.codePointAt(at - 2) >= 0x10000) || text.codePointAt(at - 1) >= 0x10000 ? 2 : 1;

function commonPrefix(texts) {
  if (texts.length === 0) return '';
  if (texts.length === 1) return texts[0];
  const sorted = texts.slice().sort();
  const [first, last] = [sorted[0], sorted[sorted.length - 1]];
  for (let i = 0; i < first.length; i++) if (first[i] !== last[i]) return first.slice(0, i);
  return first;
}

function InterfaceConstructor(input, output, completer, terminal) {
  EventEmitter.call(this);
  let history;
  let historySize;
  let removeHistoryDuplicates = false;
  let crlfDelay;
  let prompt = '> ';
  let signal;
  this.escapeCodeTimeout = 500;
  this.tabSize = 8;
  if (input?.input) {
    const options = input;
    ({ output, completer, terminal, history, historySize, signal } = options);
    if (options.tabSize !== undefined) {
      validateUint32(options.tabSize, 'tabSize', true);
      this.tabSize = options.tabSize;
    }
    removeHistoryDuplicates = options.removeHistoryDuplicates;
    if (options.prompt !== undefined) ({ prompt } = options);
    if (options.escapeCodeTimeout !== undefined) {
      if (!Number.isFinite(options.escapeCodeTimeout)) throw new codes.ERR_INVALID_ARG_VALUE('input.escapeCodeTimeout', options.escapeCodeTimeout);
      this.escapeCodeTimeout = options.escapeCodeTimeout;
    }
    if (signal) validateAbortSignal(signal, 'options.signal');
    ({ crlfDelay } = options);
    ({ input } = options);
  }
  if (completer !== undefined && typeof completer !== 'function') throw new codes.ERR_INVALID_ARG_VALUE('completer', completer);
  if (history === undefined) history = [];
  else validateArray(history, 'history');
  if (historySize === undefined) historySize = HISTORY_SIZE;
  validateNumber(historySize, 'historySize', 0);
  if (terminal === undefined && output !== null && output !== undefined) terminal = !!output.isTTY;

  this.line = '';
  this.cursor = 0;
  this.history = history;
  this.historyIndex = -1;
  this.historySize = historySize;
  this.removeHistoryDuplicates = !!removeHistoryDuplicates;
  this.crlfDelay = crlfDelay ? Math.max(SHORTEST_CRLF_DELAY_MS, crlfDelay) : SHORTEST_CRLF_DELAY_MS;
  this.completer = completer;
  this.input = input;
  this.output = output;
  this.terminal = !!terminal;
  this.prevRows = 0;
  this.paused = false;
  this.closed = false;
  this.isCompletionEnabled = true;
  this[kSawReturnAt] = 0;
  this[kQuestion] = null;
  this[kPrefix] = null;
  this[kUndo] = [];
  this[kRedo] = [];
  this[kKilled] = [];
  this[kYanking] = -1;
  this.setPrompt(prompt);

  const onError = (error) => this.emit('error', error);
  const onKeypress = (text, key) => {
    this._ttyWrite(text, key);
    // Half of a surrogate pair, at the end: the cursor stands behind the whole.
    if (key?.sequence) {
      const code = key.sequence.codePointAt(0);
      if (code >= 0xd800 && code <= 0xdfff) this._refreshLine();
    }
  };
  const onResize = () => this._refreshLine();
  const onData = (data) => this._normalWrite(data);
  const onTerminalEnd = () => {
    if (typeof this.line === 'string' && this.line.length > 0) this.emit('line', this.line);
    this.close();
  };
  const onEnd = () => {
    if (typeof this[kRest] === 'string' && this[kRest].length > 0) this.emit('line', this[kRest]);
    this.close();
  };
  input.on('error', onError);
  if (!this.terminal) {
    input.on('data', onData);
    input.on('end', onEnd);
    this.once('close', () => {
      input.removeListener('data', onData);
      input.removeListener('error', onError);
      input.removeListener('end', onEnd);
    });
    const { StringDecoder } = require('node:string_decoder');
    this[kDecoder] = new StringDecoder('utf8');
  } else {
    emitKeypressEvents(input, this);
    input.on('keypress', onKeypress);
    input.on('end', onTerminalEnd);
    this._setRawMode(true);
    if (output !== null && output !== undefined) output.on('resize', onResize);
    this.once('close', () => {
      input.removeListener('keypress', onKeypress);
      input.removeListener('error', onError);
      input.removeListener('end', onTerminalEnd);
      if (output !== null && output !== undefined) output.removeListener('resize', onResize);
    });
  }
  if (signal) {
    const stop = () => this.close();
    if (signal.aborted) {
      nextTick(stop);
    } else {
      const disposable = require('node:events').addAbortListener(signal, stop);
      this.once('close', disposable[Symbol.dispose]);
    }
  }
  input.resume();
}
Object.setPrototypeOf(InterfaceConstructor.prototype, EventEmitter.prototype);
Object.setPrototypeOf(InterfaceConstructor, EventEmitter);

class Interface extends InterfaceConstructor {
  get columns() { return this.output?.columns ? this.output.columns : Infinity; }
  setPrompt(prompt) { this._prompt = prompt; }
  getPrompt() { return this._prompt; }
  prompt(preserveCursor) {
    if (this.closed) throw new codes.ERR_USE_AFTER_CLOSE('readline');
    if (this.paused) this.resume();
    if (this.terminal && process.env.TERM !== 'dumb') {
      if (!preserveCursor) this.cursor = 0;
      this._refreshLine();
    } else {
      this._writeToOutput(this._prompt);
    }
  }
  close() {
    if (this.closed) return;
    this.pause();
    if (this.terminal) this._setRawMode(false);
    this.closed = true;
    this.emit('close');
  }
  pause() {
    if (this.closed) throw new codes.ERR_USE_AFTER_CLOSE('readline');
    if (this.paused) return undefined;
    this.input.pause();
    this.paused = true;
    this.emit('pause');
    return this;
  }
  resume() {
    if (this.closed) throw new codes.ERR_USE_AFTER_CLOSE('readline');
    if (!this.paused) return undefined;
    this.input.resume();
    this.paused = false;
    this.emit('resume');
    return this;
  }
  write(data, key) {
    if (this.closed) throw new codes.ERR_USE_AFTER_CLOSE('readline');
    if (this.paused) this.resume();
    if (this.terminal) this._ttyWrite(data, key);
    else this._normalWrite(data);
  }
  [Symbol.asyncIterator]() {
    if (this[kIterator] === undefined) {
      const lines = require('node:events').on(this, 'line', { close: ['close'], highWaterMark: 1024 });
      const one = (step) => step.then((result) => result.done ? result : { value: result.value[0], done: false });
      this[kIterator] = {
        next: () => one(lines.next()),
        return: () => lines.return(),
        throw: (error) => lines.throw(error),
        [Symbol.asyncIterator]() { return this; },
      };
    }
    return this[kIterator];
  }
  [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() { this.close(); }

  // ---- where the cursor is

  _getDisplayPos(text) {
    let offset = 0;
    let rows = 0;
    const { columns } = this;
    for (const character of stripVTControlCharacters(text)) {
      if (character === '\n') {
        rows += Math.ceil(offset / columns) || 1;
        offset = 0;
        continue;
      }
      if (character === '\t') {
        offset += this.tabSize - offset % this.tabSize;
        continue;
      }
      const width = textWidth(character, false);
      if (width === 2 && (offset + 1) % columns === 0) offset++;  // does not stand across the edge
      offset += width;
    }
    const cols = offset % columns;
    rows += (offset - cols) / columns;
    return { cols, rows: Number.isNaN(rows) ? 0 : rows };
  }
  getCursorPos() { return this._getDisplayPos(this._prompt + this.line.slice(0, this.cursor)); }
  _moveCursor(dx) {
    if (dx === 0) return;
    const before = this.getCursorPos();
    this.cursor = Math.max(0, Math.min(this.line.length, this.cursor + dx));
    const after = this.getCursorPos();
    if (before.rows === after.rows) moveCursor(this.output, after.cols - before.cols, 0);
    else this._refreshLine();
  }
  _refreshLine() {
    const text = this._prompt + this.line;
    const end = this._getDisplayPos(text);
    const position = this.getCursorPos();
    if (this.prevRows > 0) moveCursor(this.output, 0, -this.prevRows);
    cursorTo(this.output, 0);
    clearScreenDown(this.output);
    this._writeToOutput(text);
    // At the edge the terminal has not gone to the next row yet.
    if (end.cols === 0) this._writeToOutput(' ');
    cursorTo(this.output, position.cols);
    const below = end.rows - position.rows;
    if (below > 0) moveCursor(this.output, 0, -below);
    this.prevRows = position.rows;
  }
  _writeToOutput(text) {
    validateString(text, 'stringToWrite');
    if (this.output !== null && this.output !== undefined) this.output.write(text);
  }
  _setRawMode(mode) {
    const before = this.input.isRaw;
    if (typeof this.input.setRawMode === 'function') this.input.setRawMode(mode);
    return before;
  }

  // ---- lines

  _normalWrite(data) {
    if (data === undefined) return;
    let text = this[kDecoder].write(data);
    if (this[kSawReturnAt] && Date.now() - this[kSawReturnAt] <= this.crlfDelay) {
      if (text.charCodeAt(0) === 10) text = text.slice(1);
      this[kSawReturnAt] = 0;
    }
    LINE_END.lastIndex = 0;
    let match = LINE_END.exec(text);
    if (match === null) {
      if (text) this[kRest] = this[kRest] ? this[kRest] + text : text;
      return;
    }
    if (this[kRest]) {
      text = this[kRest] + text;
      this[kRest] = null;
      LINE_END.lastIndex = 0;
      match = LINE_END.exec(text);
    }
    this[kSawReturnAt] = text.endsWith('\r') ? Date.now() : 0;
    // All lines are cut before the first is given: a listener may write, and close.
    const lines = [];
    let begin = 0;
    while (match !== null) {
      lines.push(text.slice(begin, match.index));
      begin = LINE_END.lastIndex;
      match = LINE_END.exec(text);
    }
    this[kRest] = text.slice(begin);
    for (const line of lines) this._onLine(line);
  }
  _onLine(line) {
    if (this[kQuestion] === null) {
      this.emit('line', line);
      return;
    }
    const answer = this[kQuestion];
    this[kQuestion] = null;
    this.setPrompt(this[kOldPrompt]);
    answer(line);
  }
  _line() {
    const line = this._addHistory();
    this[kUndo] = [];
    this[kRedo] = [];
    this.clearLine();
    this._onLine(line);
  }
  clearLine() {
    this._moveCursor(+Infinity);
    this._writeToOutput('\r\n');
    this.line = '';
    this.cursor = 0;
    this.prevRows = 0;
  }
  _ask(query, answer) {
    if (this.closed) throw new codes.ERR_USE_AFTER_CLOSE('readline');
    if (this[kQuestion] !== null) {
      this.prompt();
      return;
    }
    this[kOldPrompt] = this._prompt;
    this.setPrompt(query);
    this[kQuestion] = answer;
    this.prompt();
  }
  _cancelQuestion() {
    if (this[kQuestion] === null) return;
    this[kQuestion] = null;
    this.setPrompt(this[kOldPrompt]);
    this.clearLine();
  }

  // ---- history

  _addHistory() {
    const { line, history } = this;
    if (line.length === 0) return '';
    if (this.historySize === 0 || line.trim().length === 0) return line;
    if (history.length === 0 || history[0] !== line) {
      if (this.removeHistoryDuplicates) {
        const at = history.indexOf(line);
        if (at !== -1) history.splice(at, 1);
      }
      history.unshift(line);
      if (history.length > this.historySize) history.pop();
    }
    this.historyIndex = -1;
    const kept = history[0];
    this.emit('history', history);
    return kept;
  }
  _historyPrev() {
    const { history } = this;
    if (this.historyIndex >= history.length || history.length === 0) return;
    this._beforeEdit();
    const prefix = this[kPrefix] ?? '';
    let at = this.historyIndex + 1;
    while (at < history.length && (!history[at].startsWith(prefix) || this.line === history[at])) at++;
    this.line = at === history.length ? prefix : history[at];
    this.historyIndex = at;
    this.cursor = this.line.length;
    this._refreshLine();
  }
  _historyNext() {
    if (this.historyIndex < 0) return;
    this._beforeEdit();
    const prefix = this[kPrefix] ?? '';
    let at = this.historyIndex - 1;
    while (at >= 0 && (!this.history[at].startsWith(prefix) || this.line === this.history[at])) at--;
    this.line = at === -1 ? prefix : this.history[at];
    this.historyIndex = at;
    this.cursor = this.line.length;
    this._refreshLine();
  }

  // ---- completion

  _tabComplete(wasTab) {
    this.pause();
    const text = this.line.slice(0, this.cursor);
    const done = (error, value) => {
      if (this.closed) return;
      this.resume();
      if (error) this._writeToOutput(`Tab completion error: ${inspect(error)}`);
      else this._showCompletions(wasTab, value);
    };
    this._callCompleter(text, done);
  }
  _callCompleter(text, done) {
    if (this.completer.length === 2) {
      this.completer(text, done);
      return;
    }
    done(null, this.completer(text));
  }
  _showCompletions(wasTab, [completions, completeOn]) {
    if (!completions || completions.length === 0) return;
    const prefix = commonPrefix(completions.filter((each) => each !== ''));
    if (prefix.startsWith(completeOn) && prefix.length > completeOn.length) {
      this._insertString(prefix.slice(completeOn.length));
      return;
    }
    if (!completeOn.startsWith(prefix)) {
      // What was typed is replaced: completions may differ from it in case.
      this.line = this.line.slice(0, this.cursor - completeOn.length) + prefix + this.line.slice(this.cursor);
      this.cursor += prefix.length - completeOn.length;
      this._refreshLine();
      return;
    }
    if (!wasTab) return;
    this._beforeEdit();
    const widths = completions.map((each) => textWidth(each));
    const width = Math.max(...widths) + 2;
    let perRow = Math.floor(this.columns / width) || 1;
    if (perRow === Infinity) perRow = 1;
    let out = '\r\n';
    let column = 0;
    let gap = 0;
    for (let i = 0; i < completions.length; i++) {
      const each = completions[i];
      if (each === '' || column === perRow) {
        out += '\r\n';
        column = 0;
        gap = 0;
      } else {
        out += ' '.repeat(gap);
      }
      if (each !== '') {
        out += each;
        gap = width - widths[i];
        column++;
      } else {
        out += '\r\n';
      }
    }
    if (column !== 0) out += '\r\n\r\n';
    this._writeToOutput(out);
    this._refreshLine();
  }

  // ---- editing

  _beforeEdit(line = this.line, cursor = this.cursor) {
    this[kUndo].push({ text: line, cursor });
    if (this[kUndo].length > UNDO_LIMIT) this[kUndo].shift();
    this[kRedo] = [];
  }
  _exchange(from, to) {
    const state = from.pop();
    if (state === undefined) return;
    to.push({ text: this.line, cursor: this.cursor });
    this.line = state.text;
    this.cursor = state.cursor;
    this._refreshLine();
  }
  _replace(begin, end, cursor = begin) {
    this._beforeEdit();
    const removed = this.line.slice(begin, end);
    this.line = this.line.slice(0, begin) + this.line.slice(end);
    this.cursor = cursor;
    this._refreshLine();
    return removed;
  }
  _kill(text) {
    if (!text || text === this[kKilled][0]) return;
    this[kKilled].unshift(text);
    this[kYanking] = 0;
    if (this[kKilled].length > KILL_LIMIT) this[kKilled].pop();
  }
  _insertString(text) {
    this._beforeEdit();
    if (this.cursor < this.line.length) {
      this.line = this.line.slice(0, this.cursor) + text + this.line.slice(this.cursor);
      this.cursor += text.length;
      this._refreshLine();
      return;
    }
    const before = this.getCursorPos();
    this.line += text;
    this.cursor += text.length;
    if (before.rows < this.getCursorPos().rows) this._refreshLine();
    else this._writeToOutput(text);
  }
  _wordLeftOf() {
    const match = /^\s*(?:[^\w\s]+|\w+)?/.exec([...this.line.slice(0, this.cursor)].reverse().join(''));
    return match[0].length;
  }
  _wordRightOf() { return /^(?:\s+|[^\w\s]+|\w+)\s*/.exec(this.line.slice(this.cursor))?.[0].length ?? 0; }
  _wordLeft() { if (this.cursor > 0) this._moveCursor(-this._wordLeftOf()); }
  _wordRight() { if (this.cursor < this.line.length) this._moveCursor(this._wordRightOf()); }
  _deleteLeft() {
    if (this.cursor > 0 && this.line.length > 0) this._replace(this.cursor - widthBefore(this.line, this.cursor), this.cursor);
  }
  _deleteRight() { if (this.cursor < this.line.length) this._replace(this.cursor, this.cursor + widthAt(this.line, this.cursor)); }
  _deleteWordLeft() { if (this.cursor > 0) this._replace(this.cursor - this._wordLeftOf(), this.cursor); }
  _deleteWordRight() {
    if (this.cursor < this.line.length) this._replace(this.cursor, this.cursor + (/^(?:\s+|\W+|\w+)\s*/.exec(this.line.slice(this.cursor))[0].length));
  }
  _deleteLineLeft() { this._kill(this._replace(0, this.cursor)); }
  _deleteLineRight() { this._kill(this._replace(this.cursor, this.line.length)); }
  _yank() {
    if (this[kKilled].length === 0) return;
    this[kYanking] = 0;
    this._insertString(this[kKilled][0]);
  }
  _yankPop() {
    if (this[kKilled].length < 2) return;
    const last = this[kKilled][this[kYanking]];
    this[kYanking] = (this[kYanking] + 1) % this[kKilled].length;
    const next = this[kKilled][this[kYanking]];
    const begin = this.cursor - last.length;
    this.line = this.line.slice(0, begin) + next + this.line.slice(this.cursor);
    this.cursor = begin + next.length;
    this._refreshLine();
  }
  // For subclasses.
  _suspend() {
    if (this.listenerCount('SIGTSTP') > 0) {
      this.emit('SIGTSTP');
      return;
    }
    process.once('SIGCONT', () => {
      // Not where the program was already taken up again.
      if (!this.paused) {
        this.pause();
        this.emit('SIGCONT');
      }
      this._setRawMode(true);
      this._refreshLine();
    });
    this._setRawMode(false);
    process.kill(process.pid, 'SIGTSTP');
  }

  _ttyWrite(text, key) {
    const previous = this[kPreviousKey];
    key ??= {};
    this[kPreviousKey] = key;
    // Yanking goes on only with the key right behind it.
    const isPop = key.meta && key.name === 'y';
    if (!isPop && !(key.ctrl && key.name === 'y')) this[kYanking] = -1;
    // Up and down look for what begins like what stands before the cursor.
    if ((key.name === 'up' || key.name === 'down') && !key.ctrl && !key.meta && !key.shift) {
      this[kPrefix] ??= this.line.slice(0, this.cursor);
    } else if (this[kPrefix] !== null) {
      this[kPrefix] = null;
      if (this.history.length === this.historyIndex) this.historyIndex = -1;
    }
    if (typeof key.sequence === 'string') {
      if (key.sequence.codePointAt(0) === 0x1f) return this._exchange(this[kUndo], this[kRedo]);
      if (key.sequence.codePointAt(0) === 0x1e) return this._exchange(this[kRedo], this[kUndo]);
    }
    if (key.name === 'escape') return undefined;
    if (key.ctrl && key.shift) {
      if (key.name === 'backspace') this._deleteLineLeft();
      else if (key.name === 'delete') this._deleteLineRight();
      return undefined;
    }
    if (key.ctrl) return this._controlKey(key);
    if (key.meta) return this._metaKey(key);
    if (this[kSawReturnAt] && key.name !== 'enter') this[kSawReturnAt] = 0;
    switch (key.name) {
      case 'return':
        this[kSawReturnAt] = Date.now();
        this._line();
        return undefined;
      case 'enter':
        // The second half of \r\n is no line of its own.
        if (this[kSawReturnAt] === 0 || Date.now() - this[kSawReturnAt] > this.crlfDelay) this._line();
        this[kSawReturnAt] = 0;
        return undefined;
      case 'backspace': return this._deleteLeft();
      case 'delete': return this._deleteRight();
      case 'left': return this._moveCursor(-widthBefore(this.line, this.cursor));
      case 'right': return this._moveCursor(widthAt(this.line, this.cursor));
      case 'home': return this._moveCursor(-Infinity);
      case 'end': return this._moveCursor(+Infinity);
      case 'up': return this._historyPrev();
      case 'down': return this._historyNext();
      case 'tab':
        if (typeof this.completer === 'function' && this.isCompletionEnabled) return this._tabComplete(previous !== undefined && previous.name === 'tab');
    }
    if (typeof text !== 'string' || text.length === 0) return undefined;
    // Several lines at once, as when text is pasted.
    LINE_END.lastIndex = 0;
    let begin = 0;
    let match;
    while ((match = LINE_END.exec(text)) !== null) {
      const at = LINE_END.lastIndex;
      this._insertString(text.slice(begin, match.index));
      this._line();
      begin = at;
      LINE_END.lastIndex = at;
    }
    if (begin < text.length) this._insertString(text.slice(begin));
    return undefined;
  }
  _controlKey(key) {
    switch (key.name) {
      case 'c':
        if (this.listenerCount('SIGINT') > 0) this.emit('SIGINT');
        else this.close();
        return;
      case 'h': return void this._deleteLeft();
      case 'd':
        if (this.cursor === 0 && this.line.length === 0) this.close();
        else if (this.cursor < this.line.length) this._deleteRight();
        return;
      case 'u': return void this._deleteLineLeft();
      case 'k': return void this._deleteLineRight();
      case 'a': return void this._moveCursor(-Infinity);
      case 'e': return void this._moveCursor(+Infinity);
      case 'b': return void this._moveCursor(-widthBefore(this.line, this.cursor));
      case 'f': return void this._moveCursor(widthAt(this.line, this.cursor));
      case 'l':
        cursorTo(this.output, 0, 0);
        clearScreenDown(this.output);
        this._refreshLine();
        return;
      case 'n': return void this._historyNext();
      case 'p': return void this._historyPrev();
      case 'y': return void this._yank();
      case 'z': return void this._suspend();
      case 'w': case 'backspace': return void this._deleteWordLeft();
      case 'delete': return void this._deleteWordRight();
      case 'left': return void this._wordLeft();
      case 'right': this._wordRight();
    }
  }
  _metaKey(key) {
    switch (key.name) {
      case 'b': return void this._wordLeft();
      case 'f': return void this._wordRight();
      case 'd': case 'delete': return void this._deleteWordRight();
      case 'backspace': return void this._deleteWordLeft();
      case 'y': this._yankPop();
    }
  }
}

exports.Interface = Interface;
