// SPDX-License-Identifier: Apache-2.0
// node:url: the classes of the URL Standard, paths and URLs, and the older parse(), format() and resolve().
'use strict';

const { URL, URLSearchParams } = require('internal/web/url');
const { codes } = require('internal/errors');
const { validateObject, validateString } = require('internal/validators');
const querystring = require('node:querystring');
const path = require('node:path');

// ---- files

function fileURLToPath(url, options = undefined) {
  const windows = options?.windows;
  if (typeof url === 'string') url = new URL(url);
  else if (!isUrl(url)) throw new codes.ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], url);
  if (url.protocol !== 'file:') throw new codes.ERR_INVALID_URL_SCHEME('file');
  return windows ? windowsPath(url) : posixPath(url);
}

function isUrl(value) { return Boolean(value?.href && value.protocol && value.auth === undefined && value.path === undefined); }

function posixPath(url) {
  if (url.hostname !== '') throw new codes.ERR_INVALID_FILE_URL_HOST(require('internal/process').process.platform);
  const { pathname } = url;
  if (/%2f/i.test(pathname)) throw new codes.ERR_INVALID_FILE_URL_PATH('must not include encoded / characters', url.input ?? url);
  return decodeURIComponent(pathname);
}

function windowsPath(url) {
  const { hostname, pathname } = url;
  if (/%2f|%5c/i.test(pathname)) throw new codes.ERR_INVALID_FILE_URL_PATH('must not include encoded \\ or / characters', url);
  const decoded = decodeURIComponent(pathname.replaceAll('/', '\\'));
  if (hostname !== '') return `\\\\${domainToUnicode(hostname)}${decoded}`;
  if (!/^\\[A-Za-z]:/.test(decoded)) throw new codes.ERR_INVALID_FILE_URL_PATH('must be absolute', url);
  return decoded.slice(1);
}

function fileURLToPathBuffer(url, options = undefined) {
  const { Buffer } = require('node:buffer');
  if (typeof url === 'string') url = new URL(url);
  else if (!isUrl(url)) throw new codes.ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], url);
  if (url.protocol !== 'file:') throw new codes.ERR_INVALID_URL_SCHEME('file');
  if (options?.windows) return Buffer.from(windowsPath(url));
  if (url.hostname !== '') throw new codes.ERR_INVALID_FILE_URL_HOST(require('internal/process').process.platform);
  if (/%2f/i.test(url.pathname)) throw new codes.ERR_INVALID_FILE_URL_PATH('must not include encoded / characters', url);
  return querystring.unescapeBuffer(url.pathname);
}

const PATH_ESCAPES = { '%': '%25', '\\': '%5C', '\n': '%0A', '\r': '%0D', '\t': '%09', '?': '%3F', '#': '%23', '^': '%5E', '[': '%5B', ']': '%5D', '|': '%7C', '~': '%7E' };

