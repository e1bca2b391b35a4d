// SPDX-License-Identifier: Apache-2.0
// Requests to other servers: request(), over connections that C++ keeps in pools by origin.
'use strict';

const events = require('internal/events');
const { EventEmitter } = require('internal/emitter');
const { coded, argumentType, system, isBytes } = require('internal/sluice/errors');
const { lowerName, checkValue, linesOf } = require('internal/sluice/header_blocks');
const { fromPairs } = require('internal/sluice/request_headers');
const { MessageBody, TEXT, BYTES, ARRAY_BUFFER, JSON_VALUE } = require('internal/sluice/message_body');

// Numbers as in jsapi/native/http_clients.hh.
const CLIENT_RESPONSE = 64, CLIENT_BODY = 65, CLIENT_FAILED = 66, CLIENT_DRAINED = 67;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Fields that the engine writes by itself.
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'expect', 'te']);

let native = null;
const live = [];  // by slot
const bodyOps = { take: null, whole: null, discard: null };

function attach() {
  native = internalBinding('network');
  bodyOps.take = native.clientTake;
  bodyOps.whole = native.clientWhole;
  bodyOps.discard = () => {};  // dropping the slot gives the rest up
}

// What came back. Its body is to be read or dropped (`cancel()`); until then its connection is taken.
class ClientResponse extends EventEmitter {
  constructor(call, status, minor) {
    super();
    this.status = status;
    this.statusCode = status;
    const [reason, pairs] = native.clientHead(call.slot, call.generation);
    this.statusMessage = reason;
    this.rawHeaders = pairs;
    this.httpVersion = minor ? '1.1' : '1.0';
    this.url = call.url;
    this._headers = undefined;
    this._call = call;
    this._slot = call.slot;
    this._generation = call.generation;
    this._trailers = undefined;
    this._content = new MessageBody(this, bodyOps);
    for (const name of ['_call', '_slot', '_generation', '_content', '_headers', '_trailers']) {
      Object.defineProperty(this, name, { enumerable: false });
    }
  }
  get ok() { return this.status >= 200 && this.status <= 299; }
  get headers() { return this._headers === undefined ? this._headers = fromPairs(this.rawHeaders, 0) : this._headers; }
  // Behind a chunked body; empty before its end.
  get trailers() { return this._trailers === undefined ? {} : fromPairs(this._trailers, 0); }
  get body() { return this; }
  get bodyUsed() { return this._content.used; }
  text() { return this._content.whole(TEXT); }
  json() { return this._content.whole(JSON_VALUE); }
  bytes() { return this._content.whole(BYTES); }
  arrayBuffer() { return this._content.whole(ARRAY_BUFFER); }
  [Symbol.asyncIterator]() { return this._content.iterator(); }
  pause() {
    this._content.pause();
    return this;
  }
  resume() {
    this._content.flow();
    return this;
  }
  limitBody(bytes) {
    this._content.limit = bytes;
    return this;
  }
  // The rest is of no interest: the connection is closed unless all has come.
  cancel() { this._content.cancel(); }
  _listenersChanged(name) {
    if (name === 'data') this.resume();
  }
  _bodyDone() {
    this._trailers = native.clientTrailers(this._slot, this._generation);
    this._call.over();
  }
}

// One request under way, from request() to the end of the response's body.
class Call {
  constructor(slot, generation, url, resolve, reject) {
    this.slot = slot;
    this.generation = generation;
    this.url = url;
    this.resolve = resolve;
    this.reject = reject;
    this.response = null;
    this.drained = null;
    this.signal = undefined;
    this.onAbort = null;
    this.failure = null;
    live[slot] = this;
  }
  over() {
    if (live[this.slot] !== this) return;
    live[this.slot] = undefined;
    if (this.onAbort !== null) this.signal.removeEventListener('abort', this.onAbort);
    native.clientCancel(this.slot, this.generation);
    if (this.drained !== null) this.drained();
  }
  fail(error) {
    if (live[this.slot] !== this) return;
    this.failure = error;
    if (this.response !== null) this.response._content.fail(error);
    else this.reject(error);
    this.over();
  }
  // The body in pieces; `source` is an iterable or async iterable of strings or bytes.
  async send(source) {
    try {
      for await (const chunk of source) {
        if (live[this.slot] !== this) return;
        if (typeof chunk !== 'string' && !isBytes(chunk)) throw argumentType('body', 'an iterable of strings or bytes', chunk);
        if (native.clientWrite(this.slot, this.generation, chunk) === false) {
          await new Promise((resolve) => { this.drained = resolve; });
          this.drained = null;
        }
      }
      if (live[this.slot] === this) native.clientEnd(this.slot, this.generation);
    } catch (error) {
      this.fail(error);
    }
  }
}

