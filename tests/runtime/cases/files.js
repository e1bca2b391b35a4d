// SPDX-License-Identifier: Apache-2.0
// node:fs on the pool and at once, and streams over it.
const fs = require('fs');
const path = require('path');
const { pipeline } = require('stream/promises');
const { Transform } = require('stream');
const { text } = require('stream/consumers');
(async () => {
  const directory = fs.mkdtempSync(path.join(require('os').tmpdir(), 'sluice-files-'));
  const file = path.join(directory, 'a.txt');
  await fs.promises.writeFile(file, 'x'.repeat(300000));
  const upper = new Transform({ transform(piece, encoding, done) { done(null, piece.toString().toUpperCase()); } });
  await pipeline(fs.createReadStream(file), upper, fs.createWriteStream(path.join(directory, 'b.txt')));
  console.log((await text(fs.createReadStream(path.join(directory, 'b.txt')))) === 'X'.repeat(300000));
  console.log(fs.statSync(file).size, (await fs.promises.stat(file, { bigint: true })).size);
  fs.mkdirSync(path.join(directory, 'c/d/e'), { recursive: true });
  console.log(fs.readdirSync(directory, { recursive: true }).sort().join(' '));
  for (const call of [() => fs.readFileSync('/nowhere/at/all'), () => fs.mkdirSync(directory), () => fs.rmdirSync(directory), () => fs.openSync(5), () => fs.readSync('x')]) {
    try {
      call();
    } catch (error) {
      console.log(error.code, error.errno, error.syscall, error.message.replace(directory, 'DIR'));
    }
  }
  await fs.promises.readFile('/nowhere').catch((error) => console.log(error.code, error.path));
  const handle = await fs.promises.open(file, 'r+');
  await handle.truncate(3);
  console.log(await handle.readFile('utf8'), (await handle.stat()).isFile());
  await handle.close();
  await fs.promises.rm(directory, { recursive: true });
  console.log(fs.existsSync(directory));
})();
