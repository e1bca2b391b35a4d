// SPDX-License-Identifier: Apache-2.0
// Event, EventTarget, AbortController, AbortSignal (DOM Standard) and DOMException (Web IDL), without a tree.
'use strict';

const { codes } = require('internal/errors');

const kInspect = Symbol.for('nodejs.util.inspect.custom');
const inspectAs = (object, depth, options, fields) => {
  if (depth < 0) return object.constructor.name;
  const inner = { ...options, depth: Number.isInteger(options.depth) ? options.depth - 1 : options.depth };
  return `${object.constructor.name} ${require('internal/inspect').inspect(fields, inner)}`;
};
const enumerable = (target, ...names) => {
  for (const name of names) Object.defineProperty(target, name, { enumerable: true });
};
const validators = () => require('internal/validators');

// ---- DOMException

const EXCEPTIONS = [
  ['IndexSizeError', 'INDEX_SIZE_ERR', 1], [undefined, 'DOMSTRING_SIZE_ERR', 2], ['HierarchyRequestError', 'HIERARCHY_REQUEST_ERR', 3],
  ['WrongDocumentError', 'WRONG_DOCUMENT_ERR', 4], ['InvalidCharacterError', 'INVALID_CHARACTER_ERR', 5], [undefined, 'NO_DATA_ALLOWED_ERR', 6],
  ['NoModificationAllowedError', 'NO_MODIFICATION_ALLOWED_ERR', 7], ['NotFoundError', 'NOT_FOUND_ERR', 8], ['NotSupportedError', 'NOT_SUPPORTED_ERR', 9],
  ['InUseAttributeError', 'INUSE_ATTRIBUTE_ERR', 10], ['InvalidStateError', 'INVALID_STATE_ERR', 11], ['SyntaxError', 'SYNTAX_ERR', 12],
  ['InvalidModificationError', 'INVALID_MODIFICATION_ERR', 13], ['NamespaceError', 'NAMESPACE_ERR', 14], ['InvalidAccessError', 'INVALID_ACCESS_ERR', 15],
  [undefined, 'VALIDATION_ERR', 16], ['TypeMismatchError', 'TYPE_MISMATCH_ERR', 17], ['SecurityError', 'SECURITY_ERR', 18], ['NetworkError', 'NETWORK_ERR', 19],
  ['AbortError', 'ABORT_ERR', 20], ['URLMismatchError', 'URL_MISMATCH_ERR', 21], ['QuotaExceededError', 'QUOTA_EXCEEDED_ERR', 22], ['TimeoutError', 'TIMEOUT_ERR', 23],
  ['InvalidNodeTypeError', 'INVALID_NODE_TYPE_ERR', 24], ['DataCloneError', 'DATA_CLONE_ERR', 25],
];
const CODES = { __proto__: null };
for (const [name, , code] of EXCEPTIONS) if (name !== undefined) CODES[name] = code;

