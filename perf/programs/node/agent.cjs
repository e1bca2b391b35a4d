// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
const { listen, upstream } = require('./listen.cjs');
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
listen(http.createServer((req, res) => {
  http.get(upstream, { agent }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (chunk) => { text += chunk; });
    answer.on('end', () => res.end(text));
  }).on('error', () => {
    res.statusCode = 502;
    res.end();
  });
}));
