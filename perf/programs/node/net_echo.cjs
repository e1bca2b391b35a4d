// SPDX-License-Identifier: Apache-2.0
'use strict';
const net = require('node:net');
require('./listen.cjs').listen(net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => socket.write(chunk));
}));
