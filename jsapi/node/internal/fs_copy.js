// SPDX-License-Identifier: Apache-2.0
// fs.cp and fs.cpSync: files and trees. One walk, written as a generator of steps, that is done at once or asynchronously.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { systemError } = require('internal/errors');
const { validateBoolean, validateFunction, validateInteger, validateObject } = require('internal/validators');
const { pathOf } = require('internal/node/fs_values');

const ERRNO = { EINVAL: 22, EISDIR: 21, ENOTDIR: 20, EEXIST: 17 };

const PREFIXES = {
  ERR_FS_CP_EINVAL: 'Invalid src or dest', ERR_FS_CP_DIR_TO_NON_DIR: 'Cannot overwrite non-directory with directory',
  ERR_FS_CP_NON_DIR_TO_DIR: 'Cannot overwrite directory with non-directory', ERR_FS_EISDIR: 'Recursive option not enabled, cannot copy a directory',
  ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY: 'Cannot overwrite symlink in subdirectory of self', ERR_FS_CP_EEXIST: 'Target already exists',
  ERR_FS_CP_SOCKET: 'Cannot copy a socket file', ERR_FS_CP_FIFO_PIPE: 'Cannot copy a FIFO pipe', ERR_FS_CP_UNKNOWN: 'Cannot copy an unknown file type',
};
function failure(code, message, at, name) {
  return systemError(code, PREFIXES[code], { message, path: at, syscall: 'cp', errno: ERRNO[name], code: name });
}

function optionsOf(options) {
  if (options !== undefined && options !== null) validateObject(options, 'options');
  const found = { dereference: false, errorOnExist: false, filter: undefined, force: true, preserveTimestamps: false, recursive: false, verbatimSymlinks: false, mode: 0, ...options };
  for (const name of ['dereference', 'errorOnExist', 'force', 'preserveTimestamps', 'recursive', 'verbatimSymlinks']) validateBoolean(found[name], `options.${name}`);
  validateInteger(found.mode, 'mode', 0, 7);
  if (found.dereference === true && found.verbatimSymlinks === true) {
    const { codes } = require('internal/errors');
    throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('dereference', 'verbatimSymlinks');
  }
  if (found.filter !== undefined) validateFunction(found.filter, 'options.filter');
  return found;
}

const isSame = (a, b) => a.ino !== 0 && a.ino === b.ino && a.dev === b.dev;
const isWithin = (parent, child) => {
  const parts = path.resolve(parent).split(path.sep).filter(Boolean);
  const others = path.resolve(child).split(path.sep).filter(Boolean);
  return parts.every((part, i) => others[i] === part);
};

