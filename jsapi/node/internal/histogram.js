// SPDX-License-Identifier: Apache-2.0
// Histograms of perf_hooks: log-linear cells as in Gil Tene's HdrHistogram, of which only those are kept that hold something.
'use strict';

const { codes } = require('internal/errors');
const { validateInteger, validateNumber, validateObject } = require('internal/validators');

const kMake = Symbol('make');
const NOTHING_YET = 9223372036854776000;  // of 64 bits, signed

// `lowest`, `highest`: range of values; `figures`: significant decimal digits.
class Cells {
  constructor(lowest = 1, highest = Number.MAX_SAFE_INTEGER, figures = 3) {
    this.lowest = lowest;
    this.highest = highest;
    this.figures = figures;
    this.unit = Math.floor(Math.log2(lowest));
    this.bits = Math.ceil(Math.log2(2 * 10 ** figures));   // of the cells of one power of two
    this.reset();
  }
  reset() {
    this.counts = new Map();  // lowest value of a cell -> how often
    this.count = 0;
    this.exceeds = 0;
    this.min = Infinity;
    this.max = 0;
    this.previous = 0;
  }
  width(value) { return 2 ** Math.max(this.unit, Math.floor(Math.log2(Math.max(value, 1))) + 1 - this.bits); }
  record(value, times = 1) {
    if (value > this.highest) {
      this.exceeds += times;
      return;
    }
    const width = this.width(value);
    const cell = Math.floor(value / width) * width;
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + times);
    this.count += times;
    if (cell < this.min && value !== 0) this.min = cell;
    if (cell + width - 1 > this.max) this.max = cell + width - 1;
  }
  recordDelta(now) {
    const delta = this.previous === 0 ? 0 : now - this.previous;
    if (this.previous > 0 && delta >= 1) this.record(delta);
    this.previous = now;
    return delta;
  }
  add(other) {
    for (const [cell, times] of other.counts) this.record(cell, times);
    this.exceeds += other.exceeds;
  }
  sorted() { return [...this.counts].sort((a, b) => a[0] - b[0]); }
  middle(cell) { return cell + Math.floor(this.width(cell) / 2); }
  mean() {
    let sum = 0;
    for (const [cell, times] of this.counts) sum += this.middle(cell) * times;
    return sum / this.count;
  }
  deviation() {
    const mean = this.mean();
    let sum = 0;
    for (const [cell, times] of this.counts) sum += (this.middle(cell) - mean) ** 2 * times;
    return Math.sqrt(sum / this.count);
  }
  percentile(percent) {
    const wanted = Math.max(1, Math.floor(percent / 100 * this.count + 0.5));
    let seen = 0;
    for (const [cell, times] of this.sorted()) {
      seen += times;
      if (seen >= wanted) return cell + this.width(cell) - 1;
    }
    return 0;
  }
  // 0, 50, 75, 87.5 ... 100, as far as there are values to tell them apart.
  percentiles() {
    const out = new Map();
    if (this.count === 0) return out.set(100, 0);
    let seen = 0;
    let next = 0;
    for (const [cell, times] of this.sorted()) {
      seen += times;
      while (next <= 100 * seen / this.count && next < 100) {
        out.set(next, cell + this.width(cell) - 1);
        const half = 2 ** (Math.floor(Math.log2(100 / (100 - next))) + 1);
        next += 100 / half;
        if (seen === this.count) break;
      }
    }
    return out.set(100, this.max);
  }
}

