// SPDX-License-Identifier: Apache-2.0
// What ECMA-262 has and this V8 does not: made from the language alone, evaluated into the snapshot, for programs and for contexts
// of node:vm alike. Each is left out where the engine has it. Missing for good: Float16Array, resizable buffers, JSON.rawJSON.
'use strict';

const { ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect;

// Methods of an object literal are no constructors and have names and lengths: they are taken as they are.
function install(target, methods) {
  for (const key of ownKeys(methods)) {
    if (hasOwn(target, key)) continue;
    const descriptor = getOwnPropertyDescriptor(methods, key);
    descriptor.enumerable = false;
    defineProperty(target, key, descriptor);
  }
}
function named(name, fn, length = fn.length) {
  defineProperty(fn, 'name', { value: name, configurable: true });
  defineProperty(fn, 'length', { value: length, configurable: true });
  return fn;
}
const integer = (value) => {
  const number = Math.trunc(Number(value));
  return Number.isNaN(number) ? 0 : number;
};
// (Object.hasOwn comes later than the snapshot, in this engine.)
const hasOwn = (object, key) => getOwnPropertyDescriptor(object, key) !== undefined;
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const callable = (value) => {
  if (typeof value !== 'function') throw new TypeError(`${typeof value === 'symbol' ? 'Symbol()' : String(value)} is not a function`);
  return value;
};

// ---- arrays

install(Array.prototype, {
  toReversed() { return dense(this).reverse(); },
  toSorted(compare) {
    if (compare !== undefined) callable(compare);
    return dense(this).sort(compare);
  },
  toSpliced(start, skipCount) {
    const list = dense(this);
    Reflect.apply(Array.prototype.splice, list, arguments);
    return list;
  },
  with(index, value) {
    const list = dense(this);
    let at = integer(index);
    if (at < 0) at += list.length;
    if (at < 0 || at >= list.length) throw new RangeError(`Invalid index : ${index}`);
    list[at] = value;
    return list;
  },
});
named('toSpliced', Array.prototype.toSpliced, 2);
// Without holes.
function dense(value) {
  const object = Object(value);
  const length = Math.min(Math.max(integer(object.length), 0), Number.MAX_SAFE_INTEGER);
  if (length > 2 ** 32 - 1) throw new RangeError('Invalid array length');
  const list = new Array(length);
  for (let i = 0; i < length; i++) list[i] = object[i];
  return list;
}
Object.assign(Array.prototype[Symbol.unscopables], { toReversed: true, toSorted: true, toSpliced: true });

const TypedArray = Object.getPrototypeOf(Uint8Array);
const lengthOf = getOwnPropertyDescriptor(TypedArray.prototype, 'length').get;
const kindOf = getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get;
const copyOf = (view) => {
  Reflect.apply(lengthOf, view, []);
  const Kind = globalThis[Reflect.apply(kindOf, view, [])];
  return new Kind(view);
};
install(TypedArray.prototype, {
  toReversed() { return copyOf(this).reverse(); },
  toSorted(compare) {
    if (compare !== undefined) callable(compare);
    return copyOf(this).sort(compare);
  },
  with(index, value) {
    const length = Reflect.apply(lengthOf, this, []);
    let at = integer(index);
    if (at < 0) at += length;
    value = typeof this[0] === 'bigint' ? BigInt(value) : Number(value);
    if (at < 0 || at >= Reflect.apply(lengthOf, this, [])) throw new RangeError('Invalid typed array index');
    const copy = copyOf(this);
    copy[at] = value;
    return copy;
  },
});

install(Array, {
  async fromAsync(items, mapper = undefined, thisArgument = undefined) {
    if (mapper !== undefined) callable(mapper);
    const Maker = typeof this === 'function' && this.prototype !== undefined ? this : Array;
    const asyncMethod = items[Symbol.asyncIterator];
    const method = asyncMethod ?? items[Symbol.iterator];
    if (method != null) {
      const list = Maker === Array ? [] : new Maker();
      let i = 0;
      const iterated = asyncMethod != null ? { [Symbol.asyncIterator]: () => Reflect.apply(asyncMethod, items, []) } : { [Symbol.iterator]: () => Reflect.apply(method, items, []) };
      for await (let item of iterated) {
        if (mapper !== undefined) item = await Reflect.apply(mapper, thisArgument, [item, i]);
        defineProperty(list, i++, { value: item, writable: true, enumerable: true, configurable: true });
      }
      list.length = i;
      return list;
    }
    const object = Object(items);
    const length = Math.max(integer(object.length), 0);
    const list = Maker === Array ? new Array(length) : new Maker(length);
    for (let i = 0; i < length; i++) {
      let item = await object[i];
      if (mapper !== undefined) item = await Reflect.apply(mapper, thisArgument, [item, i]);
      defineProperty(list, i, { value: item, writable: true, enumerable: true, configurable: true });
    }
    list.length = length;
    return list;
  },
});

// ---- groups, promises, texts

function grouped(items, callback, add) {
  if (items == null) throw new TypeError(`${items} is not iterable`);
  callable(callback);
  let i = 0;
  for (const item of items) add(callback(item, i++), item);
}
install(Object, {
  groupBy(items, callback) {
    const groups = { __proto__: null };
    grouped(items, callback, (key, item) => {
      key = typeof key === 'symbol' ? key : `${key}`;
      (groups[key] ??= []).push(item);
    });
    return groups;
  },
});
install(Map, {
  groupBy(items, callback) {
    const groups = new Map();
    grouped(items, callback, (key, item) => {
      const known = groups.get(key);
      if (known === undefined) groups.set(key, [item]);
      else known.push(item);
    });
    return groups;
  },
});
for (const Kind of [Map, WeakMap]) {
  install(Kind.prototype, {
    getOrInsert(key, value) {
      if (this.has(key)) return this.get(key);
      this.set(key, value);
      return value;
    },
    getOrInsertComputed(key, callback) {
      callable(callback);
      if (this.has(key)) return this.get(key);
      const value = callback(key === 0 ? 0 : key);
      this.set(key, value);
      return value;
    },
  });
}
install(Promise, {
  withResolvers() {
    let resolve;
    let reject;
    const promise = new this((onDone, onFailed) => {
      resolve = onDone;
      reject = onFailed;
    });
    return { promise, resolve, reject };
  },
  try(callback, ...args) {
    if (!isObject(this)) throw new TypeError('Promise.try called on non-object');
    return new this((resolve) => resolve(callback(...args)));
  },
});
install(String.prototype, {
  isWellFormed() { return !/\p{Surrogate}/u.test(textOf(this)); },
  toWellFormed() { return textOf(this).replace(/\p{Surrogate}/gu, '\ufffd'); },
});
function textOf(value) {
  if (value == null) throw new TypeError(`String.prototype method called on ${value}`);
  return `${value}`;
}
install(RegExp, {
  escape(text) {
    if (typeof text !== 'string') throw new TypeError('Input is not a string');
    const hex = (c, width) => c.charCodeAt(0).toString(16).padStart(width, '0');
    const named2 = { '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r' };
    let made = '';
    for (const c of text) {
      if (made === '' && /[0-9a-zA-Z]/.test(c)) made += `\\x${hex(c, 2)}`;
      else if (/[\^$\\.*+?()[\]{}|/]/.test(c)) made += `\\${c}`;
      else if (named2[c] !== undefined) made += named2[c];
      else if (/[,\-=<>#&!%:;@~'`"]/.test(c)) made += `\\x${hex(c, 2)}`;
      else if (/[\s\ufeff]/.test(c) || (c.length === 1 && /\p{Surrogate}/u.test(c))) made += c.charCodeAt(0) < 256 ? `\\x${hex(c, 2)}` : `\\u${hex(c, 4)}`;
      else made += c;
    }
    return made;
  },
});
const kindOfObject = Object.prototype.toString;
install(Error, {
  isError(value) {
    if (!isObject(value)) return false;
    if (exports.isNativeError !== undefined) return exports.isNativeError(value);
    return hasOwn(value, 'stack') && Reflect.apply(kindOfObject, value, []) === '[object Error]';
  },
});
install(Math, {
  f16round(value) { return half(Number(value)); },
});
// To the nearest of 11 bits; ties to even.
function half(value) {
  if (!Number.isFinite(value) || value === 0) return value;
  const size = Math.abs(value);
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const unit = 2 ** (exponent - 10);
  let count = size / unit;
  const low = Math.floor(count);
  const rest = count - low;
  count = rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
  const rounded = count * unit;
  return (rounded >= 65520 ? Infinity : rounded) * Math.sign(value);
}

// ---- sets

const sizeOfSet = getOwnPropertyDescriptor(Set.prototype, 'size').get;
function recordOf(other) {
  if (!isObject(other)) throw new TypeError('The "other" of a set operation must be an object');
  const size = Number(other.size);
  if (Number.isNaN(size)) throw new TypeError("The 'size' property must be a number");
  if (integer(size) < 0) throw new RangeError(`'${size}' is an invalid size`);
  const has = callable(other.has);
  const keys = callable(other.keys);
  return {
    size: integer(size),
    has: (value) => Boolean(Reflect.apply(has, other, [value])),
    * keys() {
      const iterator = Reflect.apply(keys, other, []);
      if (!isObject(iterator)) throw new TypeError('keys() gave no iterator');
      const { next } = iterator;
      let done = false;
      try {
        for (;;) {
          const result = Reflect.apply(next, iterator, []);
          if (result.done) {
            done = true;
            return;
          }
          yield result.value;
        }
      } finally {
        if (!done) iterator.return?.();
      }
    },
  };
}
const sizeOf = (set) => Reflect.apply(sizeOfSet, set, []);
install(Set.prototype, {
  union(other) {
    sizeOf(this);
    const record = recordOf(other);
    const made = new Set(this);
    for (const value of record.keys()) made.add(value);
    return made;
  },
  intersection(other) {
    const size = sizeOf(this);
    const record = recordOf(other);
    const made = new Set();
    if (size <= record.size) {
      for (const value of this) if (record.has(value)) made.add(value);
    } else {
      for (const value of record.keys()) if (Set.prototype.has.call(this, value)) made.add(value);
    }
    return made;
  },
  difference(other) {
    const size = sizeOf(this);
    const record = recordOf(other);
    const made = new Set(this);
    if (size <= record.size) {
      for (const value of this) if (record.has(value)) made.delete(value);
    } else {
      for (const value of record.keys()) made.delete(value);
    }
    return made;
  },
  symmetricDifference(other) {
    sizeOf(this);
    const record = recordOf(other);
    const made = new Set(this);
    for (const value of record.keys()) {
      if (Set.prototype.has.call(this, value)) made.delete(value);
      else made.add(value);
    }
    return made;
  },
  isSubsetOf(other) {
    const size = sizeOf(this);
    const record = recordOf(other);
    if (size > record.size) return false;
    for (const value of this) if (!record.has(value)) return false;
    return true;
  },
  isSupersetOf(other) {
    const size = sizeOf(this);
    const record = recordOf(other);
    if (size < record.size) return false;
    for (const value of record.keys()) if (!Set.prototype.has.call(this, value)) return false;
    return true;
  },
  isDisjointFrom(other) {
    const size = sizeOf(this);
    const record = recordOf(other);
    if (size <= record.size) {
      for (const value of this) if (record.has(value)) return false;
    } else {
      for (const value of record.keys()) if (Set.prototype.has.call(this, value)) return false;
    }
    return true;
  },
});

// ---- iterators

if (globalThis.Iterator === undefined) {
  const proto = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const generatorProto = Object.getPrototypeOf(function* () {}.prototype);
  const states = new WeakMap();  // of helpers: { generator, iterator, started }

  const stateOf = (helper) => {
    const state = states.get(helper);
    if (state === undefined) throw new TypeError('next method called on incompatible receiver');
    return state;
  };
  const helperProto = Object.create(proto, {
    [Symbol.toStringTag]: { value: 'Iterator Helper', configurable: true },
  });
  install(helperProto, {
    next() {
      const state = stateOf(this);
      state.started = true;
      return generatorProto.next.call(state.generator);
    },
    return() {
      const state = stateOf(this);
      if (!state.started) {
        state.started = true;
        generatorProto.return.call(state.generator);
        state.iterator.return?.();
        return { value: undefined, done: true };
      }
      return generatorProto.return.call(state.generator);
    },
  });
  const helper = (iterator, generator) => {
    const made = Object.create(helperProto);
    states.set(made, { iterator, generator, started: false });
    return made;
  };
  const direct = (iterator) => {
    if (!isObject(iterator)) throw new TypeError('Iterator method called on non-object');
    return { iterator, next: iterator.next };
  };
  const step = ({ iterator, next }) => {
    const result = Reflect.apply(next, iterator, []);
    if (!isObject(result)) throw new TypeError(`Iterator result ${String(result)} is not an object`);
    return result;
  };
  // Goes through all; the iterator is closed when `visit` ends it (by returning true) or throws.
  const each = (record, visit) => {
    for (let i = 0; ; i++) {
      const result = step(record);
      if (result.done) return;
      let ends;
      const { value } = result;
      try {
        ends = visit(value, i);
      } catch (error) {
        try {
          record.iterator.return?.();
        } catch { /* the first error counts */ }
        throw error;
      }
      if (ends === true) {
        record.iterator.return?.();
        return;
      }
    }
  };
  const checked = (iterator, callback) => {
    if (!isObject(iterator)) throw new TypeError('Iterator method called on non-object');
    try {
      callable(callback);
    } catch (error) {
      iterator.return?.();
      throw error;
    }
    return direct(iterator);
  };
  // A generator over the underlying iterator, which it closes when it is left early.
  function* through(record, visit) {
    let done = false;
    try {
      for (let i = 0; ; i++) {
        let result;
        try {
          result = step(record);
          if (result.done) {
            done = true;
            return;
          }
        } catch (error) {
          done = true;
          throw error;
        }
        yield* visit(result.value, i);
      }
    } finally {
      if (!done) record.iterator.return?.();
    }
  }
  const count = (iterator, limit) => {
    try {
      const number = Number(limit);
      if (Number.isNaN(number)) throw new RangeError(`${String(limit)} must be positive`);
      const whole = number === Infinity ? number : integer(number);
      if (whole < 0) throw new RangeError(`${String(limit)} must be positive`);
      return whole;
    } catch (error) {
      iterator.return?.();
      throw error;
    }
  };
  const flattenable = (value, texts) => {
    if (!isObject(value) && !(texts && typeof value === 'string')) throw new TypeError(`${String(value)} is not an object`);
    const method = value[Symbol.iterator];
    const iterator = method == null ? value : Reflect.apply(method, value, []);
    return direct(iterator);
  };

  install(proto, {
    map(mapper) {
      const record = checked(this, mapper);
      return helper(this, through(record, function* (value, i) { yield mapper(value, i); }));
    },
    filter(predicate) {
      const record = checked(this, predicate);
      return helper(this, through(record, function* (value, i) { if (predicate(value, i)) yield value; }));
    },
    take(limit) {
      if (!isObject(this)) throw new TypeError('Iterator.prototype.take called on non-object');
      const most = count(this, limit);
      const record = direct(this);
      return helper(this, (function* () {
        let done = false;
        try {
          for (let left = most; left > 0; left--) {
            let result;
            try {
              result = step(record);
            } catch (error) {
              done = true;
              throw error;
            }
            if (result.done) {
              done = true;
              return;
            }
            yield result.value;
          }
        } finally {
          if (!done) record.iterator.return?.();
        }
      })());
    },
    drop(limit) {
      if (!isObject(this)) throw new TypeError('Iterator.prototype.drop called on non-object');
      const first = count(this, limit);
      const record = direct(this);
      return helper(this, through(record, function* (value, i) { if (i >= first) yield value; }));
    },
    flatMap(mapper) {
      const record = checked(this, mapper);
      return helper(this, through(record, function* (value, i) {
        const inner = flattenable(mapper(value, i), false);
        yield* through(inner, function* (each2) { yield each2; });
      }));
    },
    reduce(reducer, ...initial) {
      const record = checked(this, reducer);
      let first = initial.length === 0;
      let sum = initial[0];
      each(record, (value, i) => {
        sum = first ? value : reducer(sum, value, i);
        first = false;
      });
      if (first) throw new TypeError('Reduce of a done iterator with no initial value');
      return sum;
    },
    toArray() {
      const list = [];
      each(direct(this), (value) => { list.push(value); });
      return list;
    },
    forEach(callback) { each(checked(this, callback), (value, i) => { callback(value, i); }); },
    some(predicate) {
      let found = false;
      each(checked(this, predicate), (value, i) => (found = Boolean(predicate(value, i))));
      return found;
    },
    every(predicate) {
      let all = true;
      each(checked(this, predicate), (value, i) => !(all = Boolean(predicate(value, i))));
      return all;
    },
    find(predicate) {
      let found;
      each(checked(this, predicate), (value, i) => {
        if (!predicate(value, i)) return false;
        found = value;
        return true;
      });
      return found;
    },
  });
  named('reduce', proto.reduce, 1);

  const Iterator = function Iterator() {
    if (new.target === undefined || new.target === Iterator) throw new TypeError('Abstract class Iterator not directly constructable');
  };
  defineProperty(Iterator, 'prototype', { value: proto, writable: false, enumerable: false, configurable: false });
  const wrapProto = Object.create(proto);
  const wrapped = new WeakMap();
  install(wrapProto, {
    next() {
      const { iterator, next } = wrapped.get(this);
      return Reflect.apply(next, iterator, []);
    },
    return() {
      const { iterator } = wrapped.get(this);
      const method = iterator.return;
      return method === undefined ? { value: undefined, done: true } : Reflect.apply(method, iterator, []);
    },
  });
  install(Iterator, {
    from(value) {
      const record = flattenable(value, true);
      if (record.iterator instanceof Iterator) return record.iterator;
      const made = Object.create(wrapProto);
      wrapped.set(made, record);
      return made;
    },
    concat(...items) {
      const methods = items.map((item) => {
        if (!isObject(item)) throw new TypeError(`${String(item)} is not an object`);
        return [item, callable(item[Symbol.iterator])];
      });
      return helper({}, (function* () {
        for (const [item, method] of methods) yield* through(direct(Reflect.apply(method, item, [])), function* (value) { yield value; });
      })());
    },
  });
  // Accessors, because many derive from the prototype and assign these (ECMA-262, 27.1.4.1).
  const weird = (key, value) => defineProperty(proto, key, {
    configurable: true,
    enumerable: false,
    get() { return value; },
    set(other) {
      if (!isObject(this)) throw new TypeError('Iterator.prototype accessor called on non-object');
      if (this === proto) throw new TypeError('Cannot assign to this property');
      if (hasOwn(this, key)) this[key] = other;
      else defineProperty(this, key, { value: other, writable: true, enumerable: true, configurable: true });
    },
  });
  weird('constructor', Iterator);
  weird(Symbol.toStringTag, 'Iterator');
  defineProperty(globalThis, 'Iterator', { value: Iterator, writable: true, enumerable: false, configurable: true });
}

// ---- resources

for (const [name, key] of [['dispose', 'dispose'], ['asyncDispose', 'asyncDispose']]) {
  if (Symbol[name] === undefined) defineProperty(Symbol, name, { value: Symbol(`Symbol.${key}`), writable: false, enumerable: false, configurable: false });
}
const proto = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const asyncProto = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())));
install(proto, { [Symbol.dispose]() { this.return?.(); } });
install(asyncProto, {
  async [Symbol.asyncDispose]() {
    const method = this.return;
    if (method !== undefined) await Reflect.apply(method, this, []);
  },
});

