// SPDX-License-Identifier: Apache-2.0
// Checks of arguments, with the errors that Node gives. Each is called with the value and its name in messages.
'use strict';

const { hideStackFrames, codes } = require('internal/errors');

const kOptionalNothing = 0;
const kAllowArray = 1;
const kAllowFunction = 2;
const kAllowNullish = 4;

const typeError = (name, expected, value) => new codes.ERR_INVALID_ARG_TYPE(name, expected, value);

function isInt32(value) { return typeof value === 'number' && value === (value | 0); }
function isUint32(value) { return value === (value >>> 0); }

function ranged(name, value, min, max) {
  if (typeof value !== 'number') throw typeError(name, 'number', value);
  if (!Number.isInteger(value)) throw new codes.ERR_OUT_OF_RANGE(name, 'an integer', value);
  if (value < min || value > max) throw new codes.ERR_OUT_OF_RANGE(name, `>= ${min} && <= ${max}`, value);
}

const validateInteger = hideStackFrames((value, name, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) => ranged(name, value, min, max));
const validateInt32 = hideStackFrames((value, name, min = -2147483648, max = 2147483647) => ranged(name, value, min, max));
const validateUint32 = hideStackFrames((value, name, positive = false) => ranged(name, value, positive ? 1 : 0, 4294967295));

const validateString = hideStackFrames((value, name) => {
  if (typeof value !== 'string') throw typeError(name, 'string', value);
});
const validateNumber = hideStackFrames((value, name, min = undefined, max = undefined) => {
  if (typeof value !== 'number') throw typeError(name, 'number', value);
  if ((min != null && value < min) || (max != null && value > max) || ((min != null || max != null) && Number.isNaN(value))) {
    const range = `${min != null ? `>= ${min}` : ''}${min != null && max != null ? ' && ' : ''}${max != null ? `<= ${max}` : ''}`;
    throw new codes.ERR_OUT_OF_RANGE(name, range, value);
  }
});
const validateBoolean = hideStackFrames((value, name) => {
  if (typeof value !== 'boolean') throw typeError(name, 'boolean', value);
});
const validateFunction = hideStackFrames((value, name) => {
  if (typeof value !== 'function') throw typeError(name, 'Function', value);
});
const validateOneOf = hideStackFrames((value, name, allowed) => {
  if (allowed.includes(value)) return;
  const list = allowed.map((each) => typeof each === 'string' ? `'${each}'` : String(each)).join(', ');
  throw new codes.ERR_INVALID_ARG_VALUE(name, value, `must be one of: ${list}`);
});
const validateObject = hideStackFrames((value, name, allow = kOptionalNothing) => {
  if (value === null || value === undefined) {
    if (allow & kAllowNullish) return;
  } else if (Array.isArray(value)) {
    if (allow & kAllowArray) return;
  } else if (typeof value === 'object' || ((allow & kAllowFunction) && typeof value === 'function')) {
    return;
  }
  throw typeError(name, 'Object', value);
});
const validateArray = hideStackFrames((value, name, minLength = 0) => {
  if (!Array.isArray(value)) throw typeError(name, 'Array', value);
  if (value.length < minLength) throw new codes.ERR_INVALID_ARG_VALUE(name, value, `must be longer than ${minLength}`);
});
const arrayOf = (check) => hideStackFrames((value, name) => {
  validateArray(value, name);
  for (let i = 0; i < value.length; i++) check(value[i], `${name}[${i}]`);
});
const validateAbortSignal = hideStackFrames((signal, name) => {
  if (signal !== undefined && (signal === null || typeof signal !== 'object' || !('aborted' in signal))) throw typeError(name, 'AbortSignal', signal);
});
const validateBuffer = hideStackFrames((value, name = 'buffer') => {
  if (!ArrayBuffer.isView(value)) throw typeError(name, ['Buffer', 'TypedArray', 'DataView'], value);
});
const validateEncoding = hideStackFrames((data, encoding) => {
  if (`${encoding}`.toLowerCase() === 'hex' && data.length % 2 !== 0) {
    throw new codes.ERR_INVALID_ARG_VALUE('encoding', encoding, `is invalid for data of length ${data.length}`);
  }
});
const validatePort = hideStackFrames((port, name = 'Port', allowZero = true) => {
  if ((typeof port !== 'number' && typeof port !== 'string') || (typeof port === 'string' && port.trim().length === 0) ||
      +port !== (+port >>> 0) || port > 0xffff || (+port === 0 && !allowZero)) {
    throw new codes.ERR_SOCKET_BAD_PORT(name, port, allowZero);
  }
  return port | 0;
});
const validateUndefined = hideStackFrames((value, name) => {
  if (value !== undefined) throw typeError(name, 'undefined', value);
});
const validateThisInternalField = hideStackFrames((object, field, className) => {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, field)) throw new codes.ERR_INVALID_THIS(className);
});

// The mode of a file: a number, or a text of octal digits.
const parseFileMode = hideStackFrames((value, name, standard) => {
  value ??= standard;
  if (typeof value === 'string') {
    if (!/^[0-7]+$/.test(value)) throw new codes.ERR_INVALID_ARG_VALUE(name, value, 'must be a 32-bit unsigned integer or an octal string');
    value = Number.parseInt(value, 8);
  }
  ranged(name, value, 0, 4294967295);
  return value;
});

Object.assign(exports, {
  kValidateObjectNone: kOptionalNothing, kValidateObjectAllowArray: kAllowArray, kValidateObjectAllowFunction: kAllowFunction,
  kValidateObjectAllowNullable: kAllowNullish,
  isInt32, isUint32, parseFileMode, validateInteger, validateInt32, validateUint32, validateString, validateNumber, validateBoolean, validateFunction,
  validateOneOf, validateObject, validateArray, validateStringArray: arrayOf(validateString), validateBooleanArray: arrayOf(validateBoolean),
  validateAbortSignalArray: arrayOf(validateAbortSignal), validateAbortSignal, validateBuffer, validateEncoding, validatePort, validateUndefined,
  validateThisInternalField,
});
