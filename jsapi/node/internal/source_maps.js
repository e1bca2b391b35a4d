// SPDX-License-Identifier: Apache-2.0
// Source maps (ECMA-426): SourceMap, findSourceMap, and stacks that show where the source of generated code is.
'use strict';

const { validateObject } = require('internal/validators');

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const digits = { __proto__: null };
for (let i = 0; i < 64; i++) digits[BASE64[i]] = i;

class SourceMap {
  #payload;
  #lineLengths;
  #mappings = [];  // [generated line, generated column, source, line, column, name], in order

  constructor(payload, { lineLengths } = { __proto__: null }) {
    validateObject(payload, 'payload');
    this.#payload = cloned(payload);
    this.#lineLengths = Array.isArray(lineLengths) ? lineLengths.slice() : undefined;
    if (Array.isArray(payload.sections)) {
      for (const { map, offset } of payload.sections) this.#read(map, offset.line, offset.column);
    } else {
      this.#read(payload, 0, 0);
    }
    this.#mappings.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  }

  get payload() { return cloned(this.#payload); }
  get lineLengths() { return this.#lineLengths?.slice(); }

  #read({ mappings = '', sources = [], names = [], sourceRoot }, line, firstColumn) {
    let column = firstColumn;
    let source = 0;
    let sourceLine = 0;
    let sourceColumn = 0;
    let name = 0;
    let at = 0;
    const number = () => {
      let value = 0;
      for (let shift = 0; ; shift += 5) {
        const digit = digits[mappings[at++]];
        if (digit === undefined) return 0;
        value += (digit & 31) << shift;
        if ((digit & 32) === 0) break;
      }
      return value & 1 ? -(value >>> 1) : value >>> 1;
    };
    const ends = () => at >= mappings.length || mappings[at] === ',' || mappings[at] === ';';
    while (at < mappings.length) {
      if (mappings[at] === ';') {
        line++;
        column = 0;
        at++;
        continue;
      }
      if (mappings[at] === ',') {
        at++;
        continue;
      }
      column += number();
      if (ends()) {
        this.#mappings.push([line, column]);
        continue;
      }
      source += number();
      sourceLine += number();
      sourceColumn += number();
      const entry = [line, column, sourceRoot ? `${sourceRoot.replace(/\/?$/, '/')}${sources[source]}` : sources[source], sourceLine, sourceColumn];
      if (!ends()) {
        name += number();
        entry.push(names[name]);
      }
      this.#mappings.push(entry);
    }
  }

  // Line and column from 0.
  findEntry(lineOffset, columnOffset) {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [line, column] = this.#mappings[middle];
      if (line < lineOffset || (line === lineOffset && column <= columnOffset)) low = middle + 1;
      else high = middle;
    }
    const found = this.#mappings[low - 1];
    if (found === undefined) return {};
    return {
      generatedLine: found[0], generatedColumn: found[1], originalSource: found[2], originalLine: found[3], originalColumn: found[4], name: found[5],
    };
  }

  // Line and column from 1.
  findOrigin(lineNumber, columnNumber) {
    const range = this.findEntry(lineNumber - 1, columnNumber - 1);
    if (range.originalSource === undefined || range.originalLine === undefined || range.originalColumn === undefined ||
        range.generatedLine === undefined || range.generatedColumn === undefined) {
      return {};
    }
    return {
      name: range.name,
      fileName: range.originalSource,
      lineNumber: range.originalLine + lineNumber - range.generatedLine,
      columnNumber: range.originalColumn + columnNumber - range.generatedColumn,
    };
  }
}

function cloned(payload) {
  const copy = { ...payload };
  for (const key of ['sources', 'sourcesContent', 'names']) if (Array.isArray(copy[key])) copy[key] = copy[key].slice();
  if (Array.isArray(copy.sections)) copy.sections = copy.sections.map(({ offset, map }) => ({ offset: { ...offset }, map: cloned(map) }));
  return copy;
}

const maps = new Map();  // file or URL -> SourceMap or null
let support = { enabled: false, nodeModules: false, generatedCode: false };

const MARK = /\/[*/]#\s+sourceMappingURL=([^\s*]+)/g;

function readMap(filename, text) {
  let url;
  for (const match of text.matchAll(MARK)) url = match[1];
  if (url === undefined) return null;
  const { pathToFileURL, fileURLToPath } = require('node:url');
  try {
    let json;
    let base = filename.startsWith('/') ? pathToFileURL(filename) : new URL(filename);
    const data = /^data:[^,]*?(;base64)?,(.*)$/s.exec(url);
    if (data !== null) {
      json = data[1] === undefined ? decodeURIComponent(data[2]) : Buffer.from(data[2], 'base64').toString();
    } else {
      base = new URL(url, base);
      json = require('node:fs').readFileSync(fileURLToPath(base), 'utf8');
    }
    const payload = JSON.parse(json.replace(/^\)\]\}'[^\n]*\n/, ''));
    const root = payload.sourceRoot ? new URL(payload.sourceRoot.replace(/\/?$/, '/'), base) : base;
    if (Array.isArray(payload.sources)) payload.sources = payload.sources.map((source) => resolved(source ?? '', root));
    delete payload.sourceRoot;
    return new SourceMap(payload, { lineLengths: text.replace(/\n$/, '').split(/\n|\u2028|\u2029/).map((line) => line.length) });
  } catch {
    return null;
  }
}

function resolved(source, base) {
  try {
    return new URL(source, base).href;
  } catch {
    return source;
  }
}

// The map of a file that has run while maps were in use.
function findSourceMap(path) {
  if (typeof path !== 'string' || !support.enabled) return undefined;
  let known = maps.get(path);
  if (known === undefined) {
    let filename = path;
    try {
      if (path.startsWith('file:')) filename = require('node:url').fileURLToPath(path);
      known = readMap(filename, require('node:fs').readFileSync(filename, 'utf8'));
    } catch {
      known = null;
    }
    maps.set(path, known);
  }
  return known ?? undefined;
}

function note(filename, text) { if (!maps.has(filename)) maps.set(filename, readMap(filename, text)); }

function getSupport() { return Object.freeze({ __proto__: null, ...support }); }

function setSupport(enabled, nodeModules, generatedCode) {
  support = { enabled, nodeModules, generatedCode };
  Object.defineProperty(process, 'sourceMapsEnabled', { __proto__: null, configurable: true, enumerable: true, value: enabled });
  internalBinding('vm').setPrepareStackTrace(enabled ? prepareStackTrace : undefined);
}

function mapOf(file) {
  if (!file || file.startsWith('node:') || file.startsWith('sluice:')) return undefined;
  if (!support.nodeModules && file.includes('/node_modules/')) return undefined;
  return findSourceMap(file);
}

// The stack of an error as V8 makes it, with the places of the source.
function prepareStackTrace(error, sites) {
  let head;
  try {
    head = Error.prototype.toString.call(error);
  } catch {
    head = '<error>';
  }
  if (sites.length === 0) return head;
  const lines = sites.map((site) => {
    const shown = `    at ${site}`;
    const map = mapOf(site.getFileName());
    if (map === undefined) return shown;
    const { fileName, lineNumber, columnNumber } = map.findOrigin(site.getLineNumber(), site.getColumnNumber());
    if (fileName === undefined) return shown;
    const place = `${fileName.startsWith('file:') ? require('node:url').fileURLToPath(fileName) : fileName}:${lineNumber}:${columnNumber}`;
    const generated = `${site.getFileName()}:${site.getLineNumber()}:${site.getColumnNumber()}`;
    return shown.replace(generated, place);
  });
  return `${head}\n${lines.join('\n')}`;
}

module.exports = { SourceMap, findSourceMap, note, getSupport, setSupport };
