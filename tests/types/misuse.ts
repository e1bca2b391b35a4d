// SPDX-License-Identifier: Apache-2.0
// What a type checker must complain about, and what it must let pass: declarations that had decayed to `any` would still
// accept every example.
import { serve, proxy, request, upstreams } from 'sluice:http';
import { connect, listen, bindUdp } from 'sluice:net';

const server = serve({ port: 0, limits: { headBytes: 4096, allowHalfOpen: false } }, (req, res) => {
  const method: string = req.method;
  // @ts-expect-error: a method is text
  const number: number = req.method;
  // @ts-expect-error: there is no such property
  req.methods;
  // @ts-expect-error: a status is a number
  res.statusCode = '200';
  res.setHeader('X-A', 1).setHeader('X-B', ['1', '2']);
  // @ts-expect-error: nor is an object a header's value
  res.setHeader('X-C', {});
  res.end(new Uint8Array(1));
  // @ts-expect-error: a body is text or bytes
  res.end(42);
  return [method, number];
});
const port: number = server.port;

// @ts-expect-error: a port is a number
serve({ port: 'eighty' }, () => {});
// @ts-expect-error: a limit is a number
serve({ headBytes: '1k' }, () => {});
// @ts-expect-error: a handler is needed
serve({ port: 0 });

const group = upstreams({ servers: ['127.0.0.1:1'], balance: 'least-connections' });
// @ts-expect-error: no such way to balance
upstreams({ servers: [], balance: 'random' });
serve(0, async (req, res) => {
  const outcome = await proxy(req, res, group, { request: { set: { 'X-A': '1' }, via: false }, response: { via: 'edge' } });
  const attempts: number = outcome.attempts;
  // @ts-expect-error: misspelt
  await proxy(req, res, group, { preserveHosts: true });
  // @ts-expect-error: the response is missing
  await proxy(req, group);
  return attempts;
});

const answer = await request(new URL('http://127.0.0.1/'), { method: 'PUT', body: 'x' });
const text: string = await answer.text();

listen({ port: 0 }, async (socket) => {
  for await (const chunk of socket) socket.write(chunk.subarray(1));
});
connect({ port, hostname: text }).on('data', () => {}).end('bye');
// @ts-expect-error: a port is needed
connect({ hostname: 'localhost' });
bindUdp(0, (message, from, socket) => socket.send(message, from)).close();
