// SPDX-License-Identifier: Apache-2.0
// node:buffer. A Buffer is a Uint8Array with another prototype; what is hot is in jsapi/native/node/buffer.cc.
'use strict';

const { codes, hideStackFrames } = require('internal/errors');
const { validateArray, validateBuffer, validateInteger, validateNumber, validateString } = require('internal/validators');
const { inspect } = require('internal/inspect');
const { BASE64, BASE64URL, HEX, UTF16, UTF8, LATIN1, ASCII, normalizeEncoding, numberOf } = require('internal/node/encodings');
const native = internalBinding('buffer');
const { types: nativeTypes } = internalBinding('types');
const typedTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const types = { isAnyArrayBuffer: nativeTypes.isAnyArrayBuffer, isUint8Array: (value) => typedTag.call(value) === 'Uint8Array' };

const kMaxLength = 2 ** 32;  // V8's limit of a typed array
const kStringMaxLength = 2 ** 29 - 24;
const MAX_UINT32 = 2 ** 32 - 1;
const customInspect = Symbol.for('nodejs.util.inspect.custom');

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const byteLengthOf = Object.getOwnPropertyDescriptor(TypedArrayPrototype, 'byteLength').get;

class FastBuffer extends Uint8Array {
  // Uint8Array's own constructor, without the cost of spreading arguments.
  constructor(first, offset, length) {
    super(first, offset, length);
  }
}

let warned = false;
function warnOfConstructor() {
  if (warned || isInsideNodeModules()) return;
  warned = true;
  require('internal/process').process.emitWarning(
    'Buffer() is deprecated due to security and usability issues. Please use the Buffer.alloc(), Buffer.allocUnsafe(), or Buffer.from() methods instead.',
    'DeprecationWarning', 'DEP0005');
}

// Whether the caller's code lies in node_modules: people cannot mend what they installed.
function isInsideNodeModules() {
  const sites = internalBinding('types').callSites(10);
  for (let i = 0; i < sites.length; i += 5) {
    const script = sites[i + 1];
    if (script.startsWith('node:') || script.startsWith('sluice:') || script === '') continue;
    return /[/\\]node_modules[/\\]/.test(script);
  }
  return false;
}

function Buffer(arg, encodingOrOffset, length) {
  warnOfConstructor();
  if (typeof arg === 'number') {
    if (typeof encodingOrOffset === 'string') throw new codes.ERR_INVALID_ARG_TYPE('string', 'string', arg);
    return Buffer.alloc(arg);
  }
  return Buffer.from(arg, encodingOrOffset, length);
}
Object.defineProperty(Buffer, Symbol.species, { configurable: true, enumerable: false, get() { return FastBuffer; } });
FastBuffer.prototype.constructor = Buffer;
Buffer.prototype = FastBuffer.prototype;
Object.setPrototypeOf(Buffer, Uint8Array);

// ---- memory

Buffer.poolSize = 8 * 1024;
let pool = null;
let poolAt = 0;

function allocatePool() {
  pool = new FastBuffer(Buffer.poolSize).buffer;
  poolAt = 0;
}

const assertSize = hideStackFrames((size) => {
  validateNumber(size, 'size', 0, kMaxLength);
});

// Memory of this many bytes with anything in it.
function allocate(size) {
  if (size <= 0) return new FastBuffer();
  if (size >= Buffer.poolSize >>> 1) return new FastBuffer(size);
  if (pool === null || size > pool.byteLength - poolAt) allocatePool();
  const buffer = new FastBuffer(pool, poolAt, size);
  poolAt = (poolAt + size + 7) & ~7;
  return buffer;
}

Buffer.alloc = function alloc(size, fill, encoding) {
  assertSize(size);
  if (fill !== undefined && fill !== 0 && size > 0) {
    const buffer = new FastBuffer(size);
    return fillWith(buffer, fill, 0, buffer.length, encoding);
  }
  return new FastBuffer(size);
};
Buffer.allocUnsafe = function allocUnsafe(size) {
  assertSize(size);
  return allocate(size);
};
Buffer.allocUnsafeSlow = function allocUnsafeSlow(size) {
  assertSize(size);
  return new FastBuffer(size);
};

function SlowBuffer(size) {
  assertSize(size);
  return new FastBuffer(size);
}
Object.setPrototypeOf(SlowBuffer.prototype, Uint8Array.prototype);
Object.setPrototypeOf(SlowBuffer, Uint8Array);

// ---- making

