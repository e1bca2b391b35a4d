// SPDX-License-Identifier: Apache-2.0
'use strict';
const { Server } = require('socket.io');
const server = require('node:http').createServer();
const rooms = new Server(server);
rooms.on('connection', (socket) => socket.on('say', (text) => rooms.emit('said', text)));
require('./listen.cjs').listen(server);
