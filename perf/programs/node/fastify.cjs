// SPDX-License-Identifier: Apache-2.0
'use strict';
const { announce, port } = require('./listen.cjs');
const app = require('fastify')();
app.get('/', async () => ({ hello: 'world' }));
app.listen({ port, host: '0.0.0.0' }).then(() => announce(app.server));
