// SPDX-License-Identifier: Apache-2.0
// Deep equality as node:assert documents it: loose, strict, and partial (the second value is contained in the first).
'use strict';

const { types, ownNonIndexProperties } = internalBinding('types');
const typedTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

const LOOSE = 0, STRICT = 1, PARTIAL = 2, STRICT_BUT_PROTOTYPES = 3;
const isStrict = (mode) => mode === STRICT || mode === STRICT_BUT_PROTOTYPES;

const { hasOwnProperty, propertyIsEnumerable } = Object.prototype;
const hasOwn = (object, key) => Reflect.apply(hasOwnProperty, object, [key]);
const isEnumerable = (object, key) => Reflect.apply(propertyIsEnumerable, object, [key]);
const isObject = (value) => value !== null && typeof value === 'object';

const enumerableSymbols = (object) => Object.getOwnPropertySymbols(object).filter((key) => isEnumerable(object, key));

function sameBytes(a, b) {
  if (a.byteLength !== b.byteLength) return false;
  return internalBinding('buffer').compare(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength)) === 0;
}

function containsBytes(a, b) {
  let i = 0;
  for (const item of b) {
    while (i < a.length && !Object.is(a[i], item)) i++;
    if (i === a.length) return false;
    i++;
  }
  return true;
}

function sameTyped(a, b, mode) {
  const kind = typedTag.call(a);
  if (mode === LOOSE && (kind === 'Float32Array' || kind === 'Float64Array' || kind === 'Float16Array')) {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(a[i] !== a[i] && b[i] !== b[i])) return false;
    return true;
  }
  if (mode === PARTIAL && a.byteLength !== b.byteLength) return containsBytes(a, b);
  return sameBytes(a, b);
}

function boxedValue(value) {
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return Symbol.prototype.valueOf.call(value);
}

const kindOfBox = (value) => typeof boxedValue(value);
const tagOf = (value) => Object.prototype.toString.call(value);

