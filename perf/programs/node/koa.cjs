// SPDX-License-Identifier: Apache-2.0
'use strict';
const Koa = require('koa');
const { announce, port } = require('./listen.cjs');
const app = new Koa();
app.use((ctx) => { ctx.body = 'Hello, World!\n'; });
const server = app.listen(port, () => announce(server));
