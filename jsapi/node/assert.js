// SPDX-License-Identifier: Apache-2.0
// node:assert.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction } = require('internal/validators');
const { inspect, format, isError } = require('internal/inspect');
const { isDeepEqual, isDeepStrictEqual, isPartialStrictEqual } = require('internal/node/comparisons');
const { difference } = require('internal/node/difference');
const { types } = internalBinding('types');

// ---- the error

const READABLE = {
  '__proto__': null,
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  partialDeepStrictEqual: 'Expected values to be partially and strictly deep-equal:',
  strictEqual: 'Expected values to be strictly equal:',
  strictEqualObject: 'Expected "actual" to be reference-equal to "expected":',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notStrictEqualObject: 'Expected "actual" not to be reference-equal to "expected":',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
  notIdentical: 'Values identical but not reference-equal:',
  notDeepEqualUnequal: 'Expected values not to be loosely deep-equal:',
};
const LONGEST_SHORT = 12;    // two values this short are told in one line
const LONGEST_LINES = 512;   // of one value, in a message
const SHOWN_EQUAL = 5;       // lines of a stretch that is the same on both sides

function show(value) {
  return inspect(value, {
    compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, maxStringLength: undefined, showHidden: false, showProxy: false,
    sorted: true, getters: true,
  });
}

const colorsOf = () => {
  const { process } = require('internal/process');
  if (!process.stderr.isTTY || process.env.NODE_DISABLE_COLORS !== undefined || process.env.NO_COLOR !== undefined) return { red: '', green: '', white: '', gray: '' };
  return { red: '\u001b[31m', green: '\u001b[32m', white: '\u001b[39m', gray: '\u001b[90m' };
};

const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

// "+ actual - expected" and the lines that differ, with what surrounds them; long stretches of same lines are cut.
function differenceText(actual, expected, operator, header) {
  const colors = colorsOf();
  const actualText = show(actual);
  const expectedText = show(expected);
  const actualLines = actualText.split('\n');
  const expectedLines = expectedText.split('\n');
  let kind = operator;
  if (operator === 'strictEqual' && ((typeof actual === 'object' && actual !== null && typeof expected === 'object' && expected !== null) || (typeof actual === 'function' && typeof expected === 'function'))) kind = 'strictEqualObject';
  if (actualLines.length === 1 && expectedLines.length === 1 && actualLines[0] !== expectedLines[0]) {
    const total = inspect(actual).length + inspect(expected).length - (typeof actual === 'string' ? 2 : 0) - (typeof expected === 'string' ? 2 : 0);
    const bothPrimitive = isPrimitive(actual) && isPrimitive(expected);
    if (bothPrimitive && actual !== 0 && expected !== 0 && total <= LONGEST_SHORT) {
      return `${header}\n\n${actualLines[0]} !== ${expectedLines[0]}\n`;
    }
    if (bothPrimitive && total <= LONGEST_SHORT && (actual !== 0 || expected !== 0)) return `${header}\n\n${actualLines[0]} !== ${expectedLines[0]}\n`;
    if (kind !== 'strictEqualObject' && typeof actual === 'string' && typeof expected === 'string') {
      let at = 0;
      while (at < actualLines[0].length && actualLines[0][at] === expectedLines[0][at]) at++;
      const pointer = at > 2 && actualLines[0].length + 2 <= (require('internal/process').process.stderr.isTTY ? require('internal/process').process.stderr.columns : 80) ? `\n${' '.repeat(at + 2)}^` : '';
      return `${header}\n${colors.green}+${colors.white} actual ${colors.red}-${colors.white} expected\n\n${colors.green}+${colors.white} ${actualLines[0]}\n${colors.red}-${colors.white} ${expectedLines[0]}${pointer}\n`;
    }
  }
  if (actualText === expectedText && kind !== 'strictEqual') {
    const lines = actualLines.length > 50 ? [...actualLines.slice(0, 46), `${colors.gray}...${colors.white}`] : actualLines;
    return `${READABLE.notIdentical}\n\n${lines.join('\n')}\n`;
  }
  const trailing = operator !== 'partialDeepStrictEqual';
  const same = trailing ? (a, b) => a === b || `${a},` === b || a === `${b},` : undefined;
  const changes = difference(actualLines.slice(0, LONGEST_LINES), expectedLines.slice(0, LONGEST_LINES), same);
  const out = [];
  let cut = false;
  // Of a longer stretch of equal lines the beginning and the last one are shown.
  for (let i = 0; i < changes.length;) {
    if (changes[i][0] !== 0) {
      const [sign, text] = changes[i];
      out.push(sign > 0 ? `${colors.green}+${colors.white} ${text}` : `${colors.red}-${colors.white} ${text}`);
      i++;
      continue;
    }
    let end = i;
    while (end < changes.length && changes[end][0] === 0) end++;
    if (end - i <= SHOWN_EQUAL + 1) {
      for (let j = i; j < end; j++) out.push(`  ${changes[j][1]}`);
    } else {
      for (let j = i; j < i + SHOWN_EQUAL; j++) out.push(`  ${changes[j][1]}`);
      out.push(`${colors.gray}...${colors.white}`, `  ${changes[end - 1][1]}`);
      cut = true;
    }
    i = end;
  }
  const skipped = cut ? '\n... Skipped lines' : '';
  return `${kind === 'strictEqualObject' && header === READABLE.strictEqual ? READABLE.strictEqualObject : header}\n${colors.green}+${colors.white} actual ${colors.red}-${colors.white} expected${skipped}\n\n${out.join('\n')}\n`;
}

