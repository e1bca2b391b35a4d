// SPDX-License-Identifier: Apache-2.0
// node:constants: all constants of os and fs in one object.
'use strict';

const { constants } = require('node:os');
Object.assign(exports, constants.dlopen, constants.errno, constants.priority, constants.signals, require('node:fs').constants);