class DOMException extends Error {
  #name;
  constructor(message = '', options = 'Error') {
    super(`${message}`);
    const isObject = typeof options === 'object' && options !== null;
    this.#name = isObject ? `${'name' in options ? options.name : 'Error'}` : `${options}`;
    if (isObject && 'cause' in options) Object.defineProperty(this, 'cause', { value: options.cause, configurable: true, enumerable: false, writable: true });
    // The stack was made before the name was known.
    Object.defineProperty(this, 'stack', { value: `${this.#name}${String(this.stack).slice('Error'.length)}`, writable: true, configurable: true });
  }
  get name() {
    if (typeof this !== 'object' || this === null || !(#name in this)) throw new codes.ERR_INVALID_THIS('DOMException');
    return this.#name;
  }
  get code() {
    if (typeof this !== 'object' || this === null || !(#name in this)) throw new codes.ERR_INVALID_THIS('DOMException');
    return CODES[this.#name] || 0;
  }
}
Object.defineProperty(DOMException.prototype, Symbol.toStringTag, { value: 'DOMException', configurable: true });
for (const [, name, value] of EXCEPTIONS) {
  Object.defineProperty(DOMException, name, { value, enumerable: true });
  Object.defineProperty(DOMException.prototype, name, { value, enumerable: true });
}
enumerable(DOMException.prototype, 'name', 'code');

// ---- Event

const trusted = new WeakSet();
const isTrusted = Object.getOwnPropertyDescriptor({ get isTrusted() { return trusted.has(this); } }, 'isTrusted').get;

class Event {
  #type; #bubbles = false; #cancelable = false; #composed = false; #time;
  #target = null; #dispatched = false; #stopped = false; #stoppedNow = false; #prevented = false; #passive = false;
  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    if (options !== undefined && options !== null) {
      validators().validateObject(options, 'options', 7);
      this.#bubbles = !!options.bubbles;
      this.#cancelable = !!options.cancelable;
      this.#composed = !!options.composed;
    }
    this.#type = `${type}`;
    this.#time = internalBinding('process').now();
    Object.defineProperty(this, 'isTrusted', { get: isTrusted, enumerable: true, configurable: false });
  }
  static check(event) {
    if (event === null || typeof event !== 'object' || !(#type in event)) throw new codes.ERR_INVALID_THIS('Event');
    return event;
  }
  static is(value) { return value !== null && typeof value === 'object' && #type in value; }
  static begin(event, target) {
    event.#target = target;
    event.#dispatched = true;
  }
  static end(event) {
    event.#dispatched = false;
    event.#stopped = event.#stoppedNow = false;
  }
  static isDispatched(event) { return event.#dispatched; }
  static stoppedNow(event) { return event.#stoppedNow; }
  static setPassive(event, passive) { event.#passive = passive; }
  initEvent(type, bubbles = false, cancelable = false) {
    check(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    if (this.#dispatched) return;
    this.#type = `${type}`;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
  }
  [kInspect](depth, options) {
    check(this);
    return inspectAs(this, depth, options, { type: this.#type, defaultPrevented: this.defaultPrevented, cancelable: this.#cancelable, timeStamp: this.#time });
  }
  stopImmediatePropagation() {
    check(this);
    this.#stopped = this.#stoppedNow = true;
  }
  preventDefault() {
    check(this);
    if (this.#cancelable && !this.#passive) this.#prevented = true;
  }
  get target() { return check(this).#target; }
  get currentTarget() { return check(this).#dispatched ? this.#target : null; }
  get srcElement() { return check(this).#target; }
  get type() { return check(this).#type; }
  get cancelable() { return check(this).#cancelable; }
  get defaultPrevented() { return check(this).#cancelable && this.#prevented; }
  get timeStamp() { return check(this).#time; }
  composedPath() { return check(this).#dispatched ? [this.#target] : []; }
  get returnValue() { return !check(this).#cancelable || !this.#prevented; }
  set returnValue(value) { if (!value) this.preventDefault(); }
  get bubbles() { return check(this).#bubbles; }
  get composed() { return check(this).#composed; }
  get eventPhase() { return check(this).#dispatched ? 2 : 0; }
  get cancelBubble() { return check(this).#stopped; }
  set cancelBubble(value) {
    check(this);
    if (value) this.#stopped = true;
  }
  stopPropagation() { check(this).#stopped = true; }
}
const { check, is: isEvent, begin, end, isDispatched, stoppedNow, setPassive } = Event;
for (const name of ['check', 'is', 'begin', 'end', 'isDispatched', 'stoppedNow', 'setPassive']) delete Event[name];
for (const [name, value] of [['NONE', 0], ['CAPTURING_PHASE', 1], ['AT_TARGET', 2], ['BUBBLING_PHASE', 3]]) {
  Object.defineProperty(Event, name, { value, enumerable: true });
  Object.defineProperty(Event.prototype, name, { value, enumerable: true });
}
enumerable(Event.prototype, 'initEvent', 'stopImmediatePropagation', 'preventDefault', 'target', 'currentTarget', 'srcElement', 'type', 'cancelable', 'defaultPrevented',
  'timeStamp', 'composedPath', 'returnValue', 'bubbles', 'composed', 'eventPhase', 'cancelBubble', 'stopPropagation');

class CustomEvent extends Event {
  #detail;
  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    super(type, options);
    this.#detail = options?.detail ?? null;
  }
  get detail() {
    if (!(#detail in this)) throw new codes.ERR_INVALID_THIS('CustomEvent');
    return this.#detail;
  }
}
enumerable(CustomEvent.prototype, 'detail');

// ---- EventTarget

// Error of a listener: to 'uncaughtException', after the others have run.
const throwLater = (error) => require('internal/ticks').nextTick(() => { throw error; });
const limits = new WeakMap();
const warned = new WeakMap();

function isListener(listener) {
  if (typeof listener === 'function' || (typeof listener === 'object' && listener !== null)) return true;
  if (listener === null || listener === undefined) return false;
  throw new codes.ERR_INVALID_ARG_TYPE('listener', 'EventListener', listener);
}

function captureOf(options) {
  if (typeof options === 'boolean') return options;
  if (options === null || options === undefined) return false;
  return !!options.capture;
}

class EventTarget {
  #listeners = new Map();   // type -> entries; a list is replaced when it changes, so that a dispatch sees its own
  static check(target) {
    if (target === null || target === undefined || (typeof target !== 'object' && typeof target !== 'function') || !(#listeners in target)) throw new codes.ERR_INVALID_THIS('EventTarget');
  }
  addEventListener(type, listener, options = undefined) {
    checkTarget(this);
    if (arguments.length < 2) throw new codes.ERR_MISSING_ARGS('type', 'listener');
    let capture = false;
    let once = false;
    let passive = false;
    let signal;
    if (typeof options === 'boolean') {
      capture = options;
    } else if (options !== undefined && options !== null) {
      validators().validateObject(options, 'options', 7);
      ({ signal } = options);
      once = !!options.once;
      capture = !!options.capture;
      passive = !!options.passive;
      if (signal !== undefined) validators().validateAbortSignal(signal, 'options.signal');
    }
    if (!isListener(listener)) {
      const warning = new Error(`addEventListener called with ${listener} which has no effect.`);
      warning.name = 'AddEventListenerArgumentTypeWarning';
      warning.target = this;
      warning.type = type;
      require('internal/process').process.emitWarning(warning);
      return;
    }
    type = `${type}`;
    if (signal) {
      if (signal.aborted) return;
      addResistant(signal, 'abort', () => this.removeEventListener(type, listener, options));
    }
    add(this, type, { callback: listener, capture, once, passive, resistant: false });
  }
  removeEventListener(type, listener, options = undefined) {
    checkTarget(this);
    if (arguments.length < 2) throw new codes.ERR_MISSING_ARGS('type', 'listener');
    if (!isListener(listener)) return;
    const capture = captureOf(options);
    remove(this, `${type}`, (entry) => entry.callback === listener && entry.capture === capture);
  }
  dispatchEvent(event) {
    checkTarget(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('event');
    if (!isEvent(event)) throw new codes.ERR_INVALID_ARG_TYPE('event', 'Event', event);
    if (isDispatched(event)) throw new codes.ERR_EVENT_RECURSION(event.type);
    return dispatch(this, event);
  }
  [kInspect](depth, options) {
    checkTarget(this);
    return inspectAs(this, depth, options, {});
  }
  static add(target, type, entry) {
    const list = target.#listeners.get(type);
    if (list === undefined) {
      target.#listeners.set(type, [entry]);
    } else {
      for (const each of list) if (each.callback === entry.callback && each.capture === entry.capture) return;
      target.#listeners.set(type, [...list, entry]);
      if (list.length >= 10) warnOfLeak(target, type, list.length + 1);
    }
    if (target instanceof AbortSignal) AbortSignal.prototype[kKeep].call(target, type);
  }
  static remove(target, type, matches) {
    const list = target.#listeners.get(type);
    if (list === undefined) return;
    const at = list.findIndex(matches);
    if (at === -1) return;
    list[at].removed = true;
    if (list.length === 1) target.#listeners.delete(type);
    else target.#listeners.set(type, list.filter((entry, i) => i !== at));
    if (target instanceof AbortSignal) AbortSignal.prototype[kKeep].call(target, type);
  }
  static dispatch(target, event) {
    const list = target.#listeners.get(event.type);
    if (list === undefined) {
      begin(event, target);
      end(event);
      return !event.defaultPrevented;
    }
    begin(event, target);
    for (const entry of list) {
      if (entry.removed || (stoppedNow(event) && !entry.resistant)) continue;
      if (entry.once) remove(target, event.type, (each) => each === entry);
      if (entry.passive) setPassive(event, true);
      try {
        const { callback } = entry;
        let result;
        if (typeof callback === 'function') {
          result = Reflect.apply(callback, target, [entry.plain ? event.detail : event]);
        } else {
          const { handleEvent } = callback;
          if (typeof handleEvent === 'function') result = Reflect.apply(handleEvent, callback, [event]);
        }
        if (result !== undefined && result !== null) {
          const { then } = result;
          if (typeof then === 'function') Reflect.apply(then, result, [undefined, throwLater]);
        }
      } catch (error) {
        throwLater(error);
      }
      if (entry.passive) setPassive(event, false);
    }
    end(event);
    return !event.defaultPrevented;
  }
  static listenersOf(target, type) { return (target.#listeners.get(`${type}`) || []).map((entry) => entry.callback); }
  static typesOf(target) { return [...target.#listeners.keys()]; }
  // Hears of the event also where a listener before it has stopped it; once.
  static addResistant(target, type, callback) {
    if (!(#listeners in target)) {
      target.addEventListener(type, callback, { once: true });
      return;
    }
    add(target, type, { callback, capture: false, once: true, passive: false, resistant: true });
  }
  static has(target, type) { return target.#listeners.has(type); }
}
const { add, remove, dispatch, has: hasListeners, listenersOf, typesOf, addResistant, check: checkTarget } = EventTarget;
for (const name of ['add', 'remove', 'dispatch', 'has', 'listenersOf', 'typesOf', 'addResistant', 'check']) delete EventTarget[name];
enumerable(EventTarget.prototype, 'addEventListener', 'removeEventListener', 'dispatchEvent');

const limitOf = (target) => limits.get(target) ?? (target instanceof AbortSignal ? 0 : undefined);

function warnOfLeak(target, type, count) {
  const limit = limitOf(target) ?? require('internal/emitter').EventEmitter.defaultMaxListeners;
  if (limit === 0 || count <= limit) return;
  const known = warned.get(target) ?? new Set();
  if (known.has(type)) return;
  warned.set(target, known.add(type));
  const warning = new Error(`Possible EventTarget memory leak detected. ${count} ${type} listeners added to ${
    require('internal/inspect').inspect(target, { depth: -1 })}. MaxListeners is ${limit}. Use events.setMaxListeners() to increase limit`);
  warning.name = 'MaxListenersExceededWarning';
  warning.target = target;
  warning.type = type;
  warning.count = count;
  require('internal/process').process.emitWarning(warning);
}

// An attribute on<type>: one listener, whose place stays while it is exchanged.
function defineEventHandler(prototype, type, name = type) {
  const handlers = new WeakMap();
  function get() { return handlers.get(this)?.handler ?? null; }
  function set(value) {
    const known = handlers.get(this);
    const handler = typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : null;
    if (known !== undefined) {
      known.handler = handler;
      if (handler === null) {
        this.removeEventListener(type, known.listener);
        handlers.delete(this);
      }
      return;
    }
    if (handler === null) return;
    const state = {
      handler,
      listener: (event) => {
        if (typeof state.handler !== 'function') return undefined;
        const result = Reflect.apply(state.handler, this, [event]);
        if (result === false) event.preventDefault();
        return result;
      },
    };
    handlers.set(this, state);
    this.addEventListener(type, state.listener);
  }
  Object.defineProperty(get, 'name', { value: `get on${name}` });
  Object.defineProperty(set, 'name', { value: `set on${name}` });
  Object.defineProperty(prototype, `on${name}`, { get, set, configurable: true, enumerable: true });
}

// ---- AbortSignal, AbortController

const kMake = Symbol('AbortSignal');
const kKeep = Symbol('kKeep');
const kDependants = Symbol('kDependantSignals');

// Signals made by any() that somebody listens to: nothing else may hold them.
const kept = new Set();
let dependants;
const forget = ({ source, reference }) => { source.deref()?.[kDependants]?.delete(reference); };

class AbortSignal extends EventTarget {
  #aborted = false; #reason = undefined; #sources = null;
  constructor(key) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    super();
  }
  static check(signal) {
    if (signal === null || typeof signal !== 'object' || !(#aborted in signal)) throw new codes.ERR_INVALID_THIS('AbortSignal');
    return signal;
  }
  static is(value) { return value !== null && typeof value === 'object' && #aborted in value; }
  get aborted() { return checkSignal(this).#aborted; }
  get reason() { return checkSignal(this).#reason; }
  throwIfAborted() { if (checkSignal(this).#aborted) throw this.#reason; }
  [kInspect](depth, options) { return inspectAs(this, depth, options, { aborted: checkSignal(this).#aborted }); }
  [kKeep](type) {
    if (type !== 'abort' || this.#sources === null || this.#aborted) return;
    if (hasListeners(this, 'abort')) kept.add(this);
    else kept.delete(this);
  }
  static abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    const signal = new AbortSignal(kMake);
    signal.#aborted = true;
    signal.#reason = reason;
    return signal;
  }
  static timeout(delay) {
    validators().validateUint32(delay, 'delay', false);
    const signal = new AbortSignal(kMake);
    require('internal/timers').setTimeout(() => trigger(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), delay).unref();
    return signal;
  }
  static any(signals) {
    if (signals === null || signals === undefined || typeof signals[Symbol.iterator] !== 'function') throw new codes.ERR_INVALID_ARG_TYPE('signals', 'Iterable', signals);
    const list = [...signals];
    list.forEach((each, i) => { if (!isSignal(each)) throw new codes.ERR_INVALID_ARG_TYPE(`signals[${i}]`, 'AbortSignal', each); });
    const signal = new AbortSignal(kMake);
    signal.#sources = new Set();
    for (const each of list) {
      if (each.#aborted) {
        signal.#aborted = true;
        signal.#reason = each.#reason;
        return signal;
      }
    }
    for (const each of list) {
      // Of a signal that depends on others, those others.
      const sources = each.#sources === null ? [each] : [...each.#sources].map((reference) => reference.deref()).filter((source) => source !== undefined);
      for (const source of sources) link(signal, source);
    }
    return signal;
  }
  static link(signal, source) {
    for (const reference of signal.#sources) if (reference.deref() === source) return;
    const weak = new WeakRef(source);
    signal.#sources.add(weak);
    const reference = new WeakRef(signal);
    if (source[kDependants] === undefined) Object.defineProperty(source, kDependants, { value: new Set(), configurable: true, enumerable: false, writable: true });
    source[kDependants].add(reference);
    dependants ??= new FinalizationRegistry(forget);
    dependants.register(signal, { source: weak, reference });
  }
  static trigger(signal, reason) {
    if (signal.#aborted) return;
    const all = [signal];
    signal.#aborted = true;
    signal.#reason = reason;
    for (const reference of signal[kDependants] ?? []) {
      const dependant = reference.deref();
      if (dependant === undefined || dependant.#aborted) continue;
      dependant.#aborted = true;
      dependant.#reason = reason;
      all.push(dependant);
    }
    for (const each of all) {
      kept.delete(each);
      if (!hasListeners(each, 'abort')) continue;
      const event = new Event('abort');
      trusted.add(event);
      dispatch(each, event);
    }
    if (signal[kDependants] !== undefined) signal[kDependants].clear();
  }
}
const { trigger, link, check: checkSignal, is: isSignal } = AbortSignal;
for (const name of ['trigger', 'link', 'check', 'is']) delete AbortSignal[name];
enumerable(AbortSignal.prototype, 'aborted', 'reason', 'throwIfAborted');
defineEventHandler(AbortSignal.prototype, 'abort');

class AbortController {
  #signal;
  static check(controller) {
    if (controller === null || typeof controller !== 'object' || !(#signal in controller)) throw new codes.ERR_INVALID_THIS('AbortController');
  }
  get signal() {
    checkController(this);
    return this.#signal ??= new AbortSignal(kMake);
  }
  abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    checkController(this);
    trigger(this.#signal ??= new AbortSignal(kMake), reason);
  }
  [kInspect](depth, options) { return inspectAs(this, depth, options, { signal: this.signal }); }
}
const { check: checkController } = AbortController;
delete AbortController.check;
enumerable(AbortController.prototype, 'signal', 'abort');

for (const value of [DOMException, Event, EventTarget, AbortSignal, AbortController, CustomEvent]) {
  if (value !== DOMException) Object.defineProperty(value.prototype, Symbol.toStringTag, { value: value.name, configurable: true });
  Object.defineProperty(globalThis, value.name, { value, writable: true, configurable: true, enumerable: false });
  exports[value.name] = value;
}
Object.assign(exports, {
  hasListeners, listenersOf, typesOf, addListener: add, removeListenerWhere: remove, addResistantListener: addResistant, defineEventHandler, isEvent, isSignal,
  // An event that the runtime itself made.
  trust: (event) => { trusted.add(event); },
  getMaxListeners: limitOf, setMaxListeners: (target, n) => limits.set(target, n),
});
