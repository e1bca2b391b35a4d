// SPDX-License-Identifier: Apache-2.0
// beforeExit may start something new; exit is last and may set the code.
// exit: 3
let revived = false;
process.on('beforeExit', (code) => {
  console.log('beforeExit', code);
  if (!revived) setTimeout(() => console.log('revived'), 1);
  revived = true;
});
process.on('exit', (code) => {
  console.log('exit', code, process.exitCode);
  setTimeout(() => console.log('never'), 0);
});
process.exitCode = 3;
