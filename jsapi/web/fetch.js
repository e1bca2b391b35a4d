// SPDX-License-Identifier: Apache-2.0
// Request, Response and fetch() (Fetch Standard) for servers: no cookies, caches or origins; http: only for now.
'use strict';

const { coded, isBytes } = require('internal/sluice/errors');
const { Headers, listOf, fromRaw } = require('internal/web/headers');
const { URL, URLSearchParams } = require('internal/web/url');
const { request: send } = require('internal/sluice/http_client');

// Streams are much code: evaluated when there is one.
const streams = () => require('internal/node/web_streams');
const isStream = (value) => typeof value === 'object' && value !== null && typeof value.getReader === 'function' && streams().isReadableStream(value);
const REDIRECTS_LIMIT = 20;
const NULL_BODY = new Set([101, 103, 204, 205, 304]);
const INTERNAL = Symbol('internal');
const NORMALIZED = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

// A body is null, a string, a Uint8Array, or something that gives its bytes in pieces: a ReadableStream, or a message of ours
// with text(), bytes() and so on.
function bodyFrom(value) {
  if (value === undefined || value === null) return [null, null];
  if (typeof value === 'string') return [value, 'text/plain;charset=UTF-8'];
  if (value instanceof ArrayBuffer) return [new Uint8Array(value.slice(0)), null];
  if (ArrayBuffer.isView(value)) return [new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength)), null];
  if (value instanceof URLSearchParams) return [value.toString(), 'application/x-www-form-urlencoded;charset=UTF-8'];
  if (isStream(value)) {
    if (value.locked || value._disturbed) throw new TypeError('Response body object should not be disturbed or locked');
    return [value, null];
  }
  if (Object.prototype.toString.call(value) === '[object FormData]') return formBody(value);
  if (typeof value === 'object' && typeof value.stream === 'function' && typeof value.size === 'number') return [value.stream(), value.type || null];
  if (typeof value === 'object' && (typeof value[Symbol.asyncIterator] === 'function')) return [streams().ReadableStream.from(value), null];
  return [`${value}`, 'text/plain;charset=UTF-8'];
}

// multipart/form-data (RFC 7578), escaped as the Fetch Standard has it.
function formBody(form) {
  const boundary = `----sluice-${require('node:crypto').randomUUID()}`;
  const quote = (text) => text.replace(/\r\n|\r|\n/g, '%0D%0A').replace(/"/g, '%22');
  async function* pieces() {
    for (const [name, field] of form) {
      if (typeof field === 'string') {
        yield toBytes(`--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"\r\n\r\n${field.replace(/\r\n|\r|\n/g, '\r\n')}\r\n`);
        continue;
      }
      yield toBytes(`--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"; filename="${quote(field.name)}"\r\nContent-Type: ${field.type || 'application/octet-stream'}\r\n\r\n`);
      yield* field.stream();
      yield toBytes('\r\n');
    }
    yield toBytes(`--${boundary}--\r\n`);
  }
  return [streams().ReadableStream.from(pieces()), `multipart/form-data; boundary=${boundary}`];
}

// The parts of multipart/form-data; null: it is none.
function parseForm(bytes, boundary, form) {
  const { File } = require('internal/node/blob');
  const { Buffer } = require('node:buffer');
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = `--${boundary}`;
  let at = all.indexOf(mark);
  if (at !== 0) return null;
  const unquote = (text) => text.replace(/%0D%0A/gi, '\r\n').replace(/%22/g, '"');
  for (;;) {
    at += mark.length;
    if (all.latin1Slice(at, at + 2) === '--') return form;
    if (all.latin1Slice(at, at + 2) !== '\r\n') return null;
    const headEnd = all.indexOf('\r\n\r\n', at);
    const end = headEnd === -1 ? -1 : all.indexOf(`\r\n${mark}`, headEnd + 2);
    if (end === -1) return null;
    const head = all.toString('utf8', at + 2, headEnd);
    const name = /^content-disposition\s*:\s*form-data\s*;(?:.*;)?\s*name="([^"]*)"/im.exec(head);
    if (name === null) return null;
    const content = all.subarray(Math.min(headEnd + 4, end), end);
    const file = /^content-disposition\s*:.*;\s*filename="([^"]*)"/im.exec(head);
    if (file === null) form.append(unquote(name[1]), content.toString());
    else form.append(unquote(name[1]), new File([content], unquote(file[1]), { type: /^content-type\s*:\s*(.+?)\s*$/im.exec(head)?.[1] ?? 'text/plain' }));
    at = end + 2;
  }
}

