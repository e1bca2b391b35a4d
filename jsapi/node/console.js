// SPDX-License-Identifier: Apache-2.0
// node:console.
'use strict';

module.exports = require('internal/console').console;
