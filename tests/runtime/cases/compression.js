// SPDX-License-Identifier: Apache-2.0
// What of node:zlib is our own: pieces that end anywhere, work on the pool that its stream does not wait for, limits.
'use strict';
const zlib = require('zlib');

const text = 'a line of text that occurs again\n'.repeat(3000);
const pairs = [['Gzip', 'Gunzip'], ['Deflate', 'Inflate'], ['DeflateRaw', 'InflateRaw'], ['BrotliCompress', 'BrotliDecompress'], ['ZstdCompress', 'ZstdDecompress']];

async function through(stream, chunks) {
  const out = [];
  stream.on('data', (chunk) => out.push(chunk));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  return Buffer.concat(out);
}
function cut(bytes, size) {
  const chunks = [];
  for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
  return chunks;
}

(async () => {
  for (const [press, open] of pairs) {
    const pressed = await through(zlib[`create${press}`](), cut(Buffer.from(text), 9973));
    const opened = await through(zlib[`create${open}`]({ chunkSize: 4096 }), cut(pressed, 5));
    console.log(press, opened.toString() === text, opened.equals(zlib[`${open[0].toLowerCase()}${open.slice(1)}Sync`](pressed)));
  }
  // The length that is allowed is a limit of what is made, not of what is given.
  for (const name of ['inflate', 'brotliDecompress', 'zstdDecompress']) {
    const press = { inflate: 'deflate', brotliDecompress: 'brotliCompress', zstdDecompress: 'zstdCompress' }[name];
    const bomb = zlib[`${press}Sync`](Buffer.alloc(1 << 22));
    await new Promise((resolve) => zlib[name](bomb, { maxOutputLength: 1 << 20 }, (error) => { console.log(name, bomb.length < 8192, error.code); resolve(); }));
  }
  // Closed while the pool works on it.
  const stream = zlib.createGzip();
  stream.write(Buffer.alloc(1 << 20));
  stream.close(() => console.log('closed'));
  for (const name of ['zstdDecompress', 'brotliDecompress', 'gunzip']) {
    const press = { zstdDecompress: 'zstdCompress', brotliDecompress: 'brotliCompress', gunzip: 'gzip' }[name];
    const whole = zlib[`${press}Sync`](text);
    try {
      zlib[`${name}Sync`](whole.subarray(0, whole.length - 3));
    } catch (error) {
      console.log(name, error.code);
    }
  }
})();