function eachHeader(headers, visit) {
  if (headers === undefined || headers === null) return;
  if (Array.isArray(headers) && headers.length > 0 && !Array.isArray(headers[0])) {
    for (let i = 0; i + 1 < headers.length; i += 2) visit(headers[i], headers[i + 1]);
  } else if (typeof headers[Symbol.iterator] === 'function') {
    for (const [name, value] of headers) visit(name, value);
  } else {
    for (const name of Object.keys(headers)) visit(name, headers[name]);
  }
}

// url: string or URL. Resolves with the response when its head is there.
function request(url, options = {}) {
  return new Promise((resolve, reject) => {
    if (native === null) attach();
    const { URL } = require('internal/web/url');
    const target = url instanceof URL ? url : new URL(`${url}`);
    if (target.protocol !== 'http:') throw coded(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${target.protocol}" not supported. Expected "http:"`);
    const method = options.method === undefined ? 'GET' : `${options.method}`;
    if (!TOKEN.test(method)) throw coded(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Method must be a valid HTTP token ["${method}"]`);
    const { signal } = options;
    if (signal && signal.aborted) throw signal.reason;

    let fields = '', host = target.host;
    let length;
    eachHeader(options.headers, (name, value) => {
      const lower = lowerName(name);
      checkValue(name, value);
      if (lower === 'host') host = `${value}`;
      else if (lower === 'content-length') length = Number(value);
      else if (!FRAMING.has(lower)) fields += linesOf(name, value);
    });
    fields = `Host: ${host}\r\n${fields}`;

    let { body } = options;
    let streamed;
    if (body === null) body = undefined;
    if (body !== undefined && typeof body !== 'string' && !isBytes(body)) {
      if (typeof body[Symbol.asyncIterator] !== 'function' && typeof body[Symbol.iterator] !== 'function') {
        throw argumentType('options.body', 'of type string, bytes, or an iterable of them', body);
      }
      streamed = Number.isInteger(length) && length >= 0 ? length : -1;
    }
    const place = native.clientRequest(target.hostname, target.port === '' ? 80 : Number(target.port), method,
      target.pathname + target.search, fields, streamed === undefined ? body : undefined, streamed);
    const call = new Call(place[0], place[1], target.href, resolve, reject);
    if (signal) {
      call.signal = signal;
      call.onAbort = () => call.fail(signal.reason);
      signal.addEventListener('abort', call.onAbort, { once: true });
    }
    if (streamed !== undefined) call.send(body);
  });
}

function at(words, offset) {
  const call = live[words[offset + 1]];
  return call !== undefined && call.generation === words[offset + 2] ? call : undefined;
}

events.register(CLIENT_RESPONSE, (words, offset) => {
  const call = at(words, offset);
  if (call === undefined) return;
  call.response = new ClientResponse(call, words[offset + 3], words[offset + 4]);
  call.resolve(call.response);
});
events.register(CLIENT_BODY, (words, offset) => {
  const call = at(words, offset);
  if (call !== undefined && call.response !== null) call.response._content.onEvent();
});
events.register(CLIENT_FAILED, (words, offset) => {
  const call = at(words, offset);
  if (call !== undefined) call.fail(system(native.errors, words[offset + 3], call.response === null ? 'request' : 'read'));
});
events.register(CLIENT_DRAINED, (words, offset) => {
  const call = at(words, offset);
  if (call !== undefined && call.drained !== null) call.drained();
});

exports.request = request;
exports.eachHeader = eachHeader;
exports.ClientResponse = ClientResponse;
