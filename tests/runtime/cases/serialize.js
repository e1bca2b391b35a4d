// SPDX-License-Identifier: Apache-2.0
// node:v8's serialiser: the bytes are Node's, views share the memory they are read from, and bad bytes are an error and no more.
const v8 = require('node:v8');
const assert = require('node:assert');
const tell = (what, run) => { try { console.log(what, run()); } catch (error) { console.log(what, error.name, error.code, error.message); } };

// After the header: host objects as kind, count, bytes.
const bytes = v8.serialize({ a: 1, b: Buffer.from('hi'), c: new Uint16Array([258]) }).toString('hex').slice(4);
console.log(bytes);

const all = {
  map: new Map([[1, new Set(['x'])]]), date: new Date(5), big: 2n ** 70n, expression: /a/g, error: new RangeError('far'), nothing: undefined, list: [1, , 3],
  views: [new Int8Array([1]), new Uint8Array([1]), new Uint8ClampedArray([1]), new Int16Array([1]), new Int32Array([1]), new Uint32Array([1]), new Float32Array([1]),
    new Float64Array([1]), new DataView(new ArrayBuffer(3), 1), new BigInt64Array([1n]), new BigUint64Array([1n]), Buffer.from('b')],
};
all.self = all;
assert.deepStrictEqual(v8.deserialize(v8.serialize(all)), all);

const from = v8.serialize(new Uint8Array([1, 2, 3]));
const view = v8.deserialize(from);
from[from.length - 1] = 9;
console.log(view, view.buffer === from.buffer);

class Point { constructor(x) { this.x = x; } }
class Writer extends v8.Serializer {
  _writeHostObject(view) { this.writeUint32(view.byteLength); this.writeUint64(1, 2); this.writeDouble(0.5); this.writeRawBytes(view); }
}
class Reader extends v8.Deserializer {
  _readHostObject() {
    const length = this.readUint32();
    return { 64: this.readUint64(), double: this.readDouble(), bytes: this.readRawBytes(length) };
  }
}
const writer = new Writer();
writer._setTreatArrayBufferViewsAsHostObjects(true);
writer.writeHeader();
tell('written', () => writer.writeValue([new Uint8Array([7]), new Point(4)]));
const reader = new Reader(writer.releaseBuffer());
tell('header', () => reader.readHeader());
tell('read', () => reader.readValue());
tell('past the end', () => reader.readUint32());
tell('far past the end', () => reader.readRawBytes(2 ** 40));

const shared = new SharedArrayBuffer(2), moved = new ArrayBuffer(3);
class Sharing extends v8.DefaultSerializer { _getSharedArrayBufferId() { return 6; } }
const sharing = new Sharing();
sharing.transferArrayBuffer(5, moved);
sharing.writeHeader();
sharing.writeValue([shared, moved]);
const receiver = new v8.DefaultDeserializer(sharing.releaseBuffer());
receiver.transferArrayBuffer(6, shared);
receiver.transferArrayBuffer(5, moved);
receiver.readHeader();
const [first, second] = receiver.readValue();
console.log(first.byteLength, second === moved);

tell('a function', () => v8.serialize(() => 1));
tell('shared', () => v8.serialize(shared));
tell('shared, throws', () => { const one = new v8.Serializer(); one._getSharedArrayBufferId = () => { throw new Error('id'); }; one.writeValue(shared); });
tell('views as host objects, nobody to write them', () => { const one = new v8.Serializer(); one._setTreatArrayBufferViewsAsHostObjects(true); one.writeValue(new Uint8Array(1)); });
tell('nobody to read them', () => { const one = new v8.Deserializer(from); one.readHeader(); one.readValue(); });
tell('shared, not given', () => { const one = new Sharing(); one.writeHeader(); one.writeValue(shared); v8.deserialize(one.releaseBuffer()); });
tell('a getter', () => v8.serialize({ get a() { throw new Error('got'); } }));
class Own extends v8.DefaultSerializer { _getDataCloneError(message) { return new TypeError(`own: ${message}`); } }
tell('own error', () => new Own().writeValue(() => 1));
tell('throws inside', () => { const one = new v8.Serializer(); one._writeHostObject = () => { throw new Error('inside'); }; one._setTreatArrayBufferViewsAsHostObjects(true); one.writeValue(new Uint8Array(1)); });
tell('no new', () => v8.Serializer());
tell('no bytes', () => new v8.Deserializer('x'));
tell('not raw', () => new v8.Serializer().writeRawBytes('x'));
tell('empty', () => v8.deserialize(Buffer.alloc(0)));
tell('rubbish', () => v8.deserialize(Buffer.from('ff7f01', 'hex')));
const broken = new v8.Deserializer(Buffer.from('ff7f01', 'hex'));
tell('bad header', () => broken.readHeader());
tell('after it', () => broken.readValue());
tell('an unknown kind', () => v8.deserialize(Buffer.from('ff0d5c6301', 'hex')));
tell('cut short', () => v8.deserialize(v8.serialize('a long text').subarray(0, 8)));
for (let i = 0; i < 64; ++i) { try { v8.deserialize(v8.serialize(all).fill(i * 4, i + 2, i + 4)); } catch {} }
console.log(v8.isStringOneByteRepresentation('é'), v8.isStringOneByteRepresentation('€'), typeof v8.promiseHooks.onInit);
