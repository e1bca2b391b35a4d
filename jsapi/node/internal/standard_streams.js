// SPDX-License-Identifier: Apache-2.0
// process.stdin, stdout and stderr, by what their descriptors are. Writing is synchronous: to files, terminals and pipes alike, as
// Node documents for this system. They are made when a program first asks for them; console.log() alone needs none.
'use strict';

const { Duplex, Readable, Writable } = require('node:stream');
const { Buffer } = require('node:buffer');
const { callError } = require('internal/errors');
const { process, nextTick } = require('internal/process');

const native = () => internalBinding('pipe');

function writeNow(fd, chunk, encoding, callback) {
  const failed = native().writeAll(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
  if (failed !== 0) callback(callError(failed, 'write'));
  else callback();
}

class FileOutput extends Writable {
  constructor(fd) {
    super({ autoDestroy: true });
    this.fd = fd;
  }
  _write(chunk, encoding, callback) { writeNow(this.fd, chunk, encoding, callback); }
}

class PipeOutput extends Duplex {
  constructor(fd) {
    super({ readable: false, decodeStrings: false });
    this.fd = fd;
    this.connecting = false;
    this.bytesWritten = 0;
    this._handle = { fd, setBlocking: () => 0, ref() {}, unref() {}, hasRef: () => false, close() {} };
  }
  _read() {}
  _write(chunk, encoding, callback) {
    writeNow(this.fd, chunk, encoding, callback);
    this.bytesWritten += chunk.length;
  }
  ref() { return this; }
  unref() { return this; }
}

function outputOf(fd) {
  switch (native().kindOf(fd)) {
    case 'TTY': {
      const stream = new (require('node:tty').WriteStream)(fd);
      stream._type = 'tty';
      process.on('SIGWINCH', () => stream._refreshSize());
      return stream;
    }
    case 'FILE': return Object.assign(new FileOutput(fd), { _type: 'fs' });
    case 'PIPE':
    case 'TCP': return Object.assign(new PipeOutput(fd), { _type: 'pipe' });
    default: return new Writable({ write(chunk, encoding, callback) { callback(); } });
  }
}

// They cannot be closed: what destroys one only looks as if.
function keepOpen(error, callback) {
  callback(error);
  this._undestroy();
  if (!this._writableState.emitClose) nextTick(() => this.emit('close'));
}

exports.output = function output(fd) {
  const stream = outputOf(fd);
  stream.fd = fd;
  stream._isStdio = true;
  stream.destroySoon = stream.destroy;
  stream._destroy = keepOpen;
  return stream;
};

function inputOf(fd) {
  switch (native().kindOf(fd)) {
    case 'TTY': return new (require('node:tty').ReadStream)(fd);
    case 'FILE': return new (require('node:fs').ReadStream)(null, { fd, autoClose: false });
    case 'PIPE':
    case 'TCP': {
      const { PipeStream } = require('internal/node/pipe_stream');
      return Object.assign(new PipeStream({ fd, writable: false, own: false }), { _type: 'pipe' });
    }
    default: {
      const stream = new Readable({ read() {} });
      stream.push(null);
      return stream;
    }
  }
}

exports.input = function input(fd) {
  const stream = inputOf(fd);
  stream.fd = fd;
  // A paused one reads nothing, and does not keep the program.
  if (typeof stream.stopReading === 'function') stream.on('pause', () => { if (stream._handle?.reading) stream.stopReading(); });
  return stream;
};