function pathToFileURL(file, options = undefined) {
  validateString(file, 'path');
  const windows = options?.windows ?? false;
  if (windows && /^[\\/]{2}/.test(file)) {
    // \\server\share\resource, or with \\?\UNC\ before it
    const extended = file.startsWith('\\\\?\\UNC\\');
    const begin = extended ? 8 : 2;
    const end = file.indexOf('\\', begin);
    if (end === -1) throw new codes.ERR_INVALID_ARG_VALUE('path', file, 'Missing UNC resource path');
    if (end === 2) throw new codes.ERR_INVALID_ARG_VALUE('path', file, 'Empty UNC servername');
    const url = new URL('file://');
    url.hostname = domainToASCII(file.slice(begin, end));
    url.pathname = file.slice(end).replaceAll('\\', '/').replace(/[%\n\r\t?#^[\]|~]/g, (c) => PATH_ESCAPES[c]);
    return url;
  }
  let resolved = windows ? path.win32.resolve(file) : path.posix.resolve(file);
  const last = file[file.length - 1];
  if ((last === '/' || (windows && last === '\\')) && !resolved.endsWith(windows ? '\\' : '/')) resolved += '/';
  if (windows) resolved = `/${resolved.replaceAll('\\', '/')}`;
  return new URL(`file://${resolved.replace(/[%\\\n\r\t?#^[\]|~]/g, (c) => PATH_ESCAPES[c])}`);
}

// ---- domains

function domainToASCII(domain) {
  if (arguments.length < 1) throw new codes.ERR_MISSING_ARGS('domain');
  domain = `${domain}`;
  if (domain === '') return '';
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return '';
  }
}
function domainToUnicode(domain) {
  if (arguments.length < 1) throw new codes.ERR_MISSING_ARGS('domain');
  const ascii = domainToASCII(`${domain}`);
  try {
    return require('node:punycode').toUnicode(ascii);
  } catch {
    return '';
  }
}

function urlToHttpOptions(url) {
  const { hostname, pathname, port, username, password, search } = url;
  const options = {
    __proto__: null, ...url, protocol: url.protocol,
    hostname: hostname && hostname[0] === '[' ? hostname.slice(1, -1) : hostname,
    hash: url.hash, search, pathname, path: `${pathname || ''}${search || ''}`, href: url.href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

// ---- the older interface

const FIELDS = ['protocol', 'slashes', 'auth', 'host', 'port', 'hostname', 'hash', 'search', 'query', 'pathname', 'path', 'href'];
function Url() { for (const field of FIELDS) this[field] = null; }

const SLASHED = new Set(['http', 'http:', 'https', 'https:', 'ftp', 'ftp:', 'gopher', 'gopher:', 'file', 'file:', 'ws', 'ws:', 'wss', 'wss:']);
const HOSTLESS = new Set(['javascript', 'javascript:']);
const ESCAPED = /[\t\n\r "'<>\\^`{|}]/g;
const escapeOf = (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
const FORBIDDEN_HOST = /[\0\t\n\r #%/:<>?@[\\\]^|]/;
const FORBIDDEN_V6 = /[\0\t\n\r #%/<>?@\\^|]/;

function urlParse(url, parseQuery, slashesDenoteHost) {
  if (url instanceof Url) return url;
  const result = new Url();
  result.parse(url, parseQuery, slashesDenoteHost);
  return result;
}

function invalidUrl(url) { return new codes.ERR_INVALID_URL(url); }

Url.prototype.parse = function parse(url, parseQuery, slashesDenoteHost) {
  validateString(url, 'url');
  // White space around it goes; backslashes before the query are slashes.
  let rest = url.replace(/^[\s\ufeff]+|[\s\ufeff]+$/g, '');
  const split = rest.search(/[?#]/);
  const backslashed = split === -1 ? rest : rest.slice(0, split);
  rest = backslashed.replaceAll('\\', '/') + (split === -1 ? '' : rest.slice(split));

  if (!slashesDenoteHost && !rest.includes('#')) {
    // A path and nothing else, the most frequent of all.
    const simple = /^(\/?\/?(?!\/)[^?\s]*)(\?\S*)?$/.exec(rest);
    if (simple !== null && !/["'<>\\^`{|}]/.test(rest) && simple[1].startsWith('/') && !simple[1].startsWith('//')) {
      this.path = rest;
      this.href = rest;
      this.pathname = simple[1];
      if (simple[2]) {
        this.search = simple[2];
        this.query = parseQuery ? querystring.parse(this.search.slice(1)) : this.search.slice(1);
      } else if (parseQuery) {
        this.search = null;
        this.query = { __proto__: null };
      }
      return this;
    }
  }

  const protocol = /^[a-z0-9.+-]+:/i.exec(rest);
  let lower;
  if (protocol !== null) {
    lower = protocol[0].toLowerCase();
    this.protocol = lower;
    rest = rest.slice(protocol[0].length);
  }

  let slashes = false;
  if (slashesDenoteHost || protocol !== null || /^\/\/[^@/]+@[^@/]+/.test(rest)) {
    slashes = rest.startsWith('//');
    if (slashes && !(lower && HOSTLESS.has(lower))) {
      rest = rest.slice(2);
      this.slashes = true;
    }
  }

  if (!HOSTLESS.has(lower) && (slashes || (protocol !== null && !SLASHED.has(protocol[0])))) {
    // The host ends at the first of / ? # ; what stands before the last @ in it is the user.
    let end = -1;
    let at = -1;
    let nonHost = -1;
    for (let i = 0; i < rest.length; i++) {
      const c = rest[i];
      if ('\t\n\r "%\';<>\\^`{|}'.includes(c)) {
        if (nonHost === -1) nonHost = i;
      } else if ('#/?'.includes(c)) {
        if (nonHost === -1) nonHost = i;
        end = i;
      } else if (c === '@') {
        at = i;
        nonHost = -1;
      }
      if (end !== -1) break;
    }
    let begin = 0;
    if (at !== -1) {
      this.auth = decodeURIComponent(rest.slice(0, at));
      begin = at + 1;
    }
    if (nonHost === -1) {
      this.host = rest.slice(begin);
      rest = '';
    } else {
      this.host = rest.slice(begin, nonHost);
      rest = rest.slice(nonHost);
    }
    const port = /:([0-9]*)$/.exec(this.host);
    let hostname = this.host;
    if (port !== null) {
      if (port[1] !== '') this.port = port[1];
      hostname = hostname.slice(0, hostname.length - port[0].length);
    }
    this.hostname = hostname;
    const v6 = hostname[0] === '[' && hostname[hostname.length - 1] === ']';
    if (!v6) {
      // Something that no host name has ends it.
      for (let i = 0; i < hostname.length; i++) {
        if (/[a-z0-9.+_-]/i.test(hostname[i]) || hostname.charCodeAt(i) > 127) continue;
        if (FORBIDDEN_HOST.test(hostname[i])) throw invalidUrl(url);
        this.hostname = hostname.slice(0, i);
        rest = `/${hostname.slice(i)}${rest}`;
        break;
      }
    }
    if (this.hostname.length > 255) this.hostname = '';
    else this.hostname = this.hostname.toLowerCase();
    if (this.hostname !== '') {
      if (v6) {
        if (FORBIDDEN_V6.test(this.hostname)) throw invalidUrl(url);
      } else {
        const ascii = /[^\0-\u007f]/.test(this.hostname) ? domainToASCII(this.hostname) : this.hostname;
        if (ascii === '' || FORBIDDEN_HOST.test(ascii)) throw invalidUrl(url);
        this.hostname = ascii;
      }
    }
    this.host = `${this.hostname || ''}${this.port ? `:${this.port}` : ''}`;
    if (v6) {
      this.hostname = this.hostname.slice(1, -1);
      if (rest[0] !== '/') rest = `/${rest}`;
    }
  }

  if (!HOSTLESS.has(lower)) rest = rest.replace(ESCAPED, escapeOf);

  const hash = rest.indexOf('#');
  if (hash !== -1) this.hash = rest.slice(hash);
  const beforeHash = hash === -1 ? rest : rest.slice(0, hash);
  const question = beforeHash.indexOf('?');
  if (question !== -1) {
    this.search = beforeHash.slice(question);
    this.query = this.search.slice(1);
    if (parseQuery) this.query = querystring.parse(this.query);
  } else if (parseQuery) {
    this.search = null;
    this.query = { __proto__: null };
  }
  const pathname = question === -1 ? beforeHash : beforeHash.slice(0, question);
  if (pathname !== '') this.pathname = pathname;
  if (SLASHED.has(lower) && this.hostname && !this.pathname) this.pathname = '/';
  if (this.pathname || this.search) this.path = (this.pathname || '') + (this.search || '');
  this.href = this.format();
  return this;
};

function urlFormat(object, options) {
  if (typeof object === 'string') object = urlParse(object);
  else if (typeof object !== 'object' || object === null) throw new codes.ERR_INVALID_ARG_TYPE('urlObject', ['Object', 'string'], object);
  else if (object instanceof URL) {
    let fragment = true;
    let unicode = false;
    let search = true;
    let auth = true;
    if (options) {
      validateObject(options, 'options');
      if (options.fragment != null) fragment = Boolean(options.fragment);
      if (options.unicode != null) unicode = Boolean(options.unicode);
      if (options.search != null) search = Boolean(options.search);
      if (options.auth != null) auth = Boolean(options.auth);
    }
    let { hostname } = object;
    if (unicode) hostname = domainToUnicode(hostname);
    const withHost = object.host !== '' || object.href.startsWith(`${object.protocol}//`);
    let text = object.protocol;
    if (withHost) {
      text += '//';
      if (auth && (object.username !== '' || object.password !== '')) text += `${object.username}${object.password === '' ? '' : `:${object.password}`}@`;
      text += hostname + (object.port === '' ? '' : `:${object.port}`);
    }
    text += object.pathname;
    if (search) text += object.search;
    if (fragment) text += object.hash;
    return text;
  }
  return Url.prototype.format.call(object);
}

Url.prototype.format = function format() {
  let auth = this.auth || '';
  if (auth) auth = `${encodeURIComponent(auth).replace(/%3A/i, ':')}@`;
  let protocol = this.protocol || '';
  let pathname = this.pathname || '';
  let hash = this.hash || '';
  let host = '';
  let query = '';
  if (this.host) {
    host = auth + this.host;
  } else if (this.hostname) {
    host = auth + (this.hostname.includes(':') && !/^\[.*\]$/.test(this.hostname) ? `[${this.hostname}]` : this.hostname);
    if (this.port) host += `:${this.port}`;
  }
  if (this.query !== null && typeof this.query === 'object') query = querystring.stringify(this.query);
  let search = this.search || (query && `?${query}`) || '';
  if (protocol && !protocol.endsWith(':')) protocol += ':';
  pathname = pathname.replace(/[#?]/g, (c) => c === '#' ? '%23' : '%3F');
  if (this.slashes || SLASHED.has(protocol)) {
    if (this.slashes || host) {
      if (pathname && pathname[0] !== '/') pathname = `/${pathname}`;
      host = `//${host}`;
    } else if (/^file/.test(protocol)) {
      host = '//';
    }
  }
  search = search.replaceAll('#', '%23');
  if (hash && hash[0] !== '#') hash = `#${hash}`;
  if (search && search[0] !== '?') search = `?${search}`;
  return protocol + host + pathname + search + hash;
};

function urlResolve(source, relative) { return urlParse(source, false, true).resolve(relative); }
Url.prototype.resolve = function resolve(relative) { return this.resolveObject(urlParse(relative, false, true)).format(); };
function urlResolveObject(source, relative) {
  if (!source) return relative;
  return urlParse(source, false, true).resolveObject(relative);
}

Url.prototype.resolveObject = function resolveObject(relative) {
  if (typeof relative === 'string') {
    const parsed = new Url();
    parsed.parse(relative, false, true);
    relative = parsed;
  }
  const result = Object.assign(new Url(), this);
  result.hash = relative.hash;
  if (relative.href === '') {
    result.href = result.format();
    return result;
  }
  if (relative.slashes && !relative.protocol) {
    // //host/path
    for (const key of Object.keys(relative)) if (key !== 'protocol') result[key] = relative[key];
    if (SLASHED.has(result.protocol) && result.hostname && !result.pathname) result.path = result.pathname = '/';
    result.href = result.format();
    return result;
  }
  if (relative.protocol && relative.protocol !== result.protocol) {
    if (!SLASHED.has(relative.protocol)) {
      Object.assign(result, relative);
      result.href = result.format();
      return result;
    }
    result.protocol = relative.protocol;
    if (!relative.host && !/^file:?$/.test(relative.protocol) && !HOSTLESS.has(relative.protocol)) {
      const parts = (relative.pathname || '').split('/');
      while (parts.length > 0 && !(relative.host = parts.shift())) ;
      relative.host ||= '';
      relative.hostname ||= '';
      if (parts[0] !== '') parts.unshift('');
      if (parts.length < 2) parts.unshift('');
      result.pathname = parts.join('/');
    } else {
      result.pathname = relative.pathname;
    }
    result.search = relative.search;
    result.query = relative.query;
    result.host = relative.host || '';
    result.auth = relative.auth;
    result.hostname = relative.hostname || relative.host;
    result.port = relative.port;
    if (result.pathname || result.search) result.path = (result.pathname || '') + (result.search || '');
    result.slashes ||= relative.slashes;
    result.href = result.format();
    return result;
  }

  const isSourceAbsolute = result.pathname && result.pathname[0] === '/';
  const isRelativeAbsolute = relative.host || (relative.pathname && relative.pathname[0] === '/');
  let mustEndAbsolute = isRelativeAbsolute || isSourceAbsolute || (result.host && relative.pathname);
  const removeAll = mustEndAbsolute;
  let parts = (result.pathname && result.pathname.split('/')) || [];
  const relativeParts = (relative.pathname && relative.pathname.split('/')) || [];
  const slashless = result.protocol && !SLASHED.has(result.protocol);
  // Without slashes the host is the first part of the path.
  if (slashless) {
    result.hostname = '';
    result.port = null;
    if (result.host) {
      if (parts[0] === '') parts[0] = result.host;
      else parts.unshift(result.host);
    }
    result.host = '';
    if (relative.protocol) {
      relative.hostname = null;
      relative.port = null;
      result.auth = null;
      if (relative.host) {
        if (relativeParts[0] === '') relativeParts[0] = relative.host;
        else relativeParts.unshift(relative.host);
      }
      relative.host = null;
    }
    mustEndAbsolute &&= relativeParts[0] === '' || parts[0] === '';
  }
  if (isRelativeAbsolute) {
    if (relative.host || relative.host === '') {
      if (result.host !== relative.host) result.auth = null;
      result.host = relative.host;
      result.port = relative.port;
    }
    if (relative.hostname || relative.hostname === '') {
      if (result.hostname !== relative.hostname) result.auth = null;
      result.hostname = relative.hostname;
    }
    result.search = relative.search;
    result.query = relative.query;
    parts = relativeParts;
  } else if (relativeParts.length > 0) {
    parts.pop();
    parts = parts.concat(relativeParts);
    result.search = relative.search;
    result.query = relative.query;
  } else if (relative.search !== null && relative.search !== undefined) {
    if (slashless) {
      result.hostname = result.host = parts.shift();
      takeAuth(result);
    }
    result.search = relative.search;
    result.query = relative.query;
    if (result.pathname !== null || result.search !== null) result.path = (result.pathname || '') + (result.search || '');
    result.href = result.format();
    return result;
  }
  if (parts.length === 0) {
    result.pathname = null;
    result.path = result.search ? `/${result.search}` : null;
    result.href = result.format();
    return result;
  }

  const last = parts[parts.length - 1];
  const trailing = ((result.host || relative.host || parts.length > 1) && (last === '.' || last === '..')) || last === '';
  let up = 0;
  for (let i = parts.length - 1; i >= 0; i--) {
    if (parts[i] === '.') {
      parts.splice(i, 1);
    } else if (parts[i] === '..') {
      parts.splice(i, 1);
      up++;
    } else if (up > 0) {
      parts.splice(i, 1);
      up--;
    }
  }
  if (!mustEndAbsolute && !removeAll) while (up-- > 0) parts.unshift('..');
  if (mustEndAbsolute && parts[0] !== '' && (!parts[0] || parts[0][0] !== '/')) parts.unshift('');
  if (trailing && !parts.join('/').endsWith('/')) parts.push('');
  const isAbsolute = parts[0] === '' || (parts[0] && parts[0][0] === '/');
  if (slashless) {
    result.hostname = result.host = isAbsolute ? '' : parts.length > 0 ? parts.shift() : '';
    takeAuth(result);
  }
  mustEndAbsolute ||= result.host && parts.length > 0;
  if (mustEndAbsolute && !isAbsolute) parts.unshift('');
  if (parts.length > 0) {
    result.pathname = parts.join('/');
  } else {
    result.pathname = null;
    result.path = null;
  }
  if (result.pathname !== null || result.search !== null) result.path = (result.pathname || '') + (result.search || '');
  result.auth = relative.auth || result.auth;
  result.slashes ||= relative.slashes;
  result.href = result.format();
  return result;
};

function takeAuth(result) {
  const at = result.host && result.host.includes('@') && result.host.split('@');
  if (!at) return;
  result.auth = at.shift();
  result.host = result.hostname = at.shift();
}

Url.prototype.parseHost = function parseHost() {
  let { host } = this;
  const port = /:[0-9]*$/.exec(host);
  if (port !== null) {
    if (port[0] !== ':') this.port = port[0].slice(1);
    host = host.slice(0, host.length - port[0].length);
  }
  if (host) this.hostname = host;
};

module.exports = {
  Url, parse: urlParse, resolve: urlResolve, resolveObject: urlResolveObject, format: urlFormat, URL, URLSearchParams, domainToASCII, domainToUnicode, pathToFileURL,
  fileURLToPath, fileURLToPathBuffer, urlToHttpOptions,
};
Object.defineProperty(module.exports, 'URLPattern', {
  configurable: true,
  enumerable: true,
  get() { return require('internal/node/url_pattern').URLPattern; },
  set(value) { Object.defineProperty(module.exports, 'URLPattern', { configurable: true, enumerable: true, writable: true, value }); },
});
