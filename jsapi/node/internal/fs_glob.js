// SPDX-License-Identifier: Apache-2.0
// fs.glob, and what path.matchesGlob needs: braces, *, ?, [...], ** and the extended forms @(a|b), ?(a), *(a), +(a), !(a).
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateObject, validateString, validateBoolean } = require('internal/validators');
const pathModule = require('node:path');

// a{b,c}d -> abd, acd; {1..3} -> 1, 2, 3
function braces(pattern) {
  let depth = 0, start = -1;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === '\\') i++;
    else if (char === '{' && depth++ === 0) start = i;
    else if (char === '}' && depth > 0 && --depth === 0) {
      const inside = pattern.slice(start + 1, i);
      const parts = [];
      let level = 0, from = 0;
      for (let k = 0; k <= inside.length; k++) {
        if (inside[k] === '{') level++;
        else if (inside[k] === '}') level--;
        else if ((k === inside.length || inside[k] === ',') && level === 0) {
          parts.push(inside.slice(from, k));
          from = k + 1;
        }
      }
      const range = parts.length === 1 && /^(-?\d+|[a-zA-Z])\.\.(-?\d+|[a-zA-Z])(?:\.\.(-?\d+))?$/.exec(inside);
      let options = parts;
      if (range) {
        const numeric = /\d/.test(range[1]);
        const [a, b] = numeric ? [Number(range[1]), Number(range[2])] : [range[1].charCodeAt(0), range[2].charCodeAt(0)];
        const step = Math.max(1, Math.abs(Number(range[3] ?? 1)));
        options = [];
        for (let n = a; a <= b ? n <= b : n >= b; n += a <= b ? step : -step) options.push(numeric ? String(n) : String.fromCharCode(n));
      } else if (parts.length === 1) {
        continue;
      }
      const before = pattern.slice(0, start), after = braces(pattern.slice(i + 1));
      return options.flatMap((each) => braces(each)).flatMap((each) => after.map((rest) => before + each + rest));
    }
  }
  return [pattern];
}

