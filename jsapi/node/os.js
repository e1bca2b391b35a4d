// SPDX-License-Identifier: Apache-2.0
// node:os.
'use strict';

const { systemError } = require('internal/errors');
const { validateInt32 } = require('internal/validators');
const { process } = require('internal/process');
const native = internalBinding('os');

const [sysname, release, version, machine] = native.uname();

const signals = Object.assign(Object.create(null), {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGIOT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11, SIGUSR2: 12,
  SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGCHLD: 17, SIGSTKFLT: 16, SIGCONT: 18, SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21, SIGTTOU: 22, SIGURG: 23, SIGXCPU: 24,
  SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28, SIGIO: 29, SIGPOLL: 29, SIGPWR: 30, SIGSYS: 31,
});
const errnos = Object.create(null);
const list = internalBinding('errno').list();
for (let i = 0; i < list.length; i += 2) if (list[i] < 3000) errnos[list[i + 1][0]] = list[i];
errnos.EWOULDBLOCK = errnos.EAGAIN;
errnos.EOPNOTSUPP = errnos.ENOTSUP;

const constants = Object.assign(Object.create(null), {
  UV_UDP_REUSEADDR: 4,
  dlopen: Object.freeze(Object.assign(Object.create(null), { RTLD_LAZY: 1, RTLD_NOW: 2, RTLD_GLOBAL: 256, RTLD_LOCAL: 0, RTLD_DEEPBIND: 8 })),
  errno: Object.freeze(errnos),
  signals: Object.freeze(signals),
  priority: Object.freeze(Object.assign(Object.create(null), { PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0, PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14, PRIORITY_HIGHEST: -20 })),
});

function failed(number, syscall) {
  const [code, message] = internalBinding('errno').describe(number);
  return systemError('ERR_SYSTEM_ERROR', 'A system error occurred', { errno: -number, code, message, syscall });
}

// The function's result is what String(function) gives too.
const withPrimitive = (fn) => {
  fn[Symbol.toPrimitive] = fn;
  return fn;
};

function cpus() {
  const flat = native.cpus();
  const out = [];
  for (let i = 0; i < flat.length; i += 7) {
    out.push({ model: flat[i], speed: flat[i + 1], times: { user: flat[i + 2], nice: flat[i + 3], sys: flat[i + 4], idle: flat[i + 5], irq: flat[i + 6] } });
  }
  return out;
}

function prefixLength(mask, family) {
  const parts = family === 'IPv4' ? mask.split('.').map(Number) : expand(mask);
  let bits = 0;
  let open = true;
  for (const part of parts) {
    for (let bit = family === 'IPv4' ? 7 : 15; bit >= 0; bit--) {
      if (part >> bit & 1) {
        if (!open) return null;
        bits++;
      } else {
        open = false;
      }
    }
  }
  return bits;
}
function expand(text) {
  const [head, tail] = text.split('::');
  const numbers = (part) => part ? part.split(':').map((each) => Number.parseInt(each, 16)) : [];
  const left = numbers(head);
  const right = numbers(tail);
  return tail === undefined ? left : [...left, ...new Array(8 - left.length - right.length).fill(0), ...right];
}

function networkInterfaces() {
  const flat = native.interfaces();
  const out = {};
  for (let i = 0; i < flat.length; i += 7) {
    const [name, address, netmask, number, mac, internal, scopeid] = flat.slice(i, i + 7);
    const family = number === 4 ? 'IPv4' : 'IPv6';
    const bits = prefixLength(netmask, family);
    const entry = { address, netmask, family, mac, internal, cidr: bits === null ? null : `${address}/${bits}` };
    if (family === 'IPv6') entry.scopeid = scopeid;
    (out[name] ??= []).push(entry);
  }
  return out;
}

function userInfo(options) {
  if (typeof options !== 'object' || options === null) options = undefined;
  const encoding = options?.encoding;
  const found = native.user();
  if (typeof found === 'number') throw failed(found, 'uv_os_get_passwd');
  const [uid, gid, username, homedir, shell] = found;
  const text = (value) => encoding === 'buffer' ? require('node:buffer').Buffer.from(value) : value;
  return { __proto__: null, uid, gid, username: text(username), homedir: text(homedir), shell: text(shell) };
}

module.exports = {
  arch: withPrimitive(function arch() { return process.arch; }),
  availableParallelism: withPrimitive(function availableParallelism() { return native.parallelism(); }),
  cpus,
  endianness: withPrimitive(function endianness() { return 'LE'; }),
  freemem: withPrimitive(function freemem() { return native.memory()[1]; }),
  getPriority(pid) {
    if (pid === undefined) pid = 0;
    else validateInt32(pid, 'pid');
    const found = native.getPriority(pid);
    if (typeof found === 'number') throw failed(found, 'uv_os_getpriority');
    return found[0];
  },
  homedir: withPrimitive(function homedir() {
    if (process.env.HOME) return process.env.HOME;
    return userInfo().homedir;
  }),
  hostname: withPrimitive(function hostname() { return native.uname()[4]; }),
  loadavg() { return native.loadAverage(); },
  networkInterfaces,
  platform: withPrimitive(function platform() { return process.platform; }),
  release: withPrimitive(() => release),
  setPriority(pid, priority) {
    if (priority === undefined) {
      priority = pid;
      pid = 0;
    }
    validateInt32(pid, 'pid');
    validateInt32(priority, 'priority', -20, 19);
    const number = native.setPriority(pid, priority);
    if (number !== 0) throw failed(number, 'uv_os_setpriority');
  },
  tmpdir: withPrimitive(function tmpdir() {
    const path = process.env.TMPDIR || process.env.TMP || process.env.TEMP || '/tmp';
    return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  }),
  totalmem: withPrimitive(function totalmem() { return native.memory()[0]; }),
  type: withPrimitive(() => sysname),
  userInfo,
  uptime: withPrimitive(function uptime() { return native.uptime(); }),
  version: withPrimitive(() => version),
  machine: withPrimitive(() => machine),
};
Object.defineProperties(module.exports, {
  constants: { configurable: false, enumerable: true, value: Object.freeze(constants) },
  EOL: { configurable: true, enumerable: true, writable: false, value: '\n' },
  devNull: { configurable: true, enumerable: true, writable: false, value: '/dev/null' },
});
