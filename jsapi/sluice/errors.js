// SPDX-License-Identifier: Apache-2.0
// Errors with Node's codes, as programs match on them.
'use strict';

// As Node has it where the language does not yet.
if (!Symbol.asyncDispose) Object.defineProperty(Symbol, 'asyncDispose', { value: Symbol('Symbol.asyncDispose') });

function coded(Class, code, message) {
  const error = new Class(message);
  Error.captureStackTrace(error, coded);
  error.code = code;
  // As Node prints it; the stack keeps the line of the caller.
  Object.defineProperty(error, 'name', { value: Class.name, writable: true, configurable: true, enumerable: false });
  return error;
}
exports.coded = coded;
exports.argumentType = (name, expected, value) => coded(TypeError, 'ERR_INVALID_ARG_TYPE',
  `The "${name}" argument must be ${expected}. Received ${value === null ? 'null' : typeof value === 'object' ? `an instance of ${value.constructor ? value.constructor.name : 'Object'}` : `type ${typeof value}`}`);
exports.bodyUsed = () => coded(TypeError, 'ERR_BODY_ALREADY_USED', 'The body has been used already');
exports.bodyTooLarge = (limit) => {
  const error = coded(Error, 'ERR_BODY_TOO_LARGE', `The body is larger than ${limit} bytes`);
  error.statusCode = 413;
  return error;
};
exports.released = (what) => coded(Error, 'ERR_REQUEST_RELEASED',
  `request.${what} was not read before the response had ended and the handler was done; read it earlier`);

// The Error for a number that C++ gave; `names` is the binding's table.
exports.system = (names, number, doing) => {
  const code = names[number] || 'EIO';
  const error = new Error(`${doing} ${code}`);
  error.code = code;
  error.syscall = doing;
  return error;
};

exports.isBytes = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