function addEllipsis(text) {
  const lines = text.split('\n');
  if (lines.length > 10) return `${lines.slice(0, 10).join('\n')}\n...`;
  return text.length > 512 ? `${text.slice(0, 512)}...` : text;
}

function messageFor(actual, expected, operator) {
  if (operator === 'deepStrictEqual' || operator === 'strictEqual' || operator === 'partialDeepStrictEqual') {
    return differenceText(actual, expected, operator, READABLE[operator]);
  }
  if (operator === 'notDeepStrictEqual' || operator === 'notStrictEqual') {
    let base = READABLE[operator];
    const lines = show(actual).split('\n');
    if (operator === 'notStrictEqual' && ((typeof actual === 'object' && actual !== null) || typeof actual === 'function')) base = READABLE.notStrictEqualObject;
    if (lines.length > 50) lines.splice(46, lines.length, '...');
    return lines.length === 1 ? `${base}${lines[0].length > 5 ? '\n\n' : ' '}${lines[0]}` : `${base}\n\n${lines.join('\n')}\n`;
  }
  let left = show(actual);
  let right = show(expected);
  const known = READABLE[operator];
  if (operator === 'notDeepEqual' && left === right) {
    left = `${known}\n\n${left}`;
    return left.length > 1024 ? `${left.slice(0, 1021)}...` : left;
  }
  if (left.length > 512) left = `${left.slice(0, 509)}...`;
  if (right.length > 512) right = `${right.slice(0, 509)}...`;
  if (operator === 'deepEqual') return `${known}\n\n${left}\n\nshould loosely deep-equal\n\n${right}`;
  if (operator === 'notDeepEqual') return `${READABLE.notDeepEqualUnequal}\n\n${left}\n\nshould not loosely deep-equal\n\n${right}`;
  return `${left} ${operator} ${right}`;
}

