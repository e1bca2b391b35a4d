// SPDX-License-Identifier: Apache-2.0
// What the native halves of core modules give to built-in JavaScript: internalBinding('buffer') is a BufferBinding, and so on.

type Bytes = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;
// As jsapi/node/internal/encodings.js numbers them: utf8, utf16le, latin1, ascii, base64, base64url, hex.
type Encoding = 0 | 1 | 2 | 3 | 4 | 5 | 6;
// Of the system, positive.
type Errno = number;

export interface BufferBinding {
  write(view: ArrayBufferView, text: string, offset: number, length: number, encoding: Encoding): number;
  read(view: Bytes, start: number, end: number, encoding: Encoding): string;
  byteLengthUtf8(text: string): number;
  compare(a: Bytes, b: Bytes): -1 | 0 | 1;
  indexOf(view: Bytes, needle: Bytes, offset: number, forward: boolean, unit: 1 | 2): number;
  indexOfByte(view: Bytes, byte: number, offset: number, forward: boolean): number;
  fill(view: ArrayBufferView, pattern: ArrayBufferView, start: number, end: number): void;
  copy(source: ArrayBufferView, target: ArrayBufferView, targetStart: number, sourceStart: number, count: number): void;
  swap16(view: ArrayBufferView): void;
  swap32(view: ArrayBufferView): void;
  swap64(view: ArrayBufferView): void;
  isAscii(view: Bytes): boolean;
}

export interface TypesBinding {
  types: Record<string, (value: unknown) => boolean>;
  constructorName(object: object): string;
  ownNonIndexProperties(object: object, onlyEnumerable: boolean): Array<string | symbol>;
  previewEntries(object: object): [entries: unknown[], inPairs: boolean] | undefined;
  // Five for each frame: function, script, line, column, script id.
  callSites(count: number): Array<string | number>;
}

export interface OsBinding {
  libcVersion(): string;
  uname(): [sysname: string, release: string, version: string, machine: string, nodename: string];
  memory(): [totalBytes: number, availableBytes: number];
  uptime(): number;
  loadAverage(): [number, number, number];
  cpus(): Array<string | number>;        // model, MHz, user, nice, sys, idle, irq in ms, for each
  parallelism(): number;
  interfaces(): Array<string | number | boolean>;  // name, address, netmask, 4 or 6, mac, internal, scope id, for each
  user(): [uid: number, gid: number, name: string, home: string, shell: string] | Errno;
  getPriority(pid: number): [number] | Errno;
  setPriority(pid: number, priority: number): 0 | Errno;
}

export interface FsBinding {
  // `operation`: FileOperation in file_operations.hh. A negative number is an errno. With `done` it runs on the pool.
  call(operation: number, done: ((result: unknown) => void) | undefined, path?: string | Uint8Array, other?: string | Uint8Array,
    a?: number, b?: number, c?: number, views?: ArrayBufferView[], flags?: number): unknown;
  pending(): number;  // calls under way
}

export interface SpawnBinding {
  spawnSync(order: {
    file: string; args: string[]; env: string[]; cwd?: string; stdio: Array<ArrayBufferView | string | number | null>; timeout: number;
    maxBuffer: number; killSignal: number; uid?: number; gid?: number; detached: boolean;
  }): [pid: number, status: number | null, signal: number, failed: Errno | 0, outputs: Array<Uint8Array | null>];
  // `pid` is a negative errno when it failed. `ends`: our end of each pipe ('' in stdio), or -1.
  spawn(order: {
    file: string; args: string[]; env?: string[]; cwd?: string; stdio: Array<'' | number | null>; uid?: number; gid?: number; detached: boolean;
  }, onExit: (code: number, signal: number) => void): [pid: number, ends: number[]];
  kill(pid: number, signal: number): Errno | 0;
  hold(pid: number, on: boolean): void;  // whether the child keeps the program alive
}

// Byte channels over descriptors: pipes, terminals, standard streams.
export interface PipeBinding {
  // `count`: bytes, 0 at the end, or a negative errno. With `own` the descriptor is made non-blocking and closed on exec.
  open(fd: number, onRead: (count: number, bytes?: ArrayBuffer) => void, onRoom: () => void, own?: boolean): number;
  set(number: number, what: 0 | 1 | 2, on: boolean): Errno | 0;  // 0 reading, 1 told when there is room, 2 holds the program
  write(number: number, bytes: ArrayBufferView): number;         // bytes taken, or a negative errno
  shutdown(number: number): Errno | 0;
  close(number: number, keepDescriptor?: boolean): void;
  writeAll(fd: number, bytes: ArrayBufferView): Errno | 0;       // waits
  kindOf(fd: number): 'TTY' | 'FILE' | 'PIPE' | 'TCP' | 'UDP' | 'UNKNOWN' | 'INVALID';
  size(fd: number): [columns: number, rows: number] | Errno;
  setRaw(fd: number, on: boolean): Errno | 0;
}

// Messages of child_process with `serialization: 'advanced'`.
export interface IpcBinding {
  serialize(value: unknown, bufferPrototype: object): ArrayBuffer;
  deserialize(bytes: ArrayBufferView, bufferPrototype: object): unknown;
}

export interface AddonsBinding {
  // As process.dlopen: checks its arguments by itself.
  dlopen(module: { exports: unknown }, path: string, flags?: number): void;
}

export interface ErrnoBinding {
  describe(number: Errno): [name: string, words: string];
  list(): Array<number | [string, string]>;
}
