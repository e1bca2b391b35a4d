// SPDX-License-Identifier: Apache-2.0
// node:path: paths as texts, in the POSIX and in the Windows manner.
'use strict';

const { validateObject, validateString } = require('internal/validators');

const cwd = () => require('internal/process').process.cwd();

// Takes "." and ".." out of the part behind the root. `above`: ".." at the beginning stays (the path is relative).
function resolveDots(parts, above) {
  const kept = [];
  for (const part of parts) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop();
    else if (above) kept.push('..');
  }
  return kept;
}

function checkExtension(ext) { return ext ? `${ext[0] === '.' ? '' : '.'}${ext}` : ''; }

function formatWith(separator, object) {
  validateObject(object, 'pathObject');
  const directory = object.dir || object.root;
  const base = object.base || `${object.name || ''}${checkExtension(object.ext)}`;
  if (!directory) return base;
  return directory === object.root ? `${directory}${base}` : `${directory}${separator}${base}`;
}

// Where the extension of a file name begins; -1: it has none.
function extensionAt(base) {
  const dot = base.lastIndexOf('.');
  if (dot <= 0 || base === '..') return -1;
  return dot;
}

// The last component of the part of `path` behind its root, without `suffix`.
function lastComponent(path, suffix, isSeparator) {
  let end = path.length;
  while (end > 0 && isSeparator(path[end - 1])) end--;
  let start = end;
  while (start > 0 && !isSeparator(path[start - 1])) start--;
  const base = path.slice(start, end);
  if (suffix === undefined || suffix === '' || !base.endsWith(suffix)) return base;
  // A path that is the suffix as a whole has no name left; a component that equals it stays.
  if (base === suffix) return path === suffix ? '' : base;
  return base.slice(0, -suffix.length);
}

// ---- POSIX

const isSlash = (c) => c === '/';

const posix = {
  resolve(...paths) {
    let resolved = '';
    for (let i = paths.length - 1; i >= 0 && !resolved.startsWith('/'); i--) {
      validateString(paths[i], `paths[${i}]`);
      if (paths[i] !== '') resolved = resolved === '' ? paths[i] : `${paths[i]}/${resolved}`;
    }
    if (!resolved.startsWith('/')) resolved = resolved === '' ? cwd() : `${cwd()}/${resolved}`;
    const absolute = resolved.startsWith('/');
    const rest = resolveDots(resolved.split('/'), !absolute).join('/');
    return absolute ? `/${rest}` : rest || '.';
  },
  normalize(path) {
    validateString(path, 'path');
    if (path === '') return '.';
    const absolute = path[0] === '/';
    let rest = resolveDots(path.split('/'), !absolute).join('/');
    if (rest === '') {
      if (absolute) return '/';
      return path.endsWith('/') ? './' : '.';
    }
    if (path.endsWith('/')) rest += '/';
    return absolute ? `/${rest}` : rest;
  },
  isAbsolute(path) {
    validateString(path, 'path');
    return path[0] === '/';
  },
  join(...paths) {
    const parts = [];
    for (const part of paths) {
      validateString(part, 'path');
      if (part !== '') parts.push(part);
    }
    return parts.length === 0 ? '.' : posix.normalize(parts.join('/'));
  },
  relative(from, to) {
    validateString(from, 'from');
    validateString(to, 'to');
    if (from === to) return '';
    from = posix.resolve(from);
    to = posix.resolve(to);
    if (from === to) return '';
    const source = from.split('/').filter(Boolean);
    const target = to.split('/').filter(Boolean);
    let same = 0;
    while (same < source.length && same < target.length && source[same] === target[same]) same++;
    return [...source.slice(same).fill('..'), ...target.slice(same)].join('/');
  },
  toNamespacedPath(path) { return path; },
  dirname(path) {
    validateString(path, 'path');
    if (path === '') return '.';
    let end = path.length;
    while (end > 1 && path[end - 1] === '/') end--;
    const at = path.lastIndexOf('/', end - 1);
    if (at === -1) return '.';
    if (at === 0) return end === 1 || path[0] === '/' ? rootOf(path) : '.';
    let cut = at;
    while (cut > 1 && path[cut - 1] === '/') cut--;
    if (cut === 1 && path[0] === '/') return '//' === path.slice(0, 2) && at === 1 ? '//' : '/';
    return path.slice(0, cut);
  },
  basename(path, suffix) {
    if (suffix !== undefined) validateString(suffix, 'suffix');
    validateString(path, 'path');
    return lastComponent(path, suffix, isSlash);
  },
  extname(path) {
    validateString(path, 'path');
    const base = lastComponent(path, undefined, isSlash);
    const at = extensionAt(base);
    return at === -1 ? '' : base.slice(at);
  },
  format: formatWith.bind(null, '/'),
  parse(path) {
    validateString(path, 'path');
    const result = { root: '', dir: '', base: '', ext: '', name: '' };
    if (path === '') return result;
    if (path[0] === '/') result.root = '/';
    let end = path.length;
    while (end > result.root.length && path[end - 1] === '/') end--;
    const start = path.lastIndexOf('/', end - 1) + 1;
    if (start < end) {
      result.base = path.slice(start, end);
      const at = extensionAt(result.base);
      result.name = at === -1 ? result.base : result.base.slice(0, at);
      result.ext = at === -1 ? '' : result.base.slice(at);
    }
    result.dir = start > result.root.length ? path.slice(0, start - 1) : result.root;
    return result;
  },
  matchesGlob(path, pattern) { return glob(path, pattern, false); },
  sep: '/',
  delimiter: ':',
  win32: null,
  posix: null,
};

