// SPDX-License-Identifier: Apache-2.0
// exit: 5
process.on('exit', (code) => console.log('exit', code));
process.nextTick(() => console.log('never'));
process.exit(5);
console.log('never');
