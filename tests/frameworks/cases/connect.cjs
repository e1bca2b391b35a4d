// SPDX-License-Identifier: Apache-2.0
'use strict';
const connect = require('connect');
const serveStatic = require('serve-static');
const { announce, host, port } = require('./announce.cjs');

const app = connect();
app.use((req, res, next) => {
  res.setHeader('X-First', 'yes');
  next();
});
app.use('/static', serveStatic(`${__dirname}/public`));
app.use('/fail', () => { throw new Error('on purpose'); });
app.use('/echo', (req, res) => req.pipe(res));
app.use((req, res) => res.end(`connect ${req.method} ${req.url}`));
app.use((error, req, res, next) => {
  res.statusCode = 500;
  res.end(`caught ${error.message}`);
});
const server = app.listen(port, host, () => announce(server));
