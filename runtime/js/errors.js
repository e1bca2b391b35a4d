// SPDX-License-Identifier: Apache-2.0
// Errors with Node's codes: one table from a code to the class and the message. `new codes.ERR_X(...arguments)`; the classes
// are made when a code is first used.
'use strict';

const { Error, TypeError, RangeError, SyntaxError, URIError } = globalThis;
const { captureStackTrace } = Error;

const messages = { __proto__: null };  // code -> [base, message, other bases]
const classes = { __proto__: null };

// The classes by code. `codes.ERR_X.TypeError` is the variant with another base, for codes that have several.
const codes = { __proto__: null };

const inspectShort = (value, options) => require('internal/inspect').inspect(value, options);

// Declares a code. `message` is a text with %s for the arguments, or a function of them (`this` is the error).
function declare(code, message, Base, ...others) {
  messages[code] = [Base, message, others];
  Object.defineProperty(codes, code, { configurable: true, enumerable: true, get: () => classOf(code) });
}

function classOf(code) {
  const known = classes[code];
  if (known !== undefined) return known;
  const [Base, message, others] = messages[code];
  const made = makeClass(code, message, Base);
  for (const Other of others) made[Other.name] = makeClass(code, message, Other);
  return classes[code] = made;
}

function makeClass(code, message, Base) {
  // Not an ES class: the stack shall begin with "TypeError [CODE]: message", and `name` stay what the base has.
  function NodeError(...args) {
    const { stackTraceLimit } = Error;
    if (writableLimit()) Error.stackTraceLimit = 0;
    const error = new Base();
    if (writableLimit()) Error.stackTraceLimit = stackTraceLimit;
    const text = messageOf(message, args, error);
    Object.defineProperties(error, {
      __proto__: null,
      message: { __proto__: null, value: text, enumerable: false, writable: true, configurable: true },
      toString: {
        __proto__: null,
        value() { return `${this.name} [${code}]: ${this.message}`; },
        enumerable: false, writable: true, configurable: true,
      },
    });
    // While the stack is made the name tells the code.
    Object.defineProperty(error, 'name', { __proto__: null, value: `${Base.name} [${code}]`, configurable: true, writable: true, enumerable: false });
    captureStackTrace(error, hidden === null ? NodeError : hidden);
    void error.stack;
    delete error.name;
    error.code = code;
    return error;
  }
  Object.defineProperty(NodeError, 'name', { value: 'NodeError' });
  return NodeError;
}

function writableLimit() {
  const descriptor = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  return descriptor === undefined ? Object.isExtensible(Error) : descriptor.writable === true;
}

function messageOf(message, args, error) {
  if (typeof message === 'function') return Reflect.apply(message, error, args);
  let i = 0;
  return message.replace(/%[sd]/g, () => String(args[i++]));
}

// The function whose callers' frames an error shall begin with; null: the place of `new`.
let hidden = null;

// Makes a checker of `check` whose own frames do not stand in the errors that it throws.
function hideStackFrames(check) {
  function wrapped(...args) {
    const before = hidden;
    if (before === null) hidden = wrapped;
    try {
      return Reflect.apply(check, this, args);
    } finally {
      hidden = before;
    }
  }
  wrapped.withoutStackTrace = check;
  return wrapped;
}

// ---- what was received, in the words of Node's messages

