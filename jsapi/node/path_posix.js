// SPDX-License-Identifier: Apache-2.0
// node:path/posix
'use strict';

module.exports = require('node:path').posix;
