// SPDX-License-Identifier: Apache-2.0
// exit: 1
async function main() {
  await 1;
  throw new RangeError('async');
}
main();
setTimeout(() => console.log('never'), 100);