function byteLengthOfText(text, number) {
  switch (number) {
    case UTF8: return native.byteLengthUtf8(text);
    case UTF16: return text.length * 2;
    case HEX: return text.length >>> 1;
    case BASE64: case BASE64URL: return base64Length(text);
    default: return text.length;
  }
}

function base64Length(text) {
  let length = text.length;
  if (length > 0 && text.charCodeAt(length - 1) === 0x3d) length--;
  if (length > 1 && text.charCodeAt(length - 1) === 0x3d) length--;
  return (length * 3) >>> 2;
}

function fromText(text, encoding) {
  let number = UTF8;
  if (typeof encoding === 'string' && encoding !== '') {
    number = numberOf(encoding);
    if (number === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
  }
  if (text.length === 0) return new FastBuffer();
  const length = byteLengthOfText(text, number);
  if (length >= Buffer.poolSize >>> 1) {
    const buffer = new FastBuffer(length);
    const written = native.write(buffer, text, 0, length, number);
    return written === length ? buffer : new FastBuffer(buffer.buffer, 0, written);
  }
  if (pool === null || length > pool.byteLength - poolAt) allocatePool();
  const written = native.write(new FastBuffer(pool, poolAt, length), text, 0, length, number);
  const buffer = new FastBuffer(pool, poolAt, written);
  poolAt = (poolAt + written + 7) & ~7;
  return buffer;
}

function fromArrayBuffer(memory, offset, length) {
  if (offset === undefined) {
    offset = 0;
  } else {
    offset = +offset;
    if (Number.isNaN(offset)) offset = 0;
  }
  const most = memory.byteLength - offset;
  if (most < 0) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS('offset');
  if (length === undefined) {
    // Follows a resizable one.
    return memory.resizable || memory.growable ? new FastBuffer(memory, offset) : new FastBuffer(memory, offset, most);
  }
  length = +length;
  if (length > 0) {
    if (length > most) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS('length');
  } else {
    length = 0;
  }
  return new FastBuffer(memory, offset, length);
}

function fromArrayLike(array) {
  if (array.length <= 0) return new FastBuffer();
  const buffer = allocate(Math.trunc(array.length) || 0);
  if (types.isAnyArrayBuffer(array.buffer) && ArrayBuffer.isView(array)) {
    TypedArrayPrototype.set.call(buffer, array, 0);
  } else {
    for (let i = 0; i < buffer.length; i++) buffer[i] = array[i];
  }
  return buffer;
}

function fromObject(object) {
  if (object.length !== undefined || types.isAnyArrayBuffer(object.buffer)) {
    if (typeof object.length !== 'number') return new FastBuffer();
    return fromArrayLike(object);
  }
  if (object.type === 'Buffer' && Array.isArray(object.data)) return fromArrayLike(object.data);
  return undefined;
}

Buffer.from = function from(value, encodingOrOffset, length) {
  if (typeof value === 'string') return fromText(value, encodingOrOffset);
  if (typeof value === 'object' && value !== null) {
    if (types.isAnyArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const primitive = value.valueOf && value.valueOf();
    if (primitive != null && primitive !== value && (typeof primitive === 'string' || typeof primitive === 'object')) {
      return Buffer.from(primitive, encodingOrOffset, length);
    }
    const buffer = fromObject(value);
    if (buffer !== undefined) return buffer;
    if (typeof value[Symbol.toPrimitive] === 'function') {
      const text = value[Symbol.toPrimitive]('string');
      if (typeof text === 'string') return fromText(text, encodingOrOffset);
    }
  }
  throw new codes.ERR_INVALID_ARG_TYPE('first argument', ['string', 'Buffer', 'ArrayBuffer', 'Array', 'Array-like Object'], value);
};

Buffer.copyBytesFrom = function copyBytesFrom(view, offset, length) {
  if (!ArrayBuffer.isView(view) || view instanceof DataView) throw new codes.ERR_INVALID_ARG_TYPE('view', ['TypedArray'], view);
  if (view.length === 0) return Buffer.alloc(0);
  if (offset !== undefined || length !== undefined) {
    if (offset !== undefined) {
      validateInteger(offset, 'offset', 0);
      if (offset >= view.length) return Buffer.alloc(0);
    } else {
      offset = 0;
    }
    let end = view.length;
    if (length !== undefined) {
      validateInteger(length, 'length', 0);
      end = offset + length;
    }
    view = view.slice(offset, end);
  }
  return fromArrayLike(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
};

Buffer.of = function of(...items) {
  const buffer = allocate(items.length);
  for (let i = 0; i < items.length; i++) buffer[i] = items[i];
  return buffer;
};

Buffer.isBuffer = function isBuffer(value) { return value instanceof Buffer; };
Buffer.isEncoding = function isEncoding(name) { return typeof name === 'string' && name.length !== 0 && numberOf(name) !== undefined; };

Buffer.compare = function compare(a, b) {
  if (!types.isUint8Array(a)) throw new codes.ERR_INVALID_ARG_TYPE('buf1', ['Buffer', 'Uint8Array'], a);
  if (!types.isUint8Array(b)) throw new codes.ERR_INVALID_ARG_TYPE('buf2', ['Buffer', 'Uint8Array'], b);
  return a === b ? 0 : native.compare(a, b);
};

Buffer.concat = function concat(list, length) {
  validateArray(list, 'list');
  if (list.length === 0) return new FastBuffer();
  if (length === undefined) {
    length = 0;
    for (const each of list) if (each.length) length += each.length;
  } else {
    validateInteger(length, 'length', 0, kMaxLength);
  }
  const buffer = allocate(length);
  let at = 0;
  for (let i = 0; i < list.length; i++) {
    const each = list[i];
    if (!types.isUint8Array(each)) throw new codes.ERR_INVALID_ARG_TYPE(`list[${i}]`, ['Buffer', 'Uint8Array'], each);
    const count = Math.min(each.length, length - at);
    if (count > 0) native.copy(each, buffer, at, 0, count);
    at += Math.max(count, 0);
  }
  // What no member filled must not show old memory.
  if (at < length) TypedArrayPrototype.fill.call(buffer, 0, at, length);
  return buffer;
};

function byteLength(value, encoding) {
  if (typeof value !== 'string') {
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value.byteLength;
    throw new codes.ERR_INVALID_ARG_TYPE('string', ['string', 'Buffer', 'ArrayBuffer'], value);
  }
  if (value.length === 0) return 0;
  const number = encoding ? numberOf(encoding) : UTF8;
  return byteLengthOfText(value, number === undefined ? UTF8 : number);
}
Buffer.byteLength = byteLength;

// ---- methods

const { prototype } = Buffer;

Object.defineProperty(prototype, 'parent', {
  enumerable: true,
  get() { return this instanceof Buffer ? this.buffer : undefined; },
});
Object.defineProperty(prototype, 'offset', {
  enumerable: true,
  get() { return this instanceof Buffer ? this.byteOffset : undefined; },
});

function toRange(value, standard, length) {
  if (value === undefined) return standard;
  value = Math.trunc(+value) || 0;
  return value < 0 ? 0 : value > length ? length : value;
}

function readText(buffer, number, start, end) { return native.read(buffer, start, end, number); }

prototype.toString = function toString(encoding, start, end) {
  const length = this.length;
  if (arguments.length === 0) return native.read(this, 0, length, UTF8);
  start = start <= 0 ? 0 : start >= length ? length : Math.trunc(start) || 0;
  end = end === undefined || end >= length ? length : Math.trunc(end) || 0;
  if (end <= start) return '';
  if (encoding === undefined) return native.read(this, start, end, UTF8);
  const number = numberOf(typeof encoding === 'string' ? encoding : `${encoding}`);
  if (number === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
  return native.read(this, start, end, number);
};
prototype.toLocaleString = prototype.toString;

prototype.equals = function equals(other) {
  if (!types.isUint8Array(other)) throw new codes.ERR_INVALID_ARG_TYPE('otherBuffer', ['Buffer', 'Uint8Array'], other);
  if (this === other) return true;
  const size = byteLengthOf.call(this);
  if (size !== byteLengthOf.call(other)) return false;
  return size === 0 || native.compare(this, other) === 0;
};

let inspectMaxBytes = 50;
prototype[customInspect] = function(depth, options) {
  const length = Math.min(inspectMaxBytes, this.length);
  let text = readText(this, HEX, 0, length).replace(/(.{2})/g, '$1 ').trim();
  const more = this.length - inspectMaxBytes;
  if (more > 0) text += ` ... ${more} more byte${more > 1 ? 's' : ''}`;
  if (options) {
    const extras = internalBinding('types').ownNonIndexProperties(this, !options.showHidden);
    if (extras.length > 0) {
      const object = Object.create(null);
      for (const key of extras) object[key] = this[key];
      const inner = inspect(object, { ...options, breakLength: Infinity, compact: true });
      text += `${this.length === 0 ? '' : ', '}${inner.slice('[Object: null prototype] { '.length, -2)}`;
    }
  }
  const name = this.constructor && this.constructor.name ? this.constructor.name : 'Buffer';
  return `<${name}${text === '' ? '' : ` ${text}`}>`;
};
prototype.inspect = prototype[customInspect];

prototype.compare = function compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
  if (!types.isUint8Array(target)) throw new codes.ERR_INVALID_ARG_TYPE('target', ['Buffer', 'Uint8Array'], target);
  if (arguments.length === 1) return native.compare(this, target);
  if (targetStart === undefined) targetStart = 0;
  else validateInteger(targetStart, 'targetStart', 0);
  if (targetEnd === undefined) targetEnd = target.length;
  else validateInteger(targetEnd, 'targetEnd', 0, target.length);
  if (sourceStart === undefined) sourceStart = 0;
  else validateInteger(sourceStart, 'sourceStart', 0);
  if (sourceEnd === undefined) sourceEnd = this.length;
  else validateInteger(sourceEnd, 'sourceEnd', 0, this.length);
  if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
  if (targetStart >= targetEnd) return 1;
  return native.compare(
    new FastBuffer(this.buffer, this.byteOffset + sourceStart, sourceEnd - sourceStart),
    new FastBuffer(target.buffer, target.byteOffset + targetStart, targetEnd - targetStart));
};

function search(buffer, value, offset, encoding, forward) {
  validateBuffer(buffer);
  if (typeof offset === 'string') {
    encoding = offset;
    offset = undefined;
  } else if (offset > 0x7fffffff) {
    offset = 0x7fffffff;
  } else if (offset < -0x80000000) {
    offset = -0x80000000;
  }
  offset = +offset;
  if (Number.isNaN(offset)) offset = forward ? 0 : buffer.length || buffer.byteLength;
  offset = Math.trunc(offset);
  const length = buffer.byteLength;
  if (typeof value === 'number') {
    const at = startOf(offset, length, 1, forward);
    return at < 0 ? -1 : native.indexOfByte(buffer, value >>> 0 & 0xff, at, forward);
  }
  let unit = 1;
  let needle = value;
  if (typeof value === 'string') {
    const number = encoding === undefined ? UTF8 : numberOf(encoding);
    if (number === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
    if (number === UTF16) unit = 2;
    needle = fromText(value, encoding);
  } else if (types.isUint8Array(value)) {
    if (encoding !== undefined && numberOf(encoding) === UTF16) unit = 2;
  } else {
    throw new codes.ERR_INVALID_ARG_TYPE('value', ['number', 'string', 'Buffer', 'Uint8Array'], value);
  }
  if (needle.length === 0) {
    // Nothing is found everywhere, at the latest at the end.
    const at = offset < 0 ? Math.max(offset + length, 0) : offset;
    return Math.min(at, length);
  }
  const at = startOf(offset, length, needle.length, forward);
  if (at < 0 || length < needle.length) return -1;
  if (unit === 2 && needle.length < 2) return -1;
  return native.indexOf(buffer, needle, at, forward, unit);
}

// Where a search begins; negative: nothing can be found.
function startOf(offset, length, needle, forward) {
  if (offset < 0) {
    offset += length;
    if (offset < 0) {
      if (!forward) return -1;
      offset = 0;
    }
  }
  if (forward) return offset + needle > length ? -1 : offset;
  return Math.min(offset, length - needle);
}

prototype.indexOf = function indexOf(value, byteOffset, encoding) { return search(this, value, byteOffset, encoding, true); };
prototype.lastIndexOf = function lastIndexOf(value, byteOffset, encoding) { return search(this, value, byteOffset, encoding, false); };
prototype.includes = function includes(value, byteOffset, encoding) { return this.indexOf(value, byteOffset, encoding) !== -1; };

prototype.copy = function copy(target, targetStart, sourceStart, sourceEnd) {
  if (!ArrayBuffer.isView(this)) throw new codes.ERR_INVALID_ARG_TYPE('source', ['Buffer', 'Uint8Array'], this);
  if (!ArrayBuffer.isView(target)) throw new codes.ERR_INVALID_ARG_TYPE('target', ['Buffer', 'Uint8Array'], target);
  const whole = this.byteLength;
  const room = target.byteLength;
  if (targetStart === undefined) {
    targetStart = 0;
  } else {
    targetStart = toInteger(targetStart, 0);
    if (targetStart < 0) throw new codes.ERR_OUT_OF_RANGE('targetStart', '>= 0', targetStart);
  }
  if (sourceStart === undefined) {
    sourceStart = 0;
  } else {
    sourceStart = toInteger(sourceStart, 0);
    if (sourceStart < 0 || sourceStart > whole) throw new codes.ERR_OUT_OF_RANGE('sourceStart', `>= 0 && <= ${whole}`, sourceStart);
  }
  if (sourceEnd === undefined) {
    sourceEnd = whole;
  } else {
    sourceEnd = toInteger(sourceEnd, 0);
    if (sourceEnd < 0) throw new codes.ERR_OUT_OF_RANGE('sourceEnd', '>= 0', sourceEnd);
  }
  if (targetStart >= room || sourceStart >= sourceEnd) return 0;
  const count = Math.min(sourceEnd - sourceStart, room - targetStart, whole - sourceStart);
  if (count <= 0) return 0;
  native.copy(this, target, targetStart, sourceStart, count);
  return count;
};

function toInteger(value, standard) {
  value = +value;
  if (!Number.isNaN(value) && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Math.trunc(value);
  return standard;
}

prototype.fill = function fill(value, offset, end, encoding) { return fillWith(this, value, offset, end, encoding); };

function fillWith(buffer, value, offset, end, encoding) {
  if (typeof value === 'string') {
    if (offset === undefined || typeof offset === 'string') {
      encoding = offset;
      offset = 0;
      end = buffer.length;
    } else if (typeof end === 'string') {
      encoding = end;
      end = buffer.length;
    }
    const normalized = normalizeEncoding(encoding);
    if (normalized === undefined) {
      validateString(encoding, 'encoding');
      throw new codes.ERR_UNKNOWN_ENCODING(encoding);
    }
    if (value.length === 0) {
      value = 0;
    } else if (value.length === 1) {
      const code = value.charCodeAt(0);
      if ((normalized === 'utf8' && code < 128) || normalized === 'latin1') value = code;
    }
  } else {
    encoding = undefined;
  }
  if (offset === undefined) {
    offset = 0;
    end = buffer.length;
  } else {
    validateNumber(offset, 'offset', 0);
    if (end === undefined) {
      end = buffer.length;
    } else {
      validateNumber(end, 'end', 0, buffer.length);
    }
    if (offset >= end) return buffer;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) {
    const size = byteLengthOf.call(buffer);
    if (offset > size || end > size) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS();
    TypedArrayPrototype.fill.call(buffer, +value & 255, offset, end);
    return buffer;
  }
  let pattern = value;
  if (typeof value === 'string') pattern = fromText(value, encoding);
  else if (!ArrayBuffer.isView(value)) {
    TypedArrayPrototype.fill.call(buffer, value & 255, offset, end);
    return buffer;
  }
  if (pattern.byteLength === 0) throw new codes.ERR_INVALID_ARG_VALUE('value', value);
  if (end > byteLengthOf.call(buffer)) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS();
  native.fill(buffer, pattern, offset, end);
  return buffer;
}

prototype.write = function write(text, offset, length, encoding) {
  const size = this.length;
  if (offset === undefined) {
    if (typeof text !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('argument', 'string', text);
    return native.write(this, text, 0, size, UTF8);
  }
  if (length === undefined && typeof offset === 'string') {
    encoding = offset;
    length = size;
    offset = 0;
  } else {
    validateInteger(offset, 'offset', 0, size);
    const rest = size - offset;
    if (length === undefined) {
      length = rest;
    } else if (typeof length === 'string') {
      encoding = length;
      length = rest;
    } else {
      validateInteger(length, 'length', 0, size);
      if (length > rest) length = rest;
    }
  }
  if (typeof text !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('argument', 'string', text);
  if (!encoding) return native.write(this, text, offset, length, UTF8);
  const number = numberOf(encoding);
  if (number === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
  return native.write(this, text, offset, length, number);
};

// The old methods of one encoding each.
for (const [name, number] of [['utf8', UTF8], ['ucs2', UTF16], ['latin1', LATIN1], ['ascii', ASCII], ['base64', BASE64], ['base64url', BASE64URL], ['hex', HEX]]) {
  prototype[`${name}Slice`] = function slice(start, end) {
    if (!ArrayBuffer.isView(this)) throw new codes.ERR_INVALID_ARG_TYPE('argument', 'Buffer', this);
    const length = this.byteLength;
    start = toRange(start, 0, Infinity);
    end = toRange(end, length, Infinity);
    if (end < start) end = start;
    if (end > length || start > length) throw new codes.ERR_OUT_OF_RANGE('end', `<= ${length}`, end);
    return native.read(this, start, end, number);
  };
  prototype[`${name}Write`] = function write(text, offset = 0, length = this.byteLength - offset) {
    if (typeof text !== 'string') throw new codes.ERR_INVALID_ARG_TYPE('argument', 'string', text);
    if (offset < 0 || offset > this.byteLength) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS('offset');
    if (length < 0 || length > this.byteLength - offset) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS('length');
    return native.write(this, text, offset, length, number);
  };
}

prototype.toJSON = function toJSON() {
  if (this.length === 0) return { type: 'Buffer', data: [] };
  const data = new Array(this.length);
  for (let i = 0; i < this.length; ++i) data[i] = this[i];
  return { type: 'Buffer', data };
};

function bound(value, length, standard) {
  if (value === undefined) return standard;
  value = Math.trunc(+value) || 0;
  if (value < 0) return Math.max(value + length, 0);
  return Math.min(value, length);
}
prototype.subarray = function subarray(start, end) {
  const length = this.length;
  start = bound(start, length, 0);
  end = bound(end, length, length);
  return new FastBuffer(this.buffer, this.byteOffset + start, end > start ? end - start : 0);
};
prototype.slice = function slice(start, end) { return this.subarray(start, end); };

for (const [bits, unit] of [[16, 2], [32, 4], [64, 8]]) {
  prototype[`swap${bits}`] = { [`swap${bits}`]() {
    const { length } = this;
    if (length % unit !== 0) throw new codes.ERR_INVALID_BUFFER_SIZE(`${bits}-bits`);
    native[`swap${bits}`](this);
    return this;
  } }[`swap${bits}`];
}

// ---- numbers

function boundsError(value, length, type) {
  if (Math.floor(value) !== value) {
    validateNumber(value, type);
    throw new codes.ERR_OUT_OF_RANGE(type || 'offset', 'an integer', value);
  }
  if (length < 0) throw new codes.ERR_BUFFER_OUT_OF_BOUNDS();
  throw new codes.ERR_OUT_OF_RANGE(type || 'offset', `>= ${type ? 1 : 0} and <= ${length}`, value);
}

function checkOffset(buffer, offset, size) {
  if (typeof offset !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
  if (buffer[offset] === undefined || buffer[offset + size - 1] === undefined) boundsError(offset, buffer.length - size);
}

function checkByteLength(byteLength) {
  if (byteLength === undefined) throw new codes.ERR_INVALID_ARG_TYPE('byteLength', 'number', byteLength);
  if (typeof byteLength !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('byteLength', 'number', byteLength);
  if (!(byteLength >= 1 && byteLength <= 6) || Math.floor(byteLength) !== byteLength) boundsError(byteLength, 6, 'byteLength');
}

function readUInt(buffer, offset, size, little) {
  checkOffset(buffer, offset, size);
  let value = 0;
  if (little) {
    for (let i = size - 1; i >= 0; i--) value = value * 256 + buffer[offset + i];
  } else {
    for (let i = 0; i < size; i++) value = value * 256 + buffer[offset + i];
  }
  return value;
}

function readInt(buffer, offset, size, little) {
  const value = readUInt(buffer, offset, size, little);
  const limit = 2 ** (8 * size - 1);
  return value >= limit ? value - 2 * limit : value;
}

function rangeError(value, min, max, size) {
  const n = typeof min === 'bigint' ? 'n' : '';
  let range;
  if (size > 4) {
    const bits = size * 8;
    if (min === 0 || min === 0n) range = `>= 0${n} and < 2${n} ** ${bits}${n}`;
    else range = `>= -(2${n} ** ${bits - 1}${n}) and < 2${n} ** ${bits - 1}${n}`;
  } else {
    range = `>= ${min}${n} and <= ${max}${n}`;
  }
  return new codes.ERR_OUT_OF_RANGE('value', range, value);
}

function writeInt(buffer, value, offset, size, little, min, max) {
  value = +value;
  if (offset === undefined) offset = 0;
  if (value > max || value < min) throw rangeError(value, min, max, size);
  checkOffset(buffer, offset, size);
  // A negative number's bytes are those of its complement.
  let rest = value < 0 ? value + 2 ** (8 * size) : value;
  if (little) {
    for (let i = 0; i < size; i++) {
      buffer[offset + i] = rest;
      rest = Math.floor(rest / 256);
    }
  } else {
    for (let i = size - 1; i >= 0; i--) {
      buffer[offset + i] = rest;
      rest = Math.floor(rest / 256);
    }
  }
  return offset + size;
}

function method(name, length, body) {
  Object.defineProperty(body, 'name', { value: name });
  Object.defineProperty(body, 'length', { value: length });
  prototype[name] = body;
}

// The fixed widths: plain loads, for speed.
prototype.readUInt8 = function readUInt8(offset = 0) {
  if (typeof offset !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
  const value = this[offset];
  if (value === undefined) boundsError(offset, this.length - 1);
  return value;
};
prototype.readInt8 = function readInt8(offset = 0) { return prototype.readUInt8.call(this, offset) << 24 >> 24; };
prototype.readUInt16LE = function readUInt16LE(offset = 0) {
  checkOffset(this, offset, 2);
  return this[offset] | this[offset + 1] << 8;
};
prototype.readUInt16BE = function readUInt16BE(offset = 0) {
  checkOffset(this, offset, 2);
  return this[offset] << 8 | this[offset + 1];
};
prototype.readInt16LE = function readInt16LE(offset = 0) { return prototype.readUInt16LE.call(this, offset) << 16 >> 16; };
prototype.readInt16BE = function readInt16BE(offset = 0) { return prototype.readUInt16BE.call(this, offset) << 16 >> 16; };
prototype.readInt32LE = function readInt32LE(offset = 0) {
  checkOffset(this, offset, 4);
  return this[offset] | this[offset + 1] << 8 | this[offset + 2] << 16 | this[offset + 3] << 24;
};
prototype.readInt32BE = function readInt32BE(offset = 0) {
  checkOffset(this, offset, 4);
  return this[offset] << 24 | this[offset + 1] << 16 | this[offset + 2] << 8 | this[offset + 3];
};
prototype.readUInt32LE = function readUInt32LE(offset = 0) { return prototype.readInt32LE.call(this, offset) >>> 0; };
prototype.readUInt32BE = function readUInt32BE(offset = 0) { return prototype.readInt32BE.call(this, offset) >>> 0; };

for (const little of [true, false]) {
  const end = little ? 'LE' : 'BE';
  method(`readUInt${end}`, 2, function(offset, byteLength) {
    if (offset === undefined) throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
    checkByteLength(byteLength);
    return readUInt(this, offset, byteLength, little);
  });
  method(`readInt${end}`, 2, function(offset, byteLength) {
    if (offset === undefined) throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
    checkByteLength(byteLength);
    return readInt(this, offset, byteLength, little);
  });
  method(`writeUInt${end}`, 3, function(value, offset, byteLength) {
    checkByteLength(byteLength);
    if (offset === undefined) throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
    return writeInt(this, value, offset, byteLength, little, 0, 2 ** (8 * byteLength) - 1);
  });
  method(`writeInt${end}`, 3, function(value, offset, byteLength) {
    checkByteLength(byteLength);
    if (offset === undefined) throw new codes.ERR_INVALID_ARG_TYPE('offset', 'number', offset);
    return writeInt(this, value, offset, byteLength, little, -(2 ** (8 * byteLength - 1)), 2 ** (8 * byteLength - 1) - 1);
  });
  for (const size of [1, 2, 4]) {
    if (size === 1 && !little) continue;
    const suffix = size === 1 ? '8' : `${size * 8}${end}`;
    method(`writeUInt${suffix}`, 1, function(value, offset = 0) { return writeInt(this, value, offset, size, little, 0, 2 ** (8 * size) - 1); });
    method(`writeInt${suffix}`, 1, function(value, offset = 0) { return writeInt(this, value, offset, size, little, -(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1); });
  }
  method(`readBigUInt64${end}`, 0, function(offset = 0) {
    checkOffset(this, offset, 8);
    const first = readUInt(this, offset, 4, little);
    const second = readUInt(this, offset + 4, 4, little);
    return little ? BigInt(first) + (BigInt(second) << 32n) : (BigInt(first) << 32n) + BigInt(second);
  });
  method(`readBigInt64${end}`, 0, function(offset = 0) { return BigInt.asIntN(64, prototype[`readBigUInt64${end}`].call(this, offset)); });
  const writeBig = (buffer, value, offset, min, max) => {
    if (typeof value !== 'bigint') throw new codes.ERR_INVALID_ARG_TYPE('value', 'bigint', value);
    if (value > max || value < min) throw rangeError(value, min, max, 8);
    checkOffset(buffer, offset, 8);
    const low = Number(value & 0xffffffffn);
    const high = Number(value >> 32n & 0xffffffffn);
    writeInt(buffer, little ? low : high, offset, 4, little, 0, MAX_UINT32);
    return writeInt(buffer, little ? high : low, offset + 4, 4, little, 0, MAX_UINT32);
  };
  method(`writeBigUInt64${end}`, 1, function(value, offset = 0) { return writeBig(this, value, offset, 0n, 0xffffffffffffffffn); });
  method(`writeBigInt64${end}`, 1, function(value, offset = 0) { return writeBig(this, value, offset, -0x8000000000000000n, 0x7fffffffffffffffn); });
}

const scratch = new Uint8Array(8);
for (const [name, view, size] of [['Float', new Float32Array(scratch.buffer), 4], ['Double', new Float64Array(scratch.buffer), 8]]) {
  for (const little of [true, false]) {
    const end = little ? 'LE' : 'BE';
    method(`read${name}${end}`, 0, function(offset = 0) {
      checkOffset(this, offset, size);
      for (let i = 0; i < size; i++) scratch[little ? i : size - 1 - i] = this[offset + i];
      return view[0];
    });
    method(`write${name}${end}`, 1, function(value, offset = 0) {
      value = +value;
      checkOffset(this, offset, size);
      view[0] = value;
      for (let i = 0; i < size; i++) this[offset + i] = scratch[little ? i : size - 1 - i];
      return offset + size;
    });
  }
}
for (const name of Object.keys(prototype)) {
  if (/^(read|write)(Big)?UInt/.test(name)) prototype[name.replace('UInt', 'Uint')] = prototype[name];
}

prototype.readUint8 = prototype.readUInt8;

// ---- the module

function transcode(source, from, to) {
  if (!types.isUint8Array(source)) throw new codes.ERR_INVALID_ARG_TYPE('source', ['Buffer', 'Uint8Array'], source);
  if (source.length === 0) return Buffer.alloc(0);
  const fromName = normalizeEncoding(from);
  const toName = normalizeEncoding(to);
  const known = ['utf8', 'utf16le', 'latin1', 'ascii'];
  if (!known.includes(fromName) || !known.includes(toName)) {
    const error = new Error(`Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]`);
    error.code = 'U_ILLEGAL_ARGUMENT_ERROR';
    error.errno = 1;
    throw error;
  }
  const text = readText(source, numberOf(fromName), 0, source.length);
  if (toName === 'utf8' || toName === 'utf16le') return Buffer.from(text, toName);
  // What the target cannot express is a question mark.
  const limit = toName === 'ascii' ? 0x7f : 0xff;
  return Buffer.from([...text].map((c) => c.codePointAt(0) > limit ? '?' : c).join(''), 'latin1');
}

function isUtf8(input) {
  if (!ArrayBuffer.isView(input) && !types.isAnyArrayBuffer(input)) throw new codes.ERR_INVALID_ARG_TYPE('input', ['ArrayBuffer', 'Buffer', 'TypedArray'], input);
  if (input.detached || (types.isAnyArrayBuffer(input) && isDetached(input))) throw new codes.ERR_INVALID_STATE('Cannot validate on a detached buffer');
  const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
  return internalBinding('encoding').decodeUtf8(bytes, true) !== undefined;
}
function isAscii(input) {
  if (!ArrayBuffer.isView(input) && !types.isAnyArrayBuffer(input)) throw new codes.ERR_INVALID_ARG_TYPE('input', ['ArrayBuffer', 'Buffer', 'TypedArray'], input);
  if (types.isAnyArrayBuffer(input) && isDetached(input)) throw new codes.ERR_INVALID_STATE('Cannot validate on a detached buffer');
  return native.isAscii(input);
}
function isDetached(memory) {
  if (memory.byteLength !== 0) return false;
  try {
    new Uint8Array(memory);
    return false;
  } catch {
    return true;
  }
}

module.exports = {
  Buffer, SlowBuffer, transcode, isUtf8, isAscii, kMaxLength, kStringMaxLength, btoa, atob,
  constants: Object.freeze({ MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: kStringMaxLength }),
};
for (const name of ['Blob', 'File', 'resolveObjectURL']) {
  Object.defineProperty(module.exports, name, { configurable: true, enumerable: true, get() { return require('internal/node/blob')[name]; } });
}
Object.defineProperty(module.exports, 'INSPECT_MAX_BYTES', {
  configurable: true, enumerable: true,
  get() { return inspectMaxBytes; },
  set(value) {
    validateNumber(value, 'INSPECT_MAX_BYTES', 0);
    inspectMaxBytes = value;
  },
});
