// SPDX-License-Identifier: Apache-2.0
// Event, EventTarget, AbortController, AbortSignal (DOM Standard) and DOMException (Web IDL), without a tree.
'use strict';

const CODES = {
  IndexSizeError: 1, HierarchyRequestError: 3, InvalidCharacterError: 5, NotFoundError: 8, NotSupportedError: 9, InvalidStateError: 11,
  SyntaxError: 12, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18, NetworkError: 19, AbortError: 20, URLMismatchError: 21,
  QuotaExceededError: 22, TimeoutError: 23, DataCloneError: 25,
};

class DOMException extends Error {
  #name;
  constructor(message = '', options = 'Error') {
    super(`${message}`);
    this.#name = typeof options === 'object' && options !== null ? `${options.name ?? 'Error'}` : `${options}`;
    if (typeof options === 'object' && options !== null && 'cause' in options) this.cause = options.cause;
    // The stack was made before the name was known.
    Object.defineProperty(this, 'stack', { value: `${this.#name}${String(this.stack).slice('Error'.length)}`, writable: true, configurable: true });
  }
  get name() { return this.#name; }
  get code() { return CODES[this.#name] || 0; }
}
Object.defineProperty(DOMException.prototype, Symbol.toStringTag, { value: 'DOMException', configurable: true });

class Event {
  #type; #options; #stopped = false; #stoppedNow = false; #prevented = false; #time;
  target = null;
  currentTarget = null;
  constructor(type, options = {}) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    this.#type = `${type}`;
    this.#options = options || {};
    this.#time = require('internal/events').now();
  }
  get type() { return this.#type; }
  get bubbles() { return !!this.#options.bubbles; }
  get cancelable() { return !!this.#options.cancelable; }
  get composed() { return !!this.#options.composed; }
  get defaultPrevented() { return this.#prevented; }
  get timeStamp() { return this.#time; }
  get srcElement() { return this.target; }
  get eventPhase() { return this.currentTarget ? 2 : 0; }
  get returnValue() { return !this.#prevented; }
  get isTrusted() { return false; }
  get cancelBubble() { return this.#stopped; }
  preventDefault() { if (this.#options.cancelable) this.#prevented = true; }
  stopPropagation() { this.#stopped = true; }
  stopImmediatePropagation() { this.#stopped = this.#stoppedNow = true; }
  composedPath() { return this.currentTarget ? [this.currentTarget] : []; }
  static stoppedNow(event) { return event.#stoppedNow; }
}
const { stoppedNow } = Event;
delete Event.stoppedNow;

class EventTarget {
  #listeners = new Map();
  addEventListener(type, callback, options = {}) {
    if (callback === null || callback === undefined) return;
    if (typeof options === 'boolean') options = { capture: options };
    const list = this.#listeners.get(`${type}`) || [];
    const capture = !!options.capture;
    if (list.some((entry) => entry.callback === callback && entry.capture === capture)) return;
    if (options.signal) {
      if (options.signal.aborted) return;
      options.signal.addEventListener('abort', () => this.removeEventListener(type, callback, options), { once: true });
    }
    this.#listeners.set(`${type}`, [...list, { callback, capture, once: !!options.once }]);
  }
  removeEventListener(type, callback, options = {}) {
    const capture = typeof options === 'boolean' ? options : !!(options && options.capture);
    const list = this.#listeners.get(`${type}`);
    if (list) this.#listeners.set(`${type}`, list.filter((entry) => entry.callback !== callback || entry.capture !== capture));
  }
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The "event" argument must be an instance of Event.');
    event.target = event.currentTarget = this;
    for (const entry of this.#listeners.get(event.type) || []) {
      if (stoppedNow(event) && !entry.resistant) continue;
      if (entry.once) this.removeEventListener(event.type, entry.callback, { capture: entry.capture });
      try {
        if (typeof entry.callback === 'function') Reflect.apply(entry.callback, this, [event]);
        else entry.callback.handleEvent(event);
      } catch (error) {
        require('internal/ticks').nextTick(() => { throw error; });
      }
    }
    event.currentTarget = null;
    return !event.defaultPrevented;
  }
  static listenersOf(target, type) { return (target.#listeners.get(`${type}`) || []).map((entry) => entry.callback); }
  static addResistant(target, type, callback) {
    target.#listeners.set(type, [...(target.#listeners.get(type) || []), { callback, capture: false, once: true, resistant: true }]);
  }
  static has(target, type) { return (target.#listeners.get(type) || []).length > 0; }
}
const { has: hasListeners, listenersOf, addResistant: addResistantListener } = EventTarget;
delete EventTarget.has;
delete EventTarget.listenersOf;
delete EventTarget.addResistant;
const limits = new WeakMap();

const kMake = Symbol('AbortSignal');
for (const [name, value] of [['NONE', 0], ['CAPTURING_PHASE', 1], ['AT_TARGET', 2], ['BUBBLING_PHASE', 3]]) {
  Object.defineProperty(Event, name, { value, enumerable: true });
  Object.defineProperty(Event.prototype, name, { value, enumerable: true });
}
class AbortSignal extends EventTarget {
  #aborted = false; #reason = undefined; #handler = null;
  constructor(key) {
    super();
    if (key !== kMake) {
      const error = new TypeError('Illegal constructor');
      error.code = 'ERR_ILLEGAL_CONSTRUCTOR';
      throw error;
    }
  }
  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  get onabort() { return this.#handler; }
  set onabort(handler) {
    if (this.#handler) this.removeEventListener('abort', this.#handler);
    this.#handler = typeof handler === 'function' ? handler : null;
    if (this.#handler) this.addEventListener('abort', this.#handler);
  }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }
  static abort(reason) {
    const signal = new AbortSignal(kMake);
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    return signal;
  }
  static timeout(ms) {
    const signal = new AbortSignal(kMake);
    require('internal/timers').setTimeout(() => trigger(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms).unref();
    return signal;
  }
  static any(signals) {
    const signal = new AbortSignal(kMake);
    for (const each of signals) {
      if (each.aborted) {
        trigger(signal, each.reason);
        break;
      }
      each.addEventListener('abort', () => trigger(signal, each.reason), { once: true });
    }
    return signal;
  }
  static trigger(signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    signal.dispatchEvent(new Event('abort'));
  }
}
const { trigger } = AbortSignal;
delete AbortSignal.trigger;

class AbortController {
  #signal = new AbortSignal(kMake);
  get signal() { return this.#signal; }
  abort(reason) { trigger(this.#signal, reason); }
}

class CustomEvent extends Event {
  #detail;
  constructor(type, options = {}) {
    super(type, options);
    this.#detail = options && options.detail !== undefined ? options.detail : null;
  }
  get detail() { return this.#detail; }
}

for (const value of [DOMException, Event, EventTarget, AbortSignal, AbortController, CustomEvent]) {
  if (value !== DOMException) Object.defineProperty(value.prototype, Symbol.toStringTag, { value: value.name, configurable: true });
  Object.defineProperty(globalThis, value.name, { value, writable: true, configurable: true, enumerable: false });
  exports[value.name] = value;
}
Object.assign(exports, {
  hasListeners, listenersOf, addResistantListener, getMaxListeners: (target) => limits.get(target) ?? (target instanceof AbortSignal ? 0 : undefined), setMaxListeners: (target, n) => limits.set(target, n),
});
