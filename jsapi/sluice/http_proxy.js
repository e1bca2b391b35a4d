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

const groups = new Map();   // text of an upstream given by itself -> Upstreams
const compiled = new Map(); // text of options -> number

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

// Number of the options in C++; -1: they hold for the next forwarding only.
function optionsOf(options) {
  const request = linesToSet(options.request), requestRemove = namesToRemove(options.request);
  const response = linesToSet(options.response), responseRemove = namesToRemove(options.response);
  const target = options.target === undefined ? '' : `${options.target}`;
  if (/[^\x21-\x7e]/.test(target)) throw coded(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  const flags = (options.preserveHost ? PRESERVE_HOST : 0) | (options.forwardedFor === false ? NO_FORWARDED_FOR : 0);
  const key = `${request}\0${requestRemove}\0${response}\0${responseRemove}\0${target}\0${flags}`;
  let number = compiled.get(key);
  if (number === undefined) {
    const seen = compiled.size < OPTIONS_LIMIT;
    number = server.native().addProxyOptions(request, requestRemove, response, responseRemove, target, seen ? flags : flags | SINGLE);
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