function toBytes(chunk) {
  if (typeof chunk === 'string') return new TextEncoder().encode(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  if (isBytes(chunk)) return ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : new Uint8Array(chunk);
  throw new TypeError('A body is made of strings or bytes');
}

async function gather(stream) {
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = toBytes(chunk);
    chunks.push(bytes);
    length += bytes.length;
  }
  if (chunks.length === 1) return chunks[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

class Body {
  constructor() {
    this._content = null;  // see bodyFrom()
    this._stream = null;   // made when `body` is asked for
    this._used = false;
  }
  get body() {
    if (this._content === null) return null;
    if (this._stream !== null) return this._stream;
    const content = this._content;
    if (isStream(content)) return this._stream = content;
    if (typeof content === 'string' || content instanceof Uint8Array) {
      const used = this._used;
      this._stream = new (streams().ReadableStream)({
        start(controller) {
          if (!used && content.length > 0) controller.enqueue(toBytes(content));
          controller.close();
        },
      });
    } else {
      this._stream = streams().ReadableStream.from(content);
    }
    return this._stream;
  }
  get bodyUsed() { return this._used || (this._stream !== null && this._stream._disturbed); }
  // The content, for the one who may use it.
  _use() {
    if (this.bodyUsed || (this._stream !== null && this._stream.locked)) throw new TypeError('Body is unusable: Body has already been read');
    if (this._content !== null) this._used = true;
    return this._stream !== null ? this._stream : this._content;
  }
  async bytes() {
    const content = this._use();
    if (content === null) return new Uint8Array(0);
    if (typeof content === 'string') return toBytes(content);
    if (content instanceof Uint8Array) return content.slice();
    if (isStream(content)) return gather(content);
    return content.bytes();
  }
  async arrayBuffer() {
    const bytes = await this.bytes();
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }
  async text() {
    const content = this._use();
    if (content === null) return '';
    if (typeof content === 'string') return content;
    if (content instanceof Uint8Array) return new TextDecoder().decode(content);
    if (isStream(content)) return new TextDecoder().decode(await gather(content));
    return content.text();
  }
  async json() {
    const content = this._content;
    if (content !== null && this._stream === null && typeof content.json === 'function') return this._use().json();
    return JSON.parse(await this.text());
  }
  async blob() {
    const { Blob } = require('internal/node/blob');
    return new Blob([await this.bytes()], { type: this.headers.get('content-type') ?? '' });
  }
  async formData() {
    const type = this.headers.get('content-type') ?? '';
    const bytes = await this.bytes();
    const { FormData } = require('internal/node/blob');
    if (/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) {
      const form = new FormData();
      for (const [name, value] of new URLSearchParams(new TextDecoder().decode(bytes))) form.append(name, value);
      return form;
    }
    const boundary = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
    const form = boundary === null ? null : parseForm(bytes, boundary[1] ?? boundary[2], new FormData());
    if (form === null) throw new TypeError('The body is no form: Content-Type must be multipart/form-data or application/x-www-form-urlencoded');
    return form;
  }
  _cloneInto(other) {
    if (this.bodyUsed || (this._stream !== null && this._stream.locked)) throw new TypeError('Body has already been read');
    if (this._content === null || typeof this._content === 'string' || this._content instanceof Uint8Array) {
      other._content = this._content;
      return;
    }
    const [mine, its] = this.body.tee();
    this._content = this._stream = mine;
    other._content = its;
  }
}

function methodOf(method) {
  method = `${method}`;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
  const upper = method.toUpperCase();
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK') throw new TypeError(`'${method}' HTTP method is unsupported.`);
  return NORMALIZED.has(upper) ? upper : method;
}

class Request extends Body {
  constructor(input, init = {}) {
    super();
    this._incoming = null;
    this._url = undefined;
    this._headers = undefined;
    this._signal = undefined;
    if (input === INTERNAL) {
      this._incoming = init;
      this.method = init.method;
      this.redirect = 'follow';
      if (init.hasBody) this._content = init;
      return;
    }
    let from = null;
    if (input instanceof Request) {
      from = input;
      this._url = input.url;
    } else {
      const url = new URL(`${input}`);
      if (url.username || url.password) throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${url.href}`);
      this._url = url.href;
    }
    init = init || {};
    this.method = init.method !== undefined ? methodOf(init.method) : from !== null ? from.method : 'GET';
    this.redirect = init.redirect !== undefined ? init.redirect : from !== null ? from.redirect : 'follow';
    this._signal = init.signal !== undefined && init.signal !== null ? init.signal : from !== null ? from._signal : undefined;
    this._headers = new Headers(init.headers !== undefined ? init.headers : from !== null ? from.headers : undefined);
    if (init.body !== undefined && init.body !== null) {
      if (this.method === 'GET' || this.method === 'HEAD') throw new TypeError('Request with GET/HEAD method cannot have body.');
      const [content, type] = bodyFrom(init.body);
      this._content = content;
      if (type !== null && !this._headers.has('content-type')) this._headers.set('content-type', type);
    } else if (from !== null && from._content !== null) {
      this._content = from._use();
    }
  }
  get url() {
    if (this._url !== undefined) return this._url;
    const incoming = this._incoming;
    const target = incoming.url;
    if (!target.startsWith('/')) return this._url = target === '*' ? origin(incoming) : target;
    return this._url = origin(incoming) + target;
  }
  get headers() { return this._headers !== undefined ? this._headers : this._headers = fromRaw(this._incoming.rawHeaders); }
  get signal() {
    if (this._signal !== undefined) return this._signal;
    return this._signal = this._incoming !== null ? this._incoming.signal : new AbortController().signal;
  }
  // Of the peer, where the request came over a connection.
  get remoteAddress() { return this._incoming !== null ? this._incoming.remoteAddress : undefined; }
  get cache() { return 'default'; }
  get credentials() { return 'same-origin'; }
  get destination() { return ''; }
  get integrity() { return ''; }
  get keepalive() { return false; }
  get mode() { return 'cors'; }
  get referrer() { return 'about:client'; }
  get referrerPolicy() { return ''; }
  get duplex() { return 'half'; }
  clone() {
    const copy = new Request(this.url, { method: this.method, headers: this.headers, redirect: this.redirect, signal: this._signal });
    this._cloneInto(copy);
    return copy;
  }
  [Symbol.for('nodejs.util.inspect.custom')]() { return { method: this.method, url: this.url, headers: this.headers, bodyUsed: this.bodyUsed }; }
}

function origin(incoming) {
  const host = incoming.header('host');
  return `http://${host !== undefined && host !== '' ? host : `${incoming.localAddress}:${incoming.localPort}`}`;
}

class Response extends Body {
  constructor(body = null, init = {}) {
    super();
    init = init || {};
    const status = init.status === undefined ? 200 : Number(init.status);
    if (!(Number.isInteger(status) && status >= 200 && status <= 599)) {
      throw new RangeError(`init["status"] must be in the range of 200 to 599, inclusive.`);
    }
    this.status = status;
    this.statusText = init.statusText === undefined ? '' : `${init.statusText}`;
    if (/[^\t\x20-\x7e\x80-\xff]/.test(this.statusText)) throw new TypeError('Invalid statusText');
    this.headers = new Headers(init.headers);
    this.type = 'default';
    this.url = '';
    this.redirected = false;
    if (body !== null && body !== undefined) {
      if (NULL_BODY.has(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}`);
      const [content, type] = bodyFrom(body);
      this._content = content;
      if (type !== null && !this.headers.has('content-type')) this.headers.set('content-type', type);
    }
  }
  get ok() { return this.status >= 200 && this.status <= 299; }
  static json(data, init = {}) {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('The data is not JSON serializable');
    const response = new Response(text, init);
    if (!new Headers(init && init.headers).has('content-type')) response.headers.set('content-type', 'application/json');
    return response;
  }
  static redirect(url, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(null, { status, headers: { location: new URL(`${url}`).href } });
  }
  static error() {
    const response = new Response();
    response.status = 0;
    response.type = 'error';
    return response;
  }
  clone() {
    const copy = new Response(null, { status: this.status, statusText: this.statusText, headers: this.headers });
    Object.assign(copy, { type: this.type, url: this.url, redirected: this.redirected });
    this._cloneInto(copy);
    return copy;
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return { status: this.status, statusText: this.statusText, headers: this.headers, url: this.url, bodyUsed: this.bodyUsed };
  }
}

// The global fetch().
async function fetch(input, init = undefined) {
  const request = input instanceof Request && init === undefined ? input : new Request(input, init || {});
  let url = new URL(request.url);
  let { method } = request;
  const headers = new Headers(request.headers);
  if (!headers.has('accept')) headers.set('accept', '*/*');
  if (!headers.has('user-agent')) headers.set('user-agent', 'sluice');
  let body = request._content === null ? undefined : request._use();
  const replayable = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  for (let hops = 0; ; hops++) {
    if (url.protocol !== 'http:') {
      throw failure(coded(TypeError, 'ERR_INVALID_PROTOCOL', `${url.protocol} is not there yet: only http: is`));
    }
    let answer;
    try {
      answer = await send(url, { method, headers: listPairs(headers), body, signal: request._signal });
    } catch (error) {
      if (request._signal && request._signal.aborted) throw request._signal.reason;
      throw failure(error);
    }
    const location = [301, 302, 303, 307, 308].includes(answer.status) ? answer.headers.location : undefined;
    if (location === undefined || request.redirect === 'manual') return responseOf(answer, url, hops > 0);
    answer.cancel();
    if (request.redirect === 'error') throw failure(new Error('unexpected redirect'));
    if (hops === REDIRECTS_LIMIT) throw failure(new Error('redirect count exceeded'));
    const next = new URL(location, url);
    if (answer.status === 303 ? method !== 'GET' && method !== 'HEAD' : answer.status <= 302 && method === 'POST') {
      method = 'GET';
      body = undefined;
      for (const name of ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']) headers.delete(name);
    } else if (!replayable) {
      throw failure(new Error('a streamed body cannot be sent to a redirect again'));
    }
    if (next.origin !== url.origin) for (const name of ['authorization', 'cookie', 'host', 'proxy-authorization']) headers.delete(name);
    url = next;
  }
}

function failure(cause) {
  const error = new TypeError('fetch failed');
  error.cause = cause;
  return error;
}

function listPairs(headers) { return listOf(headers); }

function responseOf(answer, url, redirected) {
  const response = new Response();
  response.status = answer.status;
  response.statusText = answer.statusMessage;
  response.headers = fromRaw(answer.rawHeaders);
  response.type = 'basic';
  response.url = url.href;
  response.redirected = redirected;
  if (NULL_BODY.has(answer.status)) answer.cancel();
  else response._content = answer;
  return response;
}

// --- serving a worker

// Sends a Response as the answer to an exchange.
function answer(res, response) {
  if (!(response instanceof Response)) {
    throw new TypeError(`fetch() of a worker must return a Response, or a promise of one; it returned ${response === null ? 'null' : typeof response}`);
  }
  res.statusCode = response.status;
  if (response.statusText !== '') res.statusMessage = response.statusText;
  const list = listOf(response.headers);
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === 'set-cookie') res.appendHeader(list[i], list[i + 1]);
    else res.setHeader(list[i], list[i + 1]);
  }
  if (response._content === null) {
    res.end();
    return undefined;
  }
  const content = response._use();
  if (typeof content === 'string' || content instanceof Uint8Array) {
    res.end(content);
    return undefined;
  }
  if (res.req.method === 'HEAD') {
    if (typeof content.cancel === 'function') Promise.resolve(content.cancel()).catch(() => {});
    res.end();
    return undefined;
  }
  return res.sendStream(content);
}

// A handler for serve() from the default export of a worker.
function workerHandler(worker) {
  const context = {
    waitUntil(promise) { Promise.resolve(promise).catch((error) => console.error(error)); },
    passThroughOnException() {},
  };
  return function handleWorker(req, res) {
    const response = worker.fetch(new Request(INTERNAL, req), process.env, context);
    if (response instanceof Response) return answer(res, response);
    if (response === null || response === undefined || typeof response.then !== 'function') return answer(res, response);
    return response.then((settled) => answer(res, settled));
  };
}

for (const value of [Request, Response]) {
  Object.defineProperty(value.prototype, Symbol.toStringTag, { value: value.name, configurable: true });
}
for (const [name, value] of [['Request', Request], ['Response', Response], ['fetch', fetch]]) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

Object.assign(exports, { Request, Response, fetch, workerHandler });
