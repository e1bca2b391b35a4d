// SPDX-License-Identifier: Apache-2.0
'use strict';
const { Sails } = require('sails');
const { host, port } = require('./announce.cjs');

const sails = new Sails();
sails.lift({
  appPath: __dirname, port: port || undefined, explicitHost: host, hooks: { grunt: false, pubsub: false, session: false, i18n: false },
  log: { level: 'error' }, environment: 'development', globals: false, security: { csrf: false },
  http: { middleware: { order: ['bodyParser', 'router', '404', '500'] } },
  routes: {
    'GET /': (req, res) => res.send('hello from sails'),
    'GET /user/:id': (req, res) => res.json({ id: req.param('id') }),
    'POST /json': (req, res) => res.status(201).json(req.body),
    'GET /fail': (req, res) => res.serverError(new Error('on purpose')),
  },
}, (error) => {
  if (error) throw error;
  console.log(`listening on http://${host}:${sails.hooks.http.server.address().port}`);
});
