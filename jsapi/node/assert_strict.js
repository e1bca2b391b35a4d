// SPDX-License-Identifier: Apache-2.0
// node:assert/strict
'use strict';

module.exports = require('node:assert').strict;
