// SPDX-License-Identifier: Apache-2.0
// node:v8: the heap in numbers and as a snapshot, flags of V8, its serialiser, promiseHooks. Missing: coverage, the making of start-up
// snapshots, queryObjects (this V8 has no call for it), GCProfiler.
'use strict';

const { validateBoolean, validateObject, validateString } = require('internal/validators');

const HEAP = [
  'total_heap_size', 'total_heap_size_executable', 'total_physical_size', 'total_available_size', 'used_heap_size', 'heap_size_limit', 'malloced_memory',
  'peak_malloced_memory', 'does_zap_garbage', 'number_of_native_contexts', 'number_of_detached_contexts', 'total_global_handles_size',
  'used_global_handles_size', 'external_memory',
];
const SPACE = ['space_size', 'space_used_size', 'space_available_size', 'physical_space_size'];
const CODE = ['code_and_metadata_size', 'bytecode_and_metadata_size', 'external_script_source_size', 'cpu_profiler_metadata_size'];
const named = (names, numbers, first = {}) => {
  names.forEach((name, i) => { first[name] = numbers[i]; });
  return first;
};

function checkOptions(options) {
  if (options === undefined) return;
  validateObject(options, 'options');
  for (const name of ['exposeInternals', 'exposeNumericValues']) if (options[name] !== undefined) validateBoolean(options[name], `options.${name}`);
}

let snapshots = 0;
module.exports = {
  cachedDataVersionTag: () => internalBinding('heap').versionTag(),
  getHeapStatistics: () => named(HEAP, internalBinding('heap').statistics()),
  getHeapSpaceStatistics() {
    const found = internalBinding('heap').spaces();
    const spaces = [];
    for (let i = 0; i < found.length; i += 2) spaces.push(named(SPACE, found[i + 1], { space_name: found[i] }));
    return spaces;
  },
  getHeapCodeStatistics: () => named(CODE, internalBinding('heap').code()),
  setFlagsFromString(flags) {
    validateString(flags, 'flags');
    internalBinding('heap').setFlags(flags);
  },
  isStringOneByteRepresentation(content) {
    validateString(content, 'content');
    return internalBinding('serdes').isOneByte(content);
  },
  get promiseHooks() { return require('internal/node/promise_hooks').promiseHooks; },
  ...require('internal/node/serdes'),
  getHeapSnapshot(options) {
    checkOptions(options);
    const { Readable } = require('node:stream');
    return Readable.from([Buffer.from(internalBinding('heap').snapshot().buffer)], { objectMode: false });
  },
  writeHeapSnapshot(filename, options) {
    const fs = require('node:fs');
    if (filename === undefined) {
      const now = new Date();
      const two = (number) => String(number).padStart(2, '0');
      const { threadId } = require('internal/node/worker_self');
      filename = `Heap.${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}.${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}.${process.pid}.${threadId}.${String(++snapshots).padStart(3, '0')}.heapsnapshot`;
    } else {
      filename = require('internal/node/fs_values').pathOf(filename);
    }
    checkOptions(options);
    fs.writeFileSync(filename, internalBinding('heap').snapshot());
    return filename;
  },
};
