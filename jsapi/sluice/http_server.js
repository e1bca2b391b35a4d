// SPDX-License-Identifier: Apache-2.0
// The fast HTTP server: serve(). A request is one event in the ring; what a handler touches is fetched from C++ when it is
// touched, and a complete response is one call. No closure, map or promise is made for a request that does not need one.
'use strict';

const events = require('internal/events');
const { EventEmitter } = require('internal/emitter');
const { coded, argumentType, released, system, isBytes } = require('internal/sluice/errors');
const blocks = require('internal/sluice/header_blocks');
const { compile, fromPairs } = require('internal/sluice/request_headers');
const { MessageBody, TEXT, BYTES, ARRAY_BUFFER, JSON_VALUE } = require('internal/sluice/message_body');

const { ROOT, nextBlock, lowerName, checkValue, linesOf } = blocks;

// Numbers as in jsapi/native/http_server.hh.
const HTTP_REQUEST = 32, HTTP_BODY = 33, HTTP_DRAINED = 34, HTTP_ABORTED = 35, HTTP_UPGRADE = 36, HTTP_PROXIED = 37;
const METHOD_MASK = 0xff, MINOR_VERSION = 1 << 8, HAS_BODY = 1 << 9;
const FINAL = 1 << 16;

// States of a response, bits.
const FIXED = 1;      // writeHead() was called: the head may not be changed any more
const SENT = 2;       // the head is out, or will be as it stands
const ENDED = 4;      // end() was called
const DEFERRED = 8;   // and the response goes out when the handler returns
const SETTLED = 16;   // the handler is done: it returned, or its promise is settled
const FULL = 32;      // write() returned false and nothing was drained since
const ABORTED = 64;   // the peer is gone
const CHUNKED = 128;  // Transfer-Encoding: chunked was asked for
const CLOSED = 256;   // 'close' was emitted

let native = null;
let methods = null;
const servers = [];   // by number
const live = [];      // by slot: the response of each request whose handler has returned without having ended it
const builders = [];  // by shape: makes the headers object
let running = null;   // the response whose handler runs right now

function attach() {
  native = internalBinding('network');
  methods = native.methods;
  blocks.attach(native.addHeaderBlock);
  bodyOps.take = native.requestTake;
  bodyOps.whole = native.requestWhole;
  bodyOps.discard = native.requestDiscard;
}
const bodyOps = { take: null, whole: null, discard: null };

class ServerRequest {
  constructor(slot, generation, flags) {
    this.method = methods[flags & METHOD_MASK];
    this._slot = slot;
    this._generation = generation;
    this._flags = flags;
    this._url = undefined;
    this._headers = undefined;
    this._body = null;    // MessageBody, when it is used
    this._rare = null;    // what few handlers ask for
    this.aborted = false;
  }

  // Made when first touched.
  get url() {
    if (this._url !== undefined) return this._url;
    const url = native.requestTarget(this._slot, this._generation);
    if (url === undefined) throw released('url');
    return this._url = url;
  }
  set url(value) { this._url = value; }

  get headers() {
    if (this._headers !== undefined) return this._headers;
    const values = native.requestHeaders(this._slot, this._generation);
    if (values === undefined) throw released('headers');
    const shape = values[0];
    if (shape < 0) return this._headers = fromPairs(values, 1);
    let build = builders[shape];
    if (build === undefined) build = builders[shape] = compile(native.shapeNames(shape));
    return this._headers = build(values);
  }
  set headers(value) { this._headers = value; }

  // One field by name, without making the object of all; undefined when there is none.
  header(name) {
    const value = native.requestHeader(this._slot, this._generation, name);
    if (value === undefined) throw released('header()');
    return value === null ? undefined : value;
  }

  get rawHeaders() { return rare(this).rawHeaders || (rare(this).rawHeaders = must(native.requestRawHeaders(this._slot, this._generation), 'rawHeaders')); }
  get httpVersion() { return this._flags & MINOR_VERSION ? '1.1' : '1.0'; }
  get httpVersionMajor() { return 1; }
  get httpVersionMinor() { return this._flags & MINOR_VERSION ? 1 : 0; }
  get hasBody() { return (this._flags & HAS_BODY) !== 0; }
  // Bytes of the body as announced; undefined when it is chunked.
  get contentLength() {
    const length = must(native.requestLength(this._slot, this._generation), 'contentLength');
    return length < 0 ? undefined : length;
  }
  get remoteAddress() { return endpoint(this, 'remote', false)[0]; }
  get remotePort() { return endpoint(this, 'remote', false)[1]; }
  get localAddress() { return endpoint(this, 'local', true)[0]; }
  get localPort() { return endpoint(this, 'local', true)[1]; }
  // Fields behind a chunked body; empty before its end.
  get trailers() { return fromPairs(native.requestTrailers(this._slot, this._generation) || [], 0); }

