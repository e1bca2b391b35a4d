// SPDX-License-Identifier: Apache-2.0
// The reverse proxy: proxy() hands a request to C++, which streams both bodies past JavaScript.
'use strict';

const { coded, argumentType } = require('internal/sluice/errors');
const { lowerName, checkValue, linesOf } = require('internal/sluice/header_blocks');
const { eachHeader } = require('internal/sluice/http_client');
const server = require('internal/sluice/http_server');

const BALANCE = { 'round-robin': 0, 'failover': 1, 'least-connections': 2 };
const PRESERVE_HOST = 1, NO_FORWARDED_FOR = 2, SINGLE = 4;
const OPTIONS_LIMIT = 1024;
const RECENT = 4;
const OWN_NAME = 'sluice'; // in the Via field of what goes to upstreams

const groups = new Map();   // text of an upstream given by itself -> Upstreams
const compiled = new Map(); // text of options -> number

// What was made of the objects that a program passes. A program passes the same one each time, or makes an equal one for each
// request: both are found by comparing, which makes no string. An object that was changed meanwhile is not taken for what it
// was.
class Remembered {
  constructor(same) {
    this.same = same;        // (what an object was, the object now) -> boolean
    this.byObject = new WeakMap();
    this.recent = [];
    this.next = 0;
  }
  find(object) {
    const known = this.byObject.get(object);
    if (known !== undefined && this.same(known.was, object)) return known.value;
    for (let i = 0; i < this.recent.length; i++) {
      if (this.same(this.recent[i].was, object)) return this.recent[i].value;
    }
    return undefined;
  }
  add(object, was, value) {
    const known = { was, value };
    this.byObject.set(object, known);
    this.recent[this.next] = known;
    this.next = (this.next + 1) % RECENT;
    return value;
  }
}

function sameList(was, now) {
  if (was === now) return true; // a string, or nothing
  if (!Array.isArray(was) || !Array.isArray(now) || was.length !== now.length) return false;
  for (let i = 0; i < was.length; i++) if (was[i] !== now[i]) return false;
  return true;
}
const arrays = new Remembered(sameList);

