// SPDX-License-Identifier: Apache-2.0
// exit: 3
// process.exit() in a promise job of a module that still awaits.
Promise.resolve().then(() => process.exit(3));
process.on('exit', (code) => console.log('exit', code));
await new Promise(() => {});
