// SPDX-License-Identifier: Apache-2.0
// exit: 5
let went = 'no further';
process.on('exit', (code) => {
  console.log('exit', code);
  process.on('exit', () => console.log('never'));
});
process.nextTick(() => console.log('never'));
try {
  process.exit(5);
  went = 'on';
} finally {
  if (went === 'on') console.log('went on');
}
console.log('never');
