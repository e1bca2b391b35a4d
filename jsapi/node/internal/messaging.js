// SPDX-License-Identifier: Apache-2.0
// Cloning and transferring of values, MessagePort, MessageChannel, MessageEvent and BroadcastChannel (HTML Standard, sections 2.7
// and 9.4). The bytes and the queues are C++'s (runtime/message.cc, runtime/message_port.cc).
'use strict';

const { codes } = require('internal/errors');
const { Event, EventTarget, DOMException } = require('internal/event_target');
const native = internalBinding('messaging');

const kClone = Symbol('messaging_clone_symbol');
const kTransfer = Symbol('messaging_transfer_symbol');
const kTransferList = Symbol('messaging_transfer_list_symbol');
const kState = Symbol('state');
const kInspect = Symbol.for('nodejs.util.inspect.custom');

const dataCloneError = (text) => new DOMException(text, 'DataCloneError');

// The base of built-in classes whose objects can be cloned ([kClone]) or transferred ([kTransfer]): both give { data,
// deserializeInfo }, and the latter is a key of `revivers`.
class HostObject {
  constructor() { return native.makeHost(new.target.prototype); }
}
// `Class` extends HostObject, and nobody sees it in the prototypes of its objects.
function hideBase(Class) { Object.setPrototypeOf(Class.prototype, Object.prototype); }

// deserializeInfo -> [module, function of the data that makes the object]
const revivers = {
  __proto__: null,
  'internal/blob:Blob': ['internal/node/blob', 'reviveBlob'],
  'internal/file:File': ['internal/node/blob', 'reviveFile'],
  'internal/webstreams:ReadableStream': ['internal/node/web_stream_transfer', 'reviveReadable'],
  'internal/webstreams:WritableStream': ['internal/node/web_stream_transfer', 'reviveWritable'],
  'internal/webstreams:TransformStream': ['internal/node/web_stream_transfer', 'reviveTransform'],
  'internal/fs/promises:FileHandle': ['node:fs/promises', 'reviveFileHandle'],
};
// For other built-in modules.
function addReviver(info, id, name) { revivers[info] = [id, name]; }

// ---- marks

let anyUncloneable = false;
const uncloneable = new WeakSet();
const untransferable = new WeakSet();
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

function markAsUncloneable(value) {
  if (!isObject(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || ArrayBuffer.isView(value)) return;
  anyUncloneable = true;
  uncloneable.add(value);
}
function markAsUntransferable(value) { if (isObject(value)) untransferable.add(value); }
const isMarkedAsUntransferable = (value) => isObject(value) && untransferable.has(value);

// V8's serialiser does not ask about plain objects; only programs that mark some pay for this walk.
function refuseMarked(value, seen = new Set()) {
  if (!isObject(value) || seen.has(value)) return;
  seen.add(value);
  if (uncloneable.has(value)) throw dataCloneError(`#<${value.constructor?.name ?? 'Object'}> could not be cloned.`);
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) for (const [key, each] of value) { refuseMarked(key, seen); refuseMarked(each, seen); }
  else if (value instanceof Set) for (const each of value) refuseMarked(each, seen);
  for (const key of Object.keys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (descriptor !== undefined && 'value' in descriptor) refuseMarked(descriptor.value, seen);
  }
}

function check(value, transfer) {
  if (anyUncloneable) refuseMarked(value);
  for (let i = 0; i < transfer.length; i++) {
    if (isObject(transfer[i]) && untransferable.has(transfer[i])) throw dataCloneError('Found invalid object in transferList');
  }
}

// ---- hooks

function describe(object, transferred) {
  const method = transferred ? object[kTransfer] : object[kClone];
  if (typeof method !== 'function') {
    if (transferred) throw dataCloneError('Found invalid object in transferList');
    if (object instanceof MessagePort || typeof object[kTransfer] === 'function')
      throw dataCloneError('Object that needs transfer was found in message but not listed in transferList');
    throw dataCloneError(`#<${object.constructor?.name ?? 'Object'}> could not be cloned.`);
  }
  const ports = transferred && typeof object[kTransferList] === 'function' ? object[kTransferList]() : [];
  const { data, deserializeInfo } = Reflect.apply(method, object, []);
  return [deserializeInfo, data, ports];
}

function revive(info, data) {
  const known = revivers[info];
  if (known === undefined) throw new Error(`Unknown deserialize spec ${info}`);
  return require(known[0])[known[1]](data);
}

// ---- events

