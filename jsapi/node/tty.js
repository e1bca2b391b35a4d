// SPDX-License-Identifier: Apache-2.0
// node:tty: terminals as streams.
'use strict';

const { Duplex } = require('node:stream');
const { Buffer } = require('node:buffer');
const { codes, callError, systemError } = require('internal/errors');
const { validateInteger } = require('internal/validators');
const { PipeStream } = require('internal/node/pipe_stream');

const native = () => internalBinding('pipe');

const isatty = (fd) => Number.isInteger(fd) && fd >= 0 && fd <= 2147483647 && native().kindOf(fd) === 'TTY';

function checkTerminal(fd) {
  if (fd >> 0 !== fd || fd < 0) throw new codes.ERR_INVALID_FD(fd);
  const kind = native().kindOf(fd);
  if (kind === 'TTY') return;
  const [code, message, errno] = kind === 'INVALID' ? ['EBADF', 'bad file descriptor', -9] : ['EINVAL', 'invalid argument', -22];
  throw systemError('ERR_TTY_INIT_FAILED', 'TTY initialization failed', { errno, code, message, syscall: 'uv_tty_init' });
}

class ReadStreamBase extends PipeStream {
  constructor(fd, options) {
    checkTerminal(fd);
    super({ ...options, fd, writable: false, own: false });
    this.isRaw = false;
    this.isTTY = true;
  }
  setRawMode(mode) {
    mode = !!mode;
    const failed = native().setRaw(this.fd, mode);
    if (failed !== 0) {
      this.emit('error', callError(failed, 'setRawMode'));
      return this;
    }
    this.isRaw = mode;
    return this;
  }
}

class WriteStreamBase extends Duplex {
  constructor(fd) {
    checkTerminal(fd);
    super({ readable: false, decodeStrings: false, emitClose: false });
    this.fd = fd;
    this.isTTY = true;
    this.bytesWritten = 0;
    this._type = 'tty';
    this._handle = { fd, setBlocking: () => 0, ref() {}, unref() {}, hasRef: () => false, close() {}, getWindowSize: () => 0 };
    const size = native().size(fd);
    if (Array.isArray(size)) [this.columns, this.rows] = size;
  }
  _read() {}
  _write(chunk, encoding, callback) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    this.bytesWritten += bytes.length;
    const failed = native().writeAll(this.fd, bytes);
    if (failed !== 0) callback(callError(failed, 'write'));
    else callback();
  }
  _refreshSize() {
    const { columns, rows } = this;
    const size = native().size(this.fd);
    if (!Array.isArray(size)) {
      this.emit('error', callError(size, 'getWindowSize'));
      return;
    }
    if (size[0] === columns && size[1] === rows) return;
    [this.columns, this.rows] = size;
    this.emit('resize');
  }
  getWindowSize() { return [this.columns, this.rows]; }
  cursorTo(x, y, callback) { return require('node:readline').cursorTo(this, x, y, callback); }
  moveCursor(dx, dy, callback) { return require('node:readline').moveCursor(this, dx, dy, callback); }
  clearLine(direction, callback) { return require('node:readline').clearLine(this, direction, callback); }
  clearScreenDown(callback) { return require('node:readline').clearScreenDown(this, callback); }
  getColorDepth(env) { return colorDepth(env); }
  hasColors(count, env) {
    if (env === undefined && (count === undefined || (typeof count === 'object' && count !== null))) {
      env = count;
      count = 16;
    } else {
      validateInteger(count, 'count', 2);
    }
    return count <= 2 ** this.getColorDepth(env);
  }
  ref() { return this; }
  unref() { return this; }
}

// Bits of colour of terminals by the beginning of TERM.
const TERMINALS = {
  'eterm': 4, 'cons25': 4, 'console': 4, 'cygwin': 4, 'dtterm': 4, 'gnome': 4, 'hurd': 4, 'jfbterm': 4, 'konsole': 4, 'kterm': 4, 'mlterm': 4,
  'mosh': 24, 'putty': 4, 'st': 4, 'rxvt-unicode-24bit': 24, 'terminator': 24, 'xterm-kitty': 24,
};
const TERMINAL_PATTERNS = [/ansi/, /color/, /linux/, /direct/, /^con[0-9]*x[0-9]/, /^rxvt/, /^screen/, /^xterm/, /^vt100/, /^vt220/];
const SERVICES = { APPVEYOR: 8, BUILDKITE: 8, CIRCLECI: 24, DRONE: 8, GITEA_ACTIONS: 24, GITHUB_ACTIONS: 24, GITLAB_CI: 8, TRAVIS: 8 };
let warned = false;

function colorDepth(env = process.env) {
  if (env.FORCE_COLOR !== undefined) {
    switch (env.FORCE_COLOR) {
      case '': case '1': case 'true': case '2': case '3': {
        for (const name of ['NODE_DISABLE_COLORS', 'NO_COLOR']) {
          if (env[name] === undefined || env[name] === '' || warned) continue;
          warned = true;
          process.emitWarning(`The '${name}' env is ignored due to the 'FORCE_COLOR' env being set.`, 'Warning');
        }
        return env.FORCE_COLOR === '2' ? 8 : env.FORCE_COLOR === '3' ? 24 : 4;
      }
      default: return 1;
    }
  }
  if ((env.NODE_DISABLE_COLORS !== undefined && env.NODE_DISABLE_COLORS !== '') || (env.NO_COLOR !== undefined && env.NO_COLOR !== '') || env.TERM === 'dumb') return 1;
  if (env.TMUX) return 24;
  if ('TF_BUILD' in env && 'AGENT_NAME' in env) return 4;
  if ('CI' in env) {
    for (const name of Object.keys(SERVICES)) if (name in env) return SERVICES[name];
    return env.CI_NAME === 'codeship' ? 8 : 1;
  }
  if ('TEAMCITY_VERSION' in env) return /^(9\.(0*[1-9]\d*)\.|\d{2,}\.)/.test(env.TEAMCITY_VERSION) ? 4 : 1;
  switch (env.TERM_PROGRAM) {
    case 'iTerm.app': return !env.TERM_PROGRAM_VERSION || /^[0-2]\./.test(env.TERM_PROGRAM_VERSION) ? 8 : 24;
    case 'HyperTerm': case 'MacTerm': return 24;
    case 'Apple_Terminal': return 8;
    default:
  }
  if (env.COLORTERM === 'truecolor' || env.COLORTERM === '24bit') return 24;
  if (env.TERM) {
    if (/truecolor/.test(env.TERM)) return 24;
    if (/^xterm-256/.test(env.TERM)) return 8;
    const name = env.TERM.toLowerCase();
    if (TERMINALS[name]) return TERMINALS[name];
    if (TERMINAL_PATTERNS.some((each) => each.test(name))) return 4;
  }
  return env.COLORTERM ? 4 : 1;
}

// Node's may be called without `new`.
const callable = (Base, name) => {
  function Stream(...args) { return Reflect.construct(Base, args, new.target ?? Stream); }
  Stream.prototype = Base.prototype;
  Object.setPrototypeOf(Stream, Object.getPrototypeOf(Base));
  Object.defineProperty(Base.prototype, 'constructor', { value: Stream, writable: true, configurable: true });
  return Object.defineProperty(Stream, 'name', { value: name });
};
const process = require('internal/process').process;

module.exports = { isatty, ReadStream: callable(ReadStreamBase, 'ReadStream'), WriteStream: callable(WriteStreamBase, 'WriteStream') };
