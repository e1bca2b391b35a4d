// SPDX-License-Identifier: Apache-2.0
// A page rendered by the server from a view and a model; the browser's half is not part of it.
'use strict';
const derby = require('derby');
const express = require('express');
const { announce, host, port } = require('./announce.cjs');

const hall = derby.createApp('case', __filename);
hall.views.register('Body', '<h1>Hello {{_page.name}}</h1><ul>{{each _page.items as #item}}<li>{{#item}}</li>{{/each}}</ul>');
const app = express();
app.get('/', (req, res, next) => {
  const page = hall.createPage(req, res, next);
  page.model.set('_page.name', 'from <derby>');
  page.model.set('_page.items', ['a', 'b']);
  page.renderStatic();
});
const server = app.listen(port, host, () => announce(server));
