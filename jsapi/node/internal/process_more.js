// SPDX-License-Identifier: Apache-2.0
// What of process is rarely asked for.
'use strict';

const { codes } = require('internal/errors');
const { validateArray, validateFunction, validateObject, validateString } = require('internal/validators');
const { process, emitExperimentalWarning, optionValues } = require('internal/process');
const native = () => internalBinding('process');

// ---- becoming another program

function execve(execPath, args = [], env = process.env) {
  emitExperimentalWarning('process.execve');
  validateString(execPath, 'execPath');
  validateArray(args, 'args');
  args.forEach((each, i) => {
    if (typeof each !== 'string' || each.includes('\0')) throw new codes.ERR_INVALID_ARG_VALUE(`args[${i}]`, each, 'must be a string without null bytes');
  });
  validateObject(env, 'env');
  const pairs = [];
  for (const [key, value] of Object.entries(env)) {
    if (typeof value !== 'string' || `${key}${value}`.includes('\0')) {
      throw new codes.ERR_INVALID_ARG_VALUE('env', env, 'must be an object with string keys and values without null bytes');
    }
    pairs.push(`${key}=${value}`);
  }
  const failed = native().execve(execPath, args, pairs);
  // There is no way back, as in Node: what a program does in front of it is meant to be its last.
  const [name] = internalBinding('errno').describe(failed);
  const error = new codes.ERR_PROCESS_EXECVE_FAILED(name);
  process._rawDebug(error.stack);
  process.abort();
}

// ---- what is told at the end of the program

const finalization = (() => {
  let registry = null;
  const refs = { exit: new Set(), beforeExit: new Set() };
  const listening = { exit: false, beforeExit: false };
  function listen(event) {
    if (listening[event]) return;
    listening[event] = true;
    process.on(event, () => {
      for (const entry of [...refs[event]]) {
        refs[event].delete(entry);
        const object = entry.ref.deref();
        if (object !== undefined) entry.callback(object, event);
      }
    });
  }
  function add(event, object, callback) {
    if (object === null || (typeof object !== 'object' && typeof object !== 'function')) throw new codes.ERR_INVALID_ARG_TYPE('obj', 'object', object);
    validateFunction(callback, 'callback');
    registry ??= new FinalizationRegistry((entry) => {
      refs.exit.delete(entry);
      refs.beforeExit.delete(entry);
    });
    const entry = { ref: new WeakRef(object), callback };
    refs[event].add(entry);
    registry.register(object, entry, entry.ref);
    listen(event);
  }
  return {
    register(ref, callback) { add('exit', ref, callback); },
    registerBeforeExit(ref, callback) { add('beforeExit', ref, callback); },
    unregister(ref) {
      for (const set of Object.values(refs)) for (const entry of [...set]) if (entry.ref.deref() === ref) set.delete(entry);
    },
  };
})();

// ---- what keeps the program

function getActiveResourcesInfo() {
  const names = [];
  const { active } = require('internal/timers');
  for (let i = active(); i > 0; i--) names.push('Timeout');
  for (let i = require('internal/ticks').activeImmediates(); i > 0; i--) names.push('Immediate');
  for (let i = internalBinding('fs').pending(); i > 0; i--) names.push('FSReqCallback');
  for (const stream of require('internal/node/pipe_stream').livePipes()) names.push(stream.isTTY ? 'TTYWrap' : 'PipeWrap');
  for (const child of liveChildren()) if (child._handle) names.push('ProcessWrap');
  return names;
}
const liveChildren = () => require('node:child_process')[Symbol.for('sluice.liveChildren')];
const _getActiveHandles = () => [...require('internal/node/pipe_stream').livePipes(), ...liveChildren()];
const _getActiveRequests = () => new Array(internalBinding('fs').pending()).fill(null).map(() => ({}));

// ---- files of variables

function loadEnvFile(path = '.env') {
  if (path !== null && typeof path === 'object' && path.href) path = require('node:url').fileURLToPath(path);
  if (typeof path !== 'string' && !(path instanceof Uint8Array)) throw new codes.ERR_INVALID_ARG_TYPE('path', ['string', 'Buffer', 'URL'], path);
  const values = require('node:util').parseEnv(require('node:fs').readFileSync(path, 'utf8'));
  for (const [key, value] of Object.entries(values)) if (process.env[key] === undefined) process.env[key] = value;
}

// --env-file and --env-file-if-exists: a later file wins over an earlier one, the environment over both.
function loadEnvironmentFiles() {
  const fs = require('node:fs');
  const all = {};
  for (const option of ['--env-file', '--env-file-if-exists']) {
    for (const path of optionValues(option)) {
      let text;
      try {
        text = fs.readFileSync(path, 'utf8');
      } catch {
        if (option === '--env-file-if-exists') continue;
        native().write(2, `${process.execPath}: ${path}: not found\n`);
        process.reallyExit(9);
        return;
      }
      Object.assign(all, require('node:util').parseEnv(text));
    }
  }
  for (const [key, value] of Object.entries(all)) if (process.env[key] === undefined) process.env[key] = value;
}

// --trace-exit
function traceExit() {
  const { reallyExit } = process;
  process.reallyExit = (code) => {
    const holder = {};
    Error.captureStackTrace(holder, process.reallyExit);
    native().write(2, `(node:${process.pid}) WARNING: Exited the environment with code ${code ?? 0}\n${holder.stack.replace(/^.*\n/, '')}\n`);
    reallyExit(code);
  };
}

