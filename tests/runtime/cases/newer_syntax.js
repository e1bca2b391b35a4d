// SPDX-License-Identifier: Apache-2.0
// `using` and `await using`, which the engine does not parse.
'use strict';

const resource = (name) => ({ name, [Symbol.dispose]() { console.log('dispose', name); } });
const failing = (name) => ({ [Symbol.dispose]() { throw new Error(name); } });
const later = (name) => ({ async [Symbol.asyncDispose]() { await null; console.log('dispose later', name); } });

function early() {
  'use strict';
  using a = resource('a'), b = resource('b');
  if (a.name === 'a') return `returned with ${b.name}`;
  console.log('never');
}
console.log(early());

for (using each of [resource('first'), resource('second')]) console.log('loop', each.name);

{
  using nothing = null;
  console.log('null is fine', nothing, helper());
  function helper() { return 'hoisted'; }
}

try {
  using one = failing('one'), two = failing('two');
  throw new Error('body');
} catch (error) {
  console.log(error.name, error.error.message, error.suppressed.error.message, error.suppressed.suppressed.message);
}

try {
  using wrong = {};
} catch (error) {
  console.log(error.name);
}

(async () => {
  await using c = later('c');
  using d = resource('d');
  console.log('in the body', new Error().stack.split('\n')[1].match(/:(\d+):\d+\)?$/)[1]);
})().then(() => import('data:text/javascript,await using x = { [Symbol.asyncDispose]() { console.log("module"); } }; console.log("top level")'));
