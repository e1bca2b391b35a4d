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
}

export interface SpawnBinding {
  spawnSync(order: {
    file: string; args: string[]; env: string[]; cwd?: string; stdio: Array<ArrayBufferView | string | number | null>; timeout: number;
    maxBuffer: number; killSignal: number; uid?: number; gid?: number; detached: boolean;
  }): [pid: number, status: number | null, signal: number, failed: Errno | 0, outputs: Array<Uint8Array | null>];
}

export interface ErrnoBinding {
  describe(number: Errno): [name: string, words: string];
  list(): Array<number | [string, string]>;
}

// Built-in classes whose objects V8's serialiser asks about extend HostObject.
export interface MessagingBinding {
  HostObject: new () => object;
  setHooks(hooks: {
    dataCloneError(text: string): Error; describe(object: object, transferred: boolean): [info: string, data: unknown, ports: object[]];
    revive(info: string, data: unknown): object; portPrototype: object; onMessage(port: object, value: unknown, ports: object[]): void;
    onMessageError(port: object, error: unknown): void; onClose(port: object): void;
  }): void;
  clone(value: unknown, transfer: object[]): unknown;
  createChannel(): [port1: object, port2: object];
  joinBroadcast(name: string): object;
  // How many got it; false when the port was sent to where it leads.
  post(port: object, value: unknown, transfer: object[]): number | false | undefined;
  receive(port: object): [value: unknown] | undefined;
  start(port: object): void;
  stop(port: object): void;
  close(port: object): void;
  setRef(port: object, referenced: boolean): void;
  hasRef(port: object): boolean;
  isOpen(port: object): boolean;
}

export interface WorkerBinding {
  nextNumber(): number;
  start(number: number, name: string, control: object, file: string | undefined, code: string | undefined, argv: string[], execArgv: string[],
    limits: [youngMb: number, oldMb: number, codeRangeMb: number, stackMb: number], onExit: (code: number, outOfMemory: boolean) => void): void;
  stop(number: number): void;
  setRef(number: number, referenced: boolean): void;
  // 0: processor time in microseconds, 1: heap statistics, 2: a heap snapshot. False: it is over.
  ask(number: number, question: 0 | 1 | 2, done: (numbers: number[], text: string) => void): boolean;
  self(): [number: number, name: string] | undefined;
  takeControl(): object;
  takeErrors(take: (error: unknown) => boolean): void;
  threadTime(): [userUs: number, systemUs: number];
}

export interface WatchBinding {
  // `mask` as inotify(7) has it. The number of the watch, or an errno below 0.
  add(path: string | Uint8Array, persistent: boolean, onEvent: (mask: number, name: Uint8Array | null) => void): number;
  remove(number: number): void;
  setRef(number: number, referenced: boolean): void;
}

export interface HeapBinding {
  statistics(): number[];
  spaces(): Array<string | number[]>;
  code(): number[];
  setFlags(flags: string): void;
  versionTag(): number;
  snapshot(): Uint8Array;
}