// ---- reports: what is known of this process

const interfacesOf = (os) => Object.entries(os.networkInterfaces()).flatMap(([name, addresses]) => addresses.map(
  ({ internal, mac, address, netmask, family, scopeid }) => ({ name, internal, mac, address, netmask, family, ...scopeid === undefined ? {} : { scopeid } })));

const LIMITS = [
  'core_file_size_blocks', 'data_seg_size_bytes', 'file_size_blocks', 'max_locked_memory_bytes', 'max_memory_size_bytes', 'open_files', 'stack_size_bytes',
  'cpu_time_seconds', 'max_user_processes', 'virtual_memory_bytes',
];
const limits = () => {
  const found = native().userLimits();
  const shown = (number) => (number === Infinity ? 'unlimited' : number);
  return Object.fromEntries(LIMITS.map((name, i) => [name, { soft: shown(found[i * 2]), hard: shown(found[i * 2 + 1]) }]));
};

const report = {
  compact: false,
  directory: '',
  excludeEnv: false,
  excludeNetwork: false,
  filename: '',
  reportOnFatalError: false,
  reportOnSignal: false,
  reportOnUncaughtException: false,
  signal: 'SIGUSR2',
  getReport(error) {
    if (error !== undefined) validateObject(error, 'err');
    const os = require('node:os');
    const now = new Date();
    const { stack = '', message = 'JavaScript API' } = error ?? new Error('JavaScript API');
    const usage = process.resourceUsage();
    const seconds = process.uptime();
    const memory = process.memoryUsage();
    const found = {
      header: {
        reportVersion: 5, event: 'JavaScript API', trigger: 'GetReport', filename: null, dumpEventTime: now.toISOString().slice(0, 19) + 'Z',
        dumpEventTimeStamp: String(now.getTime()), processId: process.pid, threadId: 0, cwd: process.cwd(), commandLine: [...process.argv],
        nodejsVersion: process.version, ...native().cLibrary(), wordSize: 64, arch: process.arch, platform: process.platform,
        componentVersions: { ...process.versions }, release: { ...process.release }, osName: os.type(), osRelease: os.release(), osVersion: os.version(),
        osMachine: os.machine(), cpus: os.cpus(), networkInterfaces: report.excludeNetwork ? undefined : interfacesOf(os), host: os.hostname(),
      },
      javascriptStack: { message, stack: stack.split('\n').slice(1).map((line) => line.trim()), errorProperties: {} },
      javascriptHeap: { totalMemory: memory.heapTotal, usedMemory: memory.heapUsed, externalMemory: memory.external },
      nativeStack: [],
      resourceUsage: {
        userCpuSeconds: usage.userCPUTime / 1e6, kernelCpuSeconds: usage.systemCPUTime / 1e6, cpuConsumptionPercent: (usage.userCPUTime + usage.systemCPUTime) / 1e4 / seconds,
        maxRss: usage.maxRSS * 1024, rss: memory.rss, pageFaults: { IORequired: usage.majorPageFault, IONotRequired: usage.minorPageFault },
        fsActivity: { reads: usage.fsRead, writes: usage.fsWrite },
      },
      workers: [],
      libuv: [],
      userLimits: limits(),
      sharedObjects: native().sharedObjects(),
    };
    if (!report.excludeEnv) found.environmentVariables = { ...process.env };
    return found;
  },
  writeReport(file, error) {
    if (file !== null && typeof file === 'object') {
      error = file;
      file = undefined;
    } else if (file !== undefined) {
      validateString(file, 'file');
    }
    const now = new Date();
    const two = (number) => String(number).padStart(2, '0');
    file ??= report.filename || `report.${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}.${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}.${process.pid}.0.001.json`;
    const found = report.getReport(error);
    found.header.trigger = 'API';
    found.header.filename = file;
    require('node:fs').writeFileSync(require('node:path').resolve(report.directory || '.', file), `${JSON.stringify(found, null, report.compact ? undefined : 2)}\n`);
    return file;
  },
};

// ---- options that NODE_OPTIONS may hold

const makeFlags = () => {
  const known = new Set(native().environmentOptions());
  const canonical = (flag) => {
    flag = flag.replace(/_/g, '-').replace(/=.*$/s, '');
    for (const each of [flag, `-${flag}`, `--${flag}`]) if (known.has(each)) return each;
    return flag;
  };
  class NodeEnvironmentFlagsSet extends Set {
    add() { return this; }
    delete() { return false; }
    clear() {}
    has(key) { return typeof key === 'string' && super.has(canonical(key)); }
  }
  // Filled by the Set's own add(): that of the class changes nothing.
  const flags = new NodeEnvironmentFlagsSet();
  for (const each of known) Set.prototype.add.call(flags, each);
  Object.freeze(NodeEnvironmentFlagsSet.prototype);
  return Object.freeze(flags);
};

module.exports = {
  execve, finalization, getActiveResourcesInfo, _getActiveHandles, _getActiveRequests, loadEnvFile, loadEnvironmentFiles, traceExit, report,
  get allowedNodeEnvironmentFlags() { return makeFlags(); },
};
