// SPDX-License-Identifier: Apache-2.0
// Gives back what comes, over raw TCP and UDP, on the same port number.
//
//   ./dev run examples/echo.js
//   echo hello | nc -q1 127.0.0.1 7007       and over UDP: echo hello | nc -u -w1 127.0.0.1 7007
import { listen, bindUdp } from 'sluice:net';

const port = Number(process.argv[2] ?? process.env.PORT ?? 7007);

const tcp = listen({ hostname: '127.0.0.1', port }, async (socket) => {
  for await (const chunk of socket) {
    if (!socket.write(chunk)) await socket.drained;
  }
  socket.end();
});

bindUdp({ hostname: '127.0.0.1', port: tcp.port }, (message, from, socket) => {
  socket.send(message, from);
});