// Yields [name of a function of fs, ...arguments]; gets its result back, or the error thrown.
function* statOrNothing(name, at) {
  try {
    return yield [name, at, { bigint: false }];
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function* copy(source, target, options) {
  if (options.filter && !(yield ['filter', source, target])) return;
  const stat = options.dereference ? 'stat' : 'lstat';
  const from = yield [stat, source, { bigint: false }];
  const to = yield* statOrNothing(stat, target);
  if (to !== undefined) {
    if (isSame(from, to)) throw failure('ERR_FS_CP_EINVAL', 'src and dest cannot be the same', target, 'EINVAL');
    if (from.isDirectory() && !to.isDirectory()) throw failure('ERR_FS_CP_DIR_TO_NON_DIR', `cannot overwrite non-directory ${target} with directory ${source}`, target, 'EISDIR');
    if (!from.isDirectory() && to.isDirectory()) throw failure('ERR_FS_CP_NON_DIR_TO_DIR', `cannot overwrite directory ${target} with non-directory ${source}`, target, 'ENOTDIR');
  }
  if (from.isDirectory() && isWithin(source, target)) throw failure('ERR_FS_CP_EINVAL', `cannot copy ${source} to a subdirectory of self ${target}`, target, 'EINVAL');
  // A directory above the target may be the source by another name.
  for (let at = path.dirname(path.resolve(target)); at !== path.dirname(at); at = path.dirname(at)) {
    const above = yield* statOrNothing('stat', at);
    if (above !== undefined && from.isDirectory() && isSame(from, above)) throw failure('ERR_FS_CP_EINVAL', `cannot copy ${source} to a subdirectory of self ${target}`, target, 'EINVAL');
  }
  if (from.isDirectory() && !options.recursive) throw failure('ERR_FS_EISDIR', `${source} is a directory (not copied)`, source, 'EISDIR');
  yield ['mkdir', path.dirname(path.resolve(target)), { recursive: true }];
  yield* copyEntry(source, target, options, from, to);
}

function* copyEntry(source, target, options, from, to) {
  if (from.isDirectory()) {
    if (!options.recursive) throw failure('ERR_FS_EISDIR', `${source} is a directory (not copied)`, source, 'EISDIR');
    if (to === undefined) yield ['mkdir', target];
    for (const name of yield ['readdir', source]) {
      const inner = path.join(source, name);
      const other = path.join(target, name);
      if (options.filter && !(yield ['filter', inner, other])) continue;
      const stat = options.dereference ? 'stat' : 'lstat';
      const innerStat = yield [stat, inner, { bigint: false }];
      const otherStat = yield* statOrNothing(stat, other);
      if (otherStat !== undefined) {
        if (isSame(innerStat, otherStat)) throw failure('ERR_FS_CP_EINVAL', 'src and dest cannot be the same', other, 'EINVAL');
        if (innerStat.isDirectory() && !otherStat.isDirectory()) throw failure('ERR_FS_CP_DIR_TO_NON_DIR', `cannot overwrite non-directory ${other} with directory ${inner}`, other, 'EISDIR');
        if (!innerStat.isDirectory() && otherStat.isDirectory()) throw failure('ERR_FS_CP_NON_DIR_TO_DIR', `cannot overwrite directory ${other} with non-directory ${inner}`, other, 'ENOTDIR');
      }
      yield* copyEntry(inner, other, options, innerStat, otherStat);
    }
    if (to === undefined) yield ['chmod', target, from.mode & 0o7777];
    return;
  }
  if (from.isSymbolicLink()) {
    let link = yield ['readlink', source];
    if (!options.verbatimSymlinks && !path.isAbsolute(link)) link = path.resolve(path.dirname(source), link);
    if (to === undefined) {
      yield ['symlink', link, target];
      return;
    }
    let known;
    try {
      known = yield ['readlink', target];
    } catch (error) {
      if (error.code !== 'EINVAL' && error.code !== 'UNKNOWN') throw error;
      yield ['symlink', link, target];
      return;
    }
    if (!path.isAbsolute(known)) known = path.resolve(path.dirname(target), known);
    const pointed = yield* statOrNothing('stat', source);
    if (pointed?.isDirectory() && isWithin(link, known)) throw failure('ERR_FS_CP_EINVAL', `cannot copy ${link} to a subdirectory of self ${known}`, target, 'EINVAL');
    if (pointed?.isDirectory() && isWithin(known, link)) throw failure('ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY', `cannot overwrite ${known} with ${link}`, target, 'EINVAL');
    yield ['unlink', target];
    yield ['symlink', link, target];
    return;
  }
  if (from.isSocket()) throw failure('ERR_FS_CP_SOCKET', `cannot copy a socket file: ${target}`, target, 'EINVAL');
  if (from.isFIFO()) throw failure('ERR_FS_CP_FIFO_PIPE', `cannot copy a FIFO pipe: ${target}`, target, 'EINVAL');
  if (!from.isFile() && !from.isCharacterDevice() && !from.isBlockDevice()) throw failure('ERR_FS_CP_UNKNOWN', `cannot copy an unknown file type: ${target}`, target, 'EINVAL');
  if (to !== undefined) {
    if (options.force) yield ['unlink', target];
    else if (options.errorOnExist) throw failure('ERR_FS_CP_EEXIST', `${target} already exists`, target, 'EEXIST');
    else return;
  }
  yield ['copyFile', source, target, options.mode];
  if (options.preserveTimestamps) {
    // A file that may not be written to may not get times either.
    if ((from.mode & 0o200) === 0) yield ['chmod', target, from.mode | 0o200];
    const again = yield ['stat', source, { bigint: false }];
    yield ['utimes', target, again.atime, again.mtime];
  }
  yield ['chmod', target, from.mode & 0o7777];
}

exports.cpSync = function cpSync(source, target, given) {
  const options = optionsOf(given);
  source = `${pathOf(source, 'src')}`;
  target = `${pathOf(target, 'dest')}`;
  const walk = copy(source, target, options);
  let step = walk.next();
  while (!step.done) {
    const [name, ...args] = step.value;
    let value;
    let error;
    let failed = false;
    try {
      if (name === 'filter') {
        value = options.filter(...args);
        if (value !== null && typeof value === 'object' && typeof value.then === 'function') {
          const { codes } = require('internal/errors');
          throw new codes.ERR_INVALID_RETURN_VALUE('boolean', 'filter', value);
        }
      } else {
        value = fs[`${name}Sync`](...args);
      }
    } catch (thrown) {
      failed = true;
      error = thrown;
    }
    step = failed ? walk.throw(error) : walk.next(value);
  }
};

exports.cp = function cp(source, target, given, callback) {
  if (typeof given === 'function') {
    callback = given;
    given = undefined;
  }
  validateFunction(callback, 'cb');
  const options = optionsOf(given);
  source = `${pathOf(source, 'src')}`;
  target = `${pathOf(target, 'dest')}`;
  const walk = copy(source, target, options);
  (async () => {
    let step = walk.next();
    while (!step.done) {
      const [name, ...args] = step.value;
      let value;
      let error;
      let failed = false;
      try {
        value = name === 'filter' ? await options.filter(...args) : await fs.promises[name](...args);
      } catch (thrown) {
        failed = true;
        error = thrown;
      }
      step = failed ? walk.throw(error) : walk.next(value);
    }
  })().then(() => require('internal/process').nextTick(callback, null), (error) => require('internal/process').nextTick(callback, error));
};
