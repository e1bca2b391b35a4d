// SPDX-License-Identifier: Apache-2.0
// In place of what readable-stream takes for process.
'use strict';

module.exports = require('internal/process').process;