// One part of a path as the text of a regular expression.
function segment(part) {
  let out = '';
  const open = [];
  for (let i = 0; i < part.length; i++) {
    const char = part[i];
    if ('?*+@!'.includes(char) && part[i + 1] === '(') {
      open.push(char);
      out += char === '!' ? '(?!(?:' : '(?:';
      i++;
    } else if (char === ')' && open.length > 0) {
      const kind = open.pop();
      out += kind === '!' ? `)${part.slice(i + 1).includes('(') || i + 1 < part.length ? '' : '$'})[^/]*?` : `)${kind === '@' ? '' : kind}`;
    } else if (char === '|' && open.length > 0) out += '|';
    else if (char === '*') {
      while (part[i + 1] === '*') i++;
      out += '[^/]*?';
    } else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const end = part.indexOf(']', part[i + 1] === ']' || '!^'.includes(part[i + 1]) ? i + 3 : i + 2);
      if (end === -1) out += '\\[';
      else {
        let inside = part.slice(i + 1, end).replace(/\\/g, '\\\\').replace(/\[(?!:)/g, '\\[');
        inside = inside.replace(/\[:alpha:\]/g, 'a-zA-Z').replace(/\[:digit:\]/g, '0-9').replace(/\[:alnum:\]/g, 'a-zA-Z0-9').replace(/\[:space:\]/g, '\\s').replace(/\[:upper:\]/g, 'A-Z').replace(/\[:lower:\]/g, 'a-z');
        out += inside[0] === '!' || inside[0] === '^' ? `[^/${inside.slice(1)}]` : `[${inside}]`;
        i = end;
      }
    } else if (char === '\\' && i + 1 < part.length) out += part[++i].replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    else out += char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  return out;
}
const isMagic = (part) => /[*?[\\]|[+@!]\(/.test(part);

// A part: a text, a regular expression, or null for **. Names that begin with a dot are found by * as well, as in Node.
function parse(pattern) {
  return pattern.split('/').map((part) => part === '**' ? null : isMagic(part) ? new RegExp(`^${segment(part)}$`, 's') : part);
}

function matchParts(parts, names, p, n) {
  for (; p < parts.length; p++, n++) {
    const part = parts[p];
    if (part === null) {
      if (p === parts.length - 1) return true;
      for (let k = n; k <= names.length; k++) if (matchParts(parts, names, p + 1, k)) return true;
      return false;
    }
    if (n >= names.length || (typeof part === 'string' ? part !== names[n] : names[n] === '' || !part.test(names[n]))) return false;
  }
  return n === names.length;
}

// -> whether a path fits
function matcher(pattern) {
  const all = braces(pathModule.posix.normalize(pattern)).map(parse);
  return (path) => {
    const names = pathModule.posix.normalize(path).split('/');
    return all.some((parts) => matchParts(parts, names, 0, 0));
  };
}

function checked(pattern, options) {
  if (Array.isArray(pattern)) pattern.forEach((each) => validateString(each, 'patterns'));
  else validateString(pattern, 'patterns');
  options ??= {};
  validateObject(options, 'options');
  const { exclude, withFileTypes, followSymlinks } = options;
  let { cwd } = options;
  if (cwd instanceof URL) cwd = require('node:url').fileURLToPath(cwd);
  cwd ??= '.';
  if (exclude !== undefined && exclude !== null && typeof exclude !== 'function') {
    if (!Array.isArray(exclude)) throw new codes.ERR_INVALID_ARG_TYPE('options.exclude', ['function', 'string[]'], exclude);
    exclude.forEach((each, i) => validateString(each, `options.exclude[${i}]`));
  }
  if (followSymlinks !== undefined) validateBoolean(followSymlinks, 'options.followSymlinks');
  return { patterns: Array.isArray(pattern) ? pattern : [pattern], cwd: String(cwd), exclude, withFileTypes: !!withFileTypes, followSymlinks: !!followSymlinks };
}

// Yields ['list', directory] and gets its entries (null: there are none), ['stat', path] and gets Stats or null, ['found', entry].
function* walk({ patterns, cwd, exclude, withFileTypes, followSymlinks }) {
  const seen = new Set();
  const excluded = Array.isArray(exclude) ? exclude.map(matcher) : [];
  const isExcluded = (path, dirent) => excluded.some((matches) => matches(path)) || (typeof exclude === 'function' && exclude(withFileTypes ? dirent : path));
  const listings = new Map();
  function* list(directory) {
    if (!listings.has(directory)) listings.set(directory, yield ['list', directory]);
    return listings.get(directory);
  }
  const { direntOf } = require('internal/node/fs_values');
  function* found(path, dirent) {
    if (seen.has(path)) return;
    seen.add(path);
    yield ['found', withFileTypes ? dirent : path];
  }
  // `path`: what of the result is known. `at`: the part that comes next.
  const visited = new Set();
  function* visit(parts, path, at, dirent) {
    const key = `${at} ${path}`;
    if (visited.has(key)) return;
    visited.add(key);
    while (at < parts.length && typeof parts[at] === 'string') {
      const part = parts[at];
      if (part === '' && at > 0) {  // a slash at the end: directories only
        const stats = yield ['stat', pathModule.resolve(cwd, path)];
        if (stats?.isDirectory()) yield* found(path.endsWith('/') ? path : `${path}/`, dirent ?? direntFor(path, stats));
        return;
      }
      path = path === '' ? part === '' ? '/' : part : path === '/' ? `/${part}` : pathModule.join(path, part);
      at++;
      dirent = undefined;
    }
    if (at === parts.length) {
      const full = pathModule.resolve(cwd, path);
      if (dirent === undefined) {
        const stats = yield ['stat', full];
        if (stats === null) return;
        dirent = direntFor(path, stats);
      }
      if (!isExcluded(path, dirent)) yield* found(path, dirent);
      return;
    }
    const part = parts[at];
    const directory = pathModule.resolve(cwd, path);
    if (part === null) {
      const last = at === parts.length - 1;
      if (last) {
        const stats = yield ['stat', directory];
        if (stats === null) return;
        const own = dirent ?? direntFor(path === '' ? '.' : path, stats);
        if (!isExcluded(path === '' ? '.' : path, own)) yield* found(path === '' ? '.' : path, own);
        if (!stats.isDirectory()) return;
      } else {
        yield* visit(parts, path, at + 1, dirent);
      }
      for (const entry of (yield* list(directory)) ?? []) {
        const below = path === '' ? entry.name : pathModule.join(path, entry.name);
        if (isExcluded(below, entry)) continue;
        if (entry.isDirectory() || (followSymlinks && entry.isSymbolicLink() && (yield ['follow', pathModule.resolve(cwd, below)])?.isDirectory())) yield* visit(parts, below, at, entry);
        else if (last) yield* found(below, entry);
      }
      return;
    }
    for (const entry of (yield* list(directory)) ?? []) {
      if (!part.test(entry.name)) continue;
      const below = path === '' ? entry.name : pathModule.join(path, entry.name);
      if (isExcluded(below, entry)) continue;
      if (at + 1 === parts.length) yield* found(below, entry);
      else if (!entry.isFile()) yield* visit(parts, below, at + 1, entry);
    }
  }
  function direntFor(path, stats) {
    const kind = stats.isDirectory() ? 4 : stats.isSymbolicLink() ? 10 : stats.isFile() ? 8 : 0;
    return direntOf(pathModule.basename(path), kind, pathModule.dirname(pathModule.resolve(cwd, path)));
  }
  for (const pattern of patterns) for (const each of braces(pathModule.posix.normalize(pattern))) yield* visit(parse(each), '', 0, undefined);
}

function globSync(pattern, options) {
  const fs = require('node:fs');
  const steps = walk(checked(pattern, options));
  const out = [];
  let answer;
  for (;;) {
    const { value, done } = steps.next(answer);
    if (done) return out;
    const [what, subject] = value;
    answer = undefined;
    try {
      if (what === 'found') out.push(subject);
      else if (what === 'list') answer = fs.readdirSync(subject, { withFileTypes: true });
      else answer = (what === 'follow' ? fs.statSync : fs.lstatSync)(subject, { throwIfNoEntry: false }) ?? null;
    } catch {
      answer = null;
    }
  }
}

async function* globIterator(pattern, options) {
  const fs = require('node:fs/promises');
  const steps = walk(checked(pattern, options));
  let answer;
  for (;;) {
    const { value, done } = steps.next(answer);
    if (done) return;
    const [what, subject] = value;
    answer = undefined;
    try {
      if (what === 'list') answer = await fs.readdir(subject, { withFileTypes: true });
      else if (what !== 'found') answer = await (what === 'follow' ? fs.stat : fs.lstat)(subject);
    } catch {
      answer = null;
    }
    if (what === 'found') yield subject;
  }
}

function glob(pattern, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  validateFunction(callback, 'callback');
  (async () => {
    const out = [];
    for await (const each of globIterator(pattern, options)) out.push(each);
    return out;
  })().then((out) => process.nextTick(callback, null, out), (error) => process.nextTick(callback, error));
}

module.exports = { glob, globSync, globIterator, matcher };
