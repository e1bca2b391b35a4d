// SPDX-License-Identifier: Apache-2.0
// V8's structured serialisation as node:v8 has it, with Node's wire format: views of bytes are host objects, written as the number of
// their kind, the count of their bytes, and the bytes.
'use strict';

const { codes } = require('internal/errors');
const { Buffer } = require('node:buffer');

const native = internalBinding('serdes');
const kHandle = Symbol('handle');
const isView = ArrayBuffer.isView;
const { isAnyArrayBuffer, isArrayBuffer } = internalBinding('types').types;

function checkView(value, name) {
  if (!isView(value)) throw new codes.ERR_INVALID_ARG_TYPE(name, ['Buffer', 'TypedArray', 'DataView'], value);
}
// Methods as a class would have them: not enumerable.
function methods(type, own) {
  for (const name of Object.keys(own)) Object.defineProperty(type.prototype, name, { value: own[name], writable: true, configurable: true, enumerable: false });
}
const hidden = (self, name, value) => Object.defineProperty(self, name, { value, writable: false, enumerable: false, configurable: false });

// ---- the plain ones. Functions, for the error of a call without `new`.

function Serializer() {
  if (new.target === undefined) throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('Serializer');
  hidden(this, kHandle, native.makeWriter());
}
methods(Serializer, {
  writeHeader() { native.writeHeader(this[kHandle]); },
  writeValue(value) { return native.writeValue(this[kHandle], this, value); },
  releaseBuffer() { return Buffer.from(native.release(this[kHandle])); },
  transferArrayBuffer(id, arrayBuffer) {
    // Shared memory goes through _getSharedArrayBufferId.
    if (!isArrayBuffer(arrayBuffer)) throw new codes.ERR_INVALID_ARG_TYPE('arrayBuffer', 'ArrayBuffer', arrayBuffer);
    native.writeTransfer(this[kHandle], +id, arrayBuffer);
  },
  writeUint32(value) { native.writeUint32(this[kHandle], +value); },
  writeUint64(high, low) { native.writeUint64(this[kHandle], +high, +low); },
  writeDouble(value) { native.writeDouble(this[kHandle], +value); },
  writeRawBytes(source) {
    checkView(source, 'source');
    native.writeBytes(this[kHandle], source);
  },
  _setTreatArrayBufferViewsAsHostObjects(on) { native.viewsAreHostObjects(this[kHandle], Boolean(on)); },
  _getDataCloneError: Error,
});

function Deserializer(buffer) {
  if (new.target === undefined) throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('Deserializer');
  checkView(buffer, 'buffer');
  this.buffer = buffer;
  hidden(this, kHandle, native.makeReader(buffer));
}
methods(Deserializer, {
  readHeader() { return native.readHeader(this[kHandle]); },
  readValue() { return native.readValue(this[kHandle], this); },
  transferArrayBuffer(id, arrayBuffer) {
    if (!isAnyArrayBuffer(arrayBuffer)) throw new codes.ERR_INVALID_ARG_TYPE('arrayBuffer', ['ArrayBuffer', 'SharedArrayBuffer'], arrayBuffer);
    native.readTransfer(this[kHandle], +id, arrayBuffer);
  },
  getWireFormatVersion() { return native.wireVersion(this[kHandle]); },
  readUint32() { return native.readUint32(this[kHandle]); },
  readUint64() { return native.readUint64(this[kHandle]); },
  readDouble() { return native.readDouble(this[kHandle]); },
  // The same memory, not a copy.
  readRawBytes(length) {
    const { buffer } = this;
    return Buffer.from(buffer.buffer, buffer.byteOffset + this._readRawBytes(length), length);
  },
  _readRawBytes(length) { return native.readBytes(this[kHandle], +length); },
});

// ---- with views of bytes

// By their numbers on the wire.
const KINDS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, DataView, Buffer,
  BigInt64Array, BigUint64Array];
const BUFFER = KINDS.indexOf(Buffer);
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const kindOfName = new Map(KINDS.map((type, kind) => [type.name, kind]));
const kindOf = (view) => (Buffer.isBuffer(view) ? BUFFER : kindOfName.get(nameOf.call(view) ?? 'DataView'));

class DefaultSerializer extends Serializer {
  constructor() {
    super();
    this._setTreatArrayBufferViewsAsHostObjects(true);
  }
  _writeHostObject(view) {
    const kind = isView(view) ? kindOf(view) : undefined;
    if (kind === undefined) throw new this._getDataCloneError(`Unserializable host object: ${require('internal/inspect').inspect(view)}`);
    this.writeUint32(kind);
    this.writeUint32(view.byteLength);
    this.writeRawBytes(view);
  }
}

class DefaultDeserializer extends Deserializer {
  _readHostObject() {
    const kind = this.readUint32();
    const type = KINDS[kind];
    if (type === undefined) throw new Error('Unable to deserialize cloned data.');
    const bytes = this.readUint32();
    let { buffer, byteOffset: from } = this.buffer;
    from += this._readRawBytes(bytes);
    if (kind === BUFFER) return Buffer.from(buffer, from, bytes);
    const size = type.BYTES_PER_ELEMENT ?? 1;
    if (from % size !== 0) {
      // Where such elements cannot lie: a copy.
      buffer = buffer.slice(from, from + bytes);
      from = 0;
    }
    return new type(buffer, from, bytes / size);
  }
}

function serialize(value) {
  const serializer = new DefaultSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

function deserialize(buffer) {
  checkView(buffer, 'buffer');
  const deserializer = new DefaultDeserializer(buffer);
  deserializer.readHeader();
  return deserializer.readValue();
}

module.exports = { Serializer, Deserializer, DefaultSerializer, DefaultDeserializer, serialize, deserialize };
