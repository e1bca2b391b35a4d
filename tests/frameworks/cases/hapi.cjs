// SPDX-License-Identifier: Apache-2.0
'use strict';
const Hapi = require('@hapi/hapi');
const { host, port } = require('./announce.cjs');

(async () => {
  const server = Hapi.server({ host, port });
  server.route([
    { method: 'GET', path: '/', handler: () => 'hello from hapi' },
    { method: 'GET', path: '/user/{id}', handler: (request) => ({ id: request.params.id, query: request.query }) },
    { method: 'POST', path: '/json', handler: (request, h) => h.response(request.payload).code(201) },
    { method: 'GET', path: '/fail', handler: () => { throw new Error('on purpose'); } },
    { method: 'GET', path: '/cookie', handler: (request, h) => h.response(request.state).state('name', 'value') },
  ]);
  await server.start();
  console.log(`listening on http://${host}:${server.info.port}`);
})();
