// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
const httpProxy = require('http-proxy');
const { announce, host, port } = require('./announce.cjs');

const proxy = httpProxy.createProxyServer({ target: process.env.UPSTREAM });
proxy.on('error', (error, req, res) => {
  res.statusCode = 502;
  res.end(error.code);
});
proxy.on('proxyRes', (answer) => { answer.headers['x-through'] = 'http-proxy'; });
const server = http.createServer((req, res) => {
  if (req.url === '/nowhere') proxy.web(req, res, { target: 'http://127.0.0.1:9' });
  else proxy.web(req, res);
});
server.listen(port, host, () => announce(server));
