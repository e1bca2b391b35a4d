// SPDX-License-Identifier: Apache-2.0
// node:console. The class Console is not here yet.
'use strict';

module.exports = require('internal/console').console;
