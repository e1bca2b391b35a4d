// SPDX-License-Identifier: Apache-2.0
// node:stream/promises
'use strict';

module.exports = require('npm/readable-stream/lib/stream/promises');
