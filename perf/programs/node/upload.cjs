// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
require('./listen.cjs').listen(http.createServer((req, res) => {
  let bytes = 0;
  req.on('data', (chunk) => { bytes += chunk.length; });
  req.on('end', () => res.end(`${bytes}\n`));
}));
