// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import fastify from 'fastify';
import fastifyStatic from '@fastify/static';
import { announce, host, port } from './announce.cjs';

const app = fastify();
app.register(fastifyStatic, { root: fileURLToPath(new URL('public', import.meta.url)), prefix: '/static/' });
app.addHook('onSend', async (request, reply) => { reply.header('x-hook', 'yes'); });
app.get('/', async () => 'hello from fastify');
app.get('/user/:id', {
  schema: { params: { type: 'object', properties: { id: { type: 'integer' } } }, response: { 200: { type: 'object', properties: { id: { type: 'integer' } } } } },
}, async (request) => ({ id: request.params.id, hidden: 1 }));
app.post('/json', { schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } } }, async (request, reply) => {
  reply.code(201);
  return { got: request.body };
});
app.get('/stream', (request, reply) => reply.type('text/plain').send(Readable.from(['a', 'b', 'c'])));
app.get('/fail', async () => { throw new Error('on purpose'); });
app.get('/inject', async () => {
  const inner = await app.inject({ method: 'GET', url: '/user/7' });
  return { status: inner.statusCode, body: inner.json() };
});
await app.listen({ port, host });
announce(app.server);