function rootOf(path) { return path[0] === '/' ? '/' : '.'; }

// ---- Windows

const isEither = (c) => c === '/' || c === '\\';
const isLetter = (c) => c !== undefined && /^[A-Za-z]$/.test(c);

// { device, root }: "C:" and "\\", "\\\\server\\share" and "\\"; `size`: how much of the path they are.
function windowsRoot(path) {
  if (isEither(path[0])) {
    if (isEither(path[1])) {
      const match = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/.exec(path);
      if (match !== null) {
        if (match[1] === '.' || match[1] === '?') {
          // A device: "\\.\NUL"
          return { device: `\\\\${match[1]}`, root: '\\', size: 4, unc: false };
        }
        const whole = match[0].length === path.length;
        return { device: `\\\\${match[1]}\\${match[2]}`, root: '\\', size: match[0].length + (whole ? 0 : 1), unc: true, whole };
      }
    }
    return { device: '', root: '\\', size: 1, unc: false };
  }
  if (isLetter(path[0]) && path[1] === ':') {
    if (isEither(path[2])) return { device: path.slice(0, 2), root: '\\', size: 3, unc: false };
    return { device: path.slice(0, 2), root: '', size: 2, unc: false };
  }
  return { device: '', root: '', size: 0, unc: false };
}

const RESERVED = /^(?:CON|PRN|AUX|NUL|COM[1-9\u00b9\u00b2\u00b3]|LPT[1-9\u00b9\u00b2\u00b3])$/i;

