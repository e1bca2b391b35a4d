// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-')), 'file');
fs.writeFileSync(file, Buffer.alloc(1 << 20, 'file '));
process.on('exit', () => fs.rmSync(path.dirname(file), { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit(0));
require('./listen.cjs').listen(http.createServer((req, res) => {
  res.writeHead(200, { 'Content-Length': 1 << 20 });
  fs.createReadStream(file).pipe(res);
}));
