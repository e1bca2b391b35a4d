// SPDX-License-Identifier: Apache-2.0
// node:diagnostics_channel.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction } = require('internal/validators');

// Channels by name. One without subscribers is held weakly: nobody needs it when nobody has it.
const channels = new Map();
const gone = new FinalizationRegistry((name) => {
  if (channels.get(name)?.deref() === undefined) channels.delete(name);
});
const held = new Set();

function throwLater(error) {
  require('internal/ticks').nextTick(() => { internalBinding('task').triggerUncaught(error); });
}

// What is in force is an object's prototype: a channel without subscribers is a plain Channel, whose publish() does nothing.
class ActiveChannel {
  subscribe(listener) {
    validateFunction(listener, 'subscription');
    this._subscribers = [...this._subscribers, listener];
  }
  unsubscribe(listener) {
    const at = this._subscribers.indexOf(listener);
    if (at === -1) return false;
    this._subscribers = this._subscribers.filter((each, i) => i !== at);
    settle(this);
    return true;
  }
  bindStore(store, transform) { this._stores.set(store, transform); }
  unbindStore(store) {
    if (!this._stores.delete(store)) return false;
    settle(this);
    return true;
  }
  get hasSubscribers() { return true; }
  publish(data) {
    const subscribers = this._subscribers;
    for (let i = 0; i < subscribers.length; i++) {
      try {
        Reflect.apply(subscribers[i], undefined, [data, this.name]);
      } catch (error) {
        throwLater(error);
      }
    }
  }
  runStores(data, fn, self, ...args) {
    let run = () => {
      this.publish(data);
      return Reflect.apply(fn, self, args);
    };
    for (const [store, transform] of this._stores) {
      const inner = run;
      run = () => {
        let value = data;
        if (transform) {
          try {
            value = transform(data);
          } catch (error) {
            throwLater(error);
            return inner();
          }
        }
        return store.run(value, inner);
      };
    }
    return run();
  }
}

class Channel {
  constructor(name) {
    this._subscribers = undefined;
    this._stores = undefined;
    this.name = name;
    channels.set(name, new WeakRef(this));
    gone.register(this, name);
  }
  static [Symbol.hasInstance](value) {
    const prototype = value === null || value === undefined ? null : Object.getPrototypeOf(value);
    return prototype === Channel.prototype || prototype === ActiveChannel.prototype;
  }
  subscribe(listener) {
    validateFunction(listener, 'subscription');
    activate(this);
    this.subscribe(listener);
  }
  unsubscribe() { return false; }
  bindStore(store, transform) {
    activate(this);
    this.bindStore(store, transform);
  }
  unbindStore() { return false; }
  get hasSubscribers() { return false; }
  publish() {}
  runStores(data, fn, self, ...args) { return Reflect.apply(fn, self, args); }
}

function activate(channel) {
  Object.setPrototypeOf(channel, ActiveChannel.prototype);
  channel._subscribers = [];
  channel._stores = new Map();
  held.add(channel);
}
function settle(channel) {
  if (channel._subscribers.length > 0 || channel._stores.size > 0) return;
  Object.setPrototypeOf(channel, Channel.prototype);
  channel._subscribers = undefined;
  channel._stores = undefined;
  held.delete(channel);
}

function channel(name) {
  const known = channels.get(name)?.deref();
  if (known !== undefined) return known;
  if (typeof name !== 'string' && typeof name !== 'symbol') throw new codes.ERR_INVALID_ARG_TYPE('channel', ['string', 'symbol'], name);
  const made = new Channel(name);
  // console publishes where there is somebody to hear it.
  if (typeof name === 'string' && name.startsWith('console.')) require('internal/console').channels[name.slice('console.'.length)] = made;
  return made;
}

const subscribe = (name, listener) => channel(name).subscribe(listener);
const unsubscribe = (name, listener) => channel(name).unsubscribe(listener);
function hasSubscribers(name) {
  const known = channels.get(name)?.deref();
  return known !== undefined && known.hasSubscribers;
}

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class TracingChannel {
  constructor(given) {
    for (const event of EVENTS) {
      let value;
      if (typeof given === 'string') {
        value = channel(`tracing:${given}:${event}`);
      } else if (typeof given === 'object' && given !== null) {
        value = given[event];
        if (!(value instanceof Channel)) throw new codes.ERR_INVALID_ARG_TYPE(`nameOrChannels.${event}`, ['Channel'], value);
      } else {
        throw new codes.ERR_INVALID_ARG_TYPE('nameOrChannels', ['string', 'object', 'TracingChannel'], given);
      }
      Object.defineProperty(this, event, { value, enumerable: true, configurable: true, writable: false });
    }
  }
  get hasSubscribers() { return EVENTS.some((event) => this[event]?.hasSubscribers); }
  subscribe(handlers) {
    for (const event of EVENTS) if (handlers[event]) this[event]?.subscribe(handlers[event]);
  }
  unsubscribe(handlers) {
    let all = true;
    for (const event of EVENTS) if (handlers[event] && !this[event]?.unsubscribe(handlers[event])) all = false;
    return all;
  }
  traceSync(fn, context = {}, self, ...args) {
    if (!this.hasSubscribers) return Reflect.apply(fn, self, args);
    const { start, end, error } = this;
    return start.runStores(context, () => {
      try {
        const result = Reflect.apply(fn, self, args);
        context.result = result;
        return result;
      } catch (thrown) {
        context.error = thrown;
        error.publish(context);
        throw thrown;
      } finally {
        end.publish(context);
      }
    });
  }
  tracePromise(fn, context = {}, self, ...args) {
    if (!this.hasSubscribers) {
      const result = Reflect.apply(fn, self, args);
      if (typeof result?.then !== 'function') warnNoPromise();
      return result;
    }
    const { start, end, asyncStart, asyncEnd, error } = this;
    return start.runStores(context, () => {
      try {
        const result = Reflect.apply(fn, self, args);
        if (typeof result?.then !== 'function') {
          warnNoPromise();
          context.result = result;
          return result;
        }
        return result.then((value) => {
          context.result = value;
          asyncStart.publish(context);
          asyncEnd.publish(context);
          return value;
        }, (reason) => {
          context.error = reason;
          error.publish(context);
          asyncStart.publish(context);
          asyncEnd.publish(context);
          return Promise.reject(reason);
        });
      } catch (thrown) {
        context.error = thrown;
        error.publish(context);
        throw thrown;
      } finally {
        end.publish(context);
      }
    });
  }
  traceCallback(fn, position = -1, context = {}, self, ...args) {
    if (!this.hasSubscribers) return Reflect.apply(fn, self, args);
    const { start, end, asyncStart, asyncEnd, error } = this;
    const callback = args.at(position);
    validateFunction(callback, 'callback');
    const wrapped = function(failed, result) {
      if (failed) {
        context.error = failed;
        error.publish(context);
      } else {
        context.result = result;
      }
      return asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(callback, this, arguments);
        } finally {
          asyncEnd.publish(context);
        }
      });
    };
    args.splice(position < 0 ? args.length + position : position, 1, wrapped);
    return start.runStores(context, () => {
      try {
        return Reflect.apply(fn, self, args);
      } catch (thrown) {
        context.error = thrown;
        error.publish(context);
        throw thrown;
      } finally {
        end.publish(context);
      }
    });
  }
}

function warnNoPromise() {
  require('internal/process').process.emitWarning('tracePromise was called with a function that returned a non-thenable.');
}

module.exports = { channel, hasSubscribers, subscribe, tracingChannel: (given) => new TracingChannel(given), unsubscribe, Channel };
