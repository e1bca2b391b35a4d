// SPDX-License-Identifier: Apache-2.0
// Raw streams in both roles, for tests that look at TCP itself. By port:
//   8080  gives back what comes
//   8081  takes a line "HOST FROM TO": connects to both ports of HOST and carries all that FROM sends to TO; answers with the
//         number of bytes
//   8082  ends at once
import { listen, connect } from 'sluice:net';

const hostname = process.argv[2];

async function pipe(from, to) {
  let bytes = 0;
  for await (const chunk of from) {
    bytes += chunk.length;
    if (!to.write(chunk)) await to.drained;
  }
  to.end();
  return bytes;
}

listen({ hostname, port: 8080, allowHalfOpen: true }, (socket) => pipe(socket, socket).catch(() => socket.destroy()));

listen({ hostname, port: 8081, allowHalfOpen: true }, async (socket) => {
  let line = '';
  const chunks = socket[Symbol.asyncIterator](); // leaving `for await` would close the socket
  while (!line.includes('\n')) {
    const { value, done } = await chunks.next();
    if (done) return;
    line += new TextDecoder().decode(value);
  }
  const [host, from, to] = line.trim().split(' ');
  const options = { hostname: host, allowHalfOpen: true };
  const source = connect({ ...options, port: Number(from) }), sink = connect({ ...options, port: Number(to) });
  try {
    await Promise.all([source.ready, sink.ready]);
    const bytes = await pipe(source, sink);
    source.end();
    for await (const _ of sink); // until the other end has taken it
    socket.end(`${bytes}\n`);
  } catch (error) {
    socket.end(`${error.message}\n`);
  }
});

listen({ hostname, port: 8082 }, (socket) => socket.end());

console.log('ready');
