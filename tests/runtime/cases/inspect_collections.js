// SPDX-License-Identifier: Apache-2.0
// Arrays, maps, sets, buffers, promises, boxed values, as Node shows them.
console.log([1, , 3], [undefined, null], new Array(5), Array.from({ length: 120 }, (_, i) => i));
console.log(new Map([['a', { b: 1 }], [{ x: 1 }, 2]]), new Set([1, 'a', [1]]));
console.log(new Uint8Array([1, 2, 3]), new ArrayBuffer(4), new Float64Array(2));
console.log(Promise.resolve(4), new Promise(() => {}), new WeakMap());
console.log(new Number(3), new String('abc'), Object(1n), Object(Symbol('a')));
console.log([1.5, -1, 0, NaN, Infinity], [true, false], [['a', 'b'], ['c', 'd']]);
console.log(['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccccc']);
console.log(Array.from({ length: 30 }, (_, i) => 'item' + i));
console.log(new Map([['k', new Map([['z', [1, 2, 3]]])]]).entries(), [1, 2][Symbol.iterator](), new Set([1]).values());
console.log((function () { return arguments; })(1, 2), [function () {}, () => {}]);
console.log("it's", ["it's", 'say "hi"', `both ' and "`, 'nl\n', '\u0001\u{1f600}']);
console.log(new Date(0), [new Date(NaN)], /ab+c/gi);
