// SPDX-License-Identifier: Apache-2.0
// node:perf_hooks (User Timing, Performance Timeline, Resource Timing of the W3C; timerify and histograms of Node).
// Not here: entries of garbage collection; the times of nodeTiming before the isolate was there are 0; the event loop's idle time is what this thread did not compute.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateObject, validateString } = require('internal/validators');
const { EventTarget, Event } = require('internal/event_target');
const { createHistogram, monitorEventLoopDelay, isRecordable } = require('internal/node/histogram');
const { process } = require('internal/process');

const kMake = Symbol('make');
const kInspect = Symbol.for('nodejs.util.inspect.custom');
const now = () => internalBinding('process').now();
const tag = (target, name) => Object.defineProperty(target.prototype, Symbol.toStringTag, { value: name, configurable: true, enumerable: false, writable: false });
const enumerable = (target, ...names) => {
  for (const name of names) Object.defineProperty(target.prototype, name, { enumerable: true });
};

function show(object, depth, options, inspect, fields) {
  if (depth < 0) return object;
  return `${object.constructor.name} ${inspect(fields, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
}

// ---- entries

class PerformanceEntry {
  #name; #type; #start; #duration;
  constructor(key, name, type, start, duration) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#name = name;
    this.#type = type;
    this.#start = start;
    this.#duration = duration;
  }
  static check(entry) {
    if (entry === null || typeof entry !== 'object' || !(#name in entry)) throw new codes.ERR_INVALID_THIS('PerformanceEntry');
    return entry;
  }
  get name() { return check(this).#name; }
  get entryType() { return check(this).#type; }
  get startTime() { return check(this).#start; }
  get duration() { return check(this).#duration; }
  [kInspect](depth, options, inspect) { return show(this, depth, options, inspect, this.toJSON()); }
  toJSON() {
    check(this);
    return { name: this.#name, entryType: this.#type, startTime: this.#start, duration: this.#duration };
  }
}
const { check } = PerformanceEntry;
delete PerformanceEntry.check;
enumerable(PerformanceEntry, 'name', 'entryType', 'startTime', 'duration', 'toJSON');
tag(PerformanceEntry, 'PerformanceEntry');

// Of Node's own kinds (function, http, net ...), with what belongs to the kind in `detail`.
class PerformanceNodeEntry extends PerformanceEntry {
  #detail;
  constructor(key, name, type, start, duration, detail) {
    super(key, name, type, start, duration);
    this.#detail = detail;
  }
  get detail() { return this.#detail; }
  toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
}
const nodeEntry = (name, type, start, duration, detail) => new PerformanceNodeEntry(kMake, name, type, start, duration, detail);

class PerformanceMark extends PerformanceEntry {
  #detail;
  constructor(name, options = undefined) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    name = `${name}`;
    if (TIMING_NAMES.includes(name)) throw new codes.ERR_INVALID_ARG_VALUE('name', name);
    if (options != null) validateObject(options, 'options', 7);
    const start = options?.startTime ?? now();
    if (typeof start !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('startTime', 'number', start);
    if (start < 0) throw new codes.ERR_PERFORMANCE_INVALID_TIMESTAMP(start);
    super(kMake, name, 'mark', start, 0);
    const detail = options?.detail;
    this.#detail = detail == null ? null : structuredClone(detail);
  }
  get detail() {
    if (!(#detail in this)) throw new codes.ERR_INVALID_THIS('PerformanceMark');
    return this.#detail;
  }
  toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
}
enumerable(PerformanceMark, 'detail');
tag(PerformanceMark, 'PerformanceMark');

class PerformanceMeasure extends PerformanceEntry {
  #detail;
  constructor(key, name, start, duration, detail) {
    super(key, name, 'measure', start, duration);
    this.#detail = detail;
  }
  get detail() {
    if (!(#detail in this)) throw new codes.ERR_INVALID_THIS('PerformanceMeasure');
    return this.#detail;
  }
  toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
}
enumerable(PerformanceMeasure, 'detail');
tag(PerformanceMeasure, 'PerformanceMeasure');

// Fetch Standard, "fetch timing info"; Resource Timing section 4.
class PerformanceResourceTiming extends PerformanceEntry {
  #info; #initiator; #mode; #status; #delivery;
  constructor(key, name, initiator, info, mode, status, delivery) {
    super(key, name, 'resource', 0, 0);
    this.#info = info;
    this.#initiator = initiator;
    this.#mode = mode;
    this.#status = status;
    this.#delivery = delivery;
  }
  static infoOf(entry) {
    if (entry === null || typeof entry !== 'object' || !(#info in entry)) throw new codes.ERR_INVALID_THIS('PerformanceResourceTiming');
    return entry.#info;
  }
  get name() { return super.name; }
  get startTime() { return infoOf(this).startTime; }
  get duration() { return infoOf(this).endTime - infoOf(this).startTime; }
  get initiatorType() { infoOf(this); return this.#initiator; }
  get workerStart() { return infoOf(this).finalServiceWorkerStartTime; }
  get redirectStart() { return infoOf(this).redirectStartTime; }
  get redirectEnd() { return infoOf(this).redirectEndTime; }
  get fetchStart() { return infoOf(this).postRedirectStartTime; }
  get domainLookupStart() { return infoOf(this).finalConnectionTimingInfo?.domainLookupStartTime; }
  get domainLookupEnd() { return infoOf(this).finalConnectionTimingInfo?.domainLookupEndTime; }
  get connectStart() { return infoOf(this).finalConnectionTimingInfo?.connectionStartTime; }
  get connectEnd() { return infoOf(this).finalConnectionTimingInfo?.connectionEndTime; }
  get secureConnectionStart() { return infoOf(this).finalConnectionTimingInfo?.secureConnectionStartTime; }
  get nextHopProtocol() { return infoOf(this).finalConnectionTimingInfo?.ALPNNegotiatedProtocol; }
  get requestStart() { return infoOf(this).finalNetworkRequestStartTime; }
  get responseStart() { return infoOf(this).finalNetworkResponseStartTime; }
  get responseEnd() { return infoOf(this).endTime; }
  get encodedBodySize() { return infoOf(this).encodedBodySize; }
  get decodedBodySize() { return infoOf(this).decodedBodySize; }
  get transferSize() {
    const info = infoOf(this);
    if (this.#mode === 'local') return 0;
    if (this.#mode === 'validated') return 300;
    return info.encodedBodySize + 300;
  }
  get deliveryType() { infoOf(this); return this.#delivery; }
  get responseStatus() { infoOf(this); return this.#status; }
  toJSON() {
    const json = { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
    for (const name of RESOURCE_FIELDS) json[name] = this[name];
    return json;
  }
}
const { infoOf } = PerformanceResourceTiming;
delete PerformanceResourceTiming.infoOf;
const RESOURCE_FIELDS = ['initiatorType', 'nextHopProtocol', 'workerStart', 'redirectStart', 'redirectEnd', 'fetchStart', 'domainLookupStart', 'domainLookupEnd',
  'connectStart', 'connectEnd', 'secureConnectionStart', 'requestStart', 'responseStart', 'responseEnd', 'transferSize', 'encodedBodySize', 'decodedBodySize',
  'deliveryType', 'responseStatus'];
enumerable(PerformanceResourceTiming, ...RESOURCE_FIELDS, 'toJSON');
tag(PerformanceResourceTiming, 'PerformanceResourceTiming');

// ---- the process's own milestones

const TIMING_NAMES = ['nodeStart', 'v8Start', 'environment', 'loopStart', 'loopExit', 'bootstrapComplete'];
class PerformanceNodeTiming {
  constructor() {
    const fields = {
      name: () => 'node', entryType: () => 'node', startTime: () => 0, duration: now, nodeStart: () => 0, v8Start: () => 0, environment: () => 0,
      bootstrapComplete: () => 0, loopStart: () => loopStart(), loopExit: () => loopExit, idleTime: () => idle(now()),
    };
    for (const [name, get] of Object.entries(fields)) Object.defineProperty(this, name, { get, enumerable: true, configurable: true });
  }
  [kInspect](depth, options, inspect) { return show(this, depth, options, inspect, this.toJSON()); }
  toJSON() { return { ...this }; }
}
Object.setPrototypeOf(PerformanceNodeTiming.prototype, PerformanceEntry.prototype);

let loopExit = -1;
process.on('exit', () => { loopExit = now(); });
let began = -1;
setImmediateOnce();
function setImmediateOnce() {
  // Without keeping the program: the first turn of the loop, if there is one.
  require('internal/timers').setTimeout(() => { began = now(); }, 0).unref();
}
const loopStart = () => began;
const idle = (at) => {
  const { user, system } = process.cpuUsage();
  return began < 0 ? 0 : Math.max(0, at - began - (user + system) / 1000);
};

// ---- observers

// What can be observed. 'dns', 'http', 'http2' and 'net' come from those modules through enqueue().
const TYPES = ['dns', 'function', 'http', 'http2', 'mark', 'measure', 'net', 'resource'];
const observers = new Set();
const waiting = new Set();
const counts = new Map(TYPES.map((type) => [type, 0]));
let scheduled = false;

const timeline = { mark: [], measure: [], resource: [] };
let resourceLimit = 250;
let secondary = [];
let fullPending = false;

const byStart = (a, b) => a.startTime - b.startTime;

class PerformanceObserverEntryList {
  #entries;
  constructor(key, entries) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#entries = entries.sort(byStart);
  }
  getEntries() { return this.#of().slice(); }
  getEntriesByType(type) {
    const entries = this.#of();
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    return entries.filter((entry) => entry.entryType === `${type}`);
  }
  getEntriesByName(name, type = undefined) {
    const entries = this.#of();
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    return entries.filter((entry) => entry.name === `${name}` && (type == null || entry.entryType === `${type}`));
  }
  #of() {
    if (!(#entries in this)) throw new codes.ERR_INVALID_THIS('PerformanceObserverEntryList');
    return this.#entries;
  }
  [kInspect](depth, options, inspect) { return show(this, depth, options, inspect, this.#entries); }
}
enumerable(PerformanceObserverEntryList, 'getEntries', 'getEntriesByType', 'getEntriesByName');
tag(PerformanceObserverEntryList, 'PerformanceObserverEntryList');

class PerformanceObserver {
  #callback; #buffer = []; #types = new Set(); #form;
  constructor(callback) {
    validateFunction(callback, 'callback');
    this.#callback = callback;
  }
  observe(options = {}) {
    validateObject(options, 'options');
    const { entryTypes, type, buffered } = options;
    if (entryTypes === undefined && type === undefined) throw new codes.ERR_MISSING_ARGS('options.entryTypes', 'options.type');
    if (entryTypes != null && type != null) throw new codes.ERR_INVALID_ARG_VALUE('options.entryTypes', entryTypes, 'options.entryTypes can not set with options.type together');
    const form = entryTypes !== undefined ? 'several' : 'one';
    if (this.#form !== undefined && this.#form !== form) throw new codes.ERR_INVALID_STATE('PerformanceObserver can not change to ' + (form === 'one' ? 'single' : 'multiple') + ' observations');
    this.#form = form;
    if (form === 'several') {
      if (!Array.isArray(entryTypes)) throw new codes.ERR_INVALID_ARG_TYPE('options.entryTypes', 'string[]', entryTypes);
      this.#stop();
      this.#types = new Set();
      this.#start(entryTypes);
    } else {
      validateString(type, 'options.type');
      this.#start([type]);
      if (buffered && timeline[type] !== undefined && TYPES.includes(type)) {
        this.#buffer.push(...timeline[type]);
        queue(this);
      }
    }
    if (this.#types.size > 0) observers.add(this);
    else observers.delete(this);
  }
  #start(types) {
    for (const type of types) {
      if (!TYPES.includes(type) || this.#types.has(type)) continue;
      this.#types.add(type);
      counts.set(type, counts.get(type) + 1);
    }
  }
  #stop() { for (const type of this.#types) counts.set(type, counts.get(type) - 1); }
  disconnect() {
    this.#stop();
    this.#buffer = [];
    this.#types = new Set();
    this.#form = undefined;
    observers.delete(this);
    waiting.delete(this);
  }
  takeRecords() {
    const records = this.#buffer;
    this.#buffer = [];
    return records;
  }
  static get supportedEntryTypes() { return TYPES.slice(); }
  static offer(observer, entry) {
    if (!observer.#types.has(entry.entryType)) return;
    observer.#buffer.push(entry);
    queue(observer);
  }
  static deliver(observer) {
    const entries = observer.takeRecords();
    if (entries.length > 0) Reflect.apply(observer.#callback, observer, [new PerformanceObserverEntryList(kMake, entries), observer]);
  }
  [kInspect](depth, options, inspect) {
    return show(this, depth, options, inspect, { connected: observers.has(this), pending: waiting.has(this), entryTypes: [...this.#types], buffer: this.#buffer });
  }
}
const { offer, deliver } = PerformanceObserver;
delete PerformanceObserver.offer;
delete PerformanceObserver.deliver;
enumerable(PerformanceObserver, 'observe', 'disconnect', 'takeRecords');
tag(PerformanceObserver, 'PerformanceObserver');

function queue(observer) {
  waiting.add(observer);
  if (scheduled) return;
  scheduled = true;
  require('internal/timers').setImmediate(() => {
    scheduled = false;
    const batch = [...waiting];
    waiting.clear();
    for (const each of batch) deliver(each);
  });
}

function enqueue(entry) { for (const observer of observers) offer(observer, entry); }
const isObserved = (type) => counts.get(type) > 0;

// ---- performance

const NEVER_MARKED = (name) => new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError');
function timeOf(mark) {
  if (typeof mark === 'number') {
    if (mark < 0) throw new codes.ERR_PERFORMANCE_INVALID_TIMESTAMP(mark);
    return mark;
  }
  mark = `${mark}`;
  if (TIMING_NAMES.includes(mark)) return nodeTiming[mark];
  for (let i = timeline.mark.length - 1; i >= 0; i--) if (timeline.mark[i].name === mark) return timeline.mark[i].startTime;
  throw NEVER_MARKED(mark);
}

const all = () => [...timeline.mark, ...timeline.measure, ...timeline.resource].sort(byStart);
const clear = (type, name) => {
  if (name === undefined) timeline[type] = [];
  else timeline[type] = timeline[type].filter((entry) => entry.name !== `${name}`);
};

class Performance extends EventTarget {
  #handler = null;
  constructor(key) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    super();
  }
  static check(performance) {
    if (performance === null || typeof performance !== 'object' || !(#handler in performance)) throw new codes.ERR_INVALID_THIS('Performance');
  }
  clearMarks(name = undefined) { checkPerformance(this); clear('mark', name === undefined ? name : `${name}`); }
  clearMeasures(name = undefined) { checkPerformance(this); clear('measure', name === undefined ? name : `${name}`); }
  clearResourceTimings(name = undefined) { checkPerformance(this); clear('resource', name === undefined ? name : `${name}`); }
  getEntries() { checkPerformance(this); return all(); }
  getEntriesByName(name, type = undefined) {
    checkPerformance(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    return all().filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`));
  }
  getEntriesByType(type) {
    checkPerformance(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('type');
    return all().filter((entry) => entry.entryType === `${type}`);
  }
  mark(name, options = {}) {
    checkPerformance(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    const entry = new PerformanceMark(name, options);
    enqueue(entry);
    timeline.mark.push(entry);
    return entry;
  }
  measure(name, startOrOptions = {}, endMark = undefined) {
    checkPerformance(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    validateString(name, 'name');
    let options = {};
    if (startOrOptions !== null && typeof startOrOptions === 'object') {
      options = startOrOptions;
      const { start, end, duration, detail } = options;
      if (start !== undefined || end !== undefined || duration !== undefined || detail !== undefined) {
        if (endMark !== undefined) throw new codes.ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('endMark must not be specified');
        if (detail === undefined && start === undefined && end === undefined) throw new codes.ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('One of options.start or options.end is required');
        if (start !== undefined && end !== undefined && duration !== undefined) throw new codes.ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('Must not have options.start, options.end, and options.duration specified');
      }
    } else if (startOrOptions !== undefined) {
      options = { start: startOrOptions };
    }
    const end = endMark !== undefined ? timeOf(endMark)
      : options.end !== undefined ? timeOf(options.end)
        : options.start !== undefined && options.duration !== undefined ? timeOf(options.start) + timeOf(options.duration)
          : now();
    const start = options.start !== undefined ? timeOf(options.start)
      : options.duration !== undefined && options.end !== undefined ? end - timeOf(options.duration) : 0;
    const detail = options.detail == null ? null : structuredClone(options.detail);
    const entry = new PerformanceMeasure(kMake, name, start, end - start, detail);
    enqueue(entry);
    timeline.measure.push(entry);
    return entry;
  }
  now() { checkPerformance(this); return now(); }
  get timeOrigin() { checkPerformance(this); return internalBinding('process').timeOrigin(); }
  toJSON() {
    checkPerformance(this);
    return { nodeTiming, timeOrigin: this.timeOrigin, eventLoopUtilization: eventLoopUtilization() };
  }
  setResourceTimingBufferSize(size) {
    checkPerformance(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('maxSize');
    resourceLimit = typeof size === 'number' && Number.isInteger(size) && size >= 0 ? size : 0;
  }
  get onresourcetimingbufferfull() { return this.#handler; }
  set onresourcetimingbufferfull(handler) {
    if (this.#handler !== null) this.removeEventListener('resourcetimingbufferfull', this.#handler);
    this.#handler = typeof handler === 'function' ? handler : null;
    if (this.#handler !== null) this.addEventListener('resourcetimingbufferfull', this.#handler);
  }
  [kInspect](depth, options, inspect) {
    if (depth < 0) return this;
    return show(this, depth, options, inspect, { nodeTiming, timeOrigin: this.timeOrigin });
  }
}
const checkPerformance = Performance.check;
delete Performance.check;
enumerable(Performance, 'clearMarks', 'clearMeasures', 'clearResourceTimings', 'getEntries', 'getEntriesByName', 'getEntriesByType', 'mark', 'measure', 'now', 'timeOrigin', 'toJSON',
  'setResourceTimingBufferSize', 'onresourcetimingbufferfull');
tag(Performance, 'Performance');

function markResourceTiming(info, url, initiator, global, mode, body, status, delivery = '') {
  validateString(url, 'requestedUrl');
  validateString(initiator, 'initiatorType');
  validateObject(global, 'global', 4);
  validateString(mode, 'cacheMode');
  if (mode !== '' && mode !== 'local' && mode !== 'validated') throw new codes.ERR_INVALID_ARG_VALUE('cacheMode', mode, "must be one of: '', 'local'");
  const entry = new PerformanceResourceTiming(kMake, url, initiator, info, mode, status, delivery);
  enqueue(entry);
  keepResource(entry);
  return entry;
}

// Resource Timing section 4.4: what does not fit waits for the event, whose listeners may make room.
function keepResource(entry) {
  if (timeline.resource.length < resourceLimit && !fullPending) {
    timeline.resource.push(entry);
    return;
  }
  if (!fullPending) {
    fullPending = true;
    require('internal/timers').setImmediate(() => {
      while (secondary.length > 0) {
        const before = secondary.length;
        if (timeline.resource.length >= resourceLimit) performance.dispatchEvent(new Event('resourcetimingbufferfull'));
        while (secondary.length > 0 && timeline.resource.length < resourceLimit) timeline.resource.push(secondary.shift());
        if (before <= secondary.length) secondary = [];
      }
      fullPending = false;
    });
  }
  secondary.push(entry);
}

function eventLoopUtilization(first = undefined, second = undefined) {
  const at = now();
  if (began < 0) return { idle: 0, active: 0, utilization: 0 };
  let sum;
  if (second !== undefined) {
    sum = { idle: first.idle - second.idle, active: first.active - second.active };
  } else {
    const still = idle(at);
    sum = { idle: still, active: at - began - still };
    if (first !== undefined) sum = { idle: sum.idle - first.idle, active: sum.active - first.active };
  }
  return { ...sum, utilization: sum.idle + sum.active === 0 ? 0 : sum.active / (sum.idle + sum.active) };
}

function timerify(fn, options = {}) {
  validateFunction(fn, 'fn');
  validateObject(options, 'options');
  const { histogram } = options;
  if (histogram !== undefined && !isRecordable(histogram)) throw new codes.ERR_INVALID_ARG_TYPE('options.histogram', 'RecordableHistogram', histogram);
  function done(start, args) {
    const duration = now() - start;
    if (histogram !== undefined) histogram.record(Math.max(1, Math.ceil(duration * 1e6)));
    if (!isObserved('function')) return;
    const entry = nodeEntry(fn.name, 'function', start, duration, args);
    for (let i = 0; i < args.length; i++) entry[i] = args[i];
    enqueue(entry);
  }
  function timerified(...args) {
    const start = now();
    const result = new.target ? Reflect.construct(fn, args, fn) : Reflect.apply(fn, this, args);
    if (!new.target && result !== null && result !== undefined && typeof result.finally === 'function') return result.finally(() => done(start, args));
    done(start, args);
    return result;
  }
  Object.defineProperties(timerified, {
    length: { configurable: false, enumerable: true, value: fn.length },
    name: { configurable: false, enumerable: true, value: `timerified ${fn.name}` },
  });
  return timerified;
}

const nodeTiming = new PerformanceNodeTiming();
const performance = new Performance(kMake);
for (const [name, value] of Object.entries({ eventLoopUtilization, nodeTiming, timerify, markResourceTiming })) {
  Object.defineProperty(performance, name, { value, writable: true, configurable: true, enumerable: false });
}

module.exports = {
  Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList, PerformanceResourceTiming,
  monitorEventLoopDelay, eventLoopUtilization, timerify, createHistogram, performance,
};
Object.defineProperty(module.exports, 'constants', {
  configurable: false, enumerable: true,
  value: Object.freeze({
    NODE_PERFORMANCE_GC_MAJOR: 4, NODE_PERFORMANCE_GC_MINOR: 1, NODE_PERFORMANCE_GC_INCREMENTAL: 8, NODE_PERFORMANCE_GC_WEAKCB: 16, NODE_PERFORMANCE_GC_FLAGS_NO: 0,
    NODE_PERFORMANCE_GC_FLAGS_CONSTRUCT_RETAINED: 2, NODE_PERFORMANCE_GC_FLAGS_FORCED: 4, NODE_PERFORMANCE_GC_FLAGS_SYNCHRONOUS_PHANTOM_PROCESSING: 8,
    NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE: 16, NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY: 32, NODE_PERFORMANCE_GC_FLAGS_SCHEDULE_IDLE: 64,
  }),
});
// For built-in modules that have entries of their own.
Object.defineProperty(module.exports, Symbol.for('sluice.enqueue'), { value: { enqueue, isObserved, nodeEntry }, enumerable: false });