// `memo`: pairs of objects under comparison, so that cycles end.
function equal(a, b, mode, memo) {
  if (a === b) return a !== 0 || mode === LOOSE || Object.is(a, b);
  if (mode === LOOSE) {
    if (!isObject(a)) {
      // A function is only itself.
      return (!isObject(b) || b === null) && typeof a !== 'function' && typeof b !== 'function' && (a == b || (a !== a && b !== b));
    }
    if (!isObject(b)) return false;
  } else {
    if (typeof a !== 'object') return typeof a === 'number' && a !== a && b !== b && typeof b === 'number';
    if (typeof b !== 'object' || a === null || b === null) return false;
    if (mode === STRICT && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  }

  if (tagOf(a) !== tagOf(b)) return false;

  if (Array.isArray(a)) {
    if (!Array.isArray(b)) return false;
    if (mode === PARTIAL) {
      if (a.length < b.length) return false;
      return compare(a, b, mode, memo, 'array', otherKeys(b));
    }
    if (a.length !== b.length) return false;
    const keysOfA = ownNonIndexProperties(a, true).filter((key) => mode !== LOOSE || typeof key === 'string');
    const keysOfB = ownNonIndexProperties(b, true).filter((key) => mode !== LOOSE || typeof key === 'string');
    if (keysOfA.length !== keysOfB.length) return false;
    return compare(a, b, mode, memo, 'array', keysOfB);
  }
  if (tagOf(a) === '[object Object]' && !types.isMap(a) && !types.isSet(a) && !types.isNativeError(a) && !types.isBoxedPrimitive(a) && !ArrayBuffer.isView(a) && !types.isDate(a) && !types.isRegExp(a)) {
    if (types.isMap(b) || types.isSet(b) || types.isNativeError(b) || types.isBoxedPrimitive(b)) return false;
    return compare(a, b, mode, memo, 'none');
  }
  if (types.isDate(a)) {
    if (!types.isDate(b)) return false;
    const x = Date.prototype.getTime.call(a);
    const y = Date.prototype.getTime.call(b);
    if (x !== y && !(x !== x && y !== y)) return false;
  } else if (types.isRegExp(a)) {
    if (!types.isRegExp(b) || a.source !== b.source || a.flags !== b.flags || a.lastIndex !== b.lastIndex) return false;
  } else if (types.isNativeError(a) || a instanceof Error) {
    if (!types.isNativeError(b) && !(b instanceof Error)) return false;
    // These are not enumerable in most errors.
    if (!sameHidden(a, b, 'message', mode, memo) || !sameHidden(a, b, 'name', mode, memo) || !sameHidden(a, b, 'cause', mode, memo) || !sameHidden(a, b, 'errors', mode, memo)) return false;
  } else if (ArrayBuffer.isView(a)) {
    if (typedTag.call(a) !== typedTag.call(b)) return false;
    if (a instanceof DataView) {
      if (!sameBytes(a, b)) return false;
    } else if (!sameTyped(a, b, mode)) {
      return false;
    }
    const keysOfA = ownNonIndexProperties(a, true).filter((key) => mode !== LOOSE || typeof key === 'string');
    const keysOfB = ownNonIndexProperties(b, true).filter((key) => mode !== LOOSE || typeof key === 'string');
    if (mode !== PARTIAL && keysOfA.length !== keysOfB.length) return false;
    return compare(a, b, mode, memo, 'none', keysOfB);
  } else if (types.isSet(a)) {
    if (!types.isSet(b) || (mode === PARTIAL ? a.size < b.size : a.size !== b.size)) return false;
    return compare(a, b, mode, memo, 'set');
  } else if (types.isMap(a)) {
    if (!types.isMap(b) || (mode === PARTIAL ? a.size < b.size : a.size !== b.size)) return false;
    return compare(a, b, mode, memo, 'map');
  } else if (types.isAnyArrayBuffer(a)) {
    if (!types.isAnyArrayBuffer(b)) return false;
    const x = new Uint8Array(a);
    const y = new Uint8Array(b);
    if (mode === PARTIAL && x.length !== y.length ? !containsBytes(x, y) : !sameBytes(x, y)) return false;
  } else if (types.isBoxedPrimitive(a)) {
    if (!types.isBoxedPrimitive(b) || kindOfBox(a) !== kindOfBox(b) || !Object.is(boxedValue(a), boxedValue(b))) return false;
  } else if (Array.isArray(b) || ArrayBuffer.isView(b) || types.isSet(b) || types.isMap(b) || types.isDate(b) || types.isRegExp(b) || types.isAnyArrayBuffer(b) || types.isBoxedPrimitive(b) || types.isNativeError(b)) {
    return false;
  } else if (isUrl(a)) {
    if (!isUrl(b) || a.href !== b.href) return false;
  } else if (types.isWeakMap(a) || types.isWeakSet(a) || types.isPromise(a)) {
    // What they hold cannot be seen.
    return false;
  }
  return compare(a, b, mode, memo, 'none');
}

const isUrl = (value) => typeof URL === 'function' && value instanceof URL;

function otherKeys(object) { return ownNonIndexProperties(object, true); }

function sameHidden(a, b, name, mode, memo) {
  const there = isEnumerable(b, name);
  if (isEnumerable(a, name) !== there && mode !== PARTIAL) return false;
  if (there) return true;  // compared among the properties
  if (mode === PARTIAL && b[name] === undefined) return true;
  if (hasOwn(a, name) !== hasOwn(b, name) && (name === 'cause' || name === 'errors')) return false;
  return equal(a[name], b[name], mode, memo);
}

// Own properties, then what the kind contains.
function compare(a, b, mode, memo, kind, keys = undefined) {
  if (keys === undefined) {
    keys = Object.keys(b);
    if (mode !== PARTIAL && keys.length !== Object.keys(a).length) return false;
  }
  for (const key of keys) if (typeof key === 'string' && !isEnumerable(a, key)) return false;
  if (mode !== LOOSE && (keys.length === 0 || kind !== 'array')) {
    const symbols = enumerableSymbols(b);
    if (isStrict(mode) && symbols.length !== enumerableSymbols(a).length) return false;
    for (const key of symbols) if (!isEnumerable(a, key)) return false;
    keys = [...keys.filter((key) => typeof key === 'string'), ...symbols];
  } else if (mode !== LOOSE) {
    for (const key of keys) if (!isEnumerable(a, key)) return false;
    if (isStrict(mode) && enumerableSymbols(a).length !== enumerableSymbols(b).length) return false;
  }
  if (keys.length === 0 && (kind === 'none' || (kind === 'array' && b.length === 0) || ((kind === 'set' || kind === 'map') && b.size === 0))) return true;

  // Cycles: where one was met before on the way here, the other must have been met at the same place.
  memo ??= { a: new Map(), b: new Map(), depth: 0 };
  const placeOfA = memo.a.get(a);
  const placeOfB = memo.b.get(b);
  if (placeOfA !== undefined || placeOfB !== undefined) return placeOfA === placeOfB;
  memo.depth++;
  memo.a.set(a, memo.depth);
  memo.b.set(b, memo.depth);
  const result = sameContent(a, b, mode, memo, kind, keys);
  memo.a.delete(a);
  memo.b.delete(b);
  memo.depth--;
  return result;
}

function sameContent(a, b, mode, memo, kind, keys) {
  if (kind === 'set') {
    if (!sameSet(a, b, mode, memo)) return false;
  } else if (kind === 'map') {
    if (!sameMap(a, b, mode, memo)) return false;
  } else if (kind === 'array') {
    if (mode === PARTIAL) {
      if (!containsItems(a, b, memo)) return false;
    } else {
      for (let i = 0; i < a.length; i++) {
        if (hasOwn(a, i)) {
          if (!hasOwn(b, i) || !equal(a[i], b[i], mode, memo)) return false;
        } else if (hasOwn(b, i)) {
          return false;
        }
      }
    }
  }
  for (const key of keys) if (!equal(a[key], b[key], mode, memo)) return false;
  return true;
}

// Each of b's items stands in a, each time at another place, in their order.
function containsItems(a, b, memo) {
  let i = 0;
  for (let j = 0; j < b.length; j++) {
    // A hole asks for nothing, and is no undefined.
    if (b[j] === undefined && !hasOwn(b, j)) continue;
    while (i < a.length && !((a[i] !== undefined || hasOwn(a, i)) && equal(a[i], b[j], PARTIAL, memo))) i++;
    if (i === a.length) return false;
    i++;
  }
  return true;
}

// Primitives that == may find equal to others.
const isVague = (value) => value == null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint';

function sameSet(a, b, mode, memo) {
  const left = new Set();
  for (const item of b) {
    if (a.has(item)) continue;
    if (mode !== LOOSE && !isObject(item)) return false;
    left.add(item);
  }
  if (left.size === 0) return true;
  const candidates = [...a].filter((item) => !b.has(item) && (isObject(item) || (mode === LOOSE && isVague(item))));
  for (const item of left) {
    const at = candidates.findIndex((each) => equal(each, item, mode, memo));
    if (at === -1) return false;
    candidates.splice(at, 1);
  }
  return true;
}

function sameMap(a, b, mode, memo) {
  const left = [];
  const matched = new Set();
  for (const [key, value] of b) {
    if (a.has(key) && equal(a.get(key), value, mode, memo)) matched.add(key);
    else if (isObject(key) || (mode === LOOSE && isVague(key))) left.push([key, value]);
    else return false;
  }
  if (left.length === 0) return true;
  const candidates = [...a].filter(([key]) => !matched.has(key) && (isObject(key) || mode === LOOSE));
  for (const [key, value] of left) {
    const at = candidates.findIndex(([otherKey, other]) => (otherKey === key || equal(otherKey, key, mode, memo)) && equal(other, value, mode, memo));
    if (at === -1) return false;
    candidates.splice(at, 1);
  }
  return true;
}

exports.isDeepEqual = (a, b) => equal(a, b, LOOSE, undefined);
exports.isDeepStrictEqual = (a, b, skipPrototype = false) => equal(a, b, skipPrototype ? STRICT_BUT_PROTOTYPES : STRICT, undefined);
exports.isPartialStrictEqual = (a, b) => equal(a, b, PARTIAL, undefined);