class AssertionError extends Error {
  constructor(options) {
    require('internal/validators').validateObject(options, 'options');
    const { message, operator, stackStartFn, details, stackStartFunction, diff = 'simple' } = options;
    const { actual, expected } = options;
    const { stackTraceLimit } = Error;
    if (isLimitWritable()) Error.stackTraceLimit = 0;
    if (message != null) super(String(message));
    else super(messageFor(maybeError(actual), maybeError(expected), operator));
    if (isLimitWritable()) Error.stackTraceLimit = stackTraceLimit;
    this.generatedMessage = message == null;
    Object.defineProperty(this, 'name', { __proto__: null, value: 'AssertionError [ERR_ASSERTION]', enumerable: false, writable: true, configurable: true });
    this.code = 'ERR_ASSERTION';
    if (details) {
      this.actual = undefined;
      this.expected = undefined;
      this.operator = undefined;
      for (let i = 0; i < details.length; i++) {
        this[`message ${i}`] = details[i].message;
        this[`actual ${i}`] = details[i].actual;
        this[`expected ${i}`] = details[i].expected;
        this[`operator ${i}`] = details[i].operator;
        this[`stack trace ${i}`] = details[i].stack;
      }
    } else {
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
    Error.captureStackTrace(this, stackStartFn || stackStartFunction);
    void this.stack;
    this.name = 'AssertionError';
    this.diff = diff;
  }
  toString() { return `${this.name} [${this.code}]: ${this.message}`; }
  [inspect.custom](depth, context) {
    // Long texts would hide the message, which tells them already.
    const { actual, expected } = this;
    if (typeof actual === 'string') this.actual = addEllipsis(actual);
    if (typeof expected === 'string') this.expected = addEllipsis(expected);
    const text = inspect(this, { ...context, customInspect: false, depth: 0 });
    this.actual = actual;
    this.expected = expected;
    return text;
  }
}

function isLimitWritable() {
  const descriptor = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  return descriptor === undefined ? Object.isExtensible(Error) : descriptor.writable === true;
}

// The stack of an error that is compared is of no use in a difference.
function maybeError(value) {
  if (typeof value !== 'object' || value === null || !isError(value) || !('stack' in value)) return value;
  const copy = Object.assign(Object.create(Object.getPrototypeOf(value)), value);
  Object.defineProperty(copy, 'message', { __proto__: null, value: value.message });
  if (Object.hasOwn(value, 'name')) Object.defineProperty(copy, 'name', { __proto__: null, value: value.name });
  if (Object.hasOwn(value, 'cause')) Object.defineProperty(copy, 'cause', { __proto__: null, value: maybeError(value.cause) });
  if (value instanceof AggregateError) Object.defineProperty(copy, 'errors', { __proto__: null, value: value.errors });
  return copy;
}

// ---- the functions

function fails(options) {
  if (isError(options.message)) throw options.message;
  if (typeof options.message === 'function') {
    const text = Reflect.apply(options.message, undefined, [options.actual, options.expected]);
    options = { ...options, message: text };
  }
  throw new AssertionError(options);
}

function messageOfArguments(message, rest) {
  if (rest.length === 0) return message;
  if (message === undefined || isError(message) || typeof message === 'function') throw new codes.ERR_AMBIGUOUS_ARGUMENT('message', 'Arguments for formatting need a message that is a string.');
  return format(message, ...rest);
}

// The text of the call `assert(x)` at its place in the source.
function sourceOfCall(start) {
  const holder = {};
  const { prepareStackTrace, stackTraceLimit } = Error;
  let site;
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, sites) => sites;
    Error.captureStackTrace(holder, start);
    site = holder.stack[0];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (!site) return undefined;
  let file = site.getFileName();
  if (!file) return undefined;
  if (file.startsWith('file://')) file = require('node:url').fileURLToPath(file);
  if (!file.startsWith('/')) return undefined;
  let text;
  try {
    text = internalBinding('loader').readText(file);
  } catch {
    return undefined;
  }
  const lines = text.split('\n').slice(site.getLineNumber() - 1);
  if (lines.length === 0) return undefined;
  const column = site.getColumnNumber() - 1;
  const rest = lines.join('\n');
  const indent = /^\s*/.exec(lines[0])[0].length;
  // The column may be that of the method's name: what stands before it belongs to the call.
  let begin = column;
  while (begin > 0 && /[\p{ID_Continue}$.\u200c\u200d]/u.test(rest[begin - 1])) begin--;
  const end = endOfCall(rest, column);
  if (end === -1) return undefined;
  return rest.slice(begin, end).split('\n').map((line, i) => i === 0 ? line : line.slice(Math.min(indent, /^\s*/.exec(line)[0].length))).join('\n');
}

