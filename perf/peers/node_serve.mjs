// SPDX-License-Identifier: Apache-2.0
// What serve.mjs does, in Node.
import { createServer } from 'node:http';

createServer((req, res) => {
  if (req.method === 'GET') {
    res.setHeader('Content-Type', 'text/plain');
    res.end('Hello, World!\n');
    return;
  }
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(JSON.parse(Buffer.concat(chunks).toString())));
  });
}).listen(Number(process.argv[2]), '0.0.0.0', function () {
  console.log(`listening on port ${this.address().port}`);
});
