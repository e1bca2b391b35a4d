// SPDX-License-Identifier: Apache-2.0
// node:process
'use strict';

module.exports = require('internal/process').process;