class Histogram {
  #cells;
  constructor(key, cells) {
    if (key !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#cells = cells;
  }
  static cellsOf(histogram) {
    if (histogram === null || typeof histogram !== 'object' || !(#cells in histogram)) throw new codes.ERR_INVALID_THIS('Histogram');
    return histogram.#cells;
  }
  static is(value) { return value !== null && typeof value === 'object' && #cells in value; }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    if (depth < 0) return `[${this.constructor.name}]`;
    return `Histogram ${inspect({
      min: this.min, max: this.max, mean: this.mean, exceeds: this.exceeds, stddev: this.stddev, count: this.count, percentiles: this.percentiles,
    }, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
  get count() { return cellsOf(this).count; }
  get countBigInt() { return BigInt(cellsOf(this).count); }
  get min() { return cellsOf(this).min === Infinity ? NOTHING_YET : cellsOf(this).min; }
  get minBigInt() { return cellsOf(this).min === Infinity ? 9223372036854775807n : BigInt(cellsOf(this).min); }
  get max() { return cellsOf(this).max; }
  get maxBigInt() { return BigInt(cellsOf(this).max); }
  get mean() { return cellsOf(this).mean(); }
  get exceeds() { return cellsOf(this).exceeds; }
  get exceedsBigInt() { return BigInt(cellsOf(this).exceeds); }
  get stddev() { return cellsOf(this).deviation(); }
  percentile(percent) {
    const cells = cellsOf(this);
    checkPercent(percent);
    return cells.percentile(percent);
  }
  percentileBigInt(percent) {
    const cells = cellsOf(this);
    checkPercent(percent);
    return BigInt(cells.percentile(percent));
  }
  get percentiles() { return cellsOf(this).percentiles(); }
  get percentilesBigInt() { return new Map([...cellsOf(this).percentiles()].map(([percent, value]) => [percent, BigInt(value)])); }
  reset() { cellsOf(this).reset(); }
  toJSON() {
    const { count, min, max, mean, exceeds, stddev, percentiles } = this;
    return { count, min, max, mean, exceeds, stddev, percentiles: Object.fromEntries(percentiles) };
  }
}
const { cellsOf, is } = Histogram;
delete Histogram.cellsOf;
delete Histogram.is;

function checkPercent(percent) {
  validateNumber(percent, 'percentile');
  if (!(percent > 0 && percent <= 100)) throw new codes.ERR_OUT_OF_RANGE('percentile', '> 0 && <= 100', percent);
}

class RecordableHistogram extends Histogram {
  record(value) {
    const cells = cellsOf(this);
    if (typeof value === 'bigint') {
      cells.record(Number(value));
      return;
    }
    validateInteger(value, 'val', 1);
    cells.record(value);
  }
  recordDelta() { cellsOf(this).recordDelta(Math.round(internalBinding('process').now() * 1e6)); }
  add(other) {
    const cells = cellsOf(this);
    if (!is(other) || !(other instanceof RecordableHistogram)) throw new codes.ERR_INVALID_ARG_TYPE('other', 'RecordableHistogram', other);
    cells.add(cellsOf(other));
  }
}

class IntervalHistogram extends Histogram {
  #timer = null; #resolution;
  constructor(key, cells, resolution) {
    super(key, cells);
    this.#resolution = resolution;
  }
  enable() {
    if (this.#timer !== null) return false;
    const cells = cellsOf(this);
    cells.previous = 0;
    const sample = () => { cells.recordDelta(Math.round(internalBinding('process').now() * 1e6)); };
    this.#timer = require('internal/timers').setInterval(sample, this.#resolution).unref();
    return true;
  }
  disable() {
    if (this.#timer === null) return false;
    require('internal/timers').clearInterval(this.#timer);
    this.#timer = null;
    return true;
  }
  [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() { this.disable(); }
}
Object.defineProperty(IntervalHistogram, 'name', { value: 'ELDHistogram' });

function createHistogram(options = {}) {
  validateObject(options, 'options');
  const { lowest = 1, highest = Number.MAX_SAFE_INTEGER, figures = 3 } = options;
  if (typeof lowest !== 'bigint') validateInteger(lowest, 'options.lowest', 1);
  if (typeof highest !== 'bigint') validateInteger(highest, 'options.highest', 2 * Number(lowest));
  else if (highest < 2n * BigInt(lowest)) throw new codes.ERR_INVALID_ARG_VALUE.RangeError('options.highest', highest);
  validateInteger(figures, 'options.figures', 1, 5);
  return new RecordableHistogram(kMake, new Cells(Number(lowest), Number(highest), figures));
}

function monitorEventLoopDelay(options = {}) {
  validateObject(options, 'options');
  const { resolution = 10 } = options;
  validateInteger(resolution, 'options.resolution', 1);
  return new IntervalHistogram(kMake, new Cells(1, 3.6e12, 3), resolution);
}

Object.assign(exports, { createHistogram, monitorEventLoopDelay, isRecordable: (value) => is(value) && value instanceof RecordableHistogram });