  // Aborted when the peer goes away before the response is complete.
  get signal() {
    const more = rare(this);
    if (more.controller === undefined) {
      more.controller = new (require('internal/event_target').AbortController)();
      if (this.aborted) more.controller.abort(abortError());
    }
    return more.controller.signal;
  }

  // --- the body
  get bodyUsed() { return this._body !== null && this._body.used; }
  text() { return body(this).whole(TEXT); }
  json() { return body(this).whole(JSON_VALUE); }
  bytes() { return body(this).whole(BYTES); }
  arrayBuffer() { return body(this).whole(ARRAY_BUFFER); }
  [Symbol.asyncIterator]() { return body(this).iterator(); }
  pause() {
    body(this).pause();
    return this;
  }
  resume() {
    body(this).flow();
    return this;
  }
  // The most that text(), json(), bytes() and arrayBuffer() gather, in bytes.
  limitBody(bytes) {
    body(this).limit = bytes;
    return this;
  }
  destroy() {
    native.responseAbort(this._slot, this._generation);
    return this;
  }
  get destroyed() { return this.aborted; }

  _listenersChanged(name) {
    if (name === 'data') this.resume();
  }
  _bodyDone() {
    const res = live[this._slot];
    if (res !== undefined && res.req === this) settleIfOver(res);
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return { method: this.method, url: this.url, headers: this.headers, httpVersion: this.httpVersion };
  }
}
Object.setPrototypeOf(ServerRequest.prototype, EventEmitter.prototype);
Object.setPrototypeOf(ServerRequest, EventEmitter);

function rare(req) { return req._rare === null ? req._rare = {} : req._rare; }
function must(value, what) {
  if (value === undefined) throw released(what);
  return value;
}
function endpoint(req, which, local) {
  const more = rare(req);
  return more[which] || (more[which] = must(native.requestAddress(req._slot, req._generation, local), `${which}Address`));
}
function body(req) {
  if (req._body === null) {
    req._body = new MessageBody(req, bodyOps);
    if (req.aborted) req._body.fail(abortError());
  }
  return req._body;
}
function abortError() { return coded(Error, 'ECONNRESET', 'aborted'); }

class ServerResponse {
  constructor(req) {
    this.req = req;
    this.statusCode = 200;
    this.statusMessage = undefined;
    this._state = 0;
    this._block = ROOT;      // constant fields
    this._own = null;        // fields of this response only: [lower-cased name, name, value, ...], behind the block's
    this._length = -1;       // Content-Length as the program gave it
    this._body = undefined;  // of a deferred response
    this._rare = null;
  }

  // --- fields
  setHeader(name, value) {
    if (this._state & (FIXED | SENT)) throw headersSent('set');
    const block = this._block;
    if (this._own === null) {
      if (block.name0 === name && block.value0 === value) {
        this._block = block.next0;
        return this;
      }
      if (block.name1 === name && block.value1 === value) {
        this._block = block.next1;
        return this;
      }
    }
    setField(this, name, value);
    return this;
  }
  appendHeader(name, value) {
    if (this._state & (FIXED | SENT)) throw headersSent('append');
    const before = this.getHeader(name);
    setField(this, name, before === undefined ? value : [].concat(before, value));
    return this;
  }
  setHeaders(headers) {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }
  getHeader(name) {
    const lower = lowerName(name);
    if (lower === 'content-length') return this._length >= 0 ? this._length : undefined;
    if (lower === 'transfer-encoding') return this._state & CHUNKED ? 'chunked' : undefined;
    const own = this._own;
    if (own !== null) {
      for (let i = 0; i < own.length; i += 3) if (own[i] === lower) return own[i + 2];
    }
    const at = this._block.lower.indexOf(lower);
    return at < 0 ? undefined : this._block.values[at];
  }
  hasHeader(name) { return this.getHeader(name) !== undefined; }
  removeHeader(name) {
    if (this._state & (FIXED | SENT)) throw headersSent('remove');
    const lower = lowerName(name);
    if (lower === 'content-length') {
      this._length = -1;
      return;
    }
    if (lower === 'transfer-encoding') {
      this._state &= ~CHUNKED;
      return;
    }
    if (this._block.lower.includes(lower)) ownAll(this);
    const own = this._own;
    if (own === null) return;
    for (let i = 0; i < own.length; i += 3) {
      if (own[i] === lower) {
        own.splice(i, 3);
        return;
      }
    }
  }
  getHeaderNames() {
    const names = this._block.lower.slice();
    if (this._own !== null) for (let i = 0; i < this._own.length; i += 3) names.push(this._own[i]);
    if (this._length >= 0) names.push('content-length');
    if (this._state & CHUNKED) names.push('transfer-encoding');
    return names;
  }
  getHeaders() {
    const headers = { __proto__: null };
    for (const name of this.getHeaderNames()) headers[name] = this.getHeader(name);
    return headers;
  }

