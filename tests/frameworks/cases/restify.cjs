// SPDX-License-Identifier: Apache-2.0
'use strict';
const restify = require('restify');
const { announce, host, port } = require('./announce.cjs');

const server = restify.createServer({ name: 'api' });
server.use(restify.plugins.queryParser());
server.use(restify.plugins.bodyParser());
server.get('/', (req, res, next) => {
  res.send('hello from restify');
  return next();
});
server.get('/user/:id', (req, res, next) => {
  res.send({ id: req.params.id, q: req.query.q });
  return next();
});
server.post('/json', (req, res, next) => {
  res.send(201, req.body);
  return next();
});
server.get('/fail', (req, res, next) => next(new Error('on purpose')));
server.listen(port, host, () => announce(server.server));
