// SPDX-License-Identifier: Apache-2.0
'use strict';
const { Readable } = require('node:stream');
const Koa = require('koa');
const Router = require('@koa/router').default || require('@koa/router');
const bodyParser = require('koa-bodyparser');
const { announce, host, port } = require('./announce.cjs');

const app = new Koa();
app.silent = true;
app.use(async (ctx, next) => {
  await next();
  ctx.set('X-Took', 'some');
});
app.use(bodyParser());
const router = new Router();
router.get('/', (ctx) => { ctx.body = 'hello from koa'; });
router.get('/user/:id', (ctx) => { ctx.body = { id: ctx.params.id, query: ctx.query }; });
router.post('/json', (ctx) => {
  ctx.status = 201;
  ctx.body = ctx.request.body;
});
router.get('/stream', (ctx) => {
  ctx.type = 'text';
  ctx.body = Readable.from(['a', 'b', 'c']);
});
router.get('/cookie', (ctx) => {
  ctx.cookies.set('name', 'value');
  ctx.body = ctx.cookies.get('name') || 'none';
});
router.get('/fail', () => { throw new Error('on purpose'); });
router.get('/teapot', (ctx) => ctx.throw(418, 'short and stout'));
app.use(router.routes()).use(router.allowedMethods());
const server = app.listen(port, host, () => announce(server));