  writeHead(status, reason, headers) {
    if (this._state & (FIXED | SENT)) throw coded(Error, 'ERR_HTTP_HEADERS_SENT', 'Cannot write headers after they are sent to the client');
    checkStatus(status);
    this.statusCode = status;
    if (typeof reason === 'string') this.statusMessage = reason;
    else if (reason !== undefined && headers === undefined) headers = reason;
    if (headers !== undefined && headers !== null) {
      if (Array.isArray(headers)) {
        if (headers.length > 0 && Array.isArray(headers[0])) for (const [name, value] of headers) this.setHeader(name, value);
        else for (let i = 0; i + 1 < headers.length; i += 2) addRaw(this, headers[i], headers[i + 1]);
      } else if (typeof headers[Symbol.iterator] === 'function') {
        for (const [name, value] of headers) this.setHeader(name, value);
      } else {
        for (const name in headers) this.setHeader(name, headers[name]);
      }
    }
    this._state |= FIXED;
    return this;
  }
  flushHeaders() {
    if (!(this._state & SENT)) startHead(this);
  }
  writeContinue() { native.responseInformational(this.req._slot, this.req._generation, 100, undefined); }
  writeProcessing() { native.responseInformational(this.req._slot, this.req._generation, 102, undefined); }
  writeEarlyHints(hints) {
    let lines = '';
    for (const name in hints) {
      lowerName(name);
      checkValue(name, hints[name]);
      lines += linesOf(name, hints[name]);
    }
    native.responseInformational(this.req._slot, this.req._generation, 103, lines);
  }
  addTrailers(fields) {
    const more = rare(this);
    for (const name in fields) {
      lowerName(name);
      checkValue(name, fields[name]);
      more.trailers = (more.trailers || '') + linesOf(name, fields[name]);
    }
    this._state |= CHUNKED;
  }

  get headersSent() { return (this._state & (FIXED | SENT)) !== 0; }
  get writableEnded() { return (this._state & ENDED) !== 0; }
  get finished() { return (this._state & ENDED) !== 0; }
  get writableNeedDrain() { return (this._state & FULL) !== 0; }
  get destroyed() { return (this._state & ABORTED) !== 0; }

