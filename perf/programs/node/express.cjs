// SPDX-License-Identifier: Apache-2.0
'use strict';
const express = require('express');
const { announce, port } = require('./listen.cjs');
const app = express();
app.get('/', (req, res) => res.send('Hello, World!\n'));
const server = app.listen(port, () => announce(server));
