// SPDX-License-Identifier: Apache-2.0
// Blob and File (File API), blobs over files, object URLs, FormData (XMLHttpRequest Standard, section 5).
'use strict';

const { codes } = require('internal/errors');
const { HostObject, hideBase, kClone } = require('internal/node/messaging');
const { DOMException } = require('internal/event_target');
const { validateObject, validateString } = require('internal/validators');

const kInspect = Symbol.for('nodejs.util.inspect.custom');
const kPrivate = Symbol('parts');
const MAX_CHUNK = 65536;

const typeOf = (type) => {
  type = `${type}`;
  return /[^\u0020-\u007e]/.test(type) ? '' : type.toLowerCase();
};

// A part: { bytes } that nobody changes any more, or { path, offset, length, mtimeMs } of a file.
function partOf(source, endings) {
  if (source instanceof Blob) return source.parts(kPrivate);
  if (ArrayBuffer.isView(source)) return [{ bytes: new Uint8Array(source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength)) }];
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer || Object.prototype.toString.call(source) === '[object ArrayBuffer]') return [{ bytes: new Uint8Array(source.slice(0)).slice() }];
  let text = `${source}`;
  if (endings === 'native') text = text.replace(/\r\n|\r/g, '\n');
  return [{ bytes: new TextEncoder().encode(text) }];
}
const lengthOf = (part) => part.bytes !== undefined ? part.bytes.length : part.length;