  // --- body
  // False: the peer does not keep up; wait for `drained` or 'drain'.
  write(chunk) {
    const state = this._state;
    if (state & ENDED) throw coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
    if (typeof chunk !== 'string' && !isBytes(chunk)) throw argumentType('chunk', 'of type string or an instance of ArrayBuffer or a view of one', chunk);
    if (state & ABORTED) return false;
    if (!(state & SENT)) startHead(this);
    if (native.responseWrite(this.req._slot, this.req._generation, chunk) !== false) return true;
    this._state |= FULL;
    return false;
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') {
      callback = chunk;
      chunk = undefined;
    } else if (typeof encoding === 'function') {
      callback = encoding;
    }
    const state = this._state;
    if (chunk !== undefined && chunk !== null) {
      if (typeof chunk !== 'string' && !isBytes(chunk)) throw argumentType('chunk', 'of type string or an instance of ArrayBuffer or a view of one', chunk);
      if (state & ENDED) throw coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
    } else {
      if (state & ENDED) return this;
      chunk = undefined;
    }
    if (callback !== undefined) this.once('finish', callback);
    if (state & SENT) {
      endStream(this, chunk);
      return this;
    }
    const status = this.statusCode;
    if (!(status >= 200 && status <= 999 && (status | 0) === status)) checkStatus(status, 200);
    if (this._length >= 0) checkLength(this, chunk);
    if (this.statusMessage !== undefined) reasonOf(this);
    this._body = chunk;
    // Inside its handler the response goes out when the handler returns: what it reads of the request after end() is there.
    if (running === this) {
      this._state = state | SENT | ENDED | DEFERRED;
      return this;
    }
    this._state = state | SENT | ENDED;
    respond(this);
    return this;
  }

  // Resolved when there is room to write again; rejected when the peer is gone.
  get drained() {
    if (this._state & ABORTED) return Promise.reject(abortError());
    if (!(this._state & FULL)) return Promise.resolve();
    const more = rare(this);
    if (more.drained === undefined) {
      more.drained = {};
      more.drained.promise = new Promise((resolve, reject) => {
        more.drained.resolve = resolve;
        more.drained.reject = reject;
      });
    }
    return more.drained.promise;
  }

  // Writes all of an iterable or async iterable of strings or bytes as the peer takes it, then ends.
  async sendStream(source) {
    for await (const chunk of source) {
      if (this._state & ABORTED) throw abortError();
      if (!this.write(chunk)) await this.drained;
    }
    this.end();
  }

  // Ends the connection at once.
  destroy() {
    native.responseAbort(this.req._slot, this.req._generation);
    return this;
  }
  cork() {}
  uncork() {}
}
Object.setPrototypeOf(ServerResponse.prototype, EventEmitter.prototype);
Object.setPrototypeOf(ServerResponse, EventEmitter);

function headersSent(doing) {
  return coded(Error, 'ERR_HTTP_HEADERS_SENT', `Cannot ${doing} headers after they are sent to the client`);
}

