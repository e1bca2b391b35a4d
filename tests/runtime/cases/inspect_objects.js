// SPDX-License-Identifier: Apache-2.0
// What console.log prints of objects, as Node does.
console.log({ a: 1, b: 'x', c: [1, 2, { d: [1, { e: { f: 1 } }] }], u: undefined, n: null, s: Symbol('q'), f() {}, g: class A {}, h: () => 1, big: 10n, neg: -0 });
console.log(Object.create(null), Object.create({ a: 1 }), {}, []);
class Foo {
  constructor() { this.x = 1; }
  get y() { return 1; }
}
console.log(new Foo(), Foo, class extends Foo {}, new (class Bar extends Foo {})());
const circle = { name: 'c' };
circle.self = circle;
circle.list = [circle];
console.log(circle);
console.log({ get a() { return 1; }, set a(v) {}, get b() { return 1; }, set c(v) {} });
console.log({ a: { b: { c: { d: 1 } } } }, [[[[1]]]]);
console.log({ 'a-b': 1, 2: 3, [Symbol('k')]: 4 });
console.log({ aaaaaaaaaaaaaaaa: 'bbbbbbbbbbbbbbbbbbbbbbbb', cccccccccccccccccc: 'dddddddddddddddddddddd', eeeeeeeeee: 'ffff' });
console.log(Object.assign(() => {}, { a: 1 }), new Proxy({ a: 1 }, {}), Math, JSON);
console.log(function named() {}, async () => {}, function* gen() {}, async function* ag() {});
