// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
require('./listen.cjs').listen(http.createServer((req, res) => {
  let text = '';
  req.setEncoding('utf8');
  req.on('data', (chunk) => { text += chunk; });
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(JSON.parse(text)));
  });
}));