// A set of upstream servers with its state (who failed, who is busy), kept as long as the program.
class Upstreams {
  constructor({ servers, balance = 'round-robin', failTimeout, failTimeoutMs = failTimeout, maxFails }) {
    if (BALANCE[balance] === undefined) throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', `balance is one of ${Object.keys(BALANCE).join(', ')}`);
    const list = typeof servers === 'string' ? [servers] : [...servers];
    const { URL } = require('internal/web/url');
    this.servers = list.map((each) => {
      const url = new URL(typeof each === 'string' && !each.includes('://') ? `http://${each}` : `${each}`);
      if (url.protocol !== 'http:') throw coded(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${url.protocol}" not supported. Expected "http:"`);
      return url;
    });
    this.balance = balance;
    const flat = [];
    for (const url of this.servers) flat.push(url.hostname, url.port === '' ? 80 : Number(url.port), url.host);
    this._native = server.native();
    this._number = this._native.addUpstreams(flat, BALANCE[balance], maxFails, failTimeoutMs);
    for (const name of ['_native', '_number']) Object.defineProperty(this, name, { enumerable: false });
  }
  // Per server: { url, active, failures, requests, failed }
  get state() {
    const values = this._native.upstreamState(this._number);
    return this.servers.map((url, i) => ({
      url: url.origin, active: values[4 * i], failures: values[4 * i + 1], requests: values[4 * i + 2], failed: values[4 * i + 3],
    }));
  }
}

function upstreams(options) { return new Upstreams(Array.isArray(options) || typeof options === 'string' ? { servers: options } : options); }

function groupOf(upstream) {
  if (upstream instanceof Upstreams) return upstream;
  if (!Array.isArray(upstream)) return namedGroup(upstream);
  const known = arrays.find(upstream);
  if (known !== undefined) return known;
  const group = namedGroup(upstream);
  return upstream.every((each) => typeof each === 'string') ? arrays.add(upstream, [...upstream], group) : group;
}
function namedGroup(upstream) {
  const key = typeof upstream === 'string' ? upstream : Array.isArray(upstream) ? upstream.join(' ') : upstream && upstream.href;
  if (typeof key !== 'string') throw argumentType('upstream', 'a URL, an array of URLs, or made by upstreams()', upstream);
  let group = groups.get(key);
  if (group === undefined) {
    // Several servers by themselves: the first that works, unless upstreams() says otherwise.
    group = new Upstreams({ servers: Array.isArray(upstream) ? upstream : [upstream], balance: 'failover' });
    groups.set(key, group);
  }
  return group;
}

// The header lines that `edits.set` asks for.
function linesToSet(edits) {
  if (edits === undefined || edits.set === undefined) return '';
  let lines = '';
  eachHeader(edits.set, (name, value) => {
    lowerName(name);
    checkValue(name, value);
    lines += linesOf(name, value);
  });
  return lines;
}
function namesToRemove(edits) {
  if (edits === undefined || edits.remove === undefined) return [];
  const names = typeof edits.remove === 'string' ? [edits.remove] : [...edits.remove];
  for (const name of names) lowerName(name);
  return names;
}

// The name in a Via field (RFC 9110 section 7.6.3: a pseudonym is a token, or host and port); empty: no field.
function viaOf(edits, otherwise) {
  const via = edits === undefined || edits.via === undefined ? otherwise : edits.via;
  if (via === false) return '';
  if (typeof via !== 'string' || !/^[\w!#$%&'*+.^`|~:[\]-]+$/.test(via)) {
    throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', `via is a name for this proxy, such as "edge-1", or false. Received ${JSON.stringify(via)}`);
  }
  return via;
}

// A copy of what optionsOf() reads, and the comparison with it. A set of header fields of any other kind than a plain object
// with strings, numbers or lists of them is turned to text each time.
function isPlain(set) {
  if (set === undefined) return true;
  if (set === null || typeof set !== 'object' || Object.getPrototypeOf(set) !== Object.prototype) return false;
  for (const name in set) {
    const value = set[name];
    if (typeof value !== 'string' && typeof value !== 'number' && !Array.isArray(value)) return false;
  }
  return true;
}
function snapshotOfEdits(edits) {
  if (edits === undefined) return undefined;
  const names = [], values = [];
  for (const name in edits.set) {
    names.push(name);
    values.push(Array.isArray(edits.set[name]) ? [...edits.set[name]] : edits.set[name]);
  }
  return { names, values, remove: Array.isArray(edits.remove) ? [...edits.remove] : edits.remove, via: edits.via };
}
function sameEdits(was, now) {
  if (was === undefined || now === undefined) return was === now;
  if (was.via !== now.via || !sameList(was.remove, now.remove)) return false;
  const set = now.set;
  let i = 0;
  if (set !== undefined) {
    if (set === null || typeof set !== 'object' || Object.getPrototypeOf(set) !== Object.prototype) return false;
    for (const name in set) {
      if (i >= was.names.length || was.names[i] !== name || !sameList(was.values[i], set[name])) return false;
      i++;
    }
  }
  return i === was.names.length;
}
function sameOptions(was, now) {
  return was.target === now.target && was.preserveHost === now.preserveHost && was.forwardedFor === now.forwardedFor &&
    sameEdits(was.request, now.request) && sameEdits(was.response, now.response);
}
function snapshot(options) {
  const { request, response, target, preserveHost, forwardedFor } = options;
  if (target !== undefined && typeof target !== 'string') return undefined;
  for (const edits of [request, response]) {
    if (edits === undefined) continue;
    if (!isPlain(edits.set) || !(edits.remove === undefined || typeof edits.remove === 'string' || Array.isArray(edits.remove))) return undefined;
  }
  return { target, preserveHost, forwardedFor, request: snapshotOfEdits(request), response: snapshotOfEdits(response) };
}
const remembered = new Remembered(sameOptions);

// Number of the options in C++; -1: they hold for the next forwarding only.
function optionsOf(options) {
  const known = remembered.find(options);
  if (known !== undefined) return known;
  const number = compileOptions(options);
  const was = number < 0 ? undefined : snapshot(options);
  return was === undefined ? number : remembered.add(options, was, number);
}

function compileOptions(options) {
  const request = linesToSet(options.request), requestRemove = namesToRemove(options.request);
  const response = linesToSet(options.response), responseRemove = namesToRemove(options.response);
  const target = options.target === undefined ? '' : `${options.target}`;
  if (/[^\x21-\x7e]/.test(target)) throw coded(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  const requestVia = viaOf(options.request, OWN_NAME), responseVia = viaOf(options.response, false);
  const flags = (options.preserveHost ? PRESERVE_HOST : 0) | (options.forwardedFor === false ? NO_FORWARDED_FOR : 0);
  const key = `${request}\0${requestRemove}\0${response}\0${responseRemove}\0${target}\0${flags}\0${requestVia}\0${responseVia}`;
  let number = compiled.get(key);
  if (number === undefined) {
    const seen = compiled.size < OPTIONS_LIMIT;
    number = server.native().addProxyOptions(request, requestRemove, response, responseRemove, target, seen ? flags : flags | SINGLE,
      requestVia, responseVia);
    if (seen) compiled.set(key, number);
  }
  return number;
}

class Forwarding {
  constructor(group, resolve) {
    this.group = group;
    this.resolve = resolve;
  }
  done(status, upstream, attempts, error) {
    const result = { status, upstream: upstream < 0 ? undefined : this.group.servers[upstream].origin, attempts };
    if (error !== undefined && error !== '') result.error = error;
    this.resolve(result);
  }
}

const NO_OPTIONS = {};

// Forwards `req` to `upstream` and answers with what comes back. Resolves when the response is through with
// { status, upstream, attempts, error? }; a failed upstream is answered 502 or 504 and does not reject.
function proxy(req, res, upstream, options = NO_OPTIONS) {
  const group = groupOf(upstream);
  const number = optionsOf(options);
  return new Promise((resolve) => {
    const forwarding = new Forwarding(group, resolve);
    server.handOver(req, res, forwarding);
    if (!server.native().proxyForward(req._slot, req._generation, group._number, number)) {
      server.handedBack(req, 503);
      resolve({ status: 503, upstream: undefined, attempts: 0, error: 'ENOBUFS' });
    }
  });
}

Object.assign(exports, { proxy, upstreams, Upstreams });
