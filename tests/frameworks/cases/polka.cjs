// SPDX-License-Identifier: Apache-2.0
'use strict';
const polka = require('polka');
const { announce, host, port } = require('./announce.cjs');

const app = polka();
app.use((req, res, next) => {
  res.setHeader('X-First', 'yes');
  next();
});
app.get('/', (req, res) => res.end('hello from polka'));
app.get('/user/:id', (req, res) => res.end(JSON.stringify({ id: req.params.id, query: req.query })));
app.listen(port, host, () => announce(app.server));
