// SPDX-License-Identifier: Apache-2.0
import { Hono } from 'hono';
import { logger } from 'hono/logger';
import { streamText } from 'hono/streaming';
import { serve } from '@hono/node-server';
import { host, port } from './announce.cjs';

const app = new Hono();
app.use(logger(() => {}));
app.get('/', (c) => c.text('hello from hono'));
app.get('/user/:id', (c) => c.json({ id: c.req.param('id'), q: c.req.query('q') }));
app.post('/json', async (c) => c.json(await c.req.json(), 201));
app.get('/stream', (c) => streamText(c, async (stream) => { for (const part of ['a', 'b', 'c']) await stream.write(part); }));
app.get('/fail', () => { throw new Error('on purpose'); });
app.onError((error, c) => c.text(`caught ${error.message}`, 500));
serve({ fetch: app.fetch, port, hostname: host }, (info) => console.log(`listening on http://${host}:${info.port}`));
