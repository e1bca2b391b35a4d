// SPDX-License-Identifier: Apache-2.0
// What of the language is newer than the engine.
import assert from 'node:assert';
assert.deepEqual([3,1,2].toSorted(), [1,2,3]);
assert.deepEqual([1,2,3].with(-1, 9), [1,2,9]);
assert.deepEqual([1,2,3].toSpliced(1,1,'x','y'), [1,'x','y',3]);
assert.deepEqual(await Array.fromAsync((async function*(){yield 1; yield 2})(), x=>x*2), [2,4]);
assert.deepEqual(await Array.fromAsync([Promise.resolve(3), 4]), [3,4]);
assert.deepEqual(Object.groupBy([1,2,3], x=>x%2?'odd':'even'), {__proto__:null, odd:[1,3], even:[2]});
assert.deepEqual([...new Set([1,2,3]).union(new Set([4]))], [1,2,3,4]);
assert.deepEqual([...new Set([1,2,3]).intersection(new Set([3,2]))].sort(), [2,3]);
assert(new Set([1]).isSubsetOf(new Set([1,2])));
assert.deepEqual([1,2,3,4].values().filter(x=>x%2).map(x=>x*10).toArray(), [10,30]);
assert.deepEqual(Iterator.from({next(){ return {done:this.i>2, value:this.i++} }, i:0}).take(2).toArray(), [0,1]);
assert.deepEqual([1,2].values().flatMap(x=>[x,x]).drop(1).toArray(), [1,2,2]);
let closed=0; function* g(){ try { yield 1; yield 2 } finally { closed++ } }
for (const x of g().map(x=>x)) break; assert.equal(closed,1);
assert.equal(g().some(x=>x===1), true); assert.equal(closed,2);
assert.equal([1,2].values() instanceof Iterator, true);
class It extends Iterator { next(){ return {done:true} } } new It();
assert.throws(()=>new Iterator(), TypeError);
assert.equal('a\ud800'.isWellFormed(), false); assert.equal('a\ud800'.toWellFormed(), 'a\ufffd');
assert.equal(RegExp.escape('a.b*c-'), '\\x61\\.b\\*c\\x2d');
assert.equal(Math.f16round(1.337), 1.3369140625); assert.equal(Math.f16round(65520), Infinity); assert.equal(Math.f16round(5e-8), 5.960464477539063e-8);
const b = new Uint8Array([1,2,3]).buffer; const c = b.transfer(2); assert.equal(b.detached, true); assert.equal(c.byteLength, 2); assert.equal(new ArrayBuffer(0).detached,false);
assert.equal(new Uint8Array([255,1]).toHex(), 'ff01'); assert.deepEqual(Uint8Array.fromBase64('aGk='), new Uint8Array([104,105])); assert.equal(new Uint8Array([104,105]).toBase64(), 'aGk=');
const log=[]; { const s = new DisposableStack(); s.defer(()=>log.push(1)); s.adopt(5,v=>log.push(v)); s.dispose(); } assert.deepEqual(log,[5,1]);
const {promise, resolve} = Promise.withResolvers(); resolve(1); assert.equal(await promise, 1); assert.equal(await Promise.try((a)=>a+1, 1), 2);
assert.equal(Array.prototype.toSorted.name, 'toSorted'); assert.equal(Array.prototype.toSorted.length, 1);
for (const k in []) throw k;
import vm from 'node:vm'; assert.deepEqual(vm.runInNewContext('[2,1].toSorted().join()'), '1,2');
assert.equal(Error.isError(vm.runInNewContext('new Error')), true);
console.log('done');
