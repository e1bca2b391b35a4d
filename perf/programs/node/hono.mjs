// SPDX-License-Identifier: Apache-2.0
import { Hono } from 'hono';
import { serve } from '@hono/node-server';
import { port } from './listen.cjs';
const app = new Hono();
app.get('/', (c) => c.text('Hello, World!\n'));
serve({ fetch: app.fetch, port, hostname: '0.0.0.0' }, (info) => console.log(`listening on http://0.0.0.0:${info.port}`));