const win32 = {
  resolve(...paths) {
    let device = '';
    let tail = '';
    let absolute = false;
    for (let i = paths.length - 1; i >= -1; i--) {
      let path;
      if (i >= 0) {
        path = paths[i];
        validateString(path, `paths[${i}]`);
        if (path === '') continue;
      } else if (device === '') {
        path = cwd();
        if (paths.length === 0 || ((paths.length === 1 && (paths[0] === '' || paths[0] === '.')) && isEither(path[0]))) {
          return path;
        }
      } else {
        // The current directory of that drive, where there is one.
        path = require('internal/process').process.env[`=${device}`] || cwd();
        if (path === undefined || (path.slice(0, 2).toLowerCase() !== device.toLowerCase() && path[2] === '\\')) path = `${device}\\`;
      }
      const found = windowsRoot(path);
      if (found.device !== '') {
        if (device !== '') {
          if (found.device.toLowerCase() !== device.toLowerCase()) continue;
        } else {
          device = found.device;
        }
      }
      if (absolute) {
        if (device !== '') break;
      } else {
        tail = `${path.slice(found.size)}\\${tail}`;
        absolute = found.root !== '' || found.unc;
        if (absolute && device !== '') break;
      }
    }
    const rest = resolveDots(tail.split(/[\\/]/), !absolute).join('\\');
    return absolute ? `${device}\\${rest}` : `${device}${rest}` || '.';
  },
  normalize(path) {
    validateString(path, 'path');
    if (path === '') return '.';
    if (path.length === 1) return path === '/' ? '\\' : path;
    const { device, root, size, unc, whole } = windowsRoot(path);
    if (unc && whole) return `${device}\\`;
    const absolute = root !== '';
    let tail = size < path.length ? resolveDots(path.slice(size).split(/[\\/]/), !absolute).join('\\') : '';
    if (tail === '' && !absolute) tail = '.';
    if (tail !== '' && isEither(path[path.length - 1])) tail += '\\';
    if (!absolute && device === '' && path.includes(':')) {
      // What was a relative path must not become one of a drive.
      if (tail.length >= 2 && isLetter(tail[0]) && tail[1] === ':') return `.\\${tail}`;
      const colon = path.indexOf(':');
      if (colon === path.length - 1 || isEither(path[colon + 1])) return `.\\${tail}`;
    }
    const colon = path.indexOf(':');
    if (device === '' && colon > 0 && RESERVED.test(path.slice(0, colon))) return `.\\${device}${tail}`;
    return absolute ? `${device}\\${tail}` : `${device}${tail}`;
  },
  isAbsolute(path) {
    validateString(path, 'path');
    return isEither(path[0]) || (isLetter(path[0]) && path[1] === ':' && isEither(path[2]));
  },
  join(...paths) {
    const parts = [];
    for (const part of paths) {
      validateString(part, 'path');
      if (part !== '') parts.push(part);
    }
    if (parts.length === 0) return '.';
    let joined = parts.join('\\');
    const [first] = parts;
    // Only where the first part itself begins with exactly two separators is it meant as a UNC path.
    let slashes = 0;
    if (isEither(first[0])) {
      slashes = 1;
      if (first.length > 1 && isEither(first[1])) {
        slashes = 2;
        if (first.length > 2) slashes = isEither(first[2]) ? 3 : 0;
      }
    }
    if (slashes !== 0) {
      while (slashes < joined.length && isEither(joined[slashes])) slashes++;
      if (slashes >= 2) joined = `\\${joined.slice(slashes)}`;
    }
    // "COM1:" and alike name devices: what stands behind must not lead out of the directory.
    if (parts.slice(1).some((part) => part.split(/[\\/]/).some((each) => RESERVED.test(each.split(':')[0]) && each.includes(':')))) return joined.replaceAll('/', '\\');
    return win32.normalize(joined);
  },
  relative(from, to) {
    validateString(from, 'from');
    validateString(to, 'to');
    if (from === to) return '';
    const source = win32.resolve(from);
    const target = win32.resolve(to);
    if (source === target || source.toLowerCase() === target.toLowerCase()) return '';
    const sourceParts = source.split('\\').filter(Boolean);
    const targetParts = target.split('\\').filter(Boolean);
    let same = 0;
    while (same < sourceParts.length && same < targetParts.length && sourceParts[same].toLowerCase() === targetParts[same].toLowerCase()) same++;
    // Another drive or server.
    if (same === 0) return target;
    return [...sourceParts.slice(same).fill('..'), ...targetParts.slice(same)].join('\\');
  },
  toNamespacedPath(path) {
    if (typeof path !== 'string' || path.length === 0) return path;
    const resolved = win32.resolve(path);
    if (resolved.length <= 2) return path;
    if (resolved.startsWith('\\\\')) {
      if (resolved[2] !== '?' && resolved[2] !== '.') return `\\\\?\\UNC\\${resolved.slice(2)}`;
    } else if (isLetter(resolved[0]) && resolved[1] === ':' && resolved[2] === '\\') {
      return `\\\\?\\${resolved}`;
    }
    return resolved;
  },
  dirname(path) {
    validateString(path, 'path');
    if (path === '') return '.';
    const found = windowsRoot(path);
    if (found.unc && found.whole) return path;
    const size = found.size;
    let end = path.length;
    while (end > size && isEither(path[end - 1])) end--;
    let at = end;
    while (at > size && !isEither(path[at - 1])) at--;
    if (at <= size) {
      if (size === 0) return '.';
      return path.slice(0, size);
    }
    while (at > size && isEither(path[at - 1])) at--;
    return at <= size && size > 0 ? path.slice(0, size) : path.slice(0, at);
  },
  basename(path, suffix) {
    if (suffix !== undefined) validateString(suffix, 'suffix');
    validateString(path, 'path');
    if (isLetter(path[0]) && path[1] === ':') path = path.slice(2);
    return lastComponent(path, suffix, isEither);
  },
  extname(path) {
    validateString(path, 'path');
    if (isLetter(path[0]) && path[1] === ':') path = path.slice(2);
    const base = lastComponent(path, undefined, isEither);
    const at = extensionAt(base);
    return at === -1 ? '' : base.slice(at);
  },
  format: formatWith.bind(null, '\\'),
  parse(path) {
    validateString(path, 'path');
    const result = { root: '', dir: '', base: '', ext: '', name: '' };
    if (path === '') return result;
    const found = windowsRoot(path);
    const size = found.device.startsWith('\\\\.') || found.device.startsWith('\\\\?') ? 4 : found.size;
    result.root = path.slice(0, size);
    let end = path.length;
    while (end > size && isEither(path[end - 1])) end--;
    let start = end;
    while (start > size && !isEither(path[start - 1])) start--;
    if (start < end) {
      result.base = path.slice(start, end);
      const at = extensionAt(result.base);
      result.name = at === -1 ? result.base : result.base.slice(0, at);
      result.ext = at === -1 ? '' : result.base.slice(at);
    }
    result.dir = start > size ? path.slice(0, start - 1) : result.root;
    return result;
  },
  matchesGlob(path, pattern) { return glob(path, pattern, true); },
  sep: '\\',
  delimiter: ';',
  win32: null,
  posix: null,
};

