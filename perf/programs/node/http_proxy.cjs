// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('node:http');
const httpProxy = require('http-proxy');
const { listen, upstream } = require('./listen.cjs');
const proxy = httpProxy.createProxyServer({ target: upstream, agent: new http.Agent({ keepAlive: true, maxSockets: 256 }) });
proxy.on('error', (error, req, res) => {
  res.statusCode = 502;
  res.end();
});
listen(http.createServer((req, res) => proxy.web(req, res)));
