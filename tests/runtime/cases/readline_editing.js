// SPDX-License-Identifier: Apache-2.0
// Keys on a terminal: editing, history, completion; lines of a stream that is none.
const readline = require('readline');
const { PassThrough } = require('stream');
const input = new PassThrough();
const rl = readline.createInterface({ input, output: new PassThrough(), terminal: true, historySize: 2, completer: (line) => [['hello', 'help'].filter((each) => each.startsWith(line)), line] });
rl.on('line', (line) => console.log('line', JSON.stringify(line)));
input.write('abc\u001b[D\u007fX\r');            // left, backspace
input.write('one two\u0017three\r');            // Ctrl+W
input.write('\u001b[A\u001b[A!\r');             // up, up
input.write('h\t\r');                           // completion of what all have
input.write('cut me\u0015\u0019\u0019\r');      // Ctrl+U, Ctrl+Y
console.log(rl.history);
rl.close();
try {
  rl.prompt();
} catch (error) {
  console.log(error.code);
}
(async () => {
  const lines = new PassThrough();
  lines.end('a\r\nb\nc\rd');
  const all = [];
  for await (const line of readline.createInterface({ input: lines })) all.push(line);
  console.log(all);
  const asked = new PassThrough();
  const promises = require('readline/promises').createInterface({ input: asked, output: new PassThrough() });
  setImmediate(() => asked.write('42\n'));
  console.log(await promises.question('?'));
  promises.close();
})();
