// SPDX-License-Identifier: Apache-2.0
// Console over given streams, and the program's console once its streams are in use.
const { Console } = require('console');
const out = [];
const c = new Console({ stdout: { write: (text) => out.push(text) }, stderr: { write: (text) => out.push(`!${text}`) }, inspectOptions: { depth: 0 }, groupIndentation: 1 });
c.group('g');
c.log({ a: { b: 1 } });
c.warn('two\nlines');
c.groupEnd();
c.table([{ a: 1 }, 2], ['a']);
console.log(JSON.stringify(out, null, 1));
console.log(c instanceof Console, console instanceof Console, {} instanceof Console);
const { write } = process.stdout;
const seen = [];
process.stdout.write = (text) => seen.push(text);
console.log('caught');
process.stdout.write = write;
console.log(seen);
require('diagnostics_channel').channel('console.info').subscribe((args) => { seen.push(args); });
console.info('published');
console.log(seen);
