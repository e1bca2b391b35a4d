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

type Handle = object;  // of one native object; the functions of its binding take it

// V8's serialiser and deserialiser. `self`: whose _writeHostObject, _readHostObject, _getSharedArrayBufferId and _getDataCloneError are called.
export interface SerdesBinding {
  makeWriter(): Handle;
  writeHeader(handle: Handle): void;
  writeValue(handle: Handle, self: object, value: unknown): true;  // throws
  release(handle: Handle): ArrayBuffer;
  writeTransfer(handle: Handle, id: number, buffer: ArrayBuffer): void;
  writeUint32(handle: Handle, value: number): void;
  writeUint64(handle: Handle, high: number, low: number): void;
  writeDouble(handle: Handle, value: number): void;
  writeBytes(handle: Handle, bytes: ArrayBufferView): void;
  viewsAreHostObjects(handle: Handle, on: boolean): void;
  makeReader(bytes: ArrayBufferView): Handle;  // keeps the bytes; what follows throws where they end
  readHeader(handle: Handle): true;
  readValue(handle: Handle, self: object): unknown;
  readTransfer(handle: Handle, id: number, buffer: ArrayBuffer | SharedArrayBuffer): void;
  wireVersion(handle: Handle): number;
  readUint32(handle: Handle): number;
  readUint64(handle: Handle): [high: number, low: number];
  readDouble(handle: Handle): number;
  readBytes(handle: Handle, count: number): number;  // where they begin
  isOneByte(text: string): boolean;
}
type Failed = [message: string, errno: number, code: string];

export interface ZlibBinding {
  // `mode`: CoderMode in coders.hh. `parameters`: [key, value, ...] of brotli and zstd.
  make(mode: number, level: number, windowBits: number, memLevel: number, strategy: number, dictionary?: Bytes, parameters?: number[], pledgedBytes?: number,
    rejectGarbageAfterEnd?: boolean): Handle | Failed;
  // `left` is given the bytes left of output and input. With `done` on the pool.
  run(handle: Handle, done: ((error?: Failed) => void) | undefined, flush: number, input: Bytes, inputOffset: number, inputBytes: number, output: Bytes,
    outputOffset: number, outputBytes: number, left: Uint32Array): Failed | undefined;
  // `state`: 0 bytes, 1 an error, 2 too large, 4 bytes and input is left.
  whole(handle: Handle, done: ((value: Uint8Array | Failed | undefined, state: number) => void) | undefined, flush: number, input: Bytes, chunkBytes: number,
    limitBytes: number): [value: Uint8Array | Failed | undefined, state: number];
  reset(handle: Handle): Failed | undefined;
  parameters(handle: Handle, level: number, strategy: number): Failed | undefined;
  close(handle: Handle): void;
  crc32(data: Bytes | string, value: number): number;
}

// With a function as `done` work goes to the pool and ends with done(error or null, value); with undefined it is done at once: the value
// is returned, or OpenSSL's error thrown with Node's properties. The functions stand with their arguments in jsapi/native/node/crypto/.
type Done<T> = ((error: Error | null, value?: T) => void) | undefined;
export interface CryptoBinding {
  hashMake(nameOrHandle: string | Handle, outputBytes?: number): Handle | undefined;
  hashUpdate(hash: Handle, data: Bytes | string): boolean;
  hashDigest(hash: Handle, outputBytes: number | undefined, asHex: boolean): Uint8Array | string;
  hashOnce(name: string, data: Bytes | string, asHex: boolean, outputBytes?: number): Uint8Array | string | undefined | false;
  keyParse(asPublic: boolean, bytes: Bytes, format: number, type: number | undefined, passphrase: Bytes | undefined): Handle | undefined;
  keyExport(key: Handle, format: number, type: number, cipher?: string, passphrase?: Bytes): Uint8Array | string;
  signWhole(done: Done<Uint8Array>, key: Handle, digest: string | undefined, padding: number | undefined, salt: number | undefined, ieee: boolean, data: Bytes): Uint8Array;
  cipherWhole(done: Done<Uint8Array>, encrypts: boolean, name: string, key: Handle, iv: Bytes | undefined, data: Bytes, aad: Bytes | undefined, tagBytes: number): Uint8Array;
  [name: string]: (...given: any[]) => any;
}

