// SPDX-License-Identifier: Apache-2.0
// In place of readable-stream's own reduced table of errors.
'use strict';

const { codes, AbortError, aggregateTwoErrors, hideStackFrames } = require('internal/errors');

module.exports = { codes, AbortError, aggregateTwoErrors, hideStackFrames };