// ---- globs

// A pattern as a regular expression: ** ? * [a-z] {a,b} and !(..) @(..) +(..) ?(..) *(..).
function globExpression(pattern, windows) {
  const separator = windows ? '[\\\\/]' : '/';
  const other = windows ? '[^\\\\/]' : '[^/]';
  let i = 0;
  function sequence(end) {
    let out = '';
    let atStart = true;
    for (; i < pattern.length && !end.includes(pattern[i]); i++) {
      const c = pattern[i];
      if ('!@+?*'.includes(c) && pattern[i + 1] === '(') {
        i += 2;
        const options = [];
        for (;;) {
          options.push(sequence('|)'));
          if (pattern[i] !== '|') break;
          i++;
        }
        const group = options.join('|');
        if (c === '!') out += `(?!(?:${group})(?:${separator}|$))${other}*`;
        else out += `(?:${group})${c === '@' ? '' : c}`;
      } else if (c === '*') {
        let stars = 1;
        while (pattern[i + 1] === '*') {
          stars++;
          i++;
        }
        const next = pattern[i + 1];
        if (stars > 1 && atStart && (next === '/' || (windows && next === '\\'))) {
          i++;
          out += `(?:(?!\\.)${other}+${separator})*`;
          continue;
        }
        if (stars > 1 && atStart && next === undefined) out += `(?:(?!\\.)${other}+(?:${separator}(?!\\.)${other}+)*${separator}?)?`;
        else out += `${atStart ? `(?!\\.)(?=${other})` : ''}${other}*`;
      } else if (c === '?') {
        out += `${atStart ? '(?!\\.)' : ''}${other}`;
      } else if (c === '[') {
        const close = pattern.indexOf(']', i + 2);
        if (close === -1) {
          out += '\\[';
        } else {
          let body = pattern.slice(i + 1, close);
          const not = body[0] === '!' || body[0] === '^';
          if (not) body = body.slice(1);
          out += `[${not ? '^' : ''}${body.replace(/[\\\]^]/g, '\\$&')}]`;
          i = close;
        }
      } else if (c === '{') {
        i++;
        const options = [];
        for (;;) {
          options.push(sequence(',}'));
          if (pattern[i] !== ',') break;
          i++;
        }
        out += `(?:${options.join('|')})`;
      } else if (c === '\\' && !windows && i + 1 < pattern.length) {
        out += pattern[++i].replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      } else if (c === '/' || (windows && c === '\\')) {
        out += separator;
        atStart = true;
        continue;
      } else {
        out += c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      }
      atStart = false;
    }
    return out;
  }
  return new RegExp(`^${sequence('')}$`, windows ? 'i' : '');
}

function glob(path, pattern, windows) {
  require('internal/process').emitExperimentalWarning('glob');
  validateString(path, 'path');
  validateString(pattern, 'pattern');
  return globExpression(pattern, windows).test(path);
}

posix.win32 = win32.win32 = win32;
posix.posix = win32.posix = posix;
// The old name.
win32._makeLong = win32.toNamespacedPath;
posix._makeLong = posix.toNamespacedPath;

module.exports = posix;
