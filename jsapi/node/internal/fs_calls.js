// SPDX-License-Identifier: Apache-2.0
// The calls of jsapi/native/node/fs.cc by name, done at once, with a callback, or as a promise.
'use strict';

const { errnoException } = require('internal/errors');
const context = require('internal/async_context');

// In the order of FileOperation in file_operations.hh, with the names that errors give.
const NAMES = [
  'open', 'close', 'read', 'write', 'stat', 'lstat', 'fstat', 'statfs', 'access', 'scandir', 'mkdir', 'mkdir', 'rmdir', 'unlink', 'rename', 'link', 'symlink',
  'readlink', 'chmod', 'fchmod', 'chown', 'lchown', 'fchown', 'utime', 'lutime', 'futime', 'ftruncate', 'fsync', 'fdatasync', 'realpath', 'mkdtemp', 'copyfile',
  'rm', 'read',
];
const KEYS = [
  'OPEN', 'CLOSE', 'READ', 'WRITE', 'STAT', 'LSTAT', 'FSTAT', 'STATFS', 'ACCESS', 'READDIR', 'MKDIR', 'MKDIR_ALL', 'RMDIR', 'UNLINK', 'RENAME', 'LINK', 'SYMLINK',
  'READLINK', 'CHMOD', 'FCHMOD', 'CHOWN', 'LCHOWN', 'FCHOWN', 'UTIMES', 'LUTIMES', 'FUTIMES', 'FTRUNCATE', 'FSYNC', 'FDATASYNC', 'REALPATH', 'MKDTEMP', 'COPY_FILE',
  'REMOVE_ALL', 'READ_ALL',
];
KEYS.forEach((key, i) => { exports[key] = i; });
exports.AS_BYTES = 1;
exports.AS_BIGINT = 2;

const WITHOUT_PATH = new Set(['CLOSE', 'READ', 'WRITE', 'FSTAT', 'FCHMOD', 'FCHOWN', 'FUTIMES', 'FTRUNCATE', 'FSYNC', 'FDATASYNC', 'READ_ALL'].map((key) => exports[key]));

// The error of a result; undefined: there was none. What is negative is an errno.
function failureOf(result, request) {
  let number = result;
  let { path } = request;
  if (Array.isArray(result) && request.op === exports.REMOVE_ALL) [number, path] = result;
  if (typeof number !== 'number' || number >= 0) return undefined;
  if (WITHOUT_PATH.has(request.op)) path = undefined;
  else if (path !== undefined && typeof path !== 'string') path = require('node:buffer').Buffer.from(path).toString();
  let { dest } = request;
  if (dest !== undefined && typeof dest !== 'string') dest = require('node:buffer').Buffer.from(dest).toString();
  if (request.op === exports.MKDTEMP) path = `${path}XXXXXX`;
  return errnoException(number, NAMES[request.op], path, dest);
}

function start(request, done) {
  if (done !== undefined && context.isUsed()) done = context.track(done, 'FSREQCALLBACK', {}, true);
  return internalBinding('fs').call(
    request.op, done, request.path, request.dest, request.a, request.b, request.c, request.views, request.flags | 0);
}

// `request`: { op, path, dest, a, b, c, views, flags }.
exports.now = function now(request) {
  const result = start(request, undefined);
  const error = failureOf(result, request);
  if (error !== undefined) {
    Error.captureStackTrace(error, now);
    throw error;
  }
  return result;
};

// done(error, result)
exports.later = function later(request, done) {
  start(request, (result) => {
    const error = failureOf(result, request);
    if (error !== undefined) done(error);
    else done(null, result);
  });
};

exports.promised = function promised(request) {
  return new Promise((resolve, reject) => {
    start(request, (result) => {
      const error = failureOf(result, request);
      if (error !== undefined) {
        Error.captureStackTrace(error, promised);
        reject(error);
      } else {
        resolve(result);
      }
    });
  });
};