if (globalThis.SuppressedError === undefined) {
  const SuppressedError = function SuppressedError(error, suppressed, message) {
    const made = Reflect.construct(Error, message === undefined ? [] : [message], new.target ?? SuppressedError);
    for (const [key, value] of [['error', error], ['suppressed', suppressed]]) {
      defineProperty(made, key, { value, writable: true, enumerable: false, configurable: true });
    }
    return made;
  };
  Object.setPrototypeOf(SuppressedError, Error);
  SuppressedError.prototype = Object.create(Error.prototype, {
    constructor: { value: SuppressedError, writable: true, configurable: true },
    name: { value: 'SuppressedError', writable: true, configurable: true },
    message: { value: '', writable: true, configurable: true },
  });
  defineProperty(SuppressedError, 'prototype', { writable: false });
  defineProperty(globalThis, 'SuppressedError', { value: SuppressedError, writable: true, enumerable: false, configurable: true });
}

function suppress(failure, error) {
  return failure === undefined ? { error } : { error: new SuppressedError(error, failure.error) };
}

if (globalThis.DisposableStack === undefined) {
  const methodOf = (value, asynchronous) => {
    if (asynchronous && value[Symbol.asyncDispose] != null) return callable(value[Symbol.asyncDispose]);
    const method = value[Symbol.dispose];
    if (method == null) throw new TypeError('Property [Symbol.dispose] is not a function');
    callable(method);
    return method;
  };
  const make = (name, asynchronous) => {
    const Stack = {
      [name]: class {
        #entries = [];
        #disposed = false;
        get disposed() { return this.#disposed; }
        #check() { if (this.#disposed) throw new ReferenceError(`Cannot add values to a disposed stack!`); }
        use(value) {
          this.#check();
          if (value == null) {
            if (asynchronous) this.#entries.push(() => undefined);
            return value;
          }
          if (!isObject(value)) throw new TypeError(`${String(value)} is not an object`);
          const method = methodOf(value, asynchronous);
          this.#entries.push(() => Reflect.apply(method, value, []));
          return value;
        }
        adopt(value, onDispose) {
          this.#check();
          callable(onDispose);
          this.#entries.push(() => onDispose(value));
          return value;
        }
        defer(onDispose) {
          this.#check();
          callable(onDispose);
          this.#entries.push(() => onDispose());
        }
        move() {
          this.#check();
          const moved = new Stack();
          moved.#entries = this.#entries;
          this.#entries = [];
          this.#disposed = true;
          return moved;
        }
        [asynchronous ? 'disposeAsync' : 'dispose']() {
          if (this.#disposed) return asynchronous ? Promise.resolve() : undefined;
          this.#disposed = true;
          const entries = this.#entries.reverse();
          this.#entries = [];
          return asynchronous ? allAsync(entries) : all(entries);
        }
      },
    }[name];
    const key = asynchronous ? Symbol.asyncDispose : Symbol.dispose;
    defineProperty(Stack.prototype, key, { value: Stack.prototype[asynchronous ? 'disposeAsync' : 'dispose'], writable: true, enumerable: false, configurable: true });
    defineProperty(Stack.prototype, Symbol.toStringTag, { value: name, configurable: true });
    defineProperty(globalThis, name, { value: Stack, writable: true, enumerable: false, configurable: true });
  };
  const all = (entries) => {
    let failure;
    for (const entry of entries) {
      try {
        entry();
      } catch (error) {
        failure = suppress(failure, error);
      }
    }
    if (failure !== undefined) throw failure.error;
  };
  const allAsync = async (entries) => {
    let failure;
    for (const entry of entries) {
      try {
        await entry();
      } catch (error) {
        failure = suppress(failure, error);
      }
    }
    if (failure !== undefined) throw failure.error;
  };
  make('DisposableStack', false);
  make('AsyncDisposableStack', true);
}

// ---- bytes

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
function bytesOf(value) {
  if (Reflect.apply(kindOf, value, []) !== 'Uint8Array') throw new TypeError('this is not a Uint8Array');
  return value;
}
function alphabetOf(options) {
  if (options !== undefined && !isObject(options)) throw new TypeError('options must be an object');
  const alphabet = options?.alphabet ?? 'base64';
  if (alphabet !== 'base64' && alphabet !== 'base64url') throw new TypeError("alphabet must be 'base64' or 'base64url'");
  return alphabet;
}
// { bytes, read } of at most `most` bytes.
function decodeBase64(text, options, most) {
  if (typeof text !== 'string') throw new TypeError('Input is not a string');
  const url = alphabetOf(options) === 'base64url';
  const last = options?.lastChunkHandling ?? 'loose';
  if (!['loose', 'strict', 'stop-before-partial'].includes(last)) throw new TypeError('lastChunkHandling is not known');
  const bytes = [];
  let read = 0;
  let chunk = [];
  let i = 0;
  const fail = () => { throw new SyntaxError('The input is not correctly base64 encoded'); };
  const blank = (c) => c === ' ' || c === '\t' || c === '\n' || c === '\f' || c === '\r';
  const give = (count) => {
    const bits = chunk.reduce((sum, digit) => sum << 6 | digit, 0) << (6 * (4 - chunk.length));
    for (let j = 0; j < count; j++) bytes.push(bits >> (16 - 8 * j) & 255);
    if (last === 'strict' && count < 3 && (bits & (count === 1 ? 0xffff : 0xff)) !== 0) fail();
    chunk = [];
  };
  while (bytes.length < most) {
    while (i < text.length && blank(text[i])) i++;
    if (i >= text.length) {
      if (chunk.length === 0) return { bytes, read: text.length };
      if (last === 'stop-before-partial') return { bytes, read };
      if (last === 'strict' || chunk.length === 1) fail();
      give(chunk.length - 1);
      return { bytes, read: text.length };
    }
    const c = text[i++];
    if (c === '=') {
      if (chunk.length < 2) fail();
      while (i < text.length && blank(text[i])) i++;
      if (chunk.length === 2) {
        if (i >= text.length) {
          if (last === 'stop-before-partial') return { bytes, read };
          fail();
        }
        if (text[i] !== '=') fail();
        i++;
        while (i < text.length && blank(text[i])) i++;
      }
      if (i < text.length) fail();
      give(chunk.length - 1);
      return { bytes, read: text.length };
    }
    let digit = BASE64.indexOf(c);
    if (url) digit = c === '-' ? 62 : c === '_' ? 63 : c === '+' || c === '/' ? -1 : digit;
    if (digit < 0) fail();
    // What does not fit is left.
    const left = most - bytes.length;
    if ((left === 1 && chunk.length === 2) || (left === 2 && chunk.length === 3)) return { bytes, read };
    chunk.push(digit);
    if (chunk.length === 4) {
      give(3);
      read = i;
    }
  }
  return { bytes, read };
}
function decodeHex(text, most) {
  if (typeof text !== 'string') throw new TypeError('Input is not a string');
  if (text.length % 2 !== 0) throw new SyntaxError('Input string must contain hex characters in even length');
  const bytes = [];
  let read = 0;
  while (read < text.length && bytes.length < most) {
    const pair = text.slice(read, read + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) throw new SyntaxError('Input string must contain hex characters');
    bytes.push(Number.parseInt(pair, 16));
    read += 2;
  }
  return { bytes, read };
}
install(Uint8Array, {
  fromBase64(text, options = undefined) { return new Uint8Array(decodeBase64(text, options, Infinity).bytes); },
  fromHex(text) { return new Uint8Array(decodeHex(text, Infinity).bytes); },
});
named('fromBase64', Uint8Array.fromBase64, 1);
install(Uint8Array.prototype, {
  toBase64(options = undefined) {
    bytesOf(this);
    const url = alphabetOf(options) === 'base64url';
    let made = '';
    for (let i = 0; i < this.length; i += 3) {
      const bits = this[i] << 16 | (this[i + 1] ?? 0) << 8 | (this[i + 2] ?? 0);
      const count = Math.min(this.length - i, 3) + 1;
      for (let j = 0; j < count; j++) made += BASE64[bits >> (18 - 6 * j) & 63];
      if (!options?.omitPadding) made += '='.repeat(4 - count);
    }
    return url ? made.replaceAll('+', '-').replaceAll('/', '_') : made;
  },
  toHex() {
    let made = '';
    for (const byte of bytesOf(this)) made += (byte < 16 ? '0' : '') + byte.toString(16);
    return made;
  },
  setFromBase64(text, options = undefined) {
    const { bytes, read } = decodeBase64(text, options, bytesOf(this).length);
    this.set(bytes);
    return { read, written: bytes.length };
  },
  setFromHex(text) {
    const { bytes, read } = decodeHex(text, bytesOf(this).length);
    this.set(bytes);
    return { read, written: bytes.length };
  },
});
const byteLengthOf = getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;
const isDetached = (buffer) => {
  if (Reflect.apply(byteLengthOf, buffer, []) > 0) return false;
  try {
    return new Uint8Array(buffer) === null;
  } catch {
    return true;
  }
};
if (getOwnPropertyDescriptor(ArrayBuffer.prototype, 'detached') === undefined) {
  defineProperty(ArrayBuffer.prototype, 'detached', { configurable: true, enumerable: false, get: named('get detached', function() { return isDetached(this); }) });
}
function installTransfer(detach) {
  const move = (buffer, length) => {
    const size = Reflect.apply(byteLengthOf, buffer, []);
    const wanted = length === undefined ? size : integer(length);
    if (wanted < 0) throw new RangeError('Invalid array buffer length');
    if (isDetached(buffer)) throw new TypeError('Cannot perform ArrayBuffer.prototype.transfer on a detached ArrayBuffer');
    const made = wanted <= size ? buffer.slice(0, wanted) : new ArrayBuffer(wanted);
    if (wanted > size) new Uint8Array(made).set(new Uint8Array(buffer));
    detach(buffer);
    return made;
  };
  install(ArrayBuffer.prototype, {
    transfer(newLength = undefined) { return move(this, newLength); },
    transferToFixedLength(newLength = undefined) { return move(this, newLength); },
  });
  named('transfer', ArrayBuffer.prototype.transfer, 0);
  named('transferToFixedLength', ArrayBuffer.prototype.transferToFixedLength, 0);
}
// Not in contexts of node:vm: taking memory away from a buffer, and knowing an error for certain, are the engine's.
if (typeof require === 'function') {
  installTransfer((buffer) => internalBinding('messaging').detach(buffer));
  exports.isNativeError = (value) => internalBinding('types').types.isNativeError(value);
}
