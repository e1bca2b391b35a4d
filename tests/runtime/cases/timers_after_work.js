// SPDX-License-Identifier: Apache-2.0
// A timer counts from the call, whatever its turn has done before.
'use strict';

const until = performance.now() + 150;
while (performance.now() < until);
const begun = performance.now();
setTimeout(() => console.log('after', performance.now() - begun >= 99), 100);
setImmediate(() => console.log('immediate'));