function invalidArgTypeHelper(value) {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    if (value.constructor && value.constructor.name) return ` Received an instance of ${value.constructor.name}`;
    return ` Received ${inspectShort(value, { depth: -1 })}`;
  }
  let text = inspectShort(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${text})`;
}

const listOr = (words) => words.length < 3 ? words.join(' or ') : `${words.slice(0, -1).join(', ')}, or ${words[words.length - 1]}`;
const PRIMITIVES = ['string', 'function', 'number', 'object', 'Function', 'Object', 'boolean', 'bigint', 'symbol'];

// "must be of type string or an instance of Buffer."
function expectation(expected) {
  if (!Array.isArray(expected)) expected = [expected];
  const types = [];
  const instances = [];
  const others = [];
  for (const each of expected) {
    if (PRIMITIVES.includes(each)) types.push(each.toLowerCase());
    else if (/^([A-Z][a-z0-9]*)+$/.test(each)) instances.push(each);
    else others.push(each);
  }
  // "object" beside classes reads better as a class.
  if (instances.length > 0 && types.includes('object')) {
    types.splice(types.indexOf('object'), 1);
    instances.push('Object');
  }
  const parts = [];
  if (types.length > 0) parts.push(types.length > 1 ? `one of type ${listOr(types)}` : `of type ${types[0]}`);
  if (instances.length > 0) parts.push(`an instance of ${listOr(instances)}`);
  if (others.length > 1) parts.push(`one of ${listOr(others)}`);
  else if (others.length === 1) parts.push(`${others[0].toLowerCase() !== others[0] ? 'an ' : ''}${others[0]}`);
  return parts.join(' or ');
}

// 1234567 -> 1_234_567
function addNumericalSeparator(text) {
  const digits = text.replace(/^-/, '').replace(/n$/, '');
  const grouped = digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');
  return `${text.startsWith('-') ? '-' : ''}${grouped}${text.endsWith('n') ? 'n' : ''}`;
}

// ---- the table

declare('ERR_AMBIGUOUS_ARGUMENT', 'The "%s" argument is ambiguous. %s', TypeError);
declare('ERR_ARG_NOT_ITERABLE', '%s must be iterable', TypeError);
declare('ERR_ASSERTION', '%s', Error);
declare('ERR_ASYNC_CALLBACK', '%s must be a function', TypeError);
declare('ERR_ASYNC_TYPE', 'Invalid name for async "type": %s', TypeError);
declare('ERR_BROTLI_INVALID_PARAM', '%s is not a valid Brotli parameter', RangeError);
declare('ERR_BUFFER_OUT_OF_BOUNDS', (name) => name ? `"${name}" is outside of buffer bounds` : 'Attempt to access memory outside buffer bounds', RangeError);
declare('ERR_BUFFER_TOO_LARGE', 'Cannot create a Buffer larger than %s bytes', RangeError);
declare('ERR_CHILD_CLOSED_BEFORE_REPLY', 'Child closed before reply received', Error);
declare('ERR_CHILD_PROCESS_IPC_REQUIRED', "Forked processes must have an IPC channel, missing value 'ipc' in %s", Error);
declare('ERR_CHILD_PROCESS_STDIO_MAXBUFFER', '%s maxBuffer length exceeded', RangeError);
declare('ERR_CLOSED_MESSAGE_PORT', 'Cannot send data on closed MessagePort', Error);
declare('ERR_CONSOLE_WRITABLE_STREAM', 'Console expects a writable stream instance for %s', TypeError);
declare('ERR_CONSTRUCT_CALL_INVALID', 'Constructor cannot be called', TypeError);
declare('ERR_CONSTRUCT_CALL_REQUIRED', 'Class constructor %s cannot be invoked without `new`', TypeError);
declare('ERR_CRYPTO_ARGON2_NOT_SUPPORTED', 'Argon2 algorithm not supported', Error);
declare('ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED', 'Custom engines not supported by this OpenSSL', Error);
declare('ERR_CRYPTO_ECDH_INVALID_FORMAT', 'Invalid ECDH format: %s', TypeError);
declare('ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', 'Public key is not valid for specified curve', Error);
declare('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called', Error);
declare('ERR_CRYPTO_HASH_UPDATE_FAILED', 'Hash update failed', Error);
declare('ERR_CRYPTO_INCOMPATIBLE_KEY', 'Incompatible %s: %s', Error);
declare('ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS', 'The selected key encoding %s %s.', Error);
declare('ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name', TypeError);
declare('ERR_CRYPTO_INVALID_DIGEST', '%s', TypeError);
declare('ERR_CRYPTO_INVALID_JWK', '%s', TypeError);
declare('ERR_CRYPTO_INVALID_KEYLEN', (text = 'Invalid key length') => text, RangeError);
declare('ERR_CRYPTO_INVALID_KEYPAIR', 'Invalid key pair', RangeError);
declare('ERR_CRYPTO_INVALID_KEYTYPE', '%s', RangeError);
declare('ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', 'Invalid key object type %s, expected %s.', TypeError);
declare('ERR_CRYPTO_INVALID_MESSAGELEN', 'Invalid message length', RangeError);
declare('ERR_CRYPTO_INVALID_SCRYPT_PARAMS', '%s', RangeError);
declare('ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation %s', Error);
declare('ERR_CRYPTO_JWK_UNSUPPORTED_CURVE', 'Unsupported JWK EC curve: %s.', Error);
declare('ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE', 'Unsupported JWK Key Type.', Error);
declare('ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign', Error);
declare('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length', RangeError);
declare('ERR_CRYPTO_UNKNOWN_DH_GROUP', 'Unknown DH group', Error);
declare('ERR_DIR_CLOSED', 'Directory handle was closed', Error);
declare('ERR_DIR_CONCURRENT_OPERATION', 'Cannot do synchronous work on directory handle with concurrent asynchronous operations', Error);
declare('ERR_DOMAIN_CALLBACK_NOT_AVAILABLE',
  'A callback was registered through process.setUncaughtExceptionCaptureCallback(), which is mutually exclusive with using the `domain` module', Error);
declare('ERR_DOMAIN_CANNOT_SET_UNCAUGHT_EXCEPTION_CAPTURE',
  'The `domain` module is in use, which is mutually exclusive with calling process.setUncaughtExceptionCaptureCallback()', Error);
declare('ERR_ENCODING_INVALID_ENCODED_DATA', function(encoding, code) {
  this.errno = code;
  return `The encoded data was not valid for encoding ${encoding}`;
}, TypeError);
declare('ERR_ENCODING_NOT_SUPPORTED', 'The "%s" encoding is not supported', RangeError);
declare('ERR_EVAL_ESM_CANNOT_PRINT', '--print cannot be used with ESM input', Error);
declare('ERR_EVENT_RECURSION', 'The event "%s" is already being dispatched', Error);
declare('ERR_FALSY_VALUE_REJECTION', function(reason) {
  this.reason = reason;
  return 'Promise was rejected with falsy value';
}, Error);
declare('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'The feature %s is unavailable on the current platform, which is being used to run Node.js', TypeError);
declare('ERR_FS_CP_DIR_TO_NON_DIR', 'Cannot overwrite non-directory with directory', Error);
declare('ERR_FS_CP_EEXIST', 'Target already exists', Error);
declare('ERR_FS_CP_EINVAL', 'Invalid src or dest', Error);
declare('ERR_FS_EISDIR', 'Path is a directory', Error);
declare('ERR_FS_FILE_TOO_LARGE', 'File size (%s) is greater than 2 GiB', RangeError);
declare('ERR_FS_INVALID_SYMLINK_TYPE', 'Symlink type must be one of "dir", "file", or "junction". Received "%s"', Error);
declare('ERR_FS_WATCH_QUEUE_OVERFLOW', 'fs.watch() queued more than %d events', Error);
declare('ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor', TypeError);
declare('ERR_INCOMPATIBLE_OPTION_PAIR', 'Option "%s" cannot be used in combination with option "%s"', TypeError);
declare('ERR_INTERNAL_ASSERTION', '%s', Error);
declare('ERR_INVALID_ADDRESS', 'Invalid address', Error);
declare('ERR_INVALID_ADDRESS_FAMILY', function(family, host, port) {
  this.host = host;
  this.port = port;
  return `Invalid address family: ${family} ${host}:${port}`;
}, RangeError);
declare('ERR_INVALID_ARG_TYPE', (name, expected, actual) => {
  let text = 'The ';
  if (name.endsWith(' argument')) text += `${name} `;
  else text += `"${name}" ${name.includes('.') ? 'property' : 'argument'} `;
  return `${text}must be ${expectation(expected)}.${invalidArgTypeHelper(actual)}`;
}, TypeError);
declare('ERR_INVALID_ARG_VALUE', (name, value, reason = 'is invalid') => {
  let text = inspectShort(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  return `The ${name.includes('.') ? 'property' : 'argument'} '${name}' ${reason}. Received ${text}`;
}, TypeError, RangeError);
declare('ERR_INVALID_ASYNC_ID', 'Invalid %s value: %s', RangeError);
declare('ERR_INVALID_BUFFER_SIZE', 'Buffer size must be a multiple of %s', RangeError);
declare('ERR_INVALID_CHAR', (name, field) => `Invalid character in ${name}${field === undefined ? '' : ` ["${field}"]`}`, TypeError);
declare('ERR_INVALID_CURSOR_POS', 'Cannot set cursor row without setting its column', TypeError);
declare('ERR_INVALID_FD', '"fd" must be a positive integer: %s', RangeError);
declare('ERR_INVALID_FD_TYPE', 'Unsupported fd type: %s', TypeError);
declare('ERR_INVALID_FILE_URL_HOST', 'File URL host must be "localhost" or empty on %s', TypeError);
declare('ERR_INVALID_FILE_URL_PATH', function(reason, input) {
  if (input !== undefined) this.input = input;
  return `File URL path ${reason}`;
}, TypeError);
declare('ERR_INVALID_HANDLE_TYPE', 'This handle type cannot be sent', TypeError);
declare('ERR_INVALID_IP_ADDRESS', 'Invalid IP address: %s', TypeError);
declare('ERR_INVALID_MIME_SYNTAX', (what, text, at) => `The MIME syntax for a ${what} in "${text}" is invalid${at === -1 ? '' : ` at ${at}`}`, TypeError);
declare('ERR_INVALID_MODULE', 'No such module: %s', Error);
declare('ERR_INVALID_OBJECT_DEFINE_PROPERTY', '%s', TypeError);
declare('ERR_INVALID_PACKAGE_CONFIG', (path, base, message) =>
  `Invalid package config ${path}${base ? ` while importing ${base}` : ''}${message ? `. ${message}` : ''}`, Error);
declare('ERR_INVALID_PROTOCOL', (protocol, expected) => `Protocol "${protocol}" not supported. Expected "${expected}"`, TypeError);
declare('ERR_INVALID_RETURN_PROPERTY_VALUE', (input, name, property, value) =>
  `Expected ${input} to be returned for the "${property}" from the "${name}" function but got ${kindOf(value)}.`, TypeError);
declare('ERR_INVALID_RETURN_VALUE', (input, name, value) => `Expected ${input} to be returned from the "${name}" function but got ${kindOf(value)}.`, TypeError, RangeError);
declare('ERR_INVALID_STATE', 'Invalid state: %s', Error, TypeError, RangeError);
declare('ERR_INVALID_SYNC_FORK_INPUT', 'Asynchronous forks do not support Buffer, TypedArray, DataView or string input: %s', TypeError);
declare('ERR_INVALID_THIS', 'Value of "this" must be of type %s', TypeError);
declare('ERR_INVALID_TYPESCRIPT_SYNTAX', '%s', SyntaxError);
declare('ERR_INVALID_TUPLE', '%s must be an iterable %s tuple', TypeError);
declare('ERR_INVALID_URI', 'URI malformed', URIError);
declare('ERR_INVALID_URL', function(input, base = null) {
  this.input = input;
  if (base != null) this.base = base;
  return 'Invalid URL';
}, TypeError);
declare('ERR_INVALID_URL_PATTERN', 'Failed to construct URLPattern: %s', TypeError);
declare('ERR_INVALID_URL_SCHEME', (expected) => `The URL must be ${(Array.isArray(expected) ? expected : [expected]).length > 1 ? `one of scheme ${listOr(expected)}` : `of scheme ${[].concat(expected)[0]}`}`, TypeError);
declare('ERR_IPC_CHANNEL_CLOSED', 'Channel closed', Error);
declare('ERR_IPC_DISCONNECTED', 'IPC channel is already disconnected', Error);
declare('ERR_IPC_ONE_PIPE', 'Child process can have only one IPC pipe', Error);
declare('ERR_IPC_SYNC_FORK', 'IPC cannot be used with synchronous forks', Error);
declare('ERR_LOADER_CHAIN_INCOMPLETE', '%s', Error);
declare('ERR_MESSAGE_TARGET_CONTEXT_UNAVAILABLE', 'A message object could not be deserialized successfully in the target vm.Context', Error);
declare('ERR_METHOD_NOT_IMPLEMENTED', 'The %s method is not implemented', Error);
declare('ERR_MISSING_ARGS', (...names) => {
  const texts = names.map((name) => Array.isArray(name) ? name.map((each) => `"${each}"`).join(' or ') : `"${name}"`);
  if (texts.length === 1) return `The ${texts[0]} argument must be specified`;
  if (texts.length === 2) return `The ${texts[0]} and ${texts[1]} arguments must be specified`;
  return `The ${texts.slice(0, -1).join(', ')}, and ${texts[texts.length - 1]} arguments must be specified`;
}, TypeError);
declare('ERR_MISSING_OPTION', '%s is required', TypeError);
declare('ERR_MODULE_LINK_MISMATCH', '%s', TypeError);
declare('ERR_MISSING_PASSPHRASE', '%s', TypeError);
declare('ERR_MULTIPLE_CALLBACK', 'Callback called multiple times', Error);
declare('ERR_MODULE_NOT_FOUND', '%s', Error);
declare('ERR_NOT_BUILDING_SNAPSHOT', 'Operation cannot be invoked when not building startup snapshot', Error);
declare('ERR_NO_CRYPTO', 'Node.js is not compiled with OpenSSL crypto support', Error);
declare('ERR_NO_TYPESCRIPT', 'Node.js is not compiled with TypeScript support', Error);
declare('ERR_OPERATION_FAILED', 'Operation failed: %s', Error, TypeError);
declare('ERR_OUT_OF_RANGE', (name, range, input, replaceDefault = false) => {
  const text = replaceDefault ? name : `The value of "${name}" is out of range.`;
  let received;
  if (Number.isInteger(input) && Math.abs(input) > 2 ** 32) received = addNumericalSeparator(String(input));
  else if (typeof input === 'bigint') received = (input > 2n ** 32n || input < -(2n ** 32n)) ? `${addNumericalSeparator(String(input))}n` : `${input}n`;
  else received = inspectShort(input);
  return `${text} It must be ${range}. Received ${received}`;
}, RangeError);
declare('ERR_PARSE_ARGS_INVALID_OPTION_VALUE', '%s', TypeError);
declare('ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL', (positional) => `Unexpected argument '${positional}'. This command does not take positional arguments`, TypeError);
declare('ERR_PARSE_ARGS_UNKNOWN_OPTION', (option, allowPositionals) => {
  const hint = allowPositionals ? `. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- ${JSON.stringify(option)}` : '';
  return `Unknown option '${option}'${hint}`;
}, TypeError);
declare('ERR_PERFORMANCE_INVALID_TIMESTAMP', '%d is not a valid timestamp', TypeError);
declare('ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS', '%s', TypeError);
declare('ERR_PROCESS_EXECVE_FAILED', 'process.execve failed with error code %s', Error);
declare('ERR_REQUIRE_ASYNC_MODULE', 'require() cannot be used on an ESM graph with top-level await. Use import() instead.', Error);
declare('ERR_SCRIPT_EXECUTION_INTERRUPTED', 'Script execution was interrupted by `SIGINT`', Error);
declare('ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.', Error);
declare('ERR_SERVER_NOT_RUNNING', 'Server is not running.', Error);
declare('ERR_SOCKET_BAD_PORT', (name, port, allowZero = true) => {
  const received = invalidArgTypeHelper(port).trim();
  return `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536. ${received}.`;
}, RangeError);
declare('ERR_SOCKET_CLOSED', 'Socket is closed', Error);
declare('ERR_SOURCE_MAP_MISSING_SOURCE', 'Cannot find \'%s\' imported from the source map for \'%s\'', Error);
declare('ERR_STREAM_ALREADY_FINISHED', 'Cannot call %s after a stream was finished', Error);
declare('ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable', Error);
declare('ERR_STREAM_DESTROYED', 'Cannot call %s after a stream was destroyed', Error);
declare('ERR_STREAM_ITER_MISSING_FLAG', 'The stream/iter API requires the --experimental-stream-iter flag', TypeError);
declare('ERR_STREAM_NULL_VALUES', 'May not write null values to stream', TypeError);
declare('ERR_STREAM_PREMATURE_CLOSE', 'Premature close', Error);
declare('ERR_STREAM_PUSH_AFTER_EOF', 'stream.push() after EOF', Error);
declare('ERR_STREAM_UNABLE_TO_PIPE', 'Cannot pipe to a closed or destroyed stream', Error);
declare('ERR_STREAM_UNSHIFT_AFTER_END_EVENT', 'stream.unshift() after end event', Error);
declare('ERR_STREAM_WRAP', 'Stream has StringDecoder set or is in objectMode', Error);
declare('ERR_STREAM_WRITE_AFTER_END', 'write after end', Error);
declare('ERR_STRING_TOO_LONG', 'Cannot create a string longer than 0x%s characters', Error);
declare('ERR_SYSTEM_ERROR', '%s', Error);
declare('ERR_TRAILING_JUNK_AFTER_STREAM_END', 'Trailing junk found after the end of the compressed stream', TypeError);
declare('ERR_TTY_INIT_FAILED', 'TTY initialization failed', Error);
declare('ERR_UNAVAILABLE_DURING_EXIT', 'Cannot call function in process exit handler', Error);
declare('ERR_UNCAUGHT_EXCEPTION_CAPTURE_ALREADY_SET', '`process.setupUncaughtExceptionCapture()` was called while a capture callback was already active', Error);
declare('ERR_UNESCAPED_CHARACTERS', '%s contains unescaped characters', TypeError);
declare('ERR_UNHANDLED_ERROR', (reason) => reason === undefined ? 'Unhandled error.' : `Unhandled error. (${reason})`, Error);
declare('ERR_UNKNOWN_BUILTIN_MODULE', 'No such built-in module: %s', Error);
declare('ERR_UNKNOWN_CREDENTIAL', '%s identifier does not exist: %s', Error);
declare('ERR_UNKNOWN_ENCODING', 'Unknown encoding: %s', TypeError);
declare('ERR_UNKNOWN_FILE_EXTENSION', 'Unknown file extension "%s" for %s', TypeError);
declare('ERR_UNKNOWN_SIGNAL', 'Unknown signal: %s', TypeError);
declare('ERR_UNSUPPORTED_DIR_IMPORT', "Directory import '%s' is not supported resolving ES modules", Error);
declare('ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING', 'Stripping types is currently unsupported for files under node_modules, for "%s"', Error);
declare('ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX', '%s', SyntaxError);
declare('ERR_UNSUPPORTED_ESM_URL_SCHEME', (protocol) =>
  `Only URLs with a scheme in: file, data, node, and sluice are supported by the default ESM loader. Received protocol '${protocol}'`, Error);
declare('ERR_USE_AFTER_CLOSE', '%s was closed', Error);
declare('ERR_VALID_PERFORMANCE_ENTRY_TYPE', 'At least one valid performance entry type is required', Error);
declare('ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING', 'A dynamic import callback was not specified.', TypeError);
declare('ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING_FLAG', 'A dynamic import callback was invoked without --experimental-vm-modules', TypeError);
declare('ERR_VM_MODULE_ALREADY_LINKED', 'Module has already been linked', Error);
declare('ERR_VM_MODULE_CACHED_DATA_REJECTED', 'cachedData buffer was rejected', Error);
declare('ERR_VM_MODULE_CANNOT_CREATE_CACHED_DATA', 'Cached data cannot be created for a module which has been evaluated', Error);
declare('ERR_VM_MODULE_DIFFERENT_CONTEXT', 'Linked modules must use the same context', Error);
declare('ERR_VM_MODULE_LINK_FAILURE', function(message, cause) {
  this.cause = cause;
  return message;
}, Error);
declare('ERR_VM_MODULE_NOT_MODULE', 'Provided module is not an instance of Module', Error);
declare('ERR_VM_MODULE_STATUS', 'Module status %s', Error);
declare('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: %s', Error);
declare('ERR_WORKER_INVALID_EXEC_ARGV', (errors, msg = 'invalid execArgv flags') => `Initiated Worker with ${msg}: ${errors.join(', ')}`, Error);
declare('ERR_WORKER_MESSAGING_ERRORED', 'The destination thread threw an error while processing the message', Error);
declare('ERR_WORKER_MESSAGING_FAILED', 'Cannot find the destination thread or listener', Error);
declare('ERR_WORKER_MESSAGING_SAME_THREAD', 'Cannot sent a message to the same thread', Error);
declare('ERR_WORKER_MESSAGING_TIMEOUT', 'Sending a message to another thread timed out', Error);
declare('ERR_WORKER_NOT_RUNNING', 'Worker instance not running', Error);
declare('ERR_WORKER_OUT_OF_MEMORY', 'Worker terminated due to reaching memory limit: %s', Error);
declare('ERR_WORKER_PATH', (hint, name) => `The worker script or module filename must be an absolute path or a relative path starting with './' or '../'.${hint && ` ${hint}`} Received "${name}"`, TypeError);
declare('ERR_WORKER_UNSERIALIZABLE_ERROR', 'Serializing an uncaught exception failed', Error);
declare('ERR_WORKER_UNSUPPORTED_OPERATION', '%s is not supported in workers', TypeError);
declare('ERR_ZLIB_INITIALIZATION_FAILED', '%s', Error);
declare('ERR_ZSTD_INVALID_PARAM', '%s is not a valid zstd parameter', RangeError);

function kindOf(value) {
  if (value && value.constructor && value.constructor.name) return `an instance of ${value.constructor.name}`;
  return value === null || value === undefined ? String(value) : `type ${typeof value}`;
}

// ---- errors of the system

// [name, text] of an errno, as Node has it
const describeErrno = (number) => internalBinding('errno').describe(number);

// An error of a system call: `code` ENOENT, `errno` -2. `number` is positive or negative.
function errnoException(number, syscall, path, dest) {
  const [code, text] = describeErrno(Math.abs(number));
  let message = `${code}: ${text}, ${syscall}`;
  if (path !== undefined) message += ` '${path}'`;
  if (dest !== undefined) message += ` -> '${dest}'`;
  const error = new Error(message);
  error.errno = -Math.abs(number);
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  captureStackTrace(error, hidden === null ? errnoException : hidden);
  return error;
}

// The same in fewer words, as calls on pipes, children and sockets give it: "spawn nothing ENOENT".
function callError(number, syscall) {
  const error = errnoException(number, syscall);
  error.message = `${syscall} ${error.code}`;
  captureStackTrace(error, hidden === null ? callError : hidden);
  return error;
}

// ERR_SYSTEM_ERROR and its kin, which hold what the system said in `info`.
function systemError(code, name, info) {
  let message = `${name}: ${info.syscall} returned ${info.code} (${info.message})`;
  if (info.path !== undefined) message += ` ${info.path}`;
  if (info.dest !== undefined) message += ` => ${info.dest}`;
  const error = new codes.ERR_SYSTEM_ERROR(message);
  Object.defineProperty(error, 'name', { value: 'SystemError', configurable: true, writable: true, enumerable: false });
  error.code = code;
  error.info = info;
  error.errno = info.errno;
  error.syscall = info.syscall;
  return error;
}

class AbortError extends Error {
  constructor(message = 'The operation was aborted', options = undefined) {
    if (options !== undefined && typeof options !== 'object') throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
    super(message, options);
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}

// Both errors of an operation that failed and whose cleaning up failed as well.
function aggregateTwoErrors(inner, outer) {
  if (!inner || !outer || inner === outer) return inner || outer;
  if (Array.isArray(outer.errors)) {
    outer.errors.push(inner);
    return outer;
  }
  const error = new AggregateError([outer, inner], outer.message);
  error.code = outer.code;
  return error;
}

Object.assign(exports, {
  codes, declare, hideStackFrames, invalidArgTypeHelper, errnoException, callError, systemError, AbortError, aggregateTwoErrors, addNumericalSeparator,
});