class MessageEvent extends Event {
  #data; #origin; #lastEventId; #source; #ports;
  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } = options ?? {};
    if (source !== null && source !== undefined && !(source instanceof MessagePort))
      throw Object.assign(new TypeError(`MessageEvent constructor: Expected eventInitDict ("${require('internal/inspect').inspect(source)}") to be an instance of MessagePort.`), { code: 'ERR_INVALID_ARG_TYPE' });
    super(type, options ?? {});
    this.#data = data;
    this.#origin = `${origin}`;
    this.#lastEventId = `${lastEventId}`;
    this.#source = source;
    this.#ports = [...ports];
    for (const port of this.#ports) if (!(port instanceof MessagePort)) throw new TypeError('MessageEvent constructor: Expected every item of eventInitDict.ports to be an instance of MessagePort.');
  }
  get data() { return this.#data; }
  get origin() { return this.#origin; }
  get lastEventId() { return this.#lastEventId; }
  get source() { return this.#source; }
  get ports() { return this.#ports; }
  initMessageEvent(type, bubbles, cancelable, data = null, origin = '', lastEventId = '', source = null, ports = []) {
    this.#data = data; this.#origin = `${origin}`; this.#lastEventId = `${lastEventId}`; this.#source = source; this.#ports = [...ports];
  }
}
for (const name of ['data', 'origin', 'lastEventId', 'source', 'ports']) Object.defineProperty(MessageEvent.prototype, name, { enumerable: true });
Object.defineProperty(MessageEvent.prototype, Symbol.toStringTag, { value: 'MessageEvent', configurable: true });

// A listener of a port: { callback, plain (takes the data, as Node's on() does), once, capture }.
function stateOf(port) {
  let state = port[kState];
  if (state === undefined) {
    if (!(port instanceof MessagePort)) throw new codes.ERR_INVALID_THIS('MessagePort');
    state = { listeners: new Map(), handlers: new Map(), maxListeners: undefined };
    Object.defineProperty(port, kState, { value: state, enumerable: false });
  }
  return state;
}

function add(port, type, entry) {
  const state = stateOf(port);
  const list = state.listeners.get(type) ?? [];
  if (list.some((each) => each.callback === entry.callback && each.capture === entry.capture)) return;
  state.listeners.set(type, [...list, entry]);
  if (type === 'message' && list.length === 0) {
    port.ref();
    port.start();
  }
}

function removeEntries(port, type, matches) {
  const state = stateOf(port);
  const before = state.listeners.get(type);
  if (before === undefined) return;
  const list = before.filter((each) => !matches(each));
  if (list.length === before.length) return;
  if (list.length === 0) state.listeners.delete(type);
  else state.listeners.set(type, list);
  if (type === 'message' && list.length === 0) {
    port.unref();
    native.stop(port);
  }
}

function dispatch(port, event, plainArguments) {
  for (const name of ['target', 'currentTarget', 'srcElement']) Object.defineProperty(event, name, { value: port, writable: true, configurable: true, enumerable: false });
  const list = stateOf(port).listeners.get(event.type);
  if (list !== undefined) {
    for (const entry of list) {
      if (entry.once) removeEntries(port, event.type, (each) => each === entry);
      try {
        const { callback } = entry;
        if (entry.plain) Reflect.apply(callback, port, plainArguments ?? [event]);
        else if (typeof callback === 'function') Reflect.apply(callback, port, [event]);
        else callback.handleEvent(event);
      } catch (error) {
        require('internal/process').process.nextTick(() => { throw error; });
      }
    }
  }
  Object.defineProperty(event, 'currentTarget', { value: null, writable: true, configurable: true, enumerable: false });
  return !event.defaultPrevented;
}

const isListener = (callback) => typeof callback === 'function' || (typeof callback === 'object' && callback !== null);

// An EventTarget in all that can be seen; its listeners are kept here, because the object is C++'s.
function MessagePort() { throw new codes.ERR_CONSTRUCT_CALL_INVALID(); }
Object.setPrototypeOf(MessagePort, EventTarget);
Object.setPrototypeOf(MessagePort.prototype, EventTarget.prototype);

function transferOf(options) {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object') throw Object.assign(new TypeError('Optional transferList argument must be an iterable'), { code: 'ERR_INVALID_ARG_TYPE' });
  if (typeof options[Symbol.iterator] === 'function') return Array.isArray(options) ? options : [...options];
  const { transfer } = options;
  if (transfer === undefined || transfer === null) return [];
  if (typeof transfer !== 'object' || typeof transfer[Symbol.iterator] !== 'function')
    throw Object.assign(new TypeError('Optional options.transfer argument must be an iterable'), { code: 'ERR_INVALID_ARG_TYPE' });
  return [...transfer];
}

const methods = {
  postMessage(message, options) {
    if (arguments.length === 0) throw Object.assign(new TypeError('Not enough arguments'), { code: 'ERR_MISSING_ARGS' });
    if (!(this instanceof MessagePort)) throw new codes.ERR_INVALID_THIS('MessagePort');
    const transfer = transferOf(options);
    if (anyUncloneable || transfer.length !== 0) check(message, transfer);
    if (native.post(this, message, transfer) === false)
      require('internal/process').process.emitWarning('The target port was posted to itself, and the communication channel was lost');
  },
  start() { native.start(this); },
  close(callback) {
    if (typeof callback === 'function') this.once('close', callback);
    native.close(this);
  },
  ref() { native.setRef(this, true); },
  unref() { native.setRef(this, false); },
  hasRef() { return native.hasRef(this); },
  addEventListener(type, callback, options) {
    if (arguments.length < 2) throw new codes.ERR_MISSING_ARGS('type', 'listener');
    if (!isListener(callback)) {
      if (callback === null || callback === undefined) return;
      throw new codes.ERR_INVALID_ARG_TYPE('listener', 'EventListener', callback);
    }
    const { capture = false, once = false, signal } = typeof options === 'boolean' ? { capture: options } : options ?? {};
    if (signal !== undefined) {
      if (signal.aborted) return;
      signal.addEventListener('abort', () => this.removeEventListener(type, callback, options), { once: true });
    }
    add(this, `${type}`, { callback, plain: false, once: !!once, capture: !!capture });
  },
  removeEventListener(type, callback, options) {
    const capture = typeof options === 'boolean' ? options : !!options?.capture;
    removeEntries(this, `${type}`, (each) => each.callback === callback && each.capture === capture);
  },
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new codes.ERR_INVALID_ARG_TYPE('event', 'Event', event);
    return dispatch(this, event, [event]);
  },
  on(type, callback) {
    if (!isListener(callback)) throw new codes.ERR_INVALID_ARG_TYPE('listener', 'EventListener', callback);
    add(this, type, { callback, plain: true, once: false, capture: false });
    return this;
  },
  once(type, callback) {
    if (!isListener(callback)) throw new codes.ERR_INVALID_ARG_TYPE('listener', 'EventListener', callback);
    add(this, type, { callback, plain: true, once: true, capture: false });
    return this;
  },
  off(type, callback) {
    removeEntries(this, type, (each) => each.callback === callback);
    return this;
  },
  removeAllListeners(type) {
    for (const each of type === undefined ? [...stateOf(this).listeners.keys()] : [type]) removeEntries(this, each, () => true);
    return this;
  },
  emit(type, value) {
    const list = stateOf(this).listeners.get(type);
    dispatch(this, new MessageEvent(type, { data: value }), [value]);
    return list !== undefined;
  },
  eventNames() { return [...stateOf(this).listeners.keys()]; },
  listenerCount(type) { return stateOf(this).listeners.get(type)?.length ?? 0; },
  setMaxListeners(count) { stateOf(this).maxListeners = count; },
  getMaxListeners() { return stateOf(this).maxListeners ?? 10; },
};
methods.addListener = methods.on;
methods.removeListener = methods.off;
for (const name of Object.keys(methods)) Object.defineProperty(MessagePort.prototype, name, { value: methods[name], writable: true, configurable: true, enumerable: true });
Object.defineProperty(MessagePort.prototype, Symbol.toStringTag, { value: 'MessagePort', configurable: true });
Object.defineProperty(MessagePort.prototype, kInspect, {
  value(depth, options) { return `MessagePort ${require('internal/inspect').inspect({ active: native.isOpen(this), refed: native.hasRef(this) }, options)}`; },
  writable: true, configurable: true, enumerable: false,
});

for (const type of ['message', 'messageerror', 'close']) {
  Object.defineProperty(MessagePort.prototype, `on${type}`, {
    configurable: true, enumerable: true,
    get() { return stateOf(this).handlers.get(type)?.handler ?? null; },
    set(handler) {
      const state = stateOf(this);
      const before = state.handlers.get(type);
      const known = isListener(handler);
      if (before !== undefined) {
        state.handlers.delete(type);
        if (!known) removeEntries(this, type, (each) => each === before.entry);
      }
      if (!known) return;
      if (before !== undefined) {  // keeps its place, as the standard says
        before.handler = handler;
        state.handlers.set(type, before);
        return;
      }
      const record = { handler, entry: { callback: (event) => typeof record.handler === 'function' ? Reflect.apply(record.handler, this, [event]) : undefined, plain: false, once: false, capture: false } };
      state.handlers.set(type, record);
      add(this, type, record.entry);
    },
  });
}

class MessageChannel {
  constructor() {
    const [port1, port2] = native.createChannel();
    this.port1 = port1;
    this.port2 = port2;
  }
}
const MessageChannelFunction = new Proxy(MessageChannel, { apply() { throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('MessageChannel'); } });
Object.defineProperty(MessageChannel.prototype, Symbol.toStringTag, { value: 'MessageChannel', configurable: true });
MessageChannel.prototype.constructor = MessageChannelFunction;

native.setHooks({
  dataCloneError, describe, revive, portPrototype: MessagePort.prototype,
  onMessage(port, data, ports) { dispatch(port, new MessageEvent('message', { data, ports }), [data]); },
  onMessageError(port, error) { dispatch(port, new MessageEvent('messageerror', { data: error }), [error]); },
  onClose(port) { dispatch(port, new Event('close'), []); },
});

function receiveMessageOnPort(port) {
  const from = port instanceof BroadcastChannel ? BroadcastChannel.portOf(port) : port;
  if (!(from instanceof MessagePort)) throw Object.assign(new TypeError('The "port" argument must be a MessagePort instance'), { code: 'ERR_INVALID_ARG_TYPE' });
  const received = native.receive(from);
  return received === undefined ? undefined : { message: received[0] };
}

// ---- channels by name

class BroadcastChannel extends EventTarget {
  #name; #port; #handlers = new Map();
  constructor(name) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    super();
    this.#name = `${name}`;
    this.#port = native.joinBroadcast(this.#name);
    for (const type of ['message', 'messageerror']) {
      this.#port.addEventListener(type, (event) => this.dispatchEvent(new MessageEvent(type, { data: event.data })));
    }
  }
  get name() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('BroadcastChannel');
    return this.#name;
  }
  close() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('BroadcastChannel');
    if (this.#port === null) return;
    this.#port.close();
    this.#port = null;
  }
  postMessage(message) {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('BroadcastChannel');
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('message');
    if (this.#port === null) throw new DOMException('BroadcastChannel is closed.', 'InvalidStateError');
    if (anyUncloneable) check(message, []);
    native.post(this.#port, message, []);
  }
  ref() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('BroadcastChannel');
    this.#port?.ref();
    return this;
  }
  unref() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('BroadcastChannel');
    this.#port?.unref();
    return this;
  }
  get onmessage() { return this.#handlers.get('message') ?? null; }
  set onmessage(handler) { this.#setHandler('message', handler); }
  get onmessageerror() { return this.#handlers.get('messageerror') ?? null; }
  set onmessageerror(handler) { this.#setHandler('messageerror', handler); }
  #setHandler(type, handler) {
    const before = this.#handlers.get(type);
    if (before !== undefined) this.removeEventListener(type, before);
    this.#handlers.delete(type);
    if (typeof handler !== 'function') return;
    this.#handlers.set(type, handler);
    this.addEventListener(type, handler);
  }
  [kInspect](depth, options) {
    return `BroadcastChannel ${require('internal/inspect').inspect({ name: this.#name, active: this.#port !== null }, options)}`;
  }
  static portOf(channel) { return channel.#port ?? undefined; }
}
const { portOf } = BroadcastChannel;
Object.defineProperty(BroadcastChannel, 'portOf', { enumerable: false, value: portOf });
for (const name of ['name', 'close', 'postMessage', 'onmessage', 'onmessageerror']) Object.defineProperty(BroadcastChannel.prototype, name, { enumerable: true });
Object.defineProperty(BroadcastChannel.prototype, Symbol.toStringTag, { value: 'BroadcastChannel', configurable: true });

// ---- structuredClone

function structuredClone(value, options) {
  if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('The "value" argument must be specified');
  const fail = (text) => Object.assign(new TypeError(`Failed to execute 'structuredClone': ${text}`), { code: 'ERR_INVALID_ARG_TYPE' });
  let transfer = [];
  if (options !== undefined && options !== null) {
    if (!isObject(options)) throw fail('Options cannot be converted to a dictionary');
    const given = options.transfer;
    if (given !== undefined) {
      if (!isObject(given) || typeof given[Symbol.iterator] !== 'function') throw fail('transfer in Options can not be converted to sequence.');
      transfer = [...given];
    }
  }
  if (anyUncloneable || transfer.length !== 0) check(value, transfer);
  return native.clone(value, transfer);
}

Object.assign(exports, {
  kClone, kTransfer, kTransferList, HostObject, hideBase, addReviver, MessagePort, MessageChannel: MessageChannelFunction, MessageEvent, BroadcastChannel,
  structuredClone, receiveMessageOnPort, markAsUncloneable, markAsUntransferable, isMarkedAsUntransferable, transferOf,
});
