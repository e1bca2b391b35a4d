// SPDX-License-Identifier: Apache-2.0
// In place of readable-stream's own copy of the validators.
'use strict';

module.exports = require('internal/validators');