// Behind the parenthesis that closes the first one from `at` on; -1: there is none.
function endOfCall(text, at) {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'" || c === '`') {
      for (i++; i < text.length && text[i] !== c; i++) if (text[i] === '\\') i++;
    } else if (c === '/' && text[i + 1] === '/') {
      while (i < text.length && text[i] !== '\n') i++;
    } else if (c === '/' && text[i + 1] === '*') {
      i = text.indexOf('*/', i) + 1;
      if (i === 0) return -1;
    } else if (c === '/' && /[(,=:[!&|?{};]\s*$/.test(text.slice(at, i))) {
      for (i++; i < text.length && text[i] !== '/'; i++) if (text[i] === '\\') i++;
    } else if (c === '(' || c === '[' || c === '{') {
      depth++;
    } else if (c === ')' || c === ']' || c === '}') {
      if (--depth === 0) return i + 1;
    }
  }
  return -1;
}

function innerOk(start, count, value, message, rest) {
  if (value) return;
  let generated = false;
  if (count === 0) {
    generated = true;
    message = 'No value argument passed to `assert.ok()`';
  } else if (message == null) {
    generated = true;
    const source = sourceOfCall(start);
    message = source === undefined ? 'The expression evaluated to a falsy value' : `The expression evaluated to a falsy value:\n\n  ${source.replace(/\n/g, '\n  ')}\n`;
  } else {
    message = messageOfArguments(message, rest);
    if (isError(message)) throw message;
    if (typeof message === 'function') message = message(value, true);
  }
  const error = new AssertionError({ actual: value, expected: true, message, operator: '==', stackStartFn: start });
  error.generatedMessage = generated;
  throw error;
}

// What an error is compared with: a class, an expression, an object of properties, or a function that says.
function checkExpected(actual, expected, message, stackStartFn) {
  if (typeof expected !== 'function') {
    if (types.isRegExp(expected)) {
      const text = String(actual);
      if (expected.exec(text) !== null) return;
      if (!message) {
        const error = new AssertionError({
          actual, expected, operator: stackStartFn.name, stackStartFn,
          message: `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(text)}\n`,
        });
        error.generatedMessage = true;
        throw error;
      }
      throw failure(message, { actual, expected, operator: stackStartFn.name, stackStartFn });
    }
    if (typeof actual !== 'object' || actual === null) {
      const error = new AssertionError({ actual, expected, message, operator: 'deepStrictEqual', stackStartFn });
      error.operator = stackStartFn.name;
      throw error;
    }
    const keys = Object.keys(expected);
    if (isError(expected)) keys.push('name', 'message');
    else if (keys.length === 0) throw new codes.ERR_INVALID_ARG_VALUE('error', expected, 'may not be an empty object');
    for (const key of keys) {
      if (typeof actual[key] === 'string' && types.isRegExp(expected[key]) && expected[key].exec(actual[key]) !== null) continue;
      compareKey(actual, expected, key, message, keys, stackStartFn);
    }
    return;
  }
  if (expected.prototype !== undefined && actual instanceof expected) return;
  let generated = false;
  if (Object.prototype.isPrototypeOf.call(Error, expected)) {
    if (!message) {
      generated = true;
      message = `The error is expected to be an instance of "${expected.name}". Received `;
      if (isError(actual)) message += `"${actual.name}"`;
      else message += `"${inspect(actual, { depth: -1 })}"`;
    }
    if (isError(actual) && generated) message += `\n\nError message:\n\n${actual.message}`;
  } else {
    const result = Reflect.apply(expected, {}, [actual]);
    if (result === true) return;
    if (!message) {
      generated = true;
      const name = expected.name ? `"${expected.name}" ` : '';
      message = `The ${name}validation function is expected to return "true". Received ${inspect(result)}`;
      if (isError(actual)) message += `\n\nCaught error:\n\n${actual}`;
    }
  }
  const error = failure(message, { actual, expected, operator: stackStartFn.name, stackStartFn });
  if (error instanceof AssertionError) error.generatedMessage = generated;
  throw error;
}

function failure(message, options) {
  if (isError(message)) return message;
  return new AssertionError({ ...options, message });
}

// Only the properties that were asked for, for the difference.
class Comparison {
  constructor(object, keys, actual) {
    for (const key of keys) {
      if (!(key in object)) continue;
      if (actual !== undefined && typeof actual[key] === 'string' && types.isRegExp(object[key]) && object[key].exec(actual[key]) !== null) this[key] = actual[key];
      else this[key] = object[key];
    }
  }
}

function compareKey(actual, expected, key, message, keys, stackStartFn) {
  if (key in actual && isDeepStrictEqual(actual[key], expected[key])) return;
  if (message) throw failure(message, { actual, expected, operator: stackStartFn.name, stackStartFn });
  const error = new AssertionError({
    actual: new Comparison(actual, keys), expected: new Comparison(expected, keys, actual), operator: 'deepStrictEqual', stackStartFn,
  });
  error.actual = actual;
  error.expected = expected;
  error.operator = stackStartFn.name;
  throw error;
}

const NOTHING = Symbol('nothing was thrown');

function thrownBy(fn) {
  validateFunction(fn, 'fn');
  try {
    fn();
  } catch (error) {
    return error;
  }
  return NOTHING;
}

function isPromiseLike(value) {
  return types.isPromise(value) || (value !== null && typeof value === 'object' && typeof value.then === 'function' && typeof value.catch === 'function');
}

async function rejectionOf(promiseFn) {
  let promise;
  if (typeof promiseFn === 'function') {
    promise = promiseFn();
    if (!isPromiseLike(promise)) throw new codes.ERR_INVALID_RETURN_VALUE('instance of Promise', 'promiseFn', promise);
  } else if (isPromiseLike(promiseFn)) {
    promise = promiseFn;
  } else {
    throw new codes.ERR_INVALID_ARG_TYPE('promiseFn', ['Function', 'Promise'], promiseFn);
  }
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return NOTHING;
}

function expectsError(stackStartFn, actual, error, message) {
  if (typeof error === 'string') {
    if (arguments.length === 4 && message !== undefined) throw new codes.ERR_INVALID_ARG_TYPE('error', ['Object', 'Error', 'Function', 'RegExp'], error);
    if (typeof actual === 'object' && actual !== null) {
      if (actual.message === error) throw new codes.ERR_AMBIGUOUS_ARGUMENT('error/message', `The error message "${actual.message}" is identical to the message.`);
    } else if (actual === error) {
      throw new codes.ERR_AMBIGUOUS_ARGUMENT('error/message', `The error "${actual}" is identical to the message.`);
    }
    message = error;
    error = undefined;
  } else if (error != null && typeof error !== 'object' && typeof error !== 'function') {
    throw new codes.ERR_INVALID_ARG_TYPE('error', ['Object', 'Error', 'Function', 'RegExp'], error);
  }
  if (actual === NOTHING) {
    let details = '';
    if (error && error.name) details += ` (${error.name})`;
    details += message ? `: ${message}` : '.';
    const kind = stackStartFn.name === 'rejects' ? 'rejection' : 'exception';
    fails({ actual: undefined, expected: error, operator: stackStartFn.name, message: `Missing expected ${kind}${details}`, stackStartFn });
  }
  if (error) checkExpected(actual, error, message, stackStartFn);
}

function hasMatchingError(actual, expected) {
  if (typeof expected !== 'function') {
    if (types.isRegExp(expected)) return expected.exec(String(actual)) !== null;
    throw new codes.ERR_INVALID_ARG_TYPE('expected', ['Function', 'RegExp'], expected);
  }
  if (expected.prototype !== undefined && actual instanceof expected) return true;
  if (Object.prototype.isPrototypeOf.call(Error, expected)) return false;
  return Reflect.apply(expected, {}, [actual]) === true;
}

function expectsNoError(stackStartFn, actual, error, message) {
  if (actual === NOTHING) return;
  if (typeof error === 'string') {
    message = error;
    error = undefined;
  }
  if (!error || hasMatchingError(actual, error)) {
    const details = message ? `: ${message}` : '.';
    const kind = stackStartFn.name === 'doesNotReject' ? 'rejection' : 'exception';
    fails({ actual, expected: error, operator: stackStartFn.name, message: `Got unwanted ${kind}${details}\nActual message: "${actual && actual.message}"`, stackStartFn });
  }
  throw actual;
}

function checkTwo(args) {
  if (args < 2) throw new codes.ERR_MISSING_ARGS('actual', 'expected');
}


const kDiff = Symbol('diff');

// All functions, on `target`: assert itself, an Assert object.
function define(target, settings) {
  const { strict, skipPrototype = false } = settings;
  const makeComparison = (name, test, operator) => ({
    [name](actual, expected, message, ...rest) {
      checkTwo(arguments.length);
      if (!test(actual, expected)) {
        fails({ actual, expected, message: messageOfArguments(message, rest), operator, stackStartFn: target[name] || this?.[name], diff: this?.[kDiff] ?? 'simple' });
      }
    },
  }[name]);
  const strictDeep = (a, b) => isDeepStrictEqual(a, b, skipPrototype);
  const looseEqual = (a, b) => a == b || (a !== a && b !== b);
  const functions = {
    fail(message, ...rest) {
      if (isError(message)) throw message;
      const generated = message === undefined;
      const error = new AssertionError({ message: generated ? 'Failed' : rest.length > 0 ? format(message, ...rest) : message, operator: 'fail', stackStartFn: target.fail });
      error.generatedMessage = generated;
      throw error;
    },
    ok(value, message, ...rest) { innerOk(target.ok || functions.ok, arguments.length, value, message, rest); },
    equal: makeComparison('equal', looseEqual, '=='),
    notEqual: makeComparison('notEqual', (a, b) => !looseEqual(a, b), '!='),
    deepEqual: makeComparison('deepEqual', isDeepEqual, 'deepEqual'),
    notDeepEqual: makeComparison('notDeepEqual', (a, b) => !isDeepEqual(a, b), 'notDeepEqual'),
    deepStrictEqual: makeComparison('deepStrictEqual', strictDeep, 'deepStrictEqual'),
    notDeepStrictEqual: makeComparison('notDeepStrictEqual', (a, b) => !strictDeep(a, b), 'notDeepStrictEqual'),
    strictEqual: makeComparison('strictEqual', Object.is, 'strictEqual'),
    notStrictEqual: makeComparison('notStrictEqual', (a, b) => !Object.is(a, b), 'notStrictEqual'),
    partialDeepStrictEqual: makeComparison('partialDeepStrictEqual', isPartialStrictEqual, 'partialDeepStrictEqual'),
    throws(fn, ...args) { expectsError(functions.throws, thrownBy(fn), ...args); },
    async rejects(promiseFn, ...args) { expectsError(functions.rejects, await rejectionOf(promiseFn), ...args); },
    doesNotThrow(fn, ...args) { expectsNoError(functions.doesNotThrow, thrownBy(fn), ...args); },
    async doesNotReject(promiseFn, ...args) { expectsNoError(functions.doesNotReject, await rejectionOf(promiseFn), ...args); },
    ifError(error) {
      if (error === null || error === undefined) return;
      let message = 'ifError got unwanted exception: ';
      if (typeof error === 'object' && typeof error.message === 'string') {
        if (error.message.length === 0 && error.constructor) message += error.constructor.name;
        else message += error.message;
      } else {
        message += inspect(error);
      }
      const wrapped = new AssertionError({ actual: error, expected: null, operator: 'ifError', message, stackStartFn: functions.ifError });
      // Where the error itself came from.
      const origin = error.stack;
      if (typeof origin === 'string') {
        const originFrames = origin.indexOf('\n    at');
        if (originFrames !== -1) {
          const frames = origin.slice(originFrames + 1).split('\n');
          let own = wrapped.stack.split('\n');
          for (const line of frames) {
            const at = own.indexOf(line);
            if (at !== -1) {
              own = own.slice(0, at);
              break;
            }
          }
          wrapped.stack = `${own.join('\n')}\n${frames.join('\n')}`;
        }
      }
      throw wrapped;
    },
    match(text, regexp, message, ...rest) { matches(text, regexp, messageOfArguments(message, rest), functions.match, true); },
    doesNotMatch(text, regexp, message, ...rest) { matches(text, regexp, messageOfArguments(message, rest), functions.doesNotMatch, false); },
  };
  if (strict) {
    functions.equal = functions.strictEqual;
    functions.notEqual = functions.notStrictEqual;
    functions.deepEqual = functions.deepStrictEqual;
    functions.notDeepEqual = functions.notDeepStrictEqual;
  }
  Object.assign(target, functions);
  return target;
}

function matches(text, regexp, message, start, wanted) {
  if (!types.isRegExp(regexp)) throw new codes.ERR_INVALID_ARG_TYPE('regexp', 'RegExp', regexp);
  if (typeof text === 'string' && (RegExp.prototype.exec.call(regexp, text) !== null) === wanted) return;
  if (isError(message)) throw message;
  const generated = message === undefined;
  if (generated) {
    message = typeof text !== 'string' ? `The "string" argument must be of type string. Received type ${typeof text} (${inspect(text)})`
      : `${wanted ? 'The input did not match the regular expression ' : 'The input was expected to not match the regular expression '}${inspect(regexp)}. Input:\n\n${inspect(text)}\n`;
  } else if (typeof message === 'function') {
    message = message(text, regexp);
  }
  const error = new AssertionError({ actual: text, expected: regexp, message, operator: start.name, stackStartFn: start });
  error.generatedMessage = generated;
  throw error;
}

function assert(value, message, ...rest) { innerOk(assert, arguments.length, value, message, rest); }
define(assert, { strict: false });
assert.AssertionError = AssertionError;

function strict(value, message, ...rest) { innerOk(strict, arguments.length, value, message, rest); }
define(strict, { strict: true });
strict.AssertionError = AssertionError;

function Assert(options = {}) {
  if (new.target === undefined) throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('Assert');
  const { diff = 'simple', strict: isStrict = true, skipPrototype = false } = options;
  require('internal/validators').validateOneOf(diff, 'options.diff', ['simple', 'full']);
  this.AssertionError = AssertionError;
  Object.defineProperty(this, kDiff, { __proto__: null, value: diff });
  define(this, { strict: isStrict, skipPrototype });
}
assert.Assert = strict.Assert = Assert;
assert.strict = strict.strict = strict;

module.exports = assert;