// Statements take flags (1 BigInts, 2 rows as arrays, 4 bare names, 8 unknown names are left out) and the parameters behind them.
export interface SqliteBinding {
  open(path: string, readOnly: boolean, timeoutMs: number, foreignKeys: boolean, doubleQuotes: boolean, extensions: boolean, defensive: boolean): Handle;
  prepare(database: Handle, sql: string): Handle;
  all(statement: Handle, flags: number, ...parameters: unknown[]): unknown[];
  get(statement: Handle, flags: number, ...parameters: unknown[]): unknown;
  run(statement: Handle, flags: number, ...parameters: unknown[]): [changes: number | bigint, lastInsertRowid: number | bigint];
  [name: string]: (...given: any[]) => any;
}

// Handles are objects that only these functions understand. `id`: of internal/node/vm_imports, for import() in the code.
type ScriptHandle = object;
type ModuleHandle = object;
type Compiled<T> = [made: T, cacheRejected: boolean | undefined, cache: Uint8Array | undefined, sourceMapUrl: string | undefined];
export interface VmBinding {
  makeContext(sandbox: object | undefined, strings: boolean, wasm: boolean, ownMicrotasks: boolean): object;
  isContext(object: object): boolean;
  measureMemory(detailed: boolean, eager: boolean): Promise<object>;
  compileScript(code: string, filename: string, line: number, column: number, cache: ArrayBufferView | undefined, produce: boolean, id: number,
    sandbox: object | undefined, displayErrors: boolean): Compiled<ScriptHandle>;
  runScript(script: ScriptHandle, sandbox: object | null, timeoutMs: number, displayErrors: boolean, breakOnSigint: boolean): unknown;
  createCachedData(script: ScriptHandle): Uint8Array;
  compileFunction(code: string, filename: string, line: number, column: number, cache: ArrayBufferView | undefined, produce: boolean, id: number,
    sandbox: object | undefined, extensions: object[], parameters: string[] | undefined): Compiled<Function>;
  setImportHooks(answer: (id: number, specifier: string, attributes: string[], file: unknown) => unknown, forget: (id: number) => void): void;
  setPrepareStackTrace(prepare: ((error: unknown, sites: object[]) => unknown) | undefined): void;
  sourceModule(code: string, url: string, line: number, column: number, cache: ArrayBufferView | undefined, sandbox: object | undefined, id: number,
    owner: object, fillMeta: Function | undefined): [made: ModuleHandle, cacheRejected: boolean];
  syntheticModule(names: string[], url: string, sandbox: object | undefined, owner: object, evaluate: Function): ModuleHandle;
  // Four for each: specifier, line, column, [key, value, ...].
  moduleRequests(module: ModuleHandle): unknown[];
  linkModule(module: ModuleHandle, targets: ModuleHandle[]): void;
  instantiateModule(module: ModuleHandle): void;
  evaluateModule(module: ModuleHandle, timeoutMs: number, breakOnSigint: boolean): Promise<void>;
  moduleStatus(module: ModuleHandle): number;
  moduleError(module: ModuleHandle): unknown;
  moduleNamespace(module: ModuleHandle): object;
  isGraphAsync(module: ModuleHandle): boolean;
  setModuleExport(module: ModuleHandle, name: string, value: unknown): void;
  createModuleCachedData(module: ModuleHandle): Uint8Array;
}

export interface AddonsBinding {
  // As process.dlopen: checks its arguments by itself.
  dlopen(module: { exports: unknown }, path: string, flags?: number): void;
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
    limits: [youngMb: number, oldMb: number, codeRangeMb: number, stackMb: number], onExit: (code: number, outOfMemory: boolean) => void): number;
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
