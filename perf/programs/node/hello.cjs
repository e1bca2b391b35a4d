// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
require('./listen.cjs').listen(http.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end('Hello, World!\n');
}));
