// SPDX-License-Identifier: Apache-2.0
'use strict';
const dgram = require('node:dgram');
const { announce, port } = require('./listen.cjs');
const socket = dgram.createSocket('udp4');
socket.on('message', (message, from) => socket.send(message, from.port, from.address));
socket.bind(port, () => announce(socket));
