// SPDX-License-Identifier: Apache-2.0
import { feathers } from '@feathersjs/feathers';
import express, { json, rest } from '@feathersjs/express';
import socketio from '@feathersjs/socketio';
import { io } from 'socket.io-client';
import { Messages } from './feathers-messages.mjs';
import { announce, host, port } from './announce.cjs';

const app = express(feathers());
app.use(json());
app.configure(rest());
app.configure(socketio());
app.use('messages', new Messages());
app.on('connection', (connection) => app.channel('everybody').join(connection));
app.publish(() => app.channel('everybody'));
// A client of our own, over loopback: what it saw is told on request.
const seen = [];
app.get('/run', async (req, res) => {
  const socket = io(`http://${host}:${server.address().port}`, { transports: ['websocket'] });
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  const created = new Promise((resolve) => socket.on('messages created', resolve));
  const answer = await new Promise((resolve, reject) => socket.emit('create', 'messages', { text: 'by socket' }, (error, data) => error ? reject(error) : resolve(data)));
  seen.push(answer, await created);
  socket.close();
  res.json(seen);
});
const server = await app.listen(port, host);
if (server.listening) announce(server);
else server.once('listening', () => announce(server));