async function bytesOf(part) {
  if (part.bytes !== undefined) return part.bytes;
  const fs = require('node:fs/promises');
  const unreadable = () => new DOMException('The blob could not be read', 'NotReadableError');
  let handle;
  try {
    handle = await fs.open(part.path, 'r');
  } catch {
    throw unreadable();
  }
  try {
    const stats = await handle.stat();
    if (stats.size !== part.fileSize || stats.mtimeMs !== part.mtimeMs) throw unreadable();
    const bytes = new Uint8Array(part.length);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, part.offset + at);
      if (bytesRead === 0) throw unreadable();
      at += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

class Blob extends HostObject {
  #parts; #size; #type;
  constructor(sources = [], options = {}) {
    super();
    if (sources === kPrivate) {
      ({ parts: this.#parts, size: this.#size, type: this.#type } = options);
      return;
    }
    if (sources === null || typeof sources !== 'object' || typeof sources[Symbol.iterator] !== 'function') throw new codes.ERR_INVALID_ARG_TYPE('sources', 'a sequence', sources);
    if (options !== null && options !== undefined) validateObject(options, 'options', 3);
    const { type = '', endings = 'transparent' } = options ?? {};
    if (`${endings}` !== 'transparent' && `${endings}` !== 'native') throw new codes.ERR_INVALID_ARG_VALUE('options.endings', endings);
    this.#parts = [];
    this.#size = 0;
    for (const source of sources) {
      for (const part of partOf(source, `${endings}`)) {
        if (lengthOf(part) === 0) continue;
        this.#parts.push(part);
        this.#size += lengthOf(part);
      }
    }
    this.#type = typeOf(type);
  }
  get size() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    return this.#size;
  }
  get type() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    return this.#type;
  }
  slice(start = 0, end = this.#size, type = '') {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    const bound = (value) => {
      value = Math.trunc(Number(value)) || 0;
      return value < 0 ? Math.max(this.#size + value, 0) : Math.min(value, this.#size);
    };
    const from = bound(start), to = Math.max(bound(end), from);
    const parts = [];
    let at = 0;
    for (const part of this.#parts) {
      const length = lengthOf(part);
      const a = Math.max(from - at, 0), b = Math.min(to - at, length);
      if (a < b) parts.push(part.bytes !== undefined ? { bytes: part.bytes.subarray(a, b) } : { ...part, offset: part.offset + a, length: b - a });
      at += length;
    }
    return new Blob(kPrivate, { parts, size: to - from, type: typeOf(type) });
  }
  async bytes() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      const bytes = await bytesOf(part);
      all.set(bytes, at);
      at += bytes.length;
    }
    return all;
  }
  async arrayBuffer() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    return (await this.bytes()).buffer;
  }
  async text() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    return new TextDecoder().decode(await this.bytes());
  }
  stream() {
    if (!(#size in this)) throw new codes.ERR_INVALID_THIS('Blob');
    const { ReadableStream } = require('internal/node/web_streams');
    const parts = this.#parts.slice();
    let bytes = null, at = 0;
    return new ReadableStream({
      type: 'bytes',
      async pull(controller) {
        if (bytes === null || at === bytes.length) {
          const part = parts.shift();
          if (part === undefined) {
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          bytes = await bytesOf(part);
          at = 0;
        }
        const end = Math.min(bytes.length, at + MAX_CHUNK);
        controller.enqueue(bytes.slice(at, end));
        at = end;
      },
    }, { highWaterMark: 0 });
  }
  parts(key) { return key === kPrivate ? this.#parts : undefined; }
  [kClone]() {
    return { data: { parts: this.#parts.map((part) => part.bytes !== undefined ? { bytes: part.bytes.slice() } : part), size: this.#size, type: this.#type }, deserializeInfo: 'internal/blob:Blob' };
  }
  [kInspect](depth, options) {
    if (depth < 0) return this;
    return `Blob ${require('internal/inspect').inspect({ size: this.size, type: this.type }, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
}
hideBase(Blob);
Object.defineProperty(Blob.prototype, 'parts', { enumerable: false });
for (const name of ['size', 'type', 'slice', 'stream', 'text', 'arrayBuffer', 'bytes']) Object.defineProperty(Blob.prototype, name, { enumerable: true });
Object.defineProperty(Blob.prototype, Symbol.toStringTag, { value: 'Blob', configurable: true });

class File extends Blob {
  #name; #lastModified;
  constructor(fileBits, fileName, options = {}) {
    if (arguments.length < 2) throw new codes.ERR_MISSING_ARGS('fileBits', 'fileName');
    super(fileBits, options);
    if (fileBits === kPrivate) {
      this.#name = fileName;
      this.#lastModified = options.lastModified;
      return;
    }
    const { lastModified } = options ?? {};
    this.#name = `${fileName}`.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
    this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(+lastModified) || 0;
  }
  get name() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('File');
    return this.#name;
  }
  get lastModified() {
    if (!(#name in this)) throw new codes.ERR_INVALID_THIS('File');
    return this.#lastModified;
  }
  [kClone]() {
    const { data } = super[kClone]();
    return { data: { ...data, name: this.#name, lastModified: this.#lastModified }, deserializeInfo: 'internal/file:File' };
  }
  [kInspect](depth, options) {
    if (depth < 0) return this;
    return `File ${require('internal/inspect').inspect({ size: this.size, type: this.type, name: this.#name, lastModified: this.#lastModified }, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
}
for (const name of ['name', 'lastModified']) Object.defineProperty(File.prototype, name, { enumerable: true });
Object.defineProperty(File.prototype, Symbol.toStringTag, { value: 'File', configurable: true });

function fileBlob(path, stats, type) {
  const { size, mtimeMs } = stats;
  return new Blob(kPrivate, { parts: size === 0 ? [] : [{ path: require('node:path').resolve(String(path)), offset: 0, length: size, fileSize: size, mtimeMs }], size, type: typeOf(type) });
}

// ---- object URLs

const objects = new Map();
function createObjectURL(blob) {
  if (!(blob instanceof Blob)) throw new codes.ERR_INVALID_ARG_TYPE('obj', 'Blob', blob);
  const id = require('node:crypto').randomUUID();
  objects.set(id, blob);
  return `blob:nodedata:${id}`;
}
const idOf = (url) => /^blob:nodedata:([^?#]+)$/.exec(`${url}`)?.[1];
function revokeObjectURL(url) {
  if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('url');
  objects.delete(idOf(url));
}
function resolveObjectURL(url) {
  const blob = objects.get(idOf(url));
  return blob === undefined ? undefined : blob.slice(0, blob.size, blob.type);
}

// ---- FormData

class FormData {
  #entries = [];
  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError("FormData constructor: Argument 1 could not be converted to: undefined.");
  }
  #entry(args, name) {
    if (args.length < 2) throw new TypeError(`FormData.${name}: ${args.length} argument passed, but 2 required.`);
    let [key, value, filename] = args;
    if (value instanceof Blob) {
      if (!(value instanceof File) || filename !== undefined) value = new File([value], filename === undefined ? 'blob' : `${filename}`, { type: value.type, lastModified: value.lastModified });
    } else {
      if (args.length > 2) throw new TypeError(`Failed to execute '${name}' on 'FormData': parameter 2 is not of type 'Blob'`);
      value = toUsv(`${value}`);
    }
    return [toUsv(`${key}`), value];
  }
  append(...args) { this.#entries.push(this.#entry(args, 'append')); }
  set(...args) {
    const entry = this.#entry(args, 'set');
    const at = this.#entries.findIndex(([key]) => key === entry[0]);
    if (at === -1) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[at] = entry;
    this.#entries = this.#entries.filter(([key], i) => i <= at || key !== entry[0]);
  }
  delete(key) { this.#entries = this.#entries.filter(([each]) => each !== `${key}`); }
  get(key) { return this.#entries.find(([each]) => each === `${key}`)?.[1] ?? null; }
  getAll(key) { return this.#entries.filter(([each]) => each === `${key}`).map(([, value]) => value); }
  has(key) { return this.#entries.some(([each]) => each === `${key}`); }
  * entries() { for (const [key, value] of this.#entries) yield [key, value]; }
  * keys() { for (const [key] of this.#entries) yield key; }
  * values() { for (const [, value] of this.#entries) yield value; }
  forEach(callback, self = undefined) { for (const [key, value] of this.#entries) Reflect.apply(callback, self, [value, key, this]); }
}
const toUsv = (text) => text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
Object.defineProperty(FormData.prototype, Symbol.iterator, { value: FormData.prototype.entries, writable: true, configurable: true, enumerable: false });
Object.defineProperty(FormData.prototype, Symbol.toStringTag, { value: 'FormData', configurable: true });

module.exports = {
  Blob, File, FormData, fileBlob, createObjectURL, revokeObjectURL, resolveObjectURL, reviveBlob: (data) => new Blob(kPrivate, data),
  reviveFile: (data) => new File(kPrivate, data.name, data),
};
