// SPDX-License-Identifier: Apache-2.0
'use strict';
const express = require('express');
const { createProxyMiddleware } = require('http-proxy-middleware');
const { announce, host, port } = require('./announce.cjs');

const app = express();
app.get('/own', (req, res) => res.send('own'));
app.use('/api', createProxyMiddleware({ target: process.env.UPSTREAM, changeOrigin: true, pathRewrite: { '^/old': '/hello' } }));
const server = app.listen(port, host, () => announce(server));