function checkStatus(status, least = 100) {
  if (!(Number.isInteger(status) && status >= least && status <= 999)) {
    throw coded(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${status}`);
  }
}

function setField(res, name, value) {
  const lower = lowerName(name);
  if (lower === 'content-length') {
    if (typeof value === 'number' && value >= 0 && (value | 0) === value) {
      res._length = value;
      return;
    }
    const length = Number(value);
    if (!Number.isInteger(length) || length < 0) throw coded(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "${value}" for header "${name}"`);
    res._length = length;
    return;
  }
  checkValue(name, value);
  if (lower === 'transfer-encoding') {
    if (`${value}`.toLowerCase() !== 'chunked') throw coded(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "${value}" for header "${name}"`);
    res._state |= CHUNKED;
    return;
  }
  if (Array.isArray(value)) value = value.slice();
  if (res._own === null) {
    const next = typeof value === 'object' ? null : nextBlock(res._block, lower, name, value);
    if (next !== null) {
      res._block = next;
      return;
    }
    if (!res._block.lower.includes(lower)) {
      res._own = [lower, name, value];
      return;
    }
    ownAll(res);
  } else if (res._block.lower.includes(lower)) {
    ownAll(res);
  }
  const own = res._own;
  for (let i = 0; i < own.length; i += 3) {
    if (own[i] === lower) {
      own[i + 1] = name;
      own[i + 2] = value;
      return;
    }
  }
  own.push(lower, name, value);
}

// A field as it stands in a raw list, where a name may come more than once.
function addRaw(res, name, value) {
  if (res.hasHeader(name)) res.appendHeader(name, value);
  else res.setHeader(name, value);
}

// Moves the fields of the block into the response's own list.
function ownAll(res) {
  const { lower, names, values } = res._block;
  const own = [];
  for (let i = 0; i < lower.length; i++) own.push(lower[i], names[i], values[i]);
  if (res._own !== null) own.push(...res._own);
  res._own = own;
  res._block = ROOT;
}

function ownLines(res) {
  const own = res._own;
  let lines = '';
  for (let i = 0; i < own.length; i += 3) {
    const value = own[i + 2];
    lines += typeof value === 'string' ? `${own[i + 1]}: ${value}\r\n` : linesOf(own[i + 1], value);
  }
  return lines;
}

function byteLength(chunk) {
  if (chunk === undefined) return 0;
  return typeof chunk === 'string' ? native.utf8Length(chunk) : chunk.byteLength;
}

// A complete response says its true length, whatever the program believes; what differs is a mistake.
function checkLength(res, chunk) {
  if (res.req.method === 'HEAD' || res.statusCode === 304) return;
  if (typeof chunk === 'string') {
    // A string of as many characters: of ASCII it fits, and of others the engine says the true length all the same.
    if (chunk.length === res._length) return;
  }
  const length = byteLength(chunk);
  if (length !== res._length) {
    throw coded(Error, 'ERR_HTTP_CONTENT_LENGTH_MISMATCH', `Response body's content-length of ${length} byte(s) does not match the content-length of ${res._length} byte(s) set in header`);
  }
}

function startHead(res) {
  checkStatus(res.statusCode, 200);
  const { req } = res;
  res._state |= SENT;
  native.responseStart(req._slot, req._generation, res.statusCode, res._block.id, res._own === null ? undefined : ownLines(res),
    reasonOf(res), res._state & CHUNKED ? -1 : res._length);
}

function reasonOf(res) {
  const reason = res.statusMessage;
  if (reason === undefined || reason === '') return undefined;
  checkValue('statusMessage', reason);
  return `${reason}`;
}

// The whole response at once.
function respond(res) {
  const { req } = res;
  const final = isOver(res);
  if (res.statusMessage !== undefined || res._state & CHUNKED || (res._length >= 0 && res._body === undefined)) {
    const chunk = res._body;
    res._body = undefined;
    if (res._length < 0 && !(res._state & CHUNKED)) res._length = byteLength(chunk);
    startHead(res);
    if (chunk !== undefined) native.responseWrite(req._slot, req._generation, chunk);
    native.responseEnd(req._slot, req._generation, final, res._rare === null ? undefined : res._rare.trailers);
  } else {
    native.respond(req._slot, req._generation, final ? res.statusCode | FINAL : res.statusCode, res._block.id,
      res._own === null ? undefined : ownLines(res), res._body);
    res._body = undefined;
  }
  ended(res, final);
}

function endStream(res, chunk) {
  const { req } = res;
  res._state |= ENDED;
  if (chunk !== undefined) native.responseWrite(req._slot, req._generation, chunk);
  const final = isOver(res);
  native.responseEnd(req._slot, req._generation, final, res._rare === null ? undefined : res._rare.trailers);
  ended(res, final);
}

// Whether the program has nothing more to ask of the request once its response has ended.
function isOver(res) {
  return (res._state & SETTLED) !== 0 && (res.req._body === null || !res.req._body.busy);
}

function ended(res, final) {
  if (final) {
    if (live[res.req._slot] === res) live[res.req._slot] = undefined;
  } else {
    live[res.req._slot] = res;
  }
  if (res._events !== undefined || res.req._events !== undefined) queueMicrotask(() => announceEnd(res));
}

function announceEnd(res) {
  if (res._state & (ABORTED | CLOSED)) return;
  res._state |= CLOSED;
  res.emit('finish');
  res.emit('close');
  res.req.emit('close');
}

// After the handler is settled, or a body is through, of a response that has ended before.
function settleIfOver(res) {
  if (!(res._state & (ENDED | ABORTED)) || !isOver(res)) return;
  const { req } = res;
  if (live[req._slot] === res) live[req._slot] = undefined;
  native.requestDrop(req._slot, req._generation);
}

// --- events

events.register(HTTP_REQUEST, function onRequest(words, at) {
  const server = servers[words[at + 4]];
  const res = new ServerResponse(new ServerRequest(words[at + 1], words[at + 2], words[at + 3]));
  let outcome;
  running = res;
  try {
    outcome = server._handler(res.req, res);
  } catch (error) {
    running = null;
    failed(server, res, error);
    return;
  }
  running = null;
  if (outcome !== undefined && outcome !== null && typeof outcome.then === 'function') {
    if (!(res._state & DEFERRED) || !native.isFulfilled(outcome)) {
      live[res.req._slot] = res;
      if (res._state & DEFERRED) {
        res._state &= ~DEFERRED;
        respond(res);
      }
      outcome.then(() => settled(res), (error) => failed(server, res, error));
      return;
    }
  }
  const state = res._state |= SETTLED;
  if (state & DEFERRED) respond(res);
  else if (!(state & ENDED)) live[res.req._slot] = res;
  else settleIfOver(res);
});

// A handler that ends the process: what it answered before goes out.
require('internal/process').atExit(() => {
  const res = running;
  if (res === null || !(res._state & DEFERRED)) return;
  res._state &= ~DEFERRED;
  respond(res);
});

function settled(res) {
  res._state |= SETTLED;
  settleIfOver(res);
}

// The handler threw, or its promise was rejected.
function failed(server, res, error) {
  const { req } = res;
  res._state |= SETTLED;
  if (res._state & ABORTED) {
    settleIfOver(res);
    return;
  }
  if (res._state & DEFERRED) {
    respond(res);
  } else if (!(res._state & SENT)) {
    const status = error !== null && typeof error === 'object' && error.statusCode === 413 ? 413 : 500;
    res.statusCode = status;
    res.statusMessage = undefined;
    res._block = ROOT;
    res._own = ['content-type', 'Content-Type', 'text/plain; charset=utf-8'];
    res._length = -1;
    res._state = SETTLED | SENT | ENDED;
    res._body = status === 413 ? 'Content Too Large\n' : 'Internal Server Error\n';
    respond(res);
    if (status === 413) return;
  } else if (res._state & ENDED) {
    settleIfOver(res);
  } else {
    live[req._slot] = res;
    native.responseAbort(req._slot, req._generation);
  }
  report(server, req, res, error);
}

function report(server, req, res, error) {
  if (typeof server._onError === 'function') {
    server._onError(error, req, res);
    return;
  }
  const { inspect } = require('internal/inspect');
  let what = req.method;
  try {
    what += ` ${req.url}`;
  } catch {
    // It was not read in time.
  }
  const text = error instanceof Error && typeof error.stack === 'string' ? error.stack : inspect(error);
  console.error(`sluice: the handler of ${what} failed: ${text}`);
}

function liveResponse(words, at) {
  const res = live[words[at + 1]];
  return res !== undefined && res.req._generation === words[at + 2] ? res : undefined;
}

events.register(HTTP_BODY, function onBody(words, at) {
  const res = liveResponse(words, at);
  if (res !== undefined && res.req._body !== null) res.req._body.onEvent();
});

events.register(HTTP_DRAINED, function onDrained(words, at) {
  const res = liveResponse(words, at);
  if (res === undefined || !(res._state & FULL)) return;
  res._state &= ~FULL;
  if (res._rare !== null && res._rare.drained !== undefined) {
    const { resolve } = res._rare.drained;
    res._rare.drained = undefined;
    resolve();
  }
  res.emit('drain');
});

events.register(HTTP_ABORTED, function onAborted(words, at) {
  const res = liveResponse(words, at);
  if (res === undefined) return;
  const { req } = res;
  res._state |= ABORTED;
  req.aborted = true;
  const error = abortError();
  if (res._rare !== null && res._rare.drained !== undefined) {
    const { promise, reject } = res._rare.drained;
    promise.catch(() => {});
    reject(error);
  }
  if (req._body !== null) req._body.fail(error);
  if (req._rare !== null && req._rare.controller !== undefined) req._rare.controller.abort(error);
  if (!(res._state & CLOSED)) {
    res._state |= CLOSED;
    try {
      req.emit('aborted');
      req.emit('close');
      res.emit('close');
    } finally {
      settleIfOver(res);
    }
  } else {
    settleIfOver(res);
  }
});

events.register(HTTP_UPGRADE, function onUpgrade(words, at) {
  const server = servers[words[at + 4]];
  const req = new ServerRequest(words[at + 1], words[at + 2], words[at + 3]);
  const place = native.requestUpgrade(req._slot, req._generation);
  if (place === undefined) {
    native.requestDrop(req._slot, req._generation);
    return;
  }
  const socket = require('internal/sluice/sockets').adopt(place[0], place[1]);
  try {
    const outcome = server._upgrade(req, socket, socket.readNow());
    if (outcome !== undefined && outcome !== null && typeof outcome.then === 'function') {
      outcome.then(() => native.requestDrop(req._slot, req._generation), (error) => {
        socket.destroy();
        report(server, req, null, error);
        native.requestDrop(req._slot, req._generation);
      });
      return;
    }
  } catch (error) {
    socket.destroy();
    report(server, req, null, error);
  }
  native.requestDrop(req._slot, req._generation);
});

events.register(HTTP_PROXIED, function onProxied(words, at) {
  const res = liveResponse(words, at);
  if (res === undefined || res.req._rare === null || res.req._rare.proxied === undefined) return;
  res._state |= SENT | ENDED;
  res.statusCode = words[at + 3];
  const { proxied } = res.req._rare;
  res.req._rare.proxied = undefined;
  ended(res, false);
  proxied.done(words[at + 3], words[at + 4], words[at + 5], native.errors[words[at + 6]]);
  settleIfOver(res);
});

// For proxy(): the exchange belongs to C++ from now on, and `proxied` hears how it ends.
exports.handOver = function handOver(req, res, proxied) {
  if (res._state & (FIXED | SENT)) throw headersSent('proxy after');
  if (req.bodyUsed) throw coded(Error, 'ERR_BODY_ALREADY_USED', 'The body of a request that is proxied must not be read before');
  rare(req).proxied = proxied;
  res._state |= FIXED | SENT | ENDED;
  live[req._slot] = res;
};
// It was answered at once.
exports.handedBack = function handedBack(req, status) {
  req._rare.proxied = undefined;
  live[req._slot].statusCode = status;
  ended(live[req._slot], false);
};

// --- serve()

// In the order in which C++ reads them, with the names of Node's options where they mean the same.
const LIMITS = [
  ['headBytes', 'maxHeaderSize'], ['targetBytes'], ['headerCount', 'maxHeadersCount'], ['bodyBytes', 'maxBodySize'],
  ['headerTimeoutMs', 'headersTimeout'], ['idleTimeoutMs', 'keepAliveTimeout'], ['bodyTimeoutMs'], ['pipelineRequests'],
  ['pendingBodyBytes'], ['connections', 'maxConnections'], ['requestsPerConnection', 'maxRequestsPerSocket'],
  ['allowHalfOpen'],
];

class Server {
  constructor(number, port, address, hostname, handler, options) {
    this.port = port;
    this.hostname = hostname;
    this.address = address;
    this._number = number;
    this._handler = handler;
    this._onError = options.onError;
    this._upgrade = options.upgrade;
    this._ipv6Only = options.ipv6Only === true;
    this._closed = false;
  }
  get url() {
    const any = this.hostname === '' || this.address === '0.0.0.0' || this.address === '::';
    const host = any ? (this._ipv6Only ? '::1' : '127.0.0.1') : this.address;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }
  get listening() { return !this._closed; }
  // Stops listening; open connections end after their present responses.
  close() {
    if (!this._closed) {
      this._closed = true;
      native.serverClose(this._number);
    }
    return Promise.resolve();
  }
  [Symbol.for('nodejs.util.inspect.custom')]() { return { url: this.url, listening: this.listening }; }
}
Object.defineProperty(Server.prototype, Symbol.asyncDispose, { value: Server.prototype.close });

exports.serve = function serve(options, handler) {
  if (typeof options === 'function') {
    handler = options;
    options = {};
  } else if (typeof options === 'number') {
    options = { port: options };
  }
  options = options || {};
  if (handler === undefined) ({ handler } = options);
  if (handler !== null && typeof handler === 'object' && typeof handler.fetch === 'function') {
    handler = require('internal/web/fetch').workerHandler(handler);
  }
  if (typeof handler !== 'function') throw argumentType('handler', 'of type function, or have a function fetch()', handler);
  if (options.upgrade !== undefined && typeof options.upgrade !== 'function') throw argumentType('options.upgrade', 'of type function', options.upgrade);
  const given = { ...options, ...options.limits };
  const limits = LIMITS.map((names) => {
    for (const name of names) {
      const value = given[name];
      if (value === undefined) continue;
      if (name === 'allowHalfOpen') return value ? 1 : 0;
      if (typeof value !== 'number' || !(value >= 0)) throw argumentType(`options.${name}`, 'a number >= 0', value);
      return Math.min(value, Number.MAX_SAFE_INTEGER);
    }
    return undefined;
  });
  if (native === null) attach();
  const hostname = options.hostname !== undefined ? options.hostname : options.host !== undefined ? options.host : '';
  const port = options.port === undefined ? 0 : Number(options.port);
  const [number, bound, address] = native.serverListen(`${hostname}`, port, options.upgrade !== undefined, limits,
    options.ipv6Only === true);
  return servers[number] = new Server(number, bound, address, `${hostname}`, handler, options);
};

exports.native = () => {
  if (native === null) attach();
  return native;
};
exports.system = system;
exports.ServerRequest = ServerRequest;
exports.ServerResponse = ServerResponse;
exports.Server = Server;
